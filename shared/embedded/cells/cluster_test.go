package cells_test

import (
	"crypto/rand"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"context"

	"github.com/orcray/orcray/shared/embedded/cells"
	"github.com/orcray/orcray/shared/fault"
)

func newCluster(t *testing.T, change func(*cells.ClusterConfig)) *cells.Cluster {
	t.Helper()
	cfg := cells.ClusterConfig{Dir: t.TempDir(), Rand: rand.Reader, Now: time.Now, Logger: slog.New(slog.NewTextHandler(t.Output(), nil))}
	change(&cfg)
	c, err := cells.NewCluster(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Stop)
	return c
}

func TestR20_TheClusterConnectsShowsItsVersionAndDisconnects(t *testing.T) {
	runner := oneRay(t)
	if !exists(filepath.Join(runner, "head.py")) {
		t.Skip("SKIPPED, NOT PROVEN: there is no runner.head yet")
	}
	s := newSandbox(t, func(c *cells.SandboxConfig) { c.Runner = runner })
	dir, err := os.MkdirTemp("", "s3")
	must(t, err)
	t.Cleanup(func() { must(t, os.RemoveAll(dir)) })
	s3, err := net.Listen("unix", filepath.Join(dir, "s3.sock"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { must(t, s3.Close()) })
	c := newCluster(t, func(cfg *cells.ClusterConfig) { cfg.Sandbox, cfg.S3Socket = s, filepath.Join(dir, "s3.sock") })
	if got := c.Status().State; got != cells.ClusterStopped {
		t.Errorf("before its start it is %s", got)
	}
	if _, err := c.Client().Health(t.Context()); !fault.Is(err, fault.Unavailable) {
		t.Errorf("a stopped cluster answers %v", err)
	}
	if got := c.Dashboard().Status(t.Context()); got.Connected {
		t.Errorf("a stopped cluster is %+v", got)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	if err := c.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	status := c.Status()
	if status.State != cells.ClusterConnected || status.Version == "" {
		t.Errorf("then it is %+v", status)
	}
	if got := c.Dashboard().Status(ctx); !got.Connected || got.Version != status.Version {
		t.Errorf("its dashboard is %+v", got)
	}
	if jobs, err := c.Dashboard().Jobs(ctx, false); err != nil || len(jobs) != 0 {
		t.Errorf("jobs %v, %v", jobs, err)
	}
	nodes, err := c.Dashboard().Nodes(ctx)
	if err != nil || len(nodes) != 1 || !nodes[0].Head {
		t.Errorf("nodes %+v, %v", nodes, err)
	}
	if text, err := c.Dashboard().ClusterStatus(ctx); err != nil || text == "" {
		t.Errorf("status %q, %v", text, err)
	}
	c.Stop()
	if got := c.Status().State; got != cells.ClusterStopped {
		t.Errorf("after its stop it is %s", got)
	}
}
