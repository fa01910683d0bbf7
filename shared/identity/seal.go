package identity

import (
	"context"
	"crypto/cipher"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/orcray/orcray/shared/fault"
)

// MaxSealed bounds a sealed value's text, in bytes.
const MaxSealed = 4 << 10

const (
	sealKeyName = "seal-key"
	sealFormat  = 1 // the first byte of every sealed value, and part of what is authenticated
)

// Sealer hides small values in text that a client carries for us and cannot read, change, or use for another purpose or
// user: page cursors above all. It is safe for concurrent use.
type Sealer struct {
	aead   cipher.AEAD
	now    func() time.Time
	random io.Reader
}

// NewSealer takes a key of 32 bytes.
func NewSealer(key []byte, now func() time.Time, random io.Reader) (*Sealer, error) {
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		return nil, err
	}
	if now == nil || random == nil {
		return nil, errors.New("a sealer needs a clock and randomness")
	}
	return &Sealer{aead: aead, now: now, random: random}, nil
}

// LoadSealer makes a sealer of the deployment's own key, which is made on the first start.
func LoadSealer(ctx context.Context, keys KeyStore, now func() time.Time, random io.Reader) (*Sealer, error) {
	key, err := keys.LoadOrCreate(ctx, sealKeyName, func() ([]byte, error) {
		key := make([]byte, chacha20poly1305.KeySize)
		_, err := io.ReadFull(random, key)
		return key, err
	})
	if err != nil {
		return nil, fmt.Errorf("load the sealing key: %w", err)
	}
	return NewSealer(key, now, random)
}

// Seal makes text of a JSON value that only Open with the same purpose and user can read, for at most ttl. A value whose
// text would pass MaxSealed is an error.
func (s *Sealer) Seal(purpose, userID string, value any, ttl time.Duration) (string, error) {
	body, err := json.Marshal(value)
	if err != nil {
		return "", fmt.Errorf("seal a value: %w", err)
	}
	plain := binary.BigEndian.AppendUint64(nil, uint64(s.now().Add(ttl).Unix()))
	plain = append(plain, body...)
	sealed := make([]byte, 1+chacha20poly1305.NonceSizeX, 1+chacha20poly1305.NonceSizeX+len(plain)+chacha20poly1305.Overhead)
	sealed[0] = sealFormat
	if _, err := io.ReadFull(s.random, sealed[1:]); err != nil {
		return "", fmt.Errorf("make a nonce: %w", err)
	}
	sealed = s.aead.Seal(sealed, sealed[1:], plain, sealContext(purpose, userID))
	text := base64.RawURLEncoding.EncodeToString(sealed)
	if len(text) > MaxSealed {
		return "", fmt.Errorf("a value of %d bytes is too large to seal", len(body))
	}
	return text, nil
}

// Open reads what Seal made into value. Everything else is the same fault.Invalid, whether it is broken, old, or sealed
// for somebody or something else.
func (s *Sealer) Open(purpose, userID, text string, value any) error {
	if err := s.open(purpose, userID, text, value); err != nil {
		return fault.Wrap(err, fault.Invalid, "This cursor is not valid any more. Start again from the first page.")
	}
	return nil
}

func (s *Sealer) open(purpose, userID, text string, value any) error {
	if len(text) > MaxSealed || strings.ContainsFunc(text, notBase64URL) {
		return errors.New("not a sealed value")
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return err
	}
	const head = 1 + chacha20poly1305.NonceSizeX
	if len(sealed) < head || sealed[0] != sealFormat {
		return errors.New("not a sealed value of this format")
	}
	plain, err := s.aead.Open(nil, sealed[1:head], sealed[head:], sealContext(purpose, userID))
	if err != nil {
		return err
	}
	if len(plain) < 8 || s.now().Unix() >= int64(binary.BigEndian.Uint64(plain)) {
		return errors.New("expired")
	}
	return json.Unmarshal(plain[8:], value)
}

// sealContext binds a value to its purpose and user. The length in front keeps ("a", "bc") and ("ab", "c") apart.
func sealContext(purpose, userID string) []byte {
	bound := binary.BigEndian.AppendUint32([]byte{sealFormat}, uint32(len(purpose)))
	return append(append(bound, purpose...), userID...)
}
