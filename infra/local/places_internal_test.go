package local

import (
	"crypto/rand"
	"log/slog"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/orcray/orcray/shared/embedded/cells"
	"github.com/orcray/orcray/shared/interpret/placestest"
)

// The suite of places, with this machine's own cells.
func TestN12_CellsConformance(t *testing.T) {
	if _, err := exec.LookPath("bwrap"); err != nil {
		t.Skip("SKIPPED, NOT PROVEN: bwrap is not installed, isolation was not tested")
	}
	python, err := filepath.Abs(filepath.Join("..", "..", ".venv", "bin", "python"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := exec.LookPath(python); err != nil {
		t.Skip("SKIPPED, NOT PROVEN: the environment is not installed (make setup)")
	}
	light, err := filepath.Abs(filepath.Join("..", "..", "shared", "embedded", "cells", "testdata", "light", "runner"))
	if err != nil {
		t.Fatal(err)
	}
	placestest.Run(t, func(t *testing.T) placestest.Place {
		log := slog.New(slog.NewTextHandler(t.Output(), nil))
		sandbox, err := cells.NewSandbox(t.Context(), cells.SandboxConfig{Dir: t.TempDir(), Python: python, Runner: light, Rand: rand.Reader, Logger: log})
		if err != nil {
			t.Fatal(err)
		}
		pool := cells.NewPool(cells.Config{Sandbox: sandbox, Now: time.Now, Logger: log, StartTimeout: 20 * time.Second, MaxLeased: 2})
		t.Cleanup(func() {
			if err := pool.Close(); err != nil {
				t.Error(err)
			}
			if err := sandbox.Close(); err != nil {
				t.Error(err)
			}
		})
		// The suite kills cells of anna only.
		return placestest.Place{Cells: newCellHouse(sandboxes{pool}), Store: func(string, []byte) {}, Kill: func(string) { pool.Destroy("anna", "killed by a test") }}
	})
}
