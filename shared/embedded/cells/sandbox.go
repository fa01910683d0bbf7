package cells

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/orcray/orcray/shared/fault"
)

// SandboxConfig says where things are. Dir, Python and Rand are needed.
type SandboxConfig struct {
	Dir    string    // state: one folder per live box; owned by one orcray at a time
	Python string    // the interpreter of the virtual environment that programs run in
	Runner string    // the Python package folder `runner`; empty: none is mounted
	Rand   io.Reader // for names
	// AllowProcess starts programs without any isolation when the machine has none to give. It is asked for in the configuration
	// and logged each time; it is never a fallback.
	AllowProcess bool
	UIDs         string // where claims of user ids are kept, for all orcrays of the machine; default /run/orcray/uids
	Path         string // where bwrap, setpriv and prlimit are looked for, like $PATH; empty: the usual places
	Logger       *slog.Logger
}

// Sandbox starts boxes. What it can give was found out once, by NewSandbox, and proven by running a box.
type Sandbox struct {
	cfg     SandboxConfig
	mode    Mode
	root    bool // we are root: bwrap mounts as root and the program gets a user id of its own
	tools   map[string]string
	python  pythonHome
	filter  []byte
	cgroups *cgroups
	lock    *os.File
}

// NewSandbox finds out what the machine can give, ends what a killed earlier life left behind, and proves the sandbox by starting
// one. A machine that cannot give it is fault.Unavailable with what is missing; two orcrays in one Dir are fault.Conflict.
func NewSandbox(ctx context.Context, cfg SandboxConfig) (*Sandbox, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.UIDs == "" {
		cfg.UIDs = "/run/orcray/uids"
	}
	if cfg.Path == "" {
		cfg.Path = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
	}
	s := &Sandbox{cfg: cfg, mode: Sandboxed, root: os.Geteuid() == 0}
	// Files this process inherited from its own starter would go on to every box; what Go opened itself is marked already.
	if err := unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "Programs are not run: this needs Linux 5.11 or newer.")
	}
	if err := s.open(); err != nil {
		return nil, err
	}
	err := s.probe(ctx)
	if err == nil {
		return s, nil
	}
	if !cfg.AllowProcess {
		return nil, errors.Join(err, s.Close())
	}
	cfg.Logger.Warn("programs run WITHOUT isolation: they can read and change everything this user can, and use the network",
		"asked_for_by", "ORCRAY_ISOLATION=process", "sandbox", err.Error())
	s.mode = Process
	return s, nil
}

