package localtest_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/orcray/orcray/infra/local/localtest"
	"github.com/orcray/orcray/shared/job"
)

// A suite that says it ran with the adapters of AWS must not have used the embedded parts, nor the other way round.
func TestA6_WorldsAreMadeOfWhatTheVariableSays(t *testing.T) {
	dir := t.TempDir()
	w, err := localtest.Open(localtest.Setup{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	c := w.NewCase(t)
	if j := c.Ask(); j.Status != job.Completed {
		t.Fatalf("%s %+v", j.Status, j.Failure)
	}
	for _, file := range []string{"var/orcray.db", "var/workflow.db", "step-functions/executions.db"} {
		_, err := os.Stat(filepath.Join(dir, file))
		if want := strings.HasPrefix(file, "step-functions") == localtest.OnWire(); (err == nil) != want || err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v, on the wire: %v", file, err, localtest.OnWire())
		}
	}
}

// Whoever opens the store of a world's folder sees what the world wrote.
func TestA6_AStoreIsItsWorlds(t *testing.T) {
	dir := t.TempDir()
	w, err := localtest.Open(localtest.Setup{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	c := w.NewCase(t)
	j := c.Ask()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	items, messages := localtest.Store(t, dir, time.Now)
	if kept, err := job.NewStore(items, time.Now).Get(t.Context(), c.User.ID, j.ID); err != nil || kept.Status != job.Completed {
		t.Errorf("%+v %v", kept, err)
	}
	if s, err := messages.Stats(t.Context()); err != nil || s.Dead != 0 {
		t.Errorf("%+v %v", s, err)
	}
}
