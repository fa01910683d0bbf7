package cells_test

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/orcray/orcray/shared/embedded/cells"
)

// The limits of the hostile programs' boxes, as tight as a cell's are in kind.
func hostileLimits() cells.Limits {
	const mib = 1 << 20
	return cells.Limits{Memory: 256 * mib, Pids: 64, Tmp: 16 * mib, Shm: 16 * mib, Work: 16 * mib, Outbox: 16 * mib}
}

// wall is how long a hostile program may run; stopping it may take one second more.
const (
	wall  = 3 * time.Second
	grace = time.Second
)

// trap is a host full of things that a program must not get at. Whatever is reached is noted.
type trap struct {
	secret string // what must never be read, without its first word
	facts  map[string]any
	file   string
	socket string
	victim *exec.Cmd
	hits   chan string
}

// newTrap plants the canaries: a readable file, a process with a secret in its environment, listeners on loopback by TCP and UDP, an
// abstract socket and a socket in a folder.
func newTrap(t *testing.T) *trap {
	t.Helper()
	raw := make([]byte, 16)
	_, err := rand.Read(raw)
	must(t, err)
	tr := &trap{secret: hex.EncodeToString(raw), hits: make(chan string, 1000)}
	dir, err := os.MkdirTemp("", "orcray-canary") // world-readable on purpose: only the sandbox protects it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	must(t, os.Chmod(dir, 0o755))
	tr.file, tr.socket = filepath.Join(dir, "secret.csv"), filepath.Join(dir, "host.sock")
	must(t, os.WriteFile(tr.file, []byte("CANARY-"+tr.secret), 0o644))
	tr.victim = exec.Command("sleep", "600")
	tr.victim.Env = []string{"AWS_SECRET_ACCESS_KEY=CANARY-" + tr.secret}
	if err := tr.victim.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tr.victim.Process.Kill(); _ = tr.victim.Wait() })
	tcp := tr.listen(t, "tcp", "127.0.0.1:0")
	tr.listen(t, "unix", "@"+tr.secret[:12])
	tr.listen(t, "unix", tr.socket)
	must(t, os.Chmod(tr.socket, 0o777))
	udp := tr.packets(t)
	tr.facts = map[string]any{"file": tr.file, "pid": tr.victim.Process.Pid, "port": tcp.(*net.TCPAddr).Port, "udp": udp,
		"abstract": tr.secret[:12], "socket": tr.socket, "outbox": "/cell/outbox/run-1"}
	return tr
}

func (tr *trap) listen(t *testing.T, network, address string) net.Addr {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { must(t, l.Close()) })
	go func() {
		for {
			conn, err := l.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err == nil {
				tr.hits <- network + " " + address
				_ = conn.Close()
			}
		}
	}()
	return l.Addr()
}

func (tr *trap) packets(t *testing.T) int {
	t.Helper()
	l, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { must(t, l.Close()) })
	go func() {
		buffer := make([]byte, 100)
		for {
			n, _, err := l.ReadFrom(buffer)
			if err != nil {
				return
			}
			// Another program on this machine may send to this port by chance; only the secret is a leak.
			if bytes.Contains(buffer[:n], []byte("CANARY")) {
				tr.hits <- "udp"
			}
		}
	}()
	return l.LocalAddr().(*net.UDPAddr).Port
}

// spec is the box of one attack: the flags of a cell, with plain Python in it.
func (tr *trap) spec(t *testing.T, name string) cells.Spec {
	t.Helper()
	script, err := filepath.Abs(filepath.Join("testdata", "hostile.py"))
	must(t, err)
	facts, err := json.Marshal(tr.facts)
	must(t, err)
	return cells.Spec{Name: "hostile", Limits: hostileLimits(), Binds: []cells.Bind{{Host: script, Inside: "/cell/hostile.py"}},
		Argv: func(p cells.Paths) []string {
			begin := "import os, runpy, sys; os.makedirs('" + p.Outbox + "/run-1', exist_ok=True); runpy.run_path(sys.argv[0])"
			return []string{p.Python, "-c", "import sys; sys.argv = sys.argv[1:]; " + begin, "/cell/hostile.py", name, tr.secret, string(facts)}
		}}
}

