package cells

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/orcray/orcray/shared/fault"
)

// Bind shows one host file or folder in a box, read-only. A unix socket stays connectable.
type Bind struct{ Host, Inside string }

// Spec is one box to be started.
type Spec struct {
	Name   string // a short word, for names and logs
	Argv   func(Paths) []string
	Env    map[string]string // besides the usual
	Binds  []Bind
	Limits Limits
	// Prepare is called with the box's user id before anything is mounted, to give that user what Binds show; nil: nothing to do.
	Prepare func(uid int) error
}

// Box is one running sandbox: a program and everything it started. It is safe for concurrent use.
type Box struct {
	Name string

	sandbox *Sandbox
	paths   Paths
	cmd     *exec.Cmd
	init    process // the first process inside, as the machine sees it; killing it ends all
	pidns   string
	claim   *claim
	group   *group
	dirs    map[string]*os.File // outbox, run and the pid namespace, pinned before the program ran
	log     *tail
	done    chan struct{}
	closing sync.Once
	ended   atomic.Bool // Close has begun: its folders go
	closed  error
}

// record is what the next life needs to end this one.
type record struct {
	Init process `json:"init"`
	UID  int     `json:"uid"`
}

// Start starts a box and returns when its walls stand; the program may not have done anything yet. The box lives until Close, until
// its program ends, or until this process dies, however it dies.
func (s *Sandbox) Start(ctx context.Context, spec Spec) (*Box, error) {
	spec.Limits = spec.Limits.withDefaults()
	if err := spec.Limits.validate(); err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	id := make([]byte, 5)
	if _, err := io.ReadFull(s.cfg.Rand, id); err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	b := &Box{Name: fmt.Sprintf("%s-%x", spec.Name, id), sandbox: s, log: newTail(64 << 10), done: make(chan struct{}), dirs: map[string]*os.File{}}
	if err := b.start(ctx, spec); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

func (b *Box) start(ctx context.Context, spec Spec) error {
	s := b.sandbox
	if err := os.MkdirAll(b.inbox(), 0o755); err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	var err error
	if s.root && s.mode == Sandboxed {
		if b.claim, err = claimUID(s.cfg.UIDs); err != nil {
			return err
		}
	}
	if b.group, err = s.cgroups.create(b.Name, spec.Limits); err != nil {
		return err
	}
	if spec.Prepare != nil {
		if err := spec.Prepare(b.uid()); err != nil {
			return fmt.Errorf("sandbox: %w", err)
		}
	}
	if s.mode == Process {
		return b.startProcess(spec)
	}
	return b.startSandboxed(ctx, spec)
}

func (b *Box) startSandboxed(ctx context.Context, spec Spec) error {
	s := b.sandbox
	var f fds
	defer f.close()
	release, infoR, err := b.prepare(spec, &f)
	if err != nil {
		return err
	}
	defer release.Close()
	defer infoR.Close()
	if err := b.launch(); err != nil {
		return err
	}
	f.close() // the child has them now; a read of the info pipe must end when the child dies
	var info struct {
		Child int `json:"child-pid"`
	}
	defer time.AfterFunc(startDeadline, func() { _ = infoR.Close() }).Stop()
	if err := json.NewDecoder(infoR).Decode(&info); err != nil {
		<-b.waitBriefly()
		return fmt.Errorf("sandbox: bwrap did not start: %w: %s", err, strings.Join(b.Logs(), " | "))
	}
	if b.init, err = identify(info.Child); err != nil {
		return fmt.Errorf("sandbox: bwrap ended at once: %w: %s", err, strings.Join(b.Logs(), " | "))
	}
	if b.dirs["pidns"], err = os.Open(fmt.Sprintf("/proc/%d/ns/pid", b.init.PID)); err != nil { // open, its number is not given to another
		return fmt.Errorf("sandbox: %w", err)
	}
	if b.pidns, err = os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", b.init.PID)); err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	if err := b.group.add(b.init.PID); err != nil {
		return err
	}
	if err := b.writeRecord(); err != nil {
		return err
	}
	b.paths = s.insidePaths()
	if err := b.pin(ctx); err != nil {
		return err
	}
	if _, err := release.Write([]byte{1}); err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	if s.cgroups.Version() == "none" {
		go b.watchMemory(spec.Limits.Memory)
	}
	return nil
}

const startDeadline = 10 * time.Second

