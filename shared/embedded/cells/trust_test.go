package cells_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orcray/orcray/shared/embedded/cells"
	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/ray"
)

func gone(c *cells.Cell) func() bool {
	return func() bool {
		select {
		case <-c.Done():
			return true
		default:
			return false
		}
	}
}

func submit(t *testing.T, c *cells.Cell, id, code string) {
	t.Helper()
	if _, _, err := c.Client().Submit(t.Context(), ray.Run{RunID: id, Code: code, Mode: ray.Validate}); err != nil {
		t.Fatal(err)
	}
}

func TestN12_ADeadCellIsReplaced(t *testing.T) {
	t.Parallel()
	p := newPool(t, nil)
	c := lease(t, p, "anna")
	submit(t, c, "killer", "import os, signal; os.kill(os.getppid(), signal.SIGKILL)")
	within(t, 10*time.Second, "the cell is noticed to be dead", gone(c))
	if fresh := lease(t, p, "anna"); fresh == c {
		t.Error("a dead cell was leased")
	}
}

// impostor takes the runner's place on its own socket and answers with what is not the protocol.
const impostor = `
import os, socket
os.unlink("/cell/run/runner.sock")
s = socket.socket(socket.AF_UNIX); s.bind("/cell/run/runner.sock"); s.listen()
while True:
    c, _ = s.accept(); c.recv(4096)
    c.sendall(b'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{"seq": 7, "time": "2026-11-23T04:00:00Z", "type": "status", "data": {"state": "succeeded"}}\n'); c.close()
`

func TestS3_ACellThatBreaksTheProtocolIsDestroyed(t *testing.T) {
	t.Parallel()
	p := newPool(t, nil)
	c := lease(t, p, "anna")
	submit(t, c, "impostor", impostor)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var err error
	for !errors.Is(err, ray.ErrProtocol) && ctx.Err() == nil { // until the impostor has taken the socket
		asked, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
		_, _, err = c.Client().Events(asked, "impostor", 0, func(ray.Event) error { return nil })
		cancel()
	}
	if err = c.Judge(ctx, err); !errors.Is(err, ray.ErrProtocol) {
		t.Errorf("the impostor was not noticed: %v", err)
	}
	if !gone(c)() {
		t.Error("it is still used")
	}
}

func TestN12_ASlowCallerOrAFullStoreIsNotTheCellsFault(t *testing.T) {
	t.Parallel()
	p := newPool(t, nil)
	c := lease(t, p, "anna")
	submit(t, c, "slow", "import time; time.sleep(30)")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, _, err := c.Client().Events(ctx, "slow", 0, func(ray.Event) error { return nil })
	if c.Judge(ctx, err) == nil || gone(c)() {
		t.Errorf("%v; gone: %t", err, gone(c)())
	}
	full := fault.New(fault.Unavailable, "the store is away")
	_, _, err = c.Client().Events(t.Context(), "slow", 0, func(ray.Event) error { return full })
	if !errors.Is(c.Judge(t.Context(), err), full) || gone(c)() {
		t.Errorf("%v; gone: %t", err, gone(c)())
	}
}

func TestR19_AStopThatIsNotConfirmedEndsTheCell(t *testing.T) {
	t.Parallel()
	p := newPool(t, nil)
	c := lease(t, p, "anna")
	submit(t, c, "good", "import time; time.sleep(60)")
	must(t, c.Stop(t.Context(), "good"))
	if gone(c)() {
		t.Fatal("a confirmed stop ended the cell")
	}
	if status, err := c.Client().Get(t.Context(), "good"); err == nil && status.State != ray.Stopped {
		t.Errorf("%+v", status)
	}
	submit(t, c, "deaf", "import os, signal, time; os.kill(os.getppid(), signal.SIGSTOP); time.sleep(60)")
	within(t, 30*time.Second, "the runner is deaf", func() bool {
		_, err := health(t, c, 2*time.Second)
		return err != nil
	})
	must(t, c.Stop(t.Context(), "deaf"))
	if !gone(c)() {
		t.Error("a deaf runner's cell is still there")
	}
}

func TestN12_AnIdleCellIsDestroyedAndAUsedOneIsNot(t *testing.T) {
	t.Parallel()
	var later atomic.Int64
	p := newPool(t, func(c *cells.Config) {
		c.IdleTimeout, c.HoldTimeout = time.Minute, time.Hour
		c.Now = func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
	})
	a, b := lease(t, p, "anna"), lease(t, p, "ben")
	p.Release("anna")
	later.Store(int64(2 * time.Minute))
	within(t, 10*time.Second, "the idle cell is gone", gone(a))
	if gone(b)() {
		t.Error("the cell in use is gone as well")
	}
	later.Store(int64(2 * time.Hour))
	within(t, 10*time.Second, "a forgotten cell is gone in the end", gone(b))
}

func TestN12_AFailedStartIsToldAndTriedAgain(t *testing.T) {
	t.Parallel()
	broken := filepath.Join(t.TempDir(), "runner")
	must(t, os.Mkdir(broken, 0o755))
	must(t, os.Chmod(filepath.Dir(broken), 0o755))
	must(t, os.WriteFile(filepath.Join(broken, "cell.py"), []byte("print('no Ray here')\nraise SystemExit(3)\n"), 0o644))
	s := newSandbox(t, func(c *cells.SandboxConfig) { c.Runner = broken })
	p := newPool(t, func(c *cells.Config) { c.Sandbox = s })
	within(t, 20*time.Second, "a second failure", func() bool { return p.Stats().Failures >= 2 })
	if got := p.Stats(); !strings.Contains(got.LastError, "no Ray here") || got.Warm != 0 {
		t.Errorf("%+v", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err := p.Lease(ctx, "anna", func(int) { cancel() })
	if !strings.Contains(fault.MessageOf(err), "starts of a cell failed") || strings.Contains(fault.MessageOf(err), "no Ray here") {
		t.Errorf("who waits is told %q", fault.MessageOf(err))
	}
}
