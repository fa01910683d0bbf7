package job_test

import (
	"context"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orcray/orcray/shared/aws/dynamo"
	"github.com/orcray/orcray/shared/aws/dynamo/dynamolocal"
	"github.com/orcray/orcray/shared/embedded/bus"
	"github.com/orcray/orcray/shared/embedded/sqlite"
	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/job"
	"github.com/orcray/orcray/shared/table"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

func take(t *testing.T, p job.Pace, owner string, perMinute int) time.Duration {
	t.Helper()
	pace, err := p.Take(t.Context(), owner, perMinute)
	if err != nil {
		t.Fatal(err)
	}
	if pace.Limit != perMinute || pace.Left < 0 || perMinute > 0 && pace.Left >= perMinute || pace.Full < 0 {
		t.Errorf("the allowance is %+v", pace)
	}
	return pace.Wait
}

// paceSuite is what every limiter of jobs must do.
func paceSuite(t *testing.T, open func(now func() time.Time) job.Pace) {
	start := time.Now() // DynamoDB Local removes what expired by the machine's own clock
	t.Run("a minute's worth at once, then evenly", func(t *testing.T) {
		now := start
		p := open(func() time.Time { return now })
		for i := range 6 {
			if wait := take(t, p, "ann", 6); wait != 0 {
				t.Fatalf("job %d waits %s", i+1, wait)
			}
		}
		if wait := take(t, p, "ann", 6); wait <= 9*time.Second || wait > 10*time.Second {
			t.Errorf("the seventh waits %s", wait)
		}
		if wait := take(t, p, "bob", 6); wait != 0 {
			t.Errorf("another user waits %s", wait)
		}
		now = now.Add(10*time.Second + time.Millisecond)
		if wait := take(t, p, "ann", 6); wait != 0 {
			t.Errorf("after its time the seventh waits %s", wait)
		}
		if wait := take(t, p, "ann", 6); wait == 0 {
			t.Error("what was refused was counted, or one too many was taken")
		}
		now = now.Add(time.Hour)
		for range 6 {
			if wait := take(t, p, "ann", 6); wait != 0 {
				t.Errorf("after an hour a job waits %s", wait)
			}
		}
		if take(t, p, "ann", 6) == 0 {
			t.Error("an hour's rest gives more than a minute's worth")
		}
	})
	t.Run("an admin lowers the limit and raises it again", func(t *testing.T) {
		now := start
		p := open(func() time.Time { return now })
		for range 2 {
			if wait := take(t, p, "eve", 2); wait != 0 {
				t.Fatalf("within the limit: %s", wait)
			}
		}
		if take(t, p, "eve", 2) == 0 {
			t.Error("the limit of two lets three through")
		}
		now = now.Add(2 * time.Second)
		if wait := take(t, p, "eve", 60); wait != 0 {
			t.Errorf("with 60 a minute, two seconds are enough for one; it waits %s", wait)
		}
	})
	t.Run("no limit", func(t *testing.T) {
		p := open(func() time.Time { return start })
		for range 100 {
			if take(t, p, "cat", 0) != 0 {
				t.Fatal("no limit limits")
			}
		}
	})
	t.Run("many at once", func(t *testing.T) { manyAtOnce(t, open(func() time.Time { return start })) })
}

func manyAtOnce(t *testing.T, p job.Pace) {
	t.Helper()
	var taken atomic.Int64
	var all sync.WaitGroup
	for range 40 {
		all.Go(func() {
			if pace, err := p.Take(t.Context(), "dan", 10); err == nil && pace.Wait == 0 {
				taken.Add(1)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if taken.Load() != 10 {
		t.Errorf("%d of 40 at once were taken, 10 are allowed", taken.Load())
	}
}

func TestO60_TheLimiterInTheProcess(t *testing.T) {
	paceSuite(t, func(now func() time.Time) job.Pace { return bus.NewPace(now) })
}

func TestO60_TheLimiterOnSQLite(t *testing.T) {
	paceSuite(t, func(now func() time.Time) job.Pace {
		db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "db"), sqlite.Options{Now: now})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		return job.NewTablePace(db.Table(), now)
	})
}

func TestA6_TheLimiterOnDynamoDB(t *testing.T) {
	config := aws.Config{Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("a", "b", "")}
	client := dynamo.NewClient(config, dynamolocal.Start(t))
	tables := 0
	paceSuite(t, func(now func() time.Time) job.Pace {
		tables++
		name := "pace-" + string(rune('a'+tables))
		if err := dynamo.CreateTable(t.Context(), client, name); err != nil {
			t.Fatal(err)
		}
		return job.NewTablePace(dynamo.New(client, name, now), now)
	})
}

// A store that does not answer is an error of the request, not a free pass.
func TestO60_AStoreThatFailsLetsNobodyThrough(t *testing.T) {
	t.Parallel()
	p := job.NewTablePace(deaf{}, time.Now)
	if pace, err := p.Take(t.Context(), "ann", 5); !fault.Is(err, fault.Unavailable) || pace != (job.Allowance{}) {
		t.Errorf("%+v, %v", pace, err)
	}
}

type deaf struct{ table.Table }

func (deaf) Get(context.Context, table.Key) (table.Item, error) {
	return table.Item{}, fault.New(fault.Unavailable, "The store does not answer.")
}