// check says what is wrong after an attack.
func (tr *trap) check(t *testing.T, output string, results map[string]string) {
	t.Helper()
	if !strings.Contains(output, "begins") {
		t.Errorf("the program did not run: %s", output)
	}
	if strings.Contains(output, "LEAK") || strings.Contains(output, tr.secret) {
		t.Errorf("it got through: %s", output)
	}
	if strings.Contains(output, "Traceback") {
		t.Errorf("the attack is broken and proves nothing: %s", output)
	}
	for name, text := range results {
		if strings.Contains(text, tr.secret) || strings.Contains(text, "root:x:0") || strings.Contains(text, "include-system-site-packages") {
			t.Errorf("result %q was led to the host: %.200q", name, text)
		}
	}
	select {
	case hit := <-tr.hits:
		t.Errorf("a listener of the host was reached: %s", hit)
	default:
	}
	if tr.victim.Process.Signal(syscall.Signal(0)) != nil {
		t.Error("a process of the host was killed")
	}
}

// attacks lists the programs of testdata/hostile.py.
func attacks(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "hostile.py"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, m := range regexp.MustCompile(`(?m)^def attack_(\w+)`).FindAllSubmatch(text, -1) {
		names = append(names, string(m[1]))
	}
	if len(names) < 30 {
		t.Fatalf("only %d hostile programs", len(names))
	}
	return names
}

func TestS3_Hostile(t *testing.T) {
	s := newSandbox(t, nil)
	other := otherCell(t, s)
	for _, name := range attacks(t) {
		t.Run(name, func(t *testing.T) {
			tr := newTrap(t)
			must(t, other.PutInbox("sales.csv", strings.NewReader("CANARY-"+tr.secret), int64(len("CANARY-"+tr.secret))))
			b, err := s.Start(t.Context(), tr.spec(t, name))
			if err != nil {
				t.Fatal(err)
			}
			must(t, b.PutInbox("given", strings.NewReader("x"), 1))
			survivors := func() []string { return nil }
			if pids := b.PIDs(); len(pids) > 0 {
				survivors = inhabitants(t, pids[0])
			}
			limit := time.NewTimer(wall)
			defer limit.Stop()
			select {
			case <-b.Done():
			case <-limit.C:
			}
			if conn, err := b.Dial(t.Context(), "runner.sock"); err == nil {
				t.Errorf("the host was led to a socket of %s", conn.RemoteAddr())
			}
			results := readResults(t, b)
			output := strings.Join(b.Logs(), "\n")
			stopped := make(chan error, 1)
			go func() { stopped <- b.Close() }()
			select {
			case err := <-stopped:
				must(t, err)
			case <-time.After(grace):
				t.Errorf("it was not stopped %s after its limit", grace)
				must(t, <-stopped)
			}
			if left := survivors(); len(left) > 0 {
				t.Errorf("processes survive: %v", left)
			}
			t.Log(output[:min(len(output), 300)])
			if strings.HasPrefix(name, "endless_output") || strings.HasPrefix(name, "endless_line") {
				output = "begins " + output[:min(len(output), 1)] // its own flood has washed the first line away; it did print
			}
			tr.check(t, output, results)
		})
	}
}

