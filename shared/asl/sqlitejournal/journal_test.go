package sqlitejournal_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/orcray/orcray/shared/asl"
	"github.com/orcray/orcray/shared/asl/sqlitejournal"
	"github.com/orcray/orcray/shared/fault"
)

func open(t *testing.T, file string) *sqlitejournal.Journal {
	t.Helper()
	j, err := sqlitejournal.Open(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	return j
}

func record(name string) asl.Record {
	return asl.Record{
		Execution: asl.Execution{Key: asl.Key{Machine: "m", Name: name}, Status: asl.Running, Input: json.RawMessage(`{"a":1}`),
			Started: time.Unix(100, 5).UTC(), Events: 1},
		Definition: []byte(`{"a definition"}`),
		Frames:     map[string][]byte{"r": []byte("root")},
		History:    []asl.Event{{ID: 1, Time: time.Unix(100, 5).UTC(), Type: "ExecutionStarted", Detail: json.RawMessage(`{"input":1}`)}},
	}
}

func step(name string, seq int64) asl.Step {
	return asl.Step{Key: asl.Key{Machine: "m", Name: name}, Seq: seq}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func paths(t *testing.T, j *sqlitejournal.Journal, name string) []string {
	t.Helper()
	r, err := j.Load(t.Context(), asl.Key{Machine: "m", Name: name})
	must(t, err)
	return slices.Sorted(maps.Keys(r.Frames))
}

func TestS6_AJournalKeepsAnExecutionFromCreateToEnd(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "a b?c.db") // a name that needs escaping
	j := open(t, file)
	must(t, j.Create(t.Context(), record("x")))
	if err := j.Create(t.Context(), record("x")); !fault.Is(err, fault.Conflict) {
		t.Errorf("created twice: %v", err)
	}
	s := step("x", 1)
	s.Put = map[string][]byte{"r": []byte("root 2"), "r/1": []byte("k"), "r/1/0": []byte("k"), "r/10": []byte("k")}
	s.Events = []asl.Event{{ID: 2, Time: time.Unix(101, 0).UTC(), Type: "PassStateEntered", State: "P"}}
	must(t, j.Commit(t.Context(), s))
	for _, seq := range []int64{1, 3} {
		if err := j.Commit(t.Context(), step("x", seq)); !fault.Is(err, fault.Conflict) {
			t.Errorf("step %d after step 1: %v", seq, err)
		}
	}
	s = step("x", 2)
	s.Drop, s.Put = []string{"r/1/"}, map[string][]byte{"r/1/1": []byte("new")}
	must(t, j.Commit(t.Context(), s))
	if got := fmt.Sprint(paths(t, j, "x")); got != "[r r/1 r/1/1 r/10]" {
		t.Errorf("frames %s", got)
	}

	must(t, j.Close())
	j = open(t, file)
	r, err := j.Load(t.Context(), asl.Key{Machine: "m", Name: "x"})
	must(t, err)
	if r.Seq != 2 || r.Execution.Events != 2 || string(r.Frames["r"]) != "root 2" || string(r.Definition) != `{"a definition"}` ||
		string(r.Input) != `{"a":1}` || !r.Started.Equal(time.Unix(100, 5)) || r.Status != asl.Running {
		t.Errorf("%+v", r)
	}
	running, err := j.Running(t.Context())
	if err != nil || len(running) != 1 {
		t.Errorf("running %v %v", running, err)
	}
	s = step("x", 3)
	s.End = &asl.Execution{Status: asl.Failed, Error: "E", Cause: "c", Stopped: time.Unix(102, 0).UTC()}
	must(t, j.Commit(t.Context(), s))
	if err := j.Commit(t.Context(), step("x", 4)); !fault.Is(err, fault.Conflict) {
		t.Errorf("a step after the end: %v", err)
	}
	r, err = j.Load(t.Context(), asl.Key{Machine: "m", Name: "x"})
	if err != nil || r.Status != asl.Failed || r.Error != "E" || len(r.Frames) != 0 || r.Stopped.IsZero() {
		t.Errorf("%+v %v", r, err)
	}
	events, err := j.History(t.Context(), asl.Key{Machine: "m", Name: "x"}, 1, 10)
	if err != nil || len(events) != 1 || events[0].State != "P" || events[0].Detail != nil {
		t.Errorf("%+v %v", events, err)
	}
	if n, err := j.Prune(t.Context(), time.Unix(103, 0)); n != 1 || err != nil {
		t.Errorf("pruned %d %v", n, err)
	}
	if _, err := j.Load(t.Context(), asl.Key{Machine: "m", Name: "x"}); !fault.Is(err, fault.NotFound) {
		t.Errorf("after pruning: %v", err)
	}
	if _, err := j.History(t.Context(), asl.Key{Machine: "m", Name: "x"}, 0, 1); !fault.Is(err, fault.NotFound) {
		t.Errorf("history after pruning: %v", err)
	}
}

func TestN7_OnlyOneOfManyWritersCommitsAStep(t *testing.T) {
	t.Parallel()
	j := open(t, filepath.Join(t.TempDir(), "j.db"))
	must(t, j.Create(t.Context(), record("x")))
	const writers = 32
	errs := make([]error, writers)
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() { errs[i] = j.Commit(context.Background(), step("x", 1)) })
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else if !fault.Is(err, fault.Conflict) {
			t.Error(err)
		}
	}
	if won != 1 {
		t.Errorf("%d writers committed the same step", won)
	}
}

func TestS6_ABadChangeDoesNotStopTheOthers(t *testing.T) {
	t.Parallel()
	j := open(t, filepath.Join(t.TempDir(), "j.db"))
	const n = 20
	var wg sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		r := record(fmt.Sprint(i))
		if i == 7 {
			r.History = append(r.History, r.History[0]) // the same id twice breaks the table's key
		}
		wg.Go(func() { errs[i] = j.Create(context.Background(), r) })
	}
	wg.Wait()
	for i, err := range errs {
		if (err != nil) != (i == 7) {
			t.Errorf("%d: %v", i, err)
		}
	}
	running, err := j.Running(t.Context())
	if err != nil || len(running) != n-1 {
		t.Errorf("%d are there, %v", len(running), err)
	}
}

func TestS6_TwoProcessesCannotShareAJournal(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "j.db")
	j := open(t, file)
	if _, err := sqlitejournal.Open(t.Context(), file); !fault.Is(err, fault.Conflict) {
		t.Errorf("opened twice: %v", err)
	}
	must(t, j.Close())
	if err := j.Create(t.Context(), record("x")); !fault.Is(err, fault.Unavailable) {
		t.Errorf("after closing: %v", err)
	}
	open(t, file)
}
