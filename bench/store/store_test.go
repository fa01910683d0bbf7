// Package store_test measures the one-machine store and queue (row P3) against their baseline: the same number of bare
// writes, each flushed to the same disk, in the same run.
//
//	go test -run '^$' -bench . -benchtime 1x ./bench/store
package store_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/orcray/orcray/shared/embedded/queue"
	"github.com/orcray/orcray/shared/embedded/sqlite"
	port "github.com/orcray/orcray/shared/queue"
	"github.com/orcray/orcray/shared/table"
)

const (
	perSecond = 200  // requests a second that come whether or not the earlier ones are done
	requests  = 2000 // 10 s of them
	clients   = 64   // for the most that goes through
	bodySize  = 2 << 10
)

// house is a store with the queue of jobs in the same file, as one machine has it.
type house struct {
	store table.Table
	jobs  port.Queue
}

func open(b *testing.B) house {
	b.Helper()
	ctx := context.Background()
	db, err := sqlite.Open(ctx, filepath.Join(b.TempDir(), "store.db"), sqlite.Options{Now: time.Now})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	limits := port.Limits{Visibility: time.Minute, MaxReceive: 3, MaxAge: time.Hour, MaxDepth: 1 << 20}
	jobs, err := queue.Open(ctx, db.File(), "jobs", limits, queue.Options{Now: time.Now})
	if err != nil {
		b.Fatal(err)
	}
	return house{store: db.Table(), jobs: jobs}
}

// accept is what a POST of a job makes durable: the job and its idempotency record in one transaction, then the message.
func (h house) accept(n int) error {
	ctx := context.Background()
	body := make([]byte, bodySize)
	err := h.store.Transact(ctx, []table.Write{
		{Op: table.Put, Item: table.Item{Key: table.Key{PK: "u#ann", SK: fmt.Sprint("job#", n)}, Body: body}, Need: table.Absent()},
		{Op: table.Put, Item: table.Item{Key: table.Key{PK: "u#ann#idem", SK: fmt.Sprint(n)}, Body: body[:100]}, Need: table.Absent()},
	})
	if err != nil {
		return err
	}
	return h.jobs.Send(ctx, body[:300])
}

// bare is the baseline: one write of the same size at the end of a file, flushed.
type bare struct {
	mu   sync.Mutex
	file *os.File
}

func openBare(b *testing.B) *bare {
	b.Helper()
	file, err := os.Create(filepath.Join(b.TempDir(), "bare"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = file.Close() })
	return &bare{file: file}
}

func (f *bare) write(int) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, err := f.file.Write(make([]byte, bodySize)); err != nil {
		return err
	}
	return f.file.Sync()
}

// paced starts do at fixed times and gives how long each took, queueing included, in order.
func paced(b *testing.B, do func(n int) error) []time.Duration {
	b.Helper()
	took := make([]time.Duration, requests)
	var wg sync.WaitGroup
	tick := time.NewTicker(time.Second / perSecond)
	defer tick.Stop()
	for n := range requests {
		due := <-tick.C
		wg.Go(func() {
			if err := do(n); err != nil {
				b.Error(err)
			}
			took[n] = time.Since(due)
		})
	}
	wg.Wait()
	slices.Sort(took)
	return took
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// BenchmarkP3_AcceptAt200PerSecond: row P3 asks for p50 ≤ 10 ms and p99 ≤ 50 ms of the whole request; this is its durable
// part.
func BenchmarkP3_AcceptAt200PerSecond(b *testing.B) {
	h, base := open(b), openBare(b)
	for range b.N {
		ours := paced(b, h.accept)
		theirs := paced(b, base.write)
		b.ReportMetric(milliseconds(ours[requests/2]), "p50-ms")
		b.ReportMetric(milliseconds(ours[requests*99/100]), "p99-ms")
		b.ReportMetric(milliseconds(theirs[requests/2]), "bare-p50-ms")
		b.ReportMetric(milliseconds(theirs[requests*99/100]), "bare-p99-ms")
		b.ReportMetric(float64(ours[requests/2])/float64(theirs[requests/2]), "p50-ratio-to-bare")
		h = open(b)
	}
}

// together lets the clients do all requests as fast as they go, and gives how many were done in a second.
func together(b *testing.B, do func(n int) error) float64 {
	b.Helper()
	start := time.Now()
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() {
			for n := c; n < requests; n += clients {
				if err := do(n); err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
	return requests / time.Since(start).Seconds()
}

// BenchmarkP3_GroupCommit: 64 clients at once; the ratio says how many durable transactions go through for each bare
// flush.
func BenchmarkP3_GroupCommit(b *testing.B) {
	for range b.N {
		h := open(b)
		alone := h.store
		ours := together(b, func(n int) error {
			return alone.Transact(context.Background(), []table.Write{{
				Op: table.Put, Item: table.Item{Key: table.Key{PK: "p", SK: fmt.Sprint(n)}, Body: make([]byte, bodySize)}, Need: table.Absent(),
			}})
		})
		theirs := together(b, openBare(b).write)
		b.ReportMetric(ours, "transactions/s")
		b.ReportMetric(theirs, "bare-flushes/s")
		b.ReportMetric(ours/theirs, "ratio-to-bare")
	}
}