// otherCell is another session's box, whose inbox must stay unseen.
func otherCell(t *testing.T, s *cells.Sandbox) *cells.Box {
	t.Helper()
	b, err := s.Start(t.Context(), cells.Spec{Name: "other", Limits: hostileLimits(), Argv: func(p cells.Paths) []string {
		return []string{p.Python, "-I", "-c", "import time; time.sleep(3600)"}
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { must(t, b.Close()) })
	return b
}

// readResults opens, as the host does, every name that an attack plants.
func readResults(t *testing.T, b *cells.Box) map[string]string {
	t.Helper()
	got := map[string]string{}
	for _, path := range [][]string{{"run-1", "passwd"}, {"run-1", "file"}, {"run-1", "up"}, {"run-1", "proc"}, {"run-1", "parent"}, {"run-1", "fifo"},
		{"run-1", "socket"}, {"run-1", "disk"}, {"run-1", "mem"}, {"run-1", "kmsg"}, {"run-1", "given"}, {"run-1", "pyvenv.cfg"}, {"run-1", "sparse"},
		{"run-1", "folder"}, {"run-1", "big"}, {"run-1", ".."}, {"..", "passwd"}, {"run-1", "../../../etc/passwd"}, {"run-1", "/etc/passwd"},
		{"run-2", "secret.csv"}, {"run-2", "host.sock"}, {"run-1", "up", "etc", "passwd"}} {
		r, size, err := b.OpenResult(1<<20, path...)
		if err != nil {
			continue
		}
		text, err := io.ReadAll(r)
		must(t, r.Close())
		if err != nil || int64(len(text)) != size || size > 1<<20 {
			t.Errorf("%v: %d of %d bytes, %v", path, len(text), size, err)
		}
		got[strings.Join(path, "/")] = string(text)
	}
	return got
}

// inhabitants gives a look at who lives in a process's pid namespace. It holds the namespace, so that its number is not given to another
// while the test lasts.
func inhabitants(t *testing.T, pid int) func() []string {
	t.Helper()
	at := filepath.Join("/proc", strconv.Itoa(pid), "ns", "pid")
	hold, err := os.Open(at)
	if err != nil {
		return func() []string { return nil } // it has ended, and so has everything in it
	}
	t.Cleanup(func() { must(t, hold.Close()) })
	name, err := os.Readlink(filepath.Join("/proc/self/fd", strconv.Itoa(int(hold.Fd()))))
	must(t, err)
	return func() (left []string) {
		entries, err := os.ReadDir("/proc")
		must(t, err)
		for _, e := range entries {
			status, _ := os.ReadFile(filepath.Join("/proc", e.Name(), "status"))
			if got, err := os.Readlink(filepath.Join("/proc", e.Name(), "ns", "pid")); err == nil && got == name && !dead.Match(status) {
				left = append(left, e.Name())
			}
		}
		return left
	}
}

var dead = regexp.MustCompile(`(?m)^State:\s+[ZX]`)

// TestS3_TheAttacksAreReal runs some of the same programs without isolation, where they must get through: a suite that no program can
// fail proves nothing.
func TestS3_TheAttacksAreReal(t *testing.T) {
	t.Parallel()
	s := newSandbox(t, func(c *cells.SandboxConfig) {
		c.Path = t.TempDir() // no bwrap here
		c.AllowProcess = true
	})
	script, err := filepath.Abs(filepath.Join("testdata", "hostile.py"))
	must(t, err)
	for _, name := range []string{"read_host_file", "read_home", "proc_environ", "proc_of_the_host", "host_loopback", "abstract_socket", "host_unix_sockets"} {
		t.Run(name, func(t *testing.T) {
			tr := newTrap(t)
			facts, err := json.Marshal(tr.facts)
			must(t, err)
			b, err := s.Start(t.Context(), cells.Spec{Name: "bare", Argv: func(p cells.Paths) []string {
				return []string{p.Python, script, name, tr.secret, string(facts)}
			}})
			if err != nil {
				t.Fatal(err)
			}
			<-b.Done()
			if output := strings.Join(b.Logs(), "\n"); !strings.Contains(output, "LEAK") {
				t.Errorf("without isolation it should get through: %s", output)
			}
			if got := b.Isolation(); got.Mode != cells.Process || got.NetNS || got.Seccomp {
				t.Errorf("the isolation is told wrongly: %s", got)
			}
			must(t, b.Close())
		})
	}
}
