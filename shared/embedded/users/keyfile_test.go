package users_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/orcray/orcray/shared/embedded/users"
)

func newKey() ([]byte, error) {
	key := make([]byte, 32)
	_, err := rand.Read(key)
	return key, err
}

func newKeyFiles(t *testing.T) (*users.KeyFiles, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "keys")
	keys, err := users.NewKeyFiles(dir)
	must(t, err)
	return keys, dir
}

func TestO10_AKeyIsMadeOnceForItsOwnerOnly(t *testing.T) {
	t.Parallel()
	keys, dir := newKeyFiles(t)
	first, err := keys.LoadOrCreate(t.Context(), "signing-key.pem", newKey)
	must(t, err)
	again, err := keys.LoadOrCreate(t.Context(), "signing-key.pem", func() ([]byte, error) {
		return nil, errors.New("a key that exists was made again")
	})
	must(t, err)
	if !bytes.Equal(first, again) || len(first) != 32 {
		t.Fatal("the key changed")
	}
	for path, want := range map[string]os.FileMode{dir: 0o700, filepath.Join(dir, "signing-key.pem"): 0o600} {
		info, err := os.Stat(path)
		must(t, err)
		if info.Mode().Perm() != want {
			t.Errorf("%s has the mode %o", path, info.Mode().Perm())
		}
	}
	entries, err := os.ReadDir(dir)
	must(t, err)
	if len(entries) != 1 {
		t.Errorf("something was left behind: %v", entries)
	}
}

