package asl_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orcray/orcray/shared/asl"
	"github.com/orcray/orcray/shared/asl/sqlitejournal"
	"github.com/orcray/orcray/shared/fault"
)

// functions is an Invoker over plain Go functions.
type functions map[string]func(context.Context, asl.Call) (any, error)

func (f functions) Invoke(ctx context.Context, c asl.Call) (json.RawMessage, error) {
	fn, ok := f[c.Function]
	if !ok {
		return nil, fmt.Errorf("no function %q", c.Function)
	}
	v, err := fn(ctx, c)
	if err != nil {
		return nil, err
	}
	return json.Marshal(v)
}

// house is an engine on a SQLite file that can be closed and opened again.
type house struct {
	*asl.Engine
	t       *testing.T
	file    string
	journal *sqlitejournal.Journal
}

func newHouse(t *testing.T) *house {
	t.Helper()
	return &house{t: t, file: filepath.Join(t.TempDir(), "journal.db")}
}

func (h *house) open(c asl.Config, machines map[string]string) {
	h.t.Helper()
	var err error
	if h.journal, err = sqlitejournal.Open(h.t.Context(), h.file); err != nil {
		h.t.Fatal(err)
	}
	c.Journal = h.journal
	h.engine(c, machines)
}

// engine makes the engine on the journal that is open, and resumes.
func (h *house) engine(c asl.Config, machines map[string]string) {
	h.t.Helper()
	if c.Now == nil {
		c.Now = time.Now
	}
	h.Engine = asl.New(c)
	for name, def := range machines {
		m, err := asl.Parse([]byte(def))
		if err != nil {
			h.t.Fatal(err)
		}
		if err := h.Register(name, m); err != nil {
			h.t.Fatal(err)
		}
	}
	if err := h.Resume(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
	engine, journal := h.Engine, h.journal
	h.t.Cleanup(func() { shut(h.t, engine, journal) })
}

func shut(t *testing.T, e *asl.Engine, j *sqlitejournal.Journal) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := errors.Join(e.Close(ctx), j.Close()); err != nil {
		t.Error(err)
	}
}

func (h *house) close() { shut(h.t, h.Engine, h.journal) }

func (h *house) start(machine, name, input string) {
	h.t.Helper()
	if err := h.Start(h.t.Context(), machine, name, json.RawMessage(input)); err != nil {
		h.t.Fatal(err)
	}
}

// ended waits for the end, with a bound.
func (h *house) ended(machine, name string) asl.Execution {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), 30*time.Second)
	defer cancel()
	x, err := h.Wait(ctx, machine, name)
	if err != nil {
		h.t.Fatal(err)
	}
	return x
}

func (h *house) types(machine, name string) []string {
	h.t.Helper()
	events, err := h.History(h.t.Context(), machine, name, 0, 100_000)
	if err != nil {
		h.t.Fatal(err)
	}
	var out []string
	for i, e := range events {
		if e.ID != int64(i)+1 {
			h.t.Fatalf("event %d has the id %d", i+1, e.ID)
		}
		out = append(out, e.Type)
	}
	return out
}

func mustWait(t *testing.T, c <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(30 * time.Second):
		t.Fatalf("%s did not happen", what)
	}
}

const twoTasks = `{"StartAt":"A","States":{
	"A":{"Type":"Task","Resource":"a","Next":"B"},
	"B":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName":"arn:aws:lambda:eu-west-1:123456789012:function:b:live","Payload.$":"$"},"OutputPath":"$.Payload","End":true}}}`

func add(n float64) func(context.Context, asl.Call) (any, error) {
	return func(_ context.Context, c asl.Call) (any, error) {
		var in map[string]float64
		if err := json.Unmarshal(c.Payload, &in); err != nil {
			return nil, err
		}
		return map[string]float64{"n": in["n"] + n}, nil
	}
}

func TestA7_TasksCallFunctionsByNameAndByInvoke(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.open(asl.Config{Invoker: functions{"a": add(1), "b": add(10)}}, map[string]string{"m": twoTasks})
	h.start("m", "x", `{"n":1}`)
	x := h.ended("m", "x")
	if x.Status != asl.Succeeded || string(x.Output) != `{"n":12}` {
		t.Fatalf("%+v", x)
	}
	want := "ExecutionStarted TaskStateEntered LambdaFunctionScheduled LambdaFunctionStarted LambdaFunctionSucceeded TaskStateExited " +
		"TaskStateEntered TaskScheduled TaskStarted TaskSucceeded TaskStateExited ExecutionSucceeded"
	if got := strings.Join(h.types("m", "x"), " "); got != want {
		t.Errorf("history %s", got)
	}
	if x.Events != 12 || x.Stopped.IsZero() || x.Started.After(x.Stopped) {
		t.Errorf("%+v", x)
	}
}

