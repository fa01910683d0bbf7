package cells

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Paths are the places of a box as the program in it sees them.
type Paths struct {
	Inbox  string // read-only, filled by the host
	Outbox string // results, size-limited
	Work   string // Ray's session and other scratch
	Run    string // sockets the program listens on
	Python string // the interpreter
	Lib    string // the folder with the runner package, for PYTHONPATH
}

// The places inside a sandbox.
const (
	inInbox  = "/cell/inbox"
	inOutbox = "/cell/outbox"
	inWork   = "/cell/work"
	inRun    = "/cell/run"
	inVenv   = "/opt/venv"
	inLib    = "/opt/orcray"
)

func (s *Sandbox) insidePaths() Paths {
	p := Paths{Inbox: inInbox, Outbox: inOutbox, Work: inWork, Run: inRun, Python: s.python.exe, Lib: inLib}
	if s.python.venv != "" {
		p.Python = filepath.Join(inVenv, "bin", filepath.Base(s.python.exe))
	}
	return p
}

// fds collects the files a child inherits; the first becomes descriptor 3.
type fds struct{ files []*os.File }

func (f *fds) add(file *os.File) string {
	f.files = append(f.files, file)
	return strconv.Itoa(2 + len(f.files))
}

// data makes a file that exists in memory only, ready to be read from its start.
func (f *fds) data(name string, content []byte) (string, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC)
	if err != nil {
		return "", fmt.Errorf("memfd: %w", err)
	}
	file := os.NewFile(uintptr(fd), name)
	n := f.add(file)
	if _, err = file.Write(content); err == nil {
		_, err = file.Seek(0, 0)
	}
	if err != nil {
		return "", fmt.Errorf("memfd: %w", err)
	}
	return n, nil
}

func (f *fds) close() {
	for _, file := range f.files {
		_ = file.Close()
	}
}