func TestO10_ManyWhoAskAtOnceGetOneKey(t *testing.T) {
	t.Parallel()
	_, dir := newKeyFiles(t)
	got := make([][]byte, 24)
	var group sync.WaitGroup
	for i := range got {
		group.Go(func() {
			keys, err := users.NewKeyFiles(dir)
			if err == nil {
				got[i], err = keys.LoadOrCreate(context.Background(), "seal-key", newKey)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	for _, key := range got {
		if !bytes.Equal(key, got[0]) || len(key) != 32 {
			t.Fatal("two keys were given out")
		}
	}
}

func TestO10_KeysThatOthersCouldReadOrPlantAreRefused(t *testing.T) {
	t.Parallel()
	secret := []byte(strings.Repeat("k", 32))
	for name, spoil := range map[string]func(path string) error{
		"group can read":  func(p string) error { return errors.Join(os.WriteFile(p, secret, 0o600), os.Chmod(p, 0o640)) },
		"others can read": func(p string) error { return errors.Join(os.WriteFile(p, secret, 0o600), os.Chmod(p, 0o604)) },
		"group can write": func(p string) error { return errors.Join(os.WriteFile(p, secret, 0o600), os.Chmod(p, 0o620)) },
		"a link": func(p string) error {
			target := filepath.Join(filepath.Dir(filepath.Dir(p)), "target")
			return errors.Join(os.WriteFile(target, secret, 0o600), os.Symlink(target, p))
		},
		"a dead link":      func(p string) error { return os.Symlink("/nonexistent", p) },
		"a folder":         func(p string) error { return os.Mkdir(p, 0o700) },
		"a pipe":           func(p string) error { return syscall.Mkfifo(p, 0o600) },
		"an empty file":    func(p string) error { return os.WriteFile(p, nil, 0o600) },
		"blanks":           func(p string) error { return os.WriteFile(p, []byte("\n \n"), 0o600) },
		"a huge file":      func(p string) error { return os.WriteFile(p, make([]byte, 1<<20), 0o600) },
		"an open folder":   func(p string) error { return os.Chmod(filepath.Dir(p), 0o777) },
		"a group's folder": func(p string) error { return os.Chmod(filepath.Dir(p), 0o770) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, dir := newKeyFiles(t)
			must(t, spoil(filepath.Join(dir, "seal-key")))
			keys, err := users.NewKeyFiles(dir)
			if err == nil {
				_, err = keys.LoadOrCreate(t.Context(), "seal-key", newKey)
			}
			if err == nil {
				t.Fatal("the key was taken")
			}
			if bytes.Contains([]byte(err.Error()), secret) {
				t.Fatal("the key is in the error")
			}
		})
	}
}

func TestO10_NamesStayInTheFolderAndBadKeysAreNotKept(t *testing.T) {
	t.Parallel()
	keys, dir := newKeyFiles(t)
	for _, name := range []string{"", ".", "..", "../x", "a/b", "a\\b", "/etc/x", ".unfinished", "A", "a\x00", "a b"} {
		if _, err := keys.LoadOrCreate(t.Context(), name, newKey); err == nil {
			t.Errorf("the name %q was taken", name)
		}
	}
	for name, create := range map[string]func() ([]byte, error){
		"fails": func() ([]byte, error) { return nil, errors.New("no randomness") },
		"empty": func() ([]byte, error) { return nil, nil },
		"huge":  func() ([]byte, error) { return make([]byte, 1<<20), nil },
	} {
		if _, err := keys.LoadOrCreate(t.Context(), name, create); err == nil {
			t.Errorf("%s: was kept", name)
		}
	}
	entries, err := os.ReadDir(dir)
	must(t, err)
	if len(entries) != 0 {
		t.Errorf("something was written: %v", entries)
	}
}

const writer = "make-keys"

// TestMain is also the process that gets killed: called as writer it makes keys without end and says each one.
func TestMain(m *testing.M) {
	if len(os.Args) != 3 || os.Args[1] != writer {
		os.Exit(m.Run())
	}
	keys, err := users.NewKeyFiles(os.Args[2])
	for n := 0; err == nil; n++ {
		name := fmt.Sprintf("key-%d", n)
		var key []byte
		if key, err = keys.LoadOrCreate(context.Background(), name, newKey); err == nil {
			_, err = fmt.Printf("%s %x\n", name, key)
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// Every round kills a writer somewhere in the middle; what it had said must be there, and nothing may be half there.
func TestO10_KilledWritersLeaveWholeKeysOrNone(t *testing.T) {
	t.Parallel()
	_, dir := newKeyFiles(t)
	said := map[string]string{}
	for round := range 12 {
		lines := len(said) + 1 + round*3 // a little past what is there
		for line := range killedAfter(t, dir, lines) {
			name, key, whole := strings.Cut(line, " ")
			if !whole || len(key) != 64 {
				continue // the line it was killed in
			}
			if before, ok := said[name]; ok && before != key {
				t.Fatalf("round %d: %s changed", round, name)
			}
			said[name] = key
		}
	}
	keys, err := users.NewKeyFiles(dir)
	must(t, err)
	for name, key := range said {
		got, err := keys.LoadOrCreate(t.Context(), name, func() ([]byte, error) { return nil, errors.New("the key is lost") })
		must(t, err)
		if fmt.Sprintf("%x", got) != key {
			t.Fatalf("%s changed", name)
		}
	}
	_, err = keys.LoadOrCreate(t.Context(), "last", newKey) // also clears what the killed left behind
	must(t, err)
	entries, err := os.ReadDir(dir)
	must(t, err)
	for _, entry := range entries {
		info, err := entry.Info()
		must(t, err)
		if info.Size() != 32 || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has %d bytes and the mode %o", entry.Name(), info.Size(), info.Mode().Perm())
		}
	}
	if len(said) < 50 {
		t.Fatalf("only %d keys were made: nothing is proven", len(said))
	}
}

// killedAfter runs a writer, kills it once it has said so many lines, and gives all that it said.
func killedAfter(t *testing.T, dir string, lines int) map[string]bool {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0], writer, dir)
	out, err := child.StdoutPipe()
	must(t, err)
	must(t, child.Start())
	said := map[string]bool{}
	scanner := bufio.NewScanner(out)
	for n := 1; scanner.Scan(); n++ {
		said[scanner.Text()] = true
		if n == lines {
			must(t, child.Process.Kill())
		}
	}
	if err := child.Wait(); err == nil || child.ProcessState.ExitCode() != -1 {
		t.Fatalf("the writer was not killed: %v", child.ProcessState)
	}
	return said
}