// prepare builds bwrap's command line. bwrap waits with everything mounted until a byte arrives through the returned pipe: that is
// when limits are in force and the record is written.
func (b *Box) prepare(spec Spec, f *fds) (release, infoR *os.File, err error) {
	args, err := b.sandbox.arguments(b, spec, f)
	if err != nil {
		return nil, nil, err
	}
	filter, err := f.data("seccomp", b.sandbox.filter)
	if err != nil {
		return nil, nil, err
	}
	blockR, release, err := os.Pipe()
	if err != nil {
		return nil, nil, fmt.Errorf("sandbox: %w", err)
	}
	infoR, infoW, err := os.Pipe()
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("sandbox: %w", err), blockR.Close(), release.Close())
	}
	args = append(args, "--seccomp", filter, "--block-fd", f.add(blockR), "--info-fd", f.add(infoW))
	// The options go through a file: a command line is visible inside, and ours names the machine's folders.
	options, err := f.data("args", []byte(strings.Join(args, "\x00")+"\x00"))
	if err != nil {
		return nil, nil, errors.Join(err, release.Close(), infoR.Close())
	}
	argv := append([]string{"--args", options, "--"}, b.sandbox.command(b, spec, b.sandbox.insidePaths())...)
	b.cmd = exec.Command(b.sandbox.tools["bwrap"], argv...)
	b.cmd.ExtraFiles = f.files
	b.cmd.Env = []string{}
	return release, infoR, nil
}

// launch starts the command from a thread that lives as long as the child: the kernel's parent-death signal is sent when the thread
// that made the child ends, not only when the process does.
func (b *Box) launch() error {
	b.cmd.Stdout, b.cmd.Stderr = b.log, b.log
	b.cmd.WaitDelay = time.Second
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := b.cmd.Start()
		started <- err
		if err == nil {
			_ = b.cmd.Wait() // the program's exit code says nothing we trust
		}
		close(b.done)
	}()
	if err := <-started; err != nil {
		b.cmd = nil
		return fmt.Errorf("sandbox: %w", err)
	}
	return nil
}

// waitBriefly gives a dying child the time to say why.
func (b *Box) waitBriefly() <-chan struct{} {
	out := make(chan struct{})
	go func() {
		defer close(out)
		select {
		case <-b.done:
		case <-time.After(2 * time.Second):
		}
	}()
	return out
}

// pin opens the folders that are read from outside while no user code has run yet. They stay readable when the box is gone.
func (b *Box) pin(ctx context.Context) error {
	deadline := time.NewTimer(startDeadline)
	defer deadline.Stop()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		if b.mounted() {
			break
		}
		select {
		case <-tick.C:
		case <-b.done:
			return fmt.Errorf("sandbox: bwrap ended: %s", strings.Join(b.Logs(), " | "))
		case <-deadline.C:
			return errors.New("sandbox: the mounts were not made in time")
		case <-ctx.Done():
			return fault.Wrap(ctx.Err(), fault.Timeout, "Starting the sandbox was given up.")
		}
	}
	for _, dir := range []string{inOutbox, inRun} {
		fd, err := unix.Open(fmt.Sprintf("/proc/%d/root%s", b.init.PID, dir), unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("sandbox: pin %s: %w", dir, err)
		}
		b.dirs[filepath.Base(dir)] = os.NewFile(uintptr(fd), dir)
	}
	if !b.init.alive() {
		return fmt.Errorf("sandbox: the box ended: %s", strings.Join(b.Logs(), " | "))
	}
	return nil
}

// mounted reports whether the box has entered its own root: before that, its mounts show under another name.
func (b *Box) mounted() bool {
	info, err := os.ReadFile(fmt.Sprintf("/proc/%d/mountinfo", b.init.PID))
	return err == nil && strings.Contains(string(info), " "+inRun+" ") && strings.Contains(string(info), " "+inOutbox+" ")
}

func (b *Box) writeRecord() error {
	text, err := json.Marshal(record{Init: b.init, UID: b.uid()})
	if err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	if err := os.WriteFile(filepath.Join(b.dir(), "box.json"), text, 0o600); err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	return nil
}

func (b *Box) dir() string   { return filepath.Join(b.sandbox.boxes(), b.Name) }
func (b *Box) inbox() string { return filepath.Join(b.dir(), "inbox") }

func (b *Box) uid() int {
	if b.claim != nil {
		return b.claim.UID
	}
	return os.Geteuid()
}

// Isolation is what this box got.
func (b *Box) Isolation() Isolation {
	i := b.sandbox.Isolation()
	i.UID = b.uid()
	return i
}

// Done is closed when the box's program has ended, and with it everything it started.
func (b *Box) Done() <-chan struct{} { return b.done }

// Logs gives the last lines of what the box's program printed, without control characters.
func (b *Box) Logs() []string { return b.log.lines(40) }
