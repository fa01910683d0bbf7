package localtest

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/orcray/orcray/infra/local"
	embedded "github.com/orcray/orcray/shared/embedded/queue"
	"github.com/orcray/orcray/shared/embedded/sqlite"
	"github.com/orcray/orcray/shared/queue"
	"github.com/orcray/orcray/shared/table"
	"github.com/orcray/orcray/shared/topology"
)

// Store opens the table and the queue of a world's folder until the test ends, without the application: what wrote before, or will
// read later, is another process.
func Store(t testing.TB, dir string, now func() time.Time) (table.Table, local.Queue) {
	t.Helper()
	ctx := context.Background()
	if OnWire() {
		items, messages, err := shared.items(ctx, dir, jobsLimits(0), now)
		must(t, err)
		return items, messages
	}
	must(t, os.MkdirAll(filepath.Join(dir, "var"), 0o700))
	db, err := sqlite.Open(ctx, filepath.Join(dir, "var", "orcray.db"), sqlite.Options{Now: now})
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	messages, err := embedded.Open(ctx, db.File(), topology.QueueJobs, jobsLimits(0), embedded.Options{Now: now})
	must(t, err)
	return db.Table(), messages
}

// jobsLimits are those of the queue of jobs; depth 0: the product's.
func jobsLimits(depth int) queue.Limits {
	q := topology.Orcray().Queues[0]
	if depth > 0 {
		q.MaxDepth = depth
	}
	return queue.LimitsOf(q)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