// arguments builds bwrap's options for one box. Order matters to bwrap: later mounts lie on top of earlier ones.
func (s *Sandbox) arguments(b *Box, spec Spec, f *fds) ([]string, error) {
	args := []string{"--die-with-parent", "--new-session", "--hostname", "cell", "--clearenv",
		"--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"}
	if s.root {
		// Just enough to become somebody else; setpriv then drops these too.
		args = append(args, "--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID", "--cap-add", "CAP_SETPCAP")
	} else {
		args = append(args, "--unshare-user", "--disable-userns")
	}
	args = append(args, s.systemMounts()...)
	etc, err := etcFiles(b.uid(), f)
	if err != nil {
		return nil, err
	}
	args = append(args, etc...)
	args = append(args, "--proc", "/proc", "--dev", "/dev")
	for _, t := range []struct {
		at   string
		size int64
	}{{"/dev/shm", spec.Limits.Shm}, {"/tmp", spec.Limits.Tmp}, {inWork, spec.Limits.Work}, {inOutbox, spec.Limits.Outbox}, {inRun, mib}} {
		args = append(args, "--perms", "1777", "--size", strconv.FormatInt(t.size, 10), "--tmpfs", t.at)
	}
	args = append(args, "--ro-bind", b.inbox(), inInbox)
	for _, bind := range spec.Binds {
		args = append(args, "--ro-bind", bind.Host, bind.Inside)
	}
	args = append(args, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", inWork)
	return append(args, environment(spec, s.insidePaths(), b.Name)...), nil
}

// systemMounts shows the system's programs and libraries, the environment and the runner, all read-only.
func (s *Sandbox) systemMounts() []string {
	args := append([]string{"--ro-bind", "/usr", "/usr"}, folders("/cell/x", "/etc/x", "/opt/orcray/x", s.python.base)...)
	for _, dir := range []string{"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"} {
		if target, err := os.Readlink(dir); err == nil {
			args = append(args, "--symlink", target, dir)
		} else if _, err := os.Stat(dir); err == nil {
			args = append(args, "--ro-bind", dir, dir)
		}
	}
	if !strings.HasPrefix(s.python.base+"/", "/usr/") && s.python.base != "/" {
		args = append(args, "--ro-bind", s.python.base, s.python.base)
	}
	if s.python.venv != "" {
		args = append(args, "--ro-bind", s.python.venv, inVenv)
	}
	if s.cfg.Runner != "" {
		args = append(args, "--ro-bind", s.cfg.Runner, inLib+"/runner")
	}
	return args
}

// folders makes the parents of paths, open to every user: bwrap would make them for root alone.
func folders(paths ...string) []string {
	var args []string
	for _, path := range paths {
		for i, r := range path {
			if r == '/' && i > 0 && !strings.HasPrefix(path, "/usr/") {
				args = append(args, "--perms", "0755", "--dir", path[:i])
			}
		}
	}
	return args
}

// etcFiles gives the few files programs expect, none of them telling about the machine but its time zone.
func etcFiles(uid int, f *fds) ([]string, error) {
	args := []string{"--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache", "--ro-bind-try", "/etc/localtime", "/etc/localtime",
		"--ro-bind-try", "/etc/alternatives", "/etc/alternatives"}
	for _, file := range [][2]string{
		{"/etc/passwd", fmt.Sprintf("cell:x:%d:%d::%s:/bin/false\n", uid, uid, inWork)},
		{"/etc/group", fmt.Sprintf("cell:x:%d:\n", uid)},
		{"/etc/hosts", "127.0.0.1 localhost cell\n"},
		{"/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n"},
	} {
		n, err := f.data(filepath.Base(file[0]), []byte(file[1]))
		if err != nil {
			return nil, err
		}
		args = append(args, "--perms", "0444", "--ro-bind-data", n, file[0])
	}
	return args, nil
}

// mark is the environment entry every process of a box inherits.
func mark(box string) string { return "ORCRAY_BOX=" + box }

func environment(spec Spec, p Paths, box string) []string {
	env := plainEnvironment(spec, p, box)
	var args []string
	for _, kv := range env {
		name, value, _ := strings.Cut(kv, "=")
		args = append(args, "--setenv", name, value)
	}
	return args
}

// plainEnvironment is all a program gets to see; nothing is inherited.
func plainEnvironment(spec Spec, p Paths, box string) []string {
	env := []string{mark(box), "PATH=" + filepath.Dir(p.Python) + ":/usr/bin:/bin", "HOME=" + p.Work, "TMPDIR=/tmp", "LANG=C.UTF-8",
		"PYTHONPATH=" + p.Lib, "PYTHONDONTWRITEBYTECODE=1", "PYTHONUNBUFFERED=1"}
	for name, value := range spec.Env {
		env = append(env, name+"="+value)
	}
	slices.Sort(env)
	return env
}

// command is what bwrap runs: limits first, then the change of user, then the program. None of this can be undone by the program,
// because its privileges are gone when it starts.
func (s *Sandbox) command(b *Box, spec Spec, p Paths) []string {
	l := spec.Limits
	argv := []string{s.tools["prlimit"], "--core=0:0", fmt.Sprintf("--nofile=%d:%d", l.Files, l.Files), fmt.Sprintf("--nproc=%d:%d", l.Pids, l.Pids),
		"--memlock=0:0"}
	if s.cgroups.Version() == "none" {
		argv = append(argv, fmt.Sprintf("--data=%d:%d", l.Memory, l.Memory))
	}
	argv = append(argv, "--")
	if s.root {
		id := strconv.Itoa(b.claim.UID)
		argv = append(argv, s.tools["setpriv"], "--reuid", id, "--regid", id, "--clear-groups", "--no-new-privs", "--inh-caps=-all",
			"--ambient-caps=-all", "--bounding-set=-all", "--")
	}
	return append(argv, spec.Argv(p)...)
}
