package backup

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/orcray/orcray/shared/fault"
)

// entry is one file or folder of a backup. Attributes are kept here and not on the copies: the object store keeps its own in them,
// and a backup may lie on a disk that knows none.
type entry struct {
	Path  string            `json:"path"` // from the data folder
	Dir   bool              `json:"dir,omitempty"`
	Size  int64             `json:"size,omitempty"`
	Sum   string            `json:"sha256,omitempty"`
	Mode  uint32            `json:"mode"`
	Attrs map[string][]byte `json:"attrs,omitempty"`
}

// copier copies parts of a folder and remembers what it copied.
type copier struct {
	from, to string
	entries  []entry
	bytes    int64
}

// note remembers a file that is in the backup already.
func (c *copier) note(name string) error {
	sum, size, err := sumOf(filepath.Join(c.to, name))
	if err == nil {
		c.entries = append(c.entries, entry{Path: name, Size: size, Sum: sum, Mode: 0o600})
		c.bytes += size
	}
	return err
}

// tree copies a file or a folder with everything below it. What goes while it is looked at was removed by its owner.
func (c *copier) tree(ctx context.Context, name string) error {
	return filepath.WalkDir(filepath.Join(c.from, name), func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err = errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		relative, err := filepath.Rel(c.from, path)
		switch {
		case err != nil:
			return err
		case passing(relative) && d.IsDir():
			return fs.SkipDir
		case passing(relative) || !d.IsDir() && !d.Type().IsRegular():
			return nil
		}
		if err := c.one(relative, d); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	})
}

func (c *copier) one(relative string, d fs.DirEntry) error {
	source := filepath.Join(c.from, relative)
	info, err := d.Info()
	if err != nil {
		return err
	}
	e := entry{Path: filepath.ToSlash(relative), Dir: d.IsDir(), Mode: uint32(info.Mode().Perm())}
	if e.Attrs, err = attributes(source); err != nil {
		return err
	}
	target := filepath.Join(c.to, relative)
	if e.Dir {
		err = os.MkdirAll(target, 0o700)
	} else {
		e.Sum, e.Size, err = copyFile(source, target)
	}
	if err == nil {
		c.entries = append(c.entries, e)
		c.bytes += e.Size
	}
	return err
}

// writeList writes the entries, one a line, and gives the sum of the list.
func (c *copier) writeList(path string) (string, error) {
	var text bytes.Buffer
	lines := json.NewEncoder(&text)
	for _, e := range c.entries {
		if err := lines.Encode(e); err != nil {
			return "", err
		}
	}
	sum := sha256.Sum256(text.Bytes())
	return hex.EncodeToString(sum[:]), writeFile(path, text.Bytes())
}

// read reads what a backup says of itself, and believes it only when its sums agree.
func read(from string) (Manifest, []entry, error) {
	var m Manifest
	text, err := os.ReadFile(filepath.Join(from, manifestName))
	if err != nil || json.Unmarshal(text, &m) != nil || m.Sum == "" {
		return m, nil, fault.Wrap(errors.Join(err, fs.ErrInvalid), fault.Invalid, "%s is not a backup of orcray: it has no %s. Give the folder whose name begins with %s.", from, manifestName, prefix)
	}
	if m.Version != version {
		return m, nil, fault.New(fault.Unprocessable, "%s is of version %d; this orcray reads version %d.", from, m.Version, version)
	}
	m.Path = from
	list, err := os.ReadFile(filepath.Join(from, filesName))
	sum := sha256.Sum256(list)
	if err != nil || hex.EncodeToString(sum[:]) != m.Sum {
		return m, nil, damaged(from, filesName)
	}
	var entries []entry
	scanner := bufio.NewScanner(bytes.NewReader(list))
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		var e entry
		if err := json.Unmarshal(scanner.Bytes(), &e); err != nil || !filepath.IsLocal(filepath.FromSlash(e.Path)) {
			return m, nil, damaged(from, filesName)
		}
		entries = append(entries, e)
	}
	return m, entries, scanner.Err()
}

func damaged(from, name string) error {
	return fault.New(fault.Unprocessable, "The backup %s is damaged: %s is not what was written. Take another one.", from, name)
}

// restore puts the entry back, and proves its bytes on the way.
func (e entry) restore(from, to string) error {
	target := filepath.Join(to, filepath.FromSlash(e.Path))
	if e.Dir {
		if err := os.MkdirAll(target, 0o700); err != nil {
			return err
		}
	} else {
		sum, _, err := copyFile(filepath.Join(from, filepath.FromSlash(e.Path)), target)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if sum != e.Sum {
			return damaged(from, e.Path)
		}
	}
	for name, value := range e.Attrs {
		if err := unix.Lsetxattr(target, name, value, 0); err != nil {
			return fault.Wrap(err, fault.Unavailable, "The disk of the data folder cannot keep attributes of files, which the backup's objects have. Restore to another disk.")
		}
	}
	return os.Chmod(target, fs.FileMode(e.Mode).Perm()|0o600)
}

// copyFile copies to the disk, not only to its cache, and gives the sum of what it read.
func copyFile(from, to string) (sum string, size int64, err error) {
	source, err := os.Open(from)
	if err != nil {
		return "", 0, err
	}
	defer source.Close()
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return "", 0, err
	}
	target, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
	if err != nil {
		return "", 0, err
	}
	hash := sha256.New()
	size, err = io.Copy(io.MultiWriter(target, hash), source)
	err = errors.Join(err, target.Sync(), target.Close())
	return hex.EncodeToString(hash.Sum(nil)), size, err
}

func sumOf(path string) (string, int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	hash := sha256.New()
	size, err := io.Copy(hash, f)
	return hex.EncodeToString(hash.Sum(nil)), size, err
}

func writeFile(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Sync(), f.Close())
}

// attributes reads the user's attributes of a file; a disk without any has none.
func attributes(path string) (map[string][]byte, error) {
	names := make([]byte, 64<<10)
	n, err := unix.Llistxattr(path, names)
	if errors.Is(err, unix.ENOTSUP) || n == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	all := map[string][]byte{}
	for _, name := range strings.Split(strings.TrimSuffix(string(names[:n]), "\x00"), "\x00") {
		if !strings.HasPrefix(name, "user.") {
			continue
		}
		value := make([]byte, 64<<10)
		size, err := unix.Lgetxattr(path, name, value)
		if err != nil {
			return nil, err
		}
		all[name] = value[:size]
	}
	return all, nil
}

// locked reports whether a process holds the lock of a data folder.
func locked(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	return syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB) != nil
}
