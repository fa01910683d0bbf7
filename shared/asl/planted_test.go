package asl_test

import (
	"context"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orcray/orcray/shared/asl"
	"github.com/orcray/orcray/shared/asl/sqlitejournal"
)

// forgetful is a journal with a planted bug: it says that a step is durable, and it is not.
type forgetful struct {
	asl.Journal
	lied atomic.Bool
}

func (f *forgetful) Commit(ctx context.Context, s asl.Step) error {
	for _, e := range s.Events {
		if e.Type == "LambdaFunctionSucceeded" && f.lied.CompareAndSwap(false, true) {
			return nil
		}
	}
	return f.Journal.Commit(ctx, s)
}

// careless is another: it says that an execution is durable, and it is not.
type careless struct{ asl.Journal }

func (c careless) Create(ctx context.Context, r asl.Record) error {
	if r.Name == executionName(1) {
		return nil
	}
	return c.Journal.Create(ctx, r)
}

func TestS6_PlantedBugsAreFound(t *testing.T) {
	t.Parallel()
	for name, plant := range map[string]func(asl.Journal) asl.Journal{
		"ran again": func(j asl.Journal) asl.Journal { return &forgetful{Journal: j} },
		"not_found": func(j asl.Journal) asl.Journal { return careless{j} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			j, err := sqlitejournal.Open(t.Context(), filepath.Join(dir, "journal.db"))
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			_ = tortureRound(ctx, plant(j), dir, 3, func() {}) // it may well fail
			if err := j.Close(); err != nil {
				t.Fatal(err)
			}
			if found := strings.Join(findings(t, dir, 3), "\n"); !strings.Contains(found, name) {
				t.Errorf("the planted bug was not found; findings: %s", found)
			}
		})
	}
}
