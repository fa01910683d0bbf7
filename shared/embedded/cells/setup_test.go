package cells_test

import (
	"context"
	"crypto/rand"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/orcray/orcray/shared/embedded/cells"
	"github.com/orcray/orcray/shared/ray"
)

// repo finds the root of the repository by its go.mod.
func repo(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if filepath.Dir(dir) == dir {
			t.Fatal("no go.mod above the test")
		}
		dir = filepath.Dir(dir)
	}
}

// python gives the environment's interpreter, or the system's for tests that need no Ray.
func python(t testing.TB) string {
	t.Helper()
	if venv := filepath.Join(repo(t), ".venv", "bin", "python"); exists(venv) {
		return venv
	}
	path, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("SKIPPED, NOT PROVEN: no Python on this machine")
	}
	return path
}

func exists(path string) bool { _, err := os.Stat(path); return err == nil }

// newSandbox makes a sandbox for a test; a machine without bwrap skips loudly.
func newSandbox(t testing.TB, change func(*cells.SandboxConfig)) *cells.Sandbox {
	t.Helper()
	if _, err := exec.LookPath("bwrap"); err != nil {
		t.Skip("SKIPPED, NOT PROVEN: bwrap is not installed, isolation was not tested")
	}
	cfg := cells.SandboxConfig{Dir: t.TempDir(), Python: python(t), Runner: filepath.Join("testdata", "light", "runner"), Rand: rand.Reader,
		Logger: slog.New(slog.NewTextHandler(t.Output(), nil))}
	cfg.Runner, _ = filepath.Abs(cfg.Runner)
	if change != nil {
		change(&cfg)
	}
	s, err := cells.NewSandbox(t.Context(), cfg)
	if err != nil {
		t.Fatalf("the sandbox: %v", err)
	}
	t.Cleanup(func() { must(t, s.Close()) })
	return s
}

// newPool makes a pool of light cells.
func newPool(t testing.TB, change func(*cells.Config)) *cells.Pool {
	t.Helper()
	cfg := cells.Config{Sandbox: newSandbox(t, nil), Now: time.Now, Logger: slog.New(slog.NewTextHandler(t.Output(), nil)), StartTimeout: 20 * time.Second}
	if change != nil {
		change(&cfg)
	}
	p := cells.NewPool(cfg)
	t.Cleanup(func() { must(t, p.Close()) })
	return p
}

// health asks a cell's runner, and waits no longer than the limit.
func health(t testing.TB, c *cells.Cell, limit time.Duration) (ray.Health, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	return c.Client().Health(ctx)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

// within fails the test when the condition does not come true in time; it waits on the condition, not on the clock.
func within(t testing.TB, limit time.Duration, what string, condition func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			if !condition() {
				t.Fatalf("not within %s: %s", limit, what)
			}
			return
		}
	}
}
