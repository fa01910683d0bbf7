package asl_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/orcray/orcray/shared/asl"
	"github.com/orcray/orcray/shared/asl/sqlitejournal"
)

// counting calls its function n times, one after the other.
const counting = `{"StartAt":"Step","States":{
	"Step":{"Type":"Task","Resource":"step","Next":"More"},
	"More":{"Type":"Choice","Choices":[{"Variable":"$.n","NumericGreaterThan":0,"Next":"Step"}],"Default":"Done"},
	"Done":{"Type":"Succeed"}}}`

// stepper counts down, and notes the time between two calls: one journalled step, its commit included.
type stepper struct {
	mu    sync.Mutex
	last  map[string]time.Time
	times []time.Duration
}

func (s *stepper) Invoke(_ context.Context, c asl.Call) (json.RawMessage, error) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if before, ok := s.last[c.Execution]; ok {
		s.times = append(s.times, now.Sub(before))
	}
	s.last[c.Execution] = now
	var in struct {
		N int `json:"n"`
	}
	if err := json.Unmarshal(c.Payload, &in); err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, `{"n":%d}`, in.N-1), nil
}

func median(times []time.Duration) time.Duration {
	if len(times) == 0 {
		return 0
	}
	slices.Sort(times)
	return times[len(times)/2]
}

// bareCommit is the baseline: one row in one durable transaction, with the journal's own settings.
func bareCommit(b *testing.B, n int) time.Duration {
	b.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(b.TempDir(), "bare.db")+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if _, err := db.Exec("CREATE TABLE t (id INTEGER PRIMARY KEY, data BLOB)"); err != nil {
		b.Fatal(err)
	}
	var times []time.Duration
	for range n {
		began := time.Now()
		if _, err := db.Exec("INSERT INTO t (data) VALUES (?)", []byte(`{"n":1}`)); err != nil {
			b.Fatal(err)
		}
		times = append(times, time.Since(began))
	}
	return median(times)
}

// BenchmarkP4_JournalledStep measures a step of a Task and a Choice, alone and beside others, against a bare commit.
func BenchmarkP4_JournalledStep(b *testing.B) {
	const steps = 200
	for _, side := range []int{1, 16} {
		b.Run(fmt.Sprintf("executions=%d", side), func(b *testing.B) {
			j, err := sqlitejournal.Open(b.Context(), filepath.Join(b.TempDir(), "journal.db"))
			if err != nil {
				b.Fatal(err)
			}
			defer j.Close()
			s := &stepper{last: map[string]time.Time{}}
			e := asl.New(asl.Config{Journal: j, Invoker: s, Now: time.Now})
			defer func() { _ = e.Close(context.Background()) }()
			m, err := asl.Parse([]byte(counting))
			if err != nil {
				b.Fatal(err)
			}
			if err := e.Register("m", m); err != nil {
				b.Fatal(err)
			}
			round := 0
			for b.Loop() {
				round++
				for i := range side {
					if err := e.Start(b.Context(), "m", fmt.Sprintf("%d-%d", round, i), fmt.Appendf(nil, `{"n":%d}`, steps)); err != nil {
						b.Fatal(err)
					}
				}
				for i := range side {
					if _, err := e.Wait(b.Context(), "m", fmt.Sprintf("%d-%d", round, i)); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(round*steps*side), "us/step")
			step, bare := median(s.times), bareCommit(b, steps)
			b.ReportMetric(float64(step.Microseconds()), "us-p50/step")
			b.ReportMetric(5000, "us-p50/step-at-most")
			b.ReportMetric(float64(bare.Microseconds()), "us-p50/bare-commit")
			b.ReportMetric(float64(step)/float64(bare), "x-bare-commit")
		})
	}
}
