package ecstest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Runner says how a cell's process is started: Python with a runner of this PYTHONPATH.
type Runner struct {
	Python []string // the interpreter, as a command: its words may also lead into a container
	Path   string   // PYTHONPATH
	Dir    string   // for the cells' folders; short
	Port   int
	Args   []string // more of the cell's arguments
	Log    func(address, output string)
}

// startBound is how long a process may take until it listens.
const startBound = 60 * time.Second

// Launch starts a cell that listens on its own address.
func (r Runner) Launch(ctx context.Context, address string) (Process, error) {
	dir, err := os.MkdirTemp(r.Dir, "t")
	if err != nil {
		return nil, err
	}
	listen := net.JoinHostPort(address, strconv.Itoa(r.Port))
	for _, sub := range []string{"in", "out", "w"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
			return nil, err
		}
	}
	args := slices.Concat(r.Python[1:], []string{"-m", "runner.cell", "--listen", listen, "--inbox", filepath.Join(dir, "in"), "--outbox", filepath.Join(dir, "out"),
		"--work", filepath.Join(dir, "w")}, r.Args)
	var output strings.Builder
	p := &process{cmd: exec.Command(r.Python[0], args...), done: make(chan struct{})}
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = dir, &output, &output
	p.cmd.Env = append(os.Environ(), "PYTHONPATH="+r.Path)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.err = p.cmd.Wait()
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // what it left
		if r.Log != nil {
			r.Log(address, output.String())
		}
		close(p.done)
	}()
	if err := p.await(ctx, listen); err != nil {
		p.Kill()
		return nil, fmt.Errorf("%w: %s", err, output.String())
	}
	return p, nil
}

// process is a cell's process group.
type process struct {
	cmd  *exec.Cmd
	err  error
	done chan struct{}
}

func (p *process) Done() <-chan struct{} { return p.done }

func (p *process) Kill() {
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.done
}

// await returns when the process listens.
func (p *process) await(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, startBound)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		var d net.Dialer
		conn, err := d.DialContext(ctx, "tcp", address)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-p.done:
			return errors.New("it ended while it started")
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
	}
}

// FreePort finds a port that nobody uses on loopback; each task has an address of its own and the same port.
func FreePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
