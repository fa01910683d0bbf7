package cells

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/orcray/orcray/shared/fault"
)

// The pool of user ids: machine-wide, because an id must never have two live boxes, whoever started them. Limits on processes count
// per id, and one box could signal another's programs.
const (
	firstUID = 20001
	lastUID  = 20999
)

// claim holds one user id. The lock on its file lives as long as this process; the text in it lives until the id was left clean,
// so that after a kill -9 the next owner knows that what still runs under the id is a leftover and not somebody else's.
type claim struct {
	UID  int
	file *os.File
}

// claimUID takes a free id from dir, ending what a dead owner left running.
func claimUID(dir string) (*claim, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("uid pool: %w", err)
	}
	for uid := firstUID; uid <= lastUID; uid++ {
		if _, err := user.LookupId(strconv.Itoa(uid)); err == nil {
			continue // a person's
		}
		c, err := tryClaim(dir, uid)
		if err != nil {
			return nil, err
		}
		if c != nil {
			return c, nil
		}
	}
	return nil, fault.New(fault.Unavailable, "All %d user ids for sandboxes are taken. Stop some work and try again.", lastUID-firstUID+1)
}

func tryClaim(dir string, uid int) (*claim, error) {
	file, err := os.OpenFile(filepath.Join(dir, strconv.Itoa(uid)), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("uid pool: %w", err)
	}
	err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, file.Close()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("uid pool: %w", err), file.Close())
	}
	info, err := file.Stat()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	running := pidsWhere(ofUID(uid))
	if len(running) > 0 && info.Size() == 0 {
		return nil, file.Close() // not ours
	}
	for _, pid := range running {
		if p, err := identify(pid); err == nil {
			_ = p.kill()
		}
	}
	if _, err := file.WriteAt([]byte("claimed\n"), 0); err != nil {
		return nil, errors.Join(fmt.Errorf("uid pool: %w", err), file.Close())
	}
	return &claim{UID: uid, file: file}, nil
}

// release gives the id back; call it when nothing runs under it any more.
func (c *claim) release() error {
	return errors.Join(c.file.Truncate(0), c.file.Close())
}
