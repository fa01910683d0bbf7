package cells

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// PIDs gives the processes of the box, as the machine numbers them.
func (b *Box) PIDs() []int {
	if b.sandbox.mode == Process {
		return pidsWhere(withMark(mark(b.Name)))
	}
	if b.pidns == "" {
		return nil
	}
	return pidsWhere(inNamespace(b.pidns))
}

// Usage is what a box takes.
type Usage struct {
	Processes int           `json:"processes"`
	Memory    int64         `json:"memory"` // bytes of PSS: a page shared by several counts once
	CPU       time.Duration `json:"cpu"`    // of the processes that live now, since their starts
}

// Usage measures the box. It reads every mapping of every process, so it is for reports, not for loops.
func (b *Box) Usage() Usage {
	pids := b.PIDs()
	return Usage{Processes: len(pids), Memory: proportionalBytes(pids), CPU: cpuTime(pids)}
}

// Freeze stops every process of the box together; a frozen box costs memory and nothing else.
func (b *Box) Freeze() error {
	if b.group.canFreeze() {
		return b.group.freeze(true)
	}
	return b.stopAll()
}

// Thaw lets a frozen box go on.
func (b *Box) Thaw() error {
	if b.group.canFreeze() {
		return b.group.freeze(false)
	}
	return b.signalAll(unix.SIGCONT)
}

// stopAll stops the processes one by one and goes over them again until all are found stopped: a signal arrives a little later than it
// is sent, and one that still runs may have started another meanwhile.
func (b *Box) stopAll() error {
	for range 1000 {
		all := true
		for _, pid := range b.PIDs() {
			if fields, err := stat(pid); err == nil && fields[3] != "T" && fields[3] != "t" {
				all = false
			}
		}
		if all {
			return nil
		}
		if err := b.signalAll(unix.SIGSTOP); err != nil {
			return err
		}
		time.Sleep(time.Millisecond)
	}
	return errors.New("sandbox: processes start faster than they can be stopped")
}

func (b *Box) signalAll(signal unix.Signal) error {
	for _, pid := range b.PIDs() {
		if err := unix.Kill(pid, signal); err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("sandbox: signal %d: %w", pid, err)
		}
	}
	return nil
}

// Close ends the box whole and takes away all it had. It returns when nothing is left, within 10 s; an error means that something may
// be left, and the user id is then kept from further use.
func (b *Box) Close() error {
	b.closing.Do(func() {
		b.ended.Store(true)
		b.closed = b.close()
	})
	return b.closed
}

func (b *Box) close() error {
	var errs []error
	if b.cmd != nil {
		errs = append(errs, b.end())
	}
	if b.group != nil {
		errs = append(errs, b.group.remove())
	}
	errs = append(errs, b.gone())
	if b.claim != nil && errors.Join(errs...) == nil {
		errs = append(errs, b.claim.release())
	}
	for _, dir := range b.dirs {
		_ = dir.Close()
	}
	return errors.Join(append(errs, os.RemoveAll(b.dir()))...)
}

// gone waits for the last process: bwrap itself ends a moment before the first process inside does.
func (b *Box) gone() error {
	var left []int
	for range 400 {
		if left = b.PIDs(); len(left) == 0 {
			return nil
		}
		time.Sleep(5 * time.Millisecond)
	}
	return fmt.Errorf("sandbox: %d processes of %s survive", len(left), b.Name)
}

// end kills the first process of the pid namespace; the kernel ends the others before that one is gone. The group is killed as well:
// it is what there is in process mode, and it frees what a v1 freezer holds.
func (b *Box) end() error {
	deadline := time.After(10 * time.Second)
	for {
		if b.group != nil {
			b.group.kill()
		}
		if b.init.PID != 0 {
			_ = b.init.kill()
		} else if b.cmd.Process != nil {
			_ = b.cmd.Process.Kill()
		}
		b.killEach()
		select {
		case <-b.done:
			return nil
		case <-deadline:
			return fmt.Errorf("sandbox: %s did not end", b.Name)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// killEach ends the processes one by one where no cgroup can end them at once. In a pid namespace they would go with the first; told
// directly, a fork bomb ends sooner.
func (b *Box) killEach() {
	if b.group != nil && b.group.v2 != "" {
		return
	}
	for _, pid := range b.PIDs() {
		if p, err := identify(pid); err == nil {
			_ = p.kill()
		}
	}
}

// watchMemory stands in for a cgroup: it ends the box when its processes together hold too much.
func (b *Box) watchMemory(limit int64) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-b.done:
			return
		case <-tick.C:
			if residentBytes(b.PIDs(), limit) > limit {
				_, _ = b.log.Write([]byte("\nout of memory: the sandbox was ended\n"))
				_ = b.init.kill()
				return
			}
		}
	}
}

// startProcess is the mode without isolation: the same folders on disk, a bare process, and a mark to find its children by.
func (b *Box) startProcess(spec Spec) error {
	s := b.sandbox
	b.paths = Paths{Inbox: b.inbox(), Outbox: filepath.Join(b.dir(), "outbox"), Work: filepath.Join(b.dir(), "work"),
		Run: filepath.Join(b.dir(), "run"), Python: s.python.exe, Lib: filepath.Dir(s.cfg.Runner)}
	for _, dir := range []string{b.paths.Outbox, b.paths.Work, b.paths.Run} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("sandbox: %w", err)
		}
		file, err := os.Open(dir)
		if err != nil {
			return fmt.Errorf("sandbox: %w", err)
		}
		b.dirs[filepath.Base(dir)] = file
	}
	argv := spec.Argv(b.paths)
	b.cmd = exec.Command(argv[0], argv[1:]...)
	b.cmd.Env = plainEnvironment(spec, b.paths, b.Name)
	b.cmd.Dir = b.paths.Work
	b.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	if err := b.launch(); err != nil {
		return err
	}
	p, err := identify(b.cmd.Process.Pid)
	if err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	b.init = p
	if err := b.group.add(p.PID); err != nil {
		return err
	}
	return b.writeRecord()
}

// reap ends what an earlier life of this state folder left: boxes by their records, groups by their names. User ids are freed when they
// are claimed the next time.
func (s *Sandbox) reap() {
	entries, _ := os.ReadDir(s.boxes())
	for _, entry := range entries {
		dir := filepath.Join(s.boxes(), entry.Name())
		var r record
		if text, err := os.ReadFile(filepath.Join(dir, "box.json")); err == nil && json.Unmarshal(text, &r) == nil && r.Init.alive() {
			s.cfg.Logger.Warn("ended a sandbox that outlived a killed orcray", "box", entry.Name(), "pid", r.Init.PID)
			_ = r.Init.kill()
		}
		for _, pid := range pidsWhere(withMark(mark(entry.Name()))) {
			if p, err := identify(pid); err == nil {
				_ = p.kill()
			}
		}
		if err := os.RemoveAll(dir); err != nil {
			s.cfg.Logger.Warn("could not remove a dead sandbox's folder", "dir", dir, "error", err)
		}
	}
	for _, g := range s.cgroups.leftovers() {
		g.kill()
		if err := g.remove(); err != nil {
			s.cfg.Logger.Warn("could not remove a dead sandbox's cgroup", "error", err)
		}
	}
	// The lock was written just now: its time is the present as the file systems see it.
	if info, err := s.lock.Stat(); err == nil {
		s.cgroups.sweep(info.ModTime().Add(-10 * time.Minute))
	}
}
