package queue_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/orcray/orcray/shared/embedded/durable"
	"github.com/orcray/orcray/shared/embedded/queue"
	"github.com/orcray/orcray/shared/fault"
	port "github.com/orcray/orcray/shared/queue"
	"github.com/orcray/orcray/shared/queue/queuetest"
)

func openFile(t *testing.T, path string) *durable.File {
	t.Helper()
	file, err := durable.Open(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	return file
}

func openQueue(t *testing.T, file *durable.File, name string, limits port.Limits, clock *queuetest.Clock) *queue.Queue {
	t.Helper()
	q, err := queue.Open(context.Background(), file, name, limits, queue.Options{Now: clock.Now, Alarm: clock.Alarm})
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func TestO29_Conformance(t *testing.T) {
	t.Parallel()
	queuetest.Run(t, func(t *testing.T, limits port.Limits) queuetest.Subject {
		clock := queuetest.NewClock()
		path := filepath.Join(t.TempDir(), "queue.db")
		var start func() queuetest.Subject
		start = func() queuetest.Subject {
			file := openFile(t, path)
			q := openQueue(t, file, "jobs", limits, clock)
			return queuetest.Subject{Queue: q, Inspector: q, Advance: clock.Advance, Restart: func() queuetest.Subject {
				_ = file.Close()
				return start()
			}}
		}
		return start()
	}, queuetest.Options{})
}

// TestO29_QueuesOfOneFileAreApart: names do not see, end or count each other's messages.
func TestO29_QueuesOfOneFileAreApart(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	file := openFile(t, filepath.Join(t.TempDir(), "queue.db"))
	clock := queuetest.NewClock()
	limits := port.Limits{Visibility: 1e9, MaxReceive: 1, MaxAge: 1e12, MaxDepth: 1}
	one, two := openQueue(t, file, "one", limits, clock), openQueue(t, file, "two", limits, clock)
	if err := one.Send(ctx, []byte("1")); err != nil {
		t.Fatal(err)
	}
	if got, err := two.Receive(ctx, 1, 0); err != nil || len(got) != 0 {
		t.Fatalf("queue two gave %v, %v", got, err)
	}
	if err := two.Send(ctx, []byte("2")); err != nil {
		t.Fatalf("queue two counts the messages of one: %v", err)
	}
	got, err := one.Receive(ctx, 10, 0)
	if err != nil || len(got) != 1 || string(got[0].Body) != "1" {
		t.Fatalf("queue one gave %v, %v", got, err)
	}
	if err := two.Delete(ctx, got[0].Receipt); err != nil {
		t.Fatal(err)
	}
	clock.Advance(2e9)
	dead, err := one.DeadLetters(ctx, 10)
	if err != nil || len(dead) != 1 {
		t.Fatalf("dead letters %v, %v; the other queue's delete must not count", dead, err)
	}
	if err := two.Redrive(ctx, dead[0].ID); !fault.Is(err, fault.NotFound) {
		t.Fatalf("queue two redrives the dead of one: %v", err)
	}
}

// TestO29_WakesByTheMachinesClock: without an injected alarm a hidden message comes when its time is over.
func TestO29_WakesByTheMachinesClock(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	limits := port.Limits{Visibility: 50 * time.Millisecond, MaxReceive: 9, MaxAge: time.Hour, MaxDepth: 9}
	q, err := queue.Open(ctx, openFile(t, filepath.Join(t.TempDir(), "queue.db")), "jobs", limits, queue.Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	if err := q.Send(ctx, nil); err != nil {
		t.Fatal(err)
	}
	for received := 1; received <= 3; received++ {
		got, err := q.Receive(ctx, 1, time.Minute)
		if err != nil || len(got) != 1 || got[0].Received != received {
			t.Fatalf("delivery %d: %+v, %v", received, got, err)
		}
	}
}

func TestO29_LimitsAreChecked(t *testing.T) {
	t.Parallel()
	file := openFile(t, filepath.Join(t.TempDir(), "queue.db"))
	if _, err := queue.Open(context.Background(), file, "jobs", port.Limits{}, queue.Options{}); !fault.Is(err, fault.Invalid) {
		t.Fatalf("a queue without limits gave %v", err)
	}
	q := openQueue(t, file, "jobs", port.Limits{Visibility: 1, MaxReceive: 1, MaxAge: 1, MaxDepth: 1}, queuetest.NewClock())
	for _, receipt := range []string{"", "1", "1.", "x.y"} {
		if err := q.Delete(context.Background(), receipt); !fault.Is(err, fault.Invalid) {
			t.Errorf("delete of receipt %q gave %v, want invalid", receipt, err)
		}
	}
}
