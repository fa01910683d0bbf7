package identity

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"

	"golang.org/x/crypto/argon2"

	"github.com/orcray/orcray/shared/fault"
)

// HashParams is the cost of one argon2id derivation.
type HashParams struct {
	MemoryKiB uint32
	Passes    uint32
	Threads   uint8
}

// DefaultHashParams is OWASP's first choice (46 MiB, one pass) with a second pass: about 70 ms on one core.
func DefaultHashParams() HashParams { return HashParams{MemoryKiB: 46 << 10, Passes: 2, Threads: 1} }

const (
	saltBytes = 16
	hashBytes = 32
	// hashSlots bounds how many derivations run at once, so that a burst of logins cannot take the memory.
	hashSlots = 2
	// maxPasswordBytes is 256 letters of 4 bytes; nothing longer was ever accepted as a password.
	maxPasswordBytes = 1024
	// maxHashMemory bounds what a stored hash may ask for, in KiB.
	maxHashMemory = 1 << 20
)

// Hasher makes and checks password hashes. It is safe for concurrent use.
type Hasher struct {
	params      HashParams
	random      io.Reader
	slots       chan struct{}
	derivations atomic.Int64
}

// NewHasher refuses costs that argon2id cannot run with.
func NewHasher(params HashParams, random io.Reader) (*Hasher, error) {
	if params.Passes < 1 || params.Threads < 1 || params.MemoryKiB < 8*uint32(params.Threads) || params.MemoryKiB > maxHashMemory || random == nil {
		return nil, errors.New("argon2id needs 1 pass, 1 thread, 8 KiB a thread and randomness")
	}
	return &Hasher{params: params, random: random, slots: make(chan struct{}, hashSlots)}, nil
}

// Derivations counts the argon2id runs so far: the work that logins cost.
func (h *Hasher) Derivations() int64 { return h.derivations.Load() }

// Hash makes a hash with a fresh salt.
func (h *Hasher) Hash(ctx context.Context, password string) (PasswordHash, error) {
	salt := make([]byte, saltBytes)
	if _, err := io.ReadFull(h.random, salt); err != nil {
		return "", fmt.Errorf("make a salt: %w", err)
	}
	key, err := h.derive(ctx, password, salt, h.params)
	if err != nil {
		return "", err
	}
	text := base64.RawStdEncoding.EncodeToString
	return PasswordHash(fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version,
		h.params.MemoryKiB, h.params.Passes, h.params.Threads, text(salt), text(key))), nil
}

// Matches checks a password. stale says that the hash was made at another cost and should be made again.
func (h *Hasher) Matches(ctx context.Context, hash PasswordHash, password string) (ok, stale bool, err error) {
	params, salt, want, err := parseHash(hash)
	if err != nil {
		return false, false, err
	}
	got, err := h.derive(ctx, password, salt, params)
	if err != nil {
		return false, false, err
	}
	return subtle.ConstantTimeCompare(got, want) == 1, params != h.params, nil
}

// Spend does the work of one check and proves nothing: for addresses that nobody has.
func (h *Hasher) Spend(ctx context.Context, password string) error {
	_, err := h.derive(ctx, password, make([]byte, saltBytes), h.params)
	return err
}

func (h *Hasher) derive(ctx context.Context, password string, salt []byte, params HashParams) ([]byte, error) {
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	case <-ctx.Done():
	}
	if ctx.Err() != nil { // nobody waits for the answer any more
		return nil, fault.Wrap(ctx.Err(), fault.Timeout, "The sign-in took too long. Try again.")
	}
	h.derivations.Add(1)
	password = password[:min(len(password), maxPasswordBytes+1)] // too long stays too long, and costs no more
	return argon2.IDKey([]byte(password), salt, params.Passes, params.MemoryKiB, params.Threads, hashBytes), nil
}

// parseHash never quotes the hash in an error.
func parseHash(hash PasswordHash) (params HashParams, salt, key []byte, err error) {
	fail := errors.New("the stored password hash is broken")
	parts := strings.Split(string(hash), "$")
	if len(parts) != 6 || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return params, nil, nil, fail
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &params.MemoryKiB, &params.Passes, &params.Threads); err != nil {
		return params, nil, nil, fail
	}
	salt, errSalt := base64.RawStdEncoding.DecodeString(parts[4])
	key, errKey := base64.RawStdEncoding.DecodeString(parts[5])
	bounded := params.Passes >= 1 && params.Passes <= 64 && params.Threads >= 1 && params.MemoryKiB <= maxHashMemory
	if errSalt != nil || errKey != nil || len(salt) < 8 || len(key) != hashBytes || !bounded {
		return params, nil, nil, fail
	}
	return params, salt, key, nil
}