func TestN7_TheSameStartIsOneExecution(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	h := newHouse(t)
	count := func(_ context.Context, c asl.Call) (any, error) { calls.Add(1); return c.Payload, nil }
	h.open(asl.Config{Invoker: functions{"a": count, "b": count}}, map[string]string{"m": twoTasks})
	for range 3 {
		h.start("m", "x", `{"b":1, "a":2}`)
		h.start("m", "x", `{"a":2,"b":1}`)
	}
	h.ended("m", "x")
	h.start("m", "x", `{"a":2,"b":1}`)
	if err := h.Start(t.Context(), "m", "x", json.RawMessage(`{"a":3}`)); !fault.Is(err, fault.Conflict) {
		t.Errorf("another input: %v", err)
	}
	if err := h.Start(t.Context(), "nope", "x", json.RawMessage(`{}`)); !fault.Is(err, fault.NotFound) {
		t.Errorf("unknown machine: %v", err)
	}
	if err := h.Start(t.Context(), "m", "y", json.RawMessage(`{`)); !fault.Is(err, fault.Invalid) {
		t.Errorf("bad input: %v", err)
	}
	if err := h.Start(t.Context(), "m", "y", json.RawMessage(`"`+strings.Repeat("x", asl.MaxPayload)+`"`)); !fault.Is(err, fault.TooLarge) {
		t.Errorf("large input: %v", err)
	}
	if n := calls.Load(); n != 2 {
		t.Errorf("%d calls", n)
	}
}

func TestA7_StopAbortsAndCancelsTheCall(t *testing.T) {
	t.Parallel()
	began, cancelled := make(chan struct{}), make(chan struct{})
	h := newHouse(t)
	h.open(asl.Config{Invoker: functions{"a": func(ctx context.Context, _ asl.Call) (any, error) {
		close(began)
		<-ctx.Done()
		close(cancelled)
		return nil, ctx.Err()
	}}}, map[string]string{"m": twoTasks})
	h.start("m", "x", `{}`)
	mustWait(t, began, "the call")
	if err := h.Stop(t.Context(), "m", "x", "User", "not needed any more"); err != nil {
		t.Fatal(err)
	}
	x, err := h.Describe(t.Context(), "m", "x") // durable already, no waiting
	if err != nil || x.Status != asl.Aborted || x.Error != "User" || x.Cause != "not needed any more" {
		t.Errorf("%+v %v", x, err)
	}
	mustWait(t, cancelled, "the cancellation")
	if err := h.Stop(t.Context(), "m", "x", "again", ""); err != nil {
		t.Errorf("stopping what has ended: %v", err)
	}
	if err := h.Stop(t.Context(), "m", "unknown", "", ""); !fault.Is(err, fault.NotFound) {
		t.Errorf("stopping what never was: %v", err)
	}
	if x, _ := h.Describe(t.Context(), "m", "x"); x.Error != "User" {
		t.Error("a final status changed")
	}
}

func TestS6_ATaskInFlightIsCalledAgainWithTheSamePayload(t *testing.T) {
	t.Parallel()
	const def = `{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"a","Parameters":{"id.$":"States.UUID()"},"Next":"B"},
		"B":{"Type":"Task","Resource":"b","Parameters":{"id.$":"States.UUID()"},"End":true}}}`
	h := newHouse(t)
	began := make(chan string, 2)
	var aCalls atomic.Int32
	a := func(context.Context, asl.Call) (any, error) { aCalls.Add(1); return 1, nil }
	h.open(asl.Config{Invoker: functions{"a": a, "b": func(ctx context.Context, c asl.Call) (any, error) {
		began <- string(c.Payload)
		<-ctx.Done()
		return nil, ctx.Err()
	}}}, map[string]string{"m": def})
	h.start("m", "x", `{}`)
	first := <-began
	h.close()
	h.open(asl.Config{Invoker: functions{"a": a, "b": func(_ context.Context, c asl.Call) (any, error) {
		began <- string(c.Payload)
		return "ok", nil
	}}}, nil)
	x := h.ended("m", "x")
	if second := <-began; second != first {
		t.Errorf("payload %s, before the restart %s", second, first)
	}
	if x.Status != asl.Succeeded || string(x.Output) != `"ok"` || aCalls.Load() != 1 {
		t.Errorf("%+v after %d calls of a", x, aCalls.Load())
	}
}