func (s *Sandbox) open() error {
	dir, err := filepath.Abs(s.cfg.Dir)
	if err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	s.cfg.Dir = dir
	if err := os.MkdirAll(s.boxes(), 0o700); err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	if s.lock, err = os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	if err := unix.Flock(int(s.lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return errors.Join(fault.Wrap(err, fault.Conflict, "Another orcray already uses %s. Stop it, or give this one a folder of its own.", dir), s.lock.Close())
	}
	if _, err := s.lock.WriteAt(fmt.Appendf(nil, "%d\n", os.Getpid()), 0); err != nil {
		return errors.Join(fmt.Errorf("sandbox: %w", err), s.lock.Close())
	}
	sum := sha256.Sum256([]byte(dir))
	s.cgroups = findCgroups(hex.EncodeToString(sum[:4]) + "-")
	if s.python, err = findPython(s.cfg.Python); err != nil {
		return errors.Join(err, s.lock.Close())
	}
	s.reap()
	return nil
}

func (s *Sandbox) boxes() string { return filepath.Join(s.cfg.Dir, "boxes") }

// Close gives the state folder back. Boxes must be closed before.
func (s *Sandbox) Close() error { return s.lock.Close() }

// Isolation is what every box gets; UID is -1 where each gets its own.
func (s *Sandbox) Isolation() Isolation {
	if s.mode == Process {
		return Isolation{Mode: Process, Cgroup: s.cgroups.Version(), UID: os.Geteuid()}
	}
	uid := os.Geteuid()
	if s.root {
		uid = -1
	}
	return Isolation{Mode: Sandboxed, UserNS: !s.root, PidNS: true, NetNS: true, Seccomp: true, Cgroup: s.cgroups.Version(), UID: uid}
}

// probe looks for the tools and starts a box that checks its own walls.
func (s *Sandbox) probe(ctx context.Context) error {
	need := []string{"bwrap", "prlimit"}
	if s.root {
		need = append(need, "setpriv")
	}
	s.tools = map[string]string{}
	var missing []string
	for _, tool := range need {
		path, err := lookPath(tool, s.cfg.Path)
		if err != nil {
			missing = append(missing, tool)
		}
		s.tools[tool] = path
	}
	if len(missing) > 0 {
		return fault.New(fault.Unavailable, "This machine has no %s, so programs cannot be isolated and are not run. Install it "+
			"(Debian, Ubuntu: apt-get install bubblewrap util-linux; Fedora: dnf install bubblewrap util-linux).", strings.Join(missing, ", "))
	}
	var err error
	if s.filter, err = seccompProgram(); err != nil {
		return fault.Wrap(err, fault.Unavailable, "This machine's architecture has no system call filter, so programs are not run.")
	}
	return s.prove(ctx)
}

// proof runs in the first box: it must be in fresh namespaces, without network and unable to write where it should not.
const proof = `
import os, sys
bad = []
if os.path.exists(sys.argv[1]): bad.append("sees the machine's files")
if sorted(os.listdir("/sys") if os.path.exists("/sys") else []): bad.append("sees /sys")
if len([l for l in open("/proc/net/dev").read().splitlines()[2:] if not l.strip().startswith("lo:")]): bad.append("has a network")
if "Seccomp:\t2" not in open("/proc/self/status").read(): bad.append("has no system call filter")
if "NoNewPrivs:\t1" not in open("/proc/self/status").read(): bad.append("may gain privileges")
try:
    os.mkdir("/probe"); bad.append("can write to the root")
except OSError: pass
print("proof:", "; ".join(bad) or "ok", flush=True)
`

func (s *Sandbox) prove(ctx context.Context) error {
	box, err := s.Start(ctx, Spec{Name: "proof", Limits: Limits{Memory: 512 * mib, Pids: 64, Tmp: mib, Shm: mib, Work: mib, Outbox: mib},
		Argv: func(p Paths) []string { return []string{p.Python, "-I", "-c", proof, s.lock.Name()} }})
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "This machine cannot start a sandbox, so programs are not run: it needs bubblewrap 0.8 "+
			"and either root or user namespaces (sysctl kernel.unprivileged_userns_clone=1).")
	}
	select {
	case <-box.Done():
	case <-ctx.Done():
	}
	log := strings.Join(box.Logs(), " | ")
	if err := box.Close(); err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	if !strings.Contains(log, "proof: ok") {
		return fault.Wrap(errors.New(log), fault.Unavailable, "This machine's sandbox does not hold, so programs are not run: %s", lastLine(log))
	}
	return nil
}

func lastLine(log string) string {
	lines := strings.Split(log, " | ")
	return lines[len(lines)-1]
}

func lookPath(tool, path string) (string, error) {
	for dir := range strings.SplitSeq(path, ":") {
		if found, err := exec.LookPath(filepath.Join(dir, tool)); err == nil {
			return found, nil
		}
	}
	return "", exec.ErrNotFound
}

// pythonHome is a virtual environment and the installation it was made from.
type pythonHome struct {
	venv string // "" when the interpreter is not in one
	base string // prefix of the installation
	exe  string // as configured
}

func findPython(exe string) (pythonHome, error) {
	exe, err := filepath.Abs(exe)
	if err != nil {
		return pythonHome{}, fmt.Errorf("sandbox: %w", err)
	}
	real, err := filepath.EvalSymlinks(exe)
	if err != nil {
		return pythonHome{}, fault.Wrap(err, fault.Unavailable, "There is no Python at %s. Run `make setup` to build the environment.", exe)
	}
	home := pythonHome{exe: exe, base: filepath.Dir(filepath.Dir(real))}
	venv := filepath.Dir(filepath.Dir(exe))
	if _, err := os.Stat(filepath.Join(venv, "pyvenv.cfg")); err == nil {
		home.venv = venv
	}
	return home, nil
}
