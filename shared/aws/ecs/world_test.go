package ecs_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/orcray/orcray/shared/aws/dynamo"
	"github.com/orcray/orcray/shared/aws/dynamo/dynamolocal"
	"github.com/orcray/orcray/shared/aws/ecs"
	"github.com/orcray/orcray/shared/aws/ecs/ecstest"
	"github.com/orcray/orcray/shared/embedded/sqlite"
	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/interpret"
	"github.com/orcray/orcray/shared/object"
	"github.com/orcray/orcray/shared/table"
)

const service = "cells"

// clock is the time of a world; it goes on by itself, and further when a test says so.
type clock struct {
	mu    sync.Mutex
	ahead time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}

// world is ECS with a service of light cells, a table and a store.
type world struct {
	t     *testing.T
	aws   *ecstest.Server
	table table.Table
	files *files
	port  int
	clock *clock
}

// quick are times for tests.
func quick() ecs.Times {
	return ecs.Times{Keep: time.Minute, Hold: 5 * time.Minute, Stand: 20 * time.Second, Probe: 5 * time.Second,
		First: 5 * time.Millisecond, Most: 100 * time.Millisecond, Start: 20 * time.Second}
}

func newWorld(t *testing.T, cells int, open func(*testing.T, func() time.Time) table.Table) *world {
	t.Helper()
	return newWorldOf(t, cells, open, light(t))
}

// light makes tasks that run the light runner.
func light(t *testing.T) func(int) ecstest.Launch {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", "..", "embedded", "cells", "testdata", "light"))
	must(t, err)
	return func(port int) ecstest.Launch {
		return ecstest.Runner{Python: []string{python(t)}, Path: path, Dir: t.TempDir(), Port: port}.Launch
	}
}

func newWorldOf(t *testing.T, cells int, open func(*testing.T, func() time.Time) table.Table, launch func(port int) ecstest.Launch) *world {
	t.Helper()
	port, err := ecstest.FreePort()
	must(t, err)
	w := &world{t: t, files: newFiles(t), port: port, clock: &clock{}}
	w.table = open(t, w.clock.now)
	w.aws = ecstest.New(launch(port))
	t.Cleanup(w.aws.Close)
	w.aws.AddService(service, cells)
	return w
}

// cells makes another process's view of the cells.
func (w *world) cells(change func(*ecs.CellsConfig)) *ecs.Cells {
	cfg := ecs.CellsConfig{Client: w.aws.Client(), Table: w.table, Objects: w.files, Cluster: ecstest.Cluster(), Service: service, Max: 5,
		Now: w.clock.now, Rand: rand.Reader, Logger: slog.New(slog.NewTextHandler(w.t.Output(), nil)), Times: quick(), Port: w.port}
	if change != nil {
		change(&cfg)
	}
	return ecs.NewCells(cfg)
}

func (w *world) ctx() context.Context {
	ctx, cancel := context.WithTimeout(w.t.Context(), 90*time.Second)
	w.t.Cleanup(cancel)
	return ctx
}

func (w *world) lease(c *ecs.Cells, session, job string) interpret.Cell {
	w.t.Helper()
	cell, err := c.Lease(w.ctx(), session, job, func(interpret.Wait) {})
	must(w.t, err)
	return cell
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// within waits for a condition.
func within(t *testing.T, what string, condition func() bool) {
	t.Helper()
	bound := time.NewTimer(60 * time.Second)
	defer bound.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-bound.C:
			t.Fatalf("never: %s", what)
		}
	}
}

func python(t *testing.T) string {
	t.Helper()
	if venv, err := filepath.Abs(filepath.Join("..", "..", "..", ".venv", "bin", "python")); err == nil {
		if _, err := os.Stat(venv); err == nil {
			return venv
		}
	}
	path, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("SKIPPED, NOT PROVEN: no Python on this machine")
	}
	return path
}

func onSQLite(t *testing.T, now func() time.Time) table.Table {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "db"), sqlite.Options{Now: now})
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	return db.Table()
}

func onDynamo(endpoint string) func(*testing.T, func() time.Time) table.Table {
	return func(t *testing.T, now func() time.Time) table.Table {
		t.Helper()
		client := dynamo.NewClient(aws.Config{Region: "eu-central-1", Credentials: credentials.NewStaticCredentialsProvider("local", "local", "")}, endpoint)
		name := "cells-" + rand.Text()
		must(t, dynamo.CreateTable(t.Context(), client, name))
		return dynamo.New(client, name, now)
	}
}

// bothTables runs a test on every store.
func bothTables(t *testing.T, test func(*testing.T, func(*testing.T, func() time.Time) table.Table)) {
	t.Run("SQLite", func(t *testing.T) { test(t, onSQLite) })
	t.Run("DynamoDB", func(t *testing.T) { test(t, onDynamo(dynamolocal.Start(t))) })
}

// files is an object store whose signed addresses work.
type files struct {
	server *httptest.Server
	mu     sync.Mutex
	held   map[string][]byte
}

func newFiles(t *testing.T) *files {
	f := &files{held: map[string][]byte{}}
	f.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		content, ok := f.held[r.URL.Path[1:]]
		f.mu.Unlock()
		if !ok || r.URL.Query().Get("signed") == "" {
			http.Error(w, "no", http.StatusNotFound)
			return
		}
		_, _ = w.Write(content)
	}))
	t.Cleanup(f.server.Close)
	return f
}

func (f *files) put(key string, content []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.held[key] = content
}

func (f *files) Head(_ context.Context, key string) (object.Info, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	content, ok := f.held[key]
	if !ok {
		return object.Info{}, fault.New(fault.NotFound, "no such object")
	}
	return object.Info{Key: key, Size: int64(len(content))}, nil
}

func (f *files) SignGet(_ context.Context, key, _ string, _ time.Duration) (object.SignedRequest, error) {
	return object.SignedRequest{Method: http.MethodGet, URL: fmt.Sprintf("%s/%s?signed=1", f.server.URL, key)}, nil
}
