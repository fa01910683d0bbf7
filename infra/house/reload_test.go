package house_test

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// reloading is scripts/reload.sh at work on a tiny program: the build copies its source, and the program says its version and
// waits to be stopped.
type reloading struct {
	t      *testing.T
	source string
	lines  chan string
	cmd    *exec.Cmd
}

const program = `trap 'echo stopped VERSION; exit 0' TERM; echo started VERSION; while true; do sleep 0.05 & wait $!; done`

func startReloading(t *testing.T) *reloading {
	t.Helper()
	dir := t.TempDir()
	r := &reloading{t: t, source: filepath.Join(dir, "src", "main.go"), lines: make(chan string, 100)}
	if err := os.Mkdir(filepath.Dir(r.source), 0o700); err != nil {
		t.Fatal(err)
	}
	r.write("one")
	built := filepath.Join(dir, "program.sh")
	build := "! grep -q broken '" + r.source + "' && cp '" + r.source + "' '" + built + "'"
	r.cmd = exec.Command(filepath.Join(root(t), "scripts", "reload.sh"), build, "bash "+built, filepath.Dir(r.source))
	r.cmd.Env = append(os.Environ(), "RELOAD_PAUSE=0.05")
	out, in := io.Pipe()
	r.cmd.Stdout, r.cmd.Stderr = in, in
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // so that nothing survives a failure
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(r.lines)
		for scanner := bufio.NewScanner(out); scanner.Scan(); {
			r.lines <- scanner.Text()
		}
	}()
	go func() { in.CloseWithError(r.cmd.Wait()) }()
	t.Cleanup(func() { _ = syscall.Kill(-r.cmd.Process.Pid, syscall.SIGKILL) })
	return r
}

// write puts a version of the program in place at once, as editors do.
func (r *reloading) write(version string) {
	r.t.Helper()
	part := r.source + ".part"
	if err := os.WriteFile(part, []byte(strings.ReplaceAll(program, "VERSION", version)), 0o600); err != nil {
		r.t.Fatal(err)
	}
	if err := os.Rename(part, r.source); err != nil {
		r.t.Fatal(err)
	}
}

// expect waits until a line holds the text.
func (r *reloading) expect(text string) {
	r.t.Helper()
	limit := time.After(30 * time.Second)
	for {
		select {
		case line, open := <-r.lines:
			if strings.Contains(line, text) {
				return
			}
			if !open {
				r.t.Fatalf("the reloader ended before it said %q", text)
			}
		case <-limit:
			r.t.Fatalf("no line holds %q", text)
		}
	}
}

func TestO57_AChangedFileBuildsAndStartsTheProgramAgain(t *testing.T) {
	t.Parallel()
	r := startReloading(t)
	r.expect("started one")
	r.write("two")
	r.expect("stopped one")
	r.expect("started two")
	r.write("broken")
	r.expect("the last good one still runs")
	r.write("three")
	r.expect("stopped two")
	r.expect("started three")
	if err := r.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	r.expect("stopped three")
	for range r.lines { // closes when the reloader has ended
	}
}
