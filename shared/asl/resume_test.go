package asl_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orcray/orcray/shared/asl"
	"github.com/orcray/orcray/shared/asl/sqlitejournal"
	"github.com/orcray/orcray/shared/fault"
)

// watched tells when a step with an event of a type is durable.
type watched struct {
	asl.Journal
	kind string
	seen chan struct{}
	once sync.Once
}

func (w *watched) Commit(ctx context.Context, s asl.Step) error {
	err := w.Journal.Commit(ctx, s)
	for _, e := range s.Events {
		if err == nil && e.Type == w.kind {
			w.once.Do(func() { close(w.seen) })
		}
	}
	return err
}

// watching opens the house with a journal that tells of an event.
func (h *house) watching(kind string, c asl.Config, machines map[string]string) chan struct{} {
	h.t.Helper()
	j, err := sqlitejournal.Open(h.t.Context(), h.file)
	if err != nil {
		h.t.Fatal(err)
	}
	seen := make(chan struct{})
	h.journal = j
	c.Journal = &watched{Journal: j, kind: kind, seen: seen}
	h.engine(c, machines)
	return seen
}

func TestS6_AWaitGoesOnWithTheTimeThatIsLeft(t *testing.T) {
	t.Parallel()
	const def = `{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":3600,"End":true}}}`
	began := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	at := func(d time.Duration) asl.Config { return asl.Config{Now: func() time.Time { return began.Add(d) }} }
	h := newHouse(t)
	seen := h.watching("WaitStateEntered", at(0), map[string]string{"m": def})
	h.start("m", "x", `{}`)
	mustWait(t, seen, "the wait")
	h.close()

	h.open(at(3590*time.Second), nil)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := h.Wait(ctx, "m", "x"); !fault.Is(err, fault.Timeout) {
		t.Errorf("ten seconds too early: %v", err)
	}
	h.close()

	h.open(at(3600*time.Second), nil)
	if x := h.ended("m", "x"); x.Status != asl.Succeeded || !x.Started.Equal(began) || x.Stopped.Sub(began) != time.Hour {
		t.Errorf("%+v", x)
	}
	if got := strings.Join(h.types("m", "x"), " "); got != "ExecutionStarted WaitStateEntered WaitStateExited ExecutionSucceeded" {
		t.Error(got)
	}
}

func TestS6_AMachinesTimeoutOutlivesTheProcess(t *testing.T) {
	t.Parallel()
	const def = `{"TimeoutSeconds":60,"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":3600,"End":true}}}`
	began := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	h := newHouse(t)
	seen := h.watching("WaitStateEntered", asl.Config{Now: func() time.Time { return began }}, map[string]string{"m": def})
	h.start("m", "x", `{}`)
	mustWait(t, seen, "the wait")
	h.close()
	h.open(asl.Config{Now: func() time.Time { return began.Add(time.Minute) }}, nil)
	if x := h.ended("m", "x"); x.Status != asl.TimedOut {
		t.Errorf("%+v", x)
	}
}

func TestS6_AMapGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	const def = `{"StartAt":"Set","States":{"Set":{"Type":"Pass","Assign":{"base":100},"Next":"M"},
		"M":{"Type":"Map","ItemsPath":"$.items","MaxConcurrency":1,"ItemSelector":{"n.$":"$$.Map.Item.Value","base.$":"$base"},"End":true,
		"ItemProcessor":{"StartAt":"F","States":{"F":{"Type":"Task","Resource":"f","End":true}}}}}}`
	var mu sync.Mutex
	var payloads []string
	stuck := make(chan struct{})
	block := true
	f := functions{"f": func(ctx context.Context, c asl.Call) (any, error) {
		mu.Lock()
		payloads = append(payloads, string(c.Payload))
		hang := block && len(payloads) == 2
		mu.Unlock()
		if hang {
			close(stuck)
			<-ctx.Done()
			return nil, ctx.Err()
		}
		return c.Payload, nil
	}}
	h := newHouse(t)
	h.open(asl.Config{Invoker: f}, map[string]string{"m": def})
	h.start("m", "x", `{"items":[1,2,3]}`)
	mustWait(t, stuck, "the second iteration")
	h.close()
	mu.Lock()
	block = false
	mu.Unlock()
	h.open(asl.Config{Invoker: f}, nil)
	x := h.ended("m", "x")
	if string(x.Output) != `[{"base":100,"n":1},{"base":100,"n":2},{"base":100,"n":3}]` {
		t.Errorf("%+v", x)
	}
	if got := strings.Join(payloads, " "); got != `{"base":100,"n":1} {"base":100,"n":2} {"base":100,"n":2} {"base":100,"n":3}` {
		t.Errorf("calls %s", got)
	}
}

// An answer to Start that never arrived must not leave an execution that nobody drives.
func TestN7_AStartThatIsRepeatedAfterALostAnswerIsDriven(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	j, err := sqlitejournal.Open(t.Context(), h.file)
	if err != nil {
		t.Fatal(err)
	}
	h.journal = j
	h.engine(asl.Config{Journal: &lostAnswer{Journal: j}, Invoker: functions{"a": add(1), "b": add(1)}}, map[string]string{"m": twoTasks})
	if err := h.Start(t.Context(), "m", "x", []byte(`{"n":1}`)); err == nil {
		t.Fatal("the answer was not lost")
	}
	h.start("m", "x", `{"n":1}`)
	if x := h.ended("m", "x"); string(x.Output) != `{"n":3}` {
		t.Errorf("%+v", x)
	}
}

// lostAnswer creates, and then says it could not.
type lostAnswer struct {
	asl.Journal
	once sync.Once
}

func (l *lostAnswer) Create(ctx context.Context, r asl.Record) error {
	err := l.Journal.Create(ctx, r)
	l.once.Do(func() { err = fault.New(fault.Unavailable, "the disk went away") })
	return err
}
