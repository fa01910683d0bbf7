package users

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// maxKeyFile bounds a key file, in bytes.
const maxKeyFile = 64 << 10

// KeyFiles implements identity.KeyStore with one file a key, readable by its owner only.
//
// A key appears whole or not at all, also after kill -9 or a power cut, and once it is there it never changes: it is
// written beside its place, synced, and linked into it, which fails if another process was faster.
type KeyFiles struct {
	dir string
}

// NewKeyFiles makes the folder if it is missing. It refuses one that others can write to, for they could plant keys.
func NewKeyFiles(dir string) (*KeyFiles, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the key folder: %w", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("look at the key folder: %w", err)
	}
	if info.Mode().Perm()&0o022 != 0 {
		return nil, fmt.Errorf("others can write to the key folder %s: run chmod 700 on it", dir)
	}
	return &KeyFiles{dir: dir}, nil
}

// LoadOrCreate reads the key of that name, or stores what create makes. Names are ours: letters, digits, dots and dashes.
func (k *KeyFiles) LoadOrCreate(ctx context.Context, name string, create func() ([]byte, error)) ([]byte, error) {
	if name == "" || name[0] == '.' || strings.ContainsFunc(name, notNameRune) {
		return nil, fmt.Errorf("%q is not the name of a key", name)
	}
	path := filepath.Join(k.dir, name)
	key, err := readKeyFile(path)
	if !errors.Is(err, os.ErrNotExist) {
		return key, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	made, err := create()
	if err != nil {
		return nil, fmt.Errorf("make the key %s: %w", name, err)
	}
	if len(made) == 0 || len(made) > maxKeyFile {
		return nil, fmt.Errorf("the new key %s has %d bytes", name, len(made))
	}
	if err := k.place(path, made); err != nil {
		return nil, err
	}
	return readKeyFile(path) // ours, or that of the process that was faster
}

// place puts a whole file at path, or leaves the one that is there. The folder's lock makes every unfinished file a dead
// writer's, so that what a crash left behind can be removed.
func (k *KeyFiles) place(path string, key []byte) error {
	dir, err := os.Open(k.dir)
	if err != nil {
		return fmt.Errorf("open the key folder: %w", err)
	}
	defer dir.Close()
	if err := syscall.Flock(int(dir.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("lock the key folder: %w", err)
	}
	unfinished := filepath.Join(k.dir, ".unfinished")
	if err := os.Remove(unfinished); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove an unfinished key file: %w", err)
	}
	if err := writeSynced(unfinished, key); err != nil {
		return err
	}
	if err := os.Link(unfinished, path); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("place a key file: %w", err)
	}
	if err := os.Remove(unfinished); err != nil {
		return fmt.Errorf("remove an unfinished key file: %w", err)
	}
	if err := dir.Sync(); err != nil {
		return fmt.Errorf("sync the key folder: %w", err)
	}
	return nil
}

func writeSynced(path string, key []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return fmt.Errorf("write a key file: %w", err)
	}
	_, err = file.Write(key)
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("write a key file: %w", err)
	}
	return nil
}

// readKeyFile reads a key and checks the very file it opened: a plain one, and nobody else's to read.
func readKeyFile(path string) ([]byte, error) {
	// Without NONBLOCK a pipe in the key's place would hold us for ever.
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open a key file: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("look at a key file: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a plain file: move it away", path)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("others can read the key file %s: run chmod 600 on it, or delete it if the key may be known", path)
	}
	key, err := io.ReadAll(io.LimitReader(file, maxKeyFile+1))
	if err != nil {
		return nil, fmt.Errorf("read a key file: %w", err)
	}
	if len(key) > maxKeyFile || len(bytes.TrimSpace(key)) == 0 {
		return nil, fmt.Errorf("%s is not a key: delete it to get a new one", path)
	}
	return key, nil
}

func notNameRune(r rune) bool {
	lower := r >= 'a' && r <= 'z'
	return !lower && (r < '0' || r > '9') && r != '-' && r != '.'
}
