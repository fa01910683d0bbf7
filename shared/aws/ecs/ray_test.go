package ecs_test

import (
	"crypto/rand"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orcray/orcray/shared/aws/ecs"
	"github.com/orcray/orcray/shared/aws/ecs/ecstest"
	"github.com/orcray/orcray/shared/aws/s3"
	"github.com/orcray/orcray/shared/embedded/s3gateway"
	"github.com/orcray/orcray/shared/interpret"
	"github.com/orcray/orcray/shared/ray"
	"github.com/orcray/orcray/shared/source"
)

// A program is validated and executed in true cells, tasks that run the true runner with a Ray of their own. The source comes by a
// presigned address of the object store, the result goes back over the runner.
func TestN12_ATrueCellOnTheNetwork(t *testing.T) {
	interpreter := python(t)
	if !strings.Contains(interpreter, ".venv") {
		t.Skip("SKIPPED, NOT PROVEN: the environment is not installed (make setup)")
	}
	runner, err := filepath.Abs(filepath.Join("..", "..", "..", "ray-cluster"))
	must(t, err)
	dir, err := os.MkdirTemp("/tmp", "oc") // Ray's sockets need short names
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	w := newWorldOf(t, 1, onSQLite, func(port int) ecstest.Launch {
		return ecstest.Runner{Python: []string{interpreter}, Path: runner, Dir: dir, Port: port, Args: []string{"--once", "60", "--inbox-http", "--drivers", "1"},
			Log: func(address, output string) { t.Logf("%s: %s", address, output) }}.Launch
	})
	gateway, err := s3gateway.Start(t.Context(), s3gateway.Options{Dir: filepath.Join(dir, "s3"), Bucket: "cells-bucket", Now: time.Now, Rand: rand.Reader})
	must(t, err)
	t.Cleanup(func() { must(t, gateway.Close()) })
	store := s3.New(s3.NewClient(gateway.Config(), gateway.Endpoint()), "cells-bucket", time.Now)
	text := "region,amount\n" + strings.Repeat("north,1\nsouth,2\n", 500)
	must(t, store.Put(w.ctx(), "u/anna/sales.csv", "text/csv", strings.NewReader(text), int64(len(text))))
	c := w.cells(func(cfg *ecs.CellsConfig) { cfg.Objects, cfg.Max = store, 1 })

	cell := w.lease(c, "anna", "j1")
	answer(t, w, cell, ray.Validate, "j1-validate-1")
	c.Release("anna", "j1")
	again := w.lease(w.cells(func(cfg *ecs.CellsConfig) { cfg.Objects = store }), "anna", "j1") // another process
	if again.ID() != cell.ID() {
		t.Errorf("the session has %s, then %s", cell.ID(), again.ID())
	}
	file := answer(t, w, again, ray.Execute, "j1-run-1")
	body, size, err := again.Open("j1-run-1", file)
	must(t, err)
	whole, err := io.ReadAll(body)
	must(t, err)
	must(t, body.Close())
	if int64(len(whole)) != size || !strings.HasPrefix(string(whole), "PAR1") {
		t.Errorf("%d bytes of %.4q", size, whole)
	}
	stranger := w.client(again.ID(), strings.Repeat("0", 64))
	if err := stranger.Claim(w.ctx()); err == nil {
		t.Error("a stranger claims a leased cell")
	}
	must(t, again.Runner().(*ray.Client).End(w.ctx()))
	within(t, "the cell ends with its lease", func() bool { return !slices.Contains(w.aws.Running(service), again.ID()) })
}

// answer runs a program on the session's file and gives the name of the whole table.
func answer(t *testing.T, w *world, cell interpret.Cell, mode ray.Mode, id string) string {
	t.Helper()
	name, err := cell.Put(w.ctx(), "u/anna/sales.csv", func() (io.ReadCloser, int64, error) {
		t.Error("the source went through the Lambda")
		return nil, 0, os.ErrInvalid
	})
	must(t, err)
	run := ray.Run{RunID: id, Mode: mode, Limits: ray.Limits{WallSeconds: 60},
		Code: "import ray\nds = ray.data.read_csv('s3://bucket/sales.csv')\nds.groupby('region').sum('amount')",
		Sources: []ray.RunSource{{URI: "s3://bucket/sales.csv", Name: "sales.csv", Format: source.CSV, Files: []string{name}, Rows: 1000,
			Dialect: &source.Dialect{Delimiter: ",", Quote: `"`, Header: true},
			Columns: []source.Column{{Name: "region", Type: source.String}, {Name: "amount", Type: source.Int}}}}}
	_, _, err = cell.Runner().Submit(w.ctx(), run)
	must(t, err)
	var table *ray.Table
	var events []string
	state, after := ray.Running, int64(0)
	for !state.Terminal() {
		after, state, err = cell.Runner().Events(w.ctx(), id, after, func(e ray.Event) error {
			events = append(events, string(e.Data))
			var o ray.Output
			if e.Type == "output" && json.Unmarshal(e.Data, &o) == nil {
				table = o.Table
			}
			return nil
		})
		must(t, err)
	}
	if state != ray.Succeeded || table == nil || len(table.Rows) != 2 || string(table.Rows[1][1]) != "1000" {
		t.Fatalf("%s: %v", state, events)
	}
	return table.File
}
