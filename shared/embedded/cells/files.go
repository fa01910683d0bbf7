package cells

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/orcray/orcray/shared/fault"
)

// Dial connects to a unix socket in the box's run folder. The name is opened without following links and must be a socket owned by the
// box, so that a program cannot lead us to a socket of the machine.
func (b *Box) Dial(ctx context.Context, name string) (net.Conn, error) {
	dir := b.dirs["run"]
	if dir == nil || !baseName(name) {
		return nil, fault.New(fault.Unavailable, "The sandbox is not running.")
	}
	fd, err := openIn(dir, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC)
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "The sandbox does not listen yet.")
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFSOCK {
		return nil, fault.New(fault.Unavailable, "The sandbox has put something else where its socket was.")
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", fmt.Sprintf("/proc/self/fd/%d", fd))
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "The sandbox does not answer.")
	}
	if uid, err := peerUID(conn); err != nil || uid != b.uid() {
		return nil, errors.Join(fault.New(fault.Unavailable, "The sandbox's socket belongs to somebody else."), conn.Close())
	}
	return conn, nil
}

func peerUID(conn net.Conn) (int, error) {
	raw, err := conn.(*net.UnixConn).SyscallConn()
	if err != nil {
		return 0, err
	}
	var cred *unix.Ucred
	var inner error
	if err := raw.Control(func(fd uintptr) { cred, inner = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }); err != nil {
		return 0, err
	}
	if inner != nil {
		return 0, inner
	}
	return int(cred.Uid), nil
}

// OpenResult opens a file of the outbox for reading. The parts of its path are single names; links, pipes, devices and files with a
// second name are refused (fault.Forbidden), and more than limit bytes are fault.TooLarge. The reader gives exactly size bytes
// or an error. A box that was closed is fault.Unavailable: what is missing then is not the program's doing.
func (b *Box) OpenResult(limit int64, parts ...string) (io.ReadCloser, int64, error) {
	body, size, err := b.openResult(limit, parts...)
	return body, size, b.orGone(err)
}

func (b *Box) orGone(err error) error {
	if err != nil && b.ended.Load() {
		return fault.Wrap(err, fault.Unavailable, "The sandbox is gone.")
	}
	return err
}

func (b *Box) openResult(limit int64, parts ...string) (io.ReadCloser, int64, error) {
	at := b.dirs["outbox"]
	if at == nil || len(parts) == 0 {
		return nil, 0, fault.New(fault.NotFound, "There is no such result.")
	}
	fd := -1
	for i, part := range parts {
		if !baseName(part) {
			return nil, 0, fault.New(fault.Forbidden, "The program gave a result a name that is not allowed.")
		}
		flags := unix.O_RDONLY | unix.O_NOFOLLOW | unix.O_CLOEXEC | unix.O_NONBLOCK | unix.O_NOCTTY
		if i < len(parts)-1 {
			flags = unix.O_PATH | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC
		}
		var err error
		if i == 0 {
			fd, err = openIn(at, part, flags)
		} else {
			above := fd
			fd, err = unix.Openat(above, part, flags, 0)
			_ = unix.Close(above)
		}
		if err != nil {
			return nil, 0, openFault(err)
		}
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, 0, errors.Join(fmt.Errorf("outbox: %w", err), unix.Close(fd))
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG || st.Nlink != 1 {
		_ = unix.Close(fd)
		return nil, 0, fault.New(fault.Forbidden, "A result of the program is not an ordinary file.")
	}
	if st.Size > limit {
		_ = unix.Close(fd)
		return nil, 0, fault.New(fault.TooLarge, "A result of the program has %d bytes; %d are allowed.", st.Size, limit)
	}
	_ = unix.SetNonblock(fd, false)
	file := os.NewFile(uintptr(fd), "result")
	return &exactly{file: file, left: st.Size}, st.Size, nil
}

// openIn opens a name in a folder, which may be closed meanwhile: its number is not taken out of it, for it could then be another file's.
func openIn(dir *os.File, name string, flags int) (fd int, err error) {
	raw, err := dir.SyscallConn()
	if err != nil {
		return -1, err
	}
	if gone := raw.Control(func(at uintptr) { fd, err = unix.Openat(int(at), name, flags, 0) }); gone != nil {
		return -1, gone
	}
	return fd, err
}

func openFault(err error) error {
	switch {
	case errors.Is(err, unix.ENOENT):
		return fault.Wrap(err, fault.NotFound, "The program did not leave that result.")
	case errors.Is(err, unix.ELOOP), errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.ENXIO), errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
		return fault.Wrap(err, fault.Forbidden, "A result of the program is not an ordinary file.")
	}
	return fmt.Errorf("outbox: %w", err)
}

// exactly reads the size that was promised, however the file changes meanwhile.
type exactly struct {
	file *os.File
	left int64
}

// Read gives the next bytes; a file that became shorter is io.ErrUnexpectedEOF.
func (e *exactly) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	n, err := e.file.Read(p[:min(int64(len(p)), e.left)])
	e.left -= int64(n)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// Close closes the file.
func (e *exactly) Close() error { return e.file.Close() }

// PutInbox writes a file into the inbox under a name of the host's choosing; the box sees it read-only. It must have exactly size bytes.
// A box that was closed meanwhile is fault.Unavailable.
func (b *Box) PutInbox(name string, r io.Reader, size int64) error {
	return b.orGone(b.putInbox(name, r, size))
}

func (b *Box) putInbox(name string, r io.Reader, size int64) error {
	if !baseName(name) {
		return fmt.Errorf("inbox: %q is not a plain name", name)
	}
	path := filepath.Join(b.inbox(), name)
	file, err := os.OpenFile(path+".part", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return fmt.Errorf("inbox: %w", err)
	}
	n, err := io.Copy(file, io.LimitReader(r, size+1))
	if err == nil && n != size {
		err = fmt.Errorf("%d bytes were announced, %d or more came", size, n)
	}
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(path+".part", path)
	}
	if err != nil {
		return fmt.Errorf("inbox: %w", errors.Join(err, os.Remove(path+".part")))
	}
	return nil
}

func baseName(name string) bool {
	return name != "" && name != "." && name != ".." && len(name) <= 255 && !strings.ContainsAny(name, "/\x00")
}
