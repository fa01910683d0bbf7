package job_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orcray/orcray/shared/embedded/bus"
	"github.com/orcray/orcray/shared/embedded/queue"
	"github.com/orcray/orcray/shared/embedded/sqlite"
	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/job"
	port "github.com/orcray/orcray/shared/queue"
	"github.com/orcray/orcray/shared/source"
	"github.com/orcray/orcray/shared/table"
)

const owner = "01OWNER"

// house is a job service on a real store and queue.
type house struct {
	jobs  *job.Service
	table table.Table
	queue *queue.Queue
	sent  atomic.Int64 // messages that could not be sent
}

func newHouse(t *testing.T, depth int) *house {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "db"), sqlite.Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	q, err := queue.Open(t.Context(), db.File(), "jobs", port.Limits{Visibility: time.Minute, MaxReceive: 5, MaxAge: time.Hour, MaxDepth: depth}, queue.Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	h := &house{table: db.Table(), queue: q}
	var ids atomic.Int64
	h.jobs = job.NewService(job.Deps{Store: job.NewStore(h.table, time.Now), Log: job.NewLog(h.table, time.Now, &bus.Bus{}), Table: h.table, Queue: q,
		Sessions: oneSession{}, Models: oneModel{}, Pace: bus.NewPace(time.Now), Now: time.Now, OnSend: func(error) { h.sent.Add(1) },
		NewID: func() string { return fmt.Sprintf("01J%08d", ids.Add(1)) },
		Rules: job.Rules{MaxPrompt: 100, MaxCode: 300 << 10, ValidateSeconds: 1, ExecuteSeconds: 2, MaxExecute: 3}})
	return h
}

func (h *house) create(t *testing.T) *job.Job {
	t.Helper()
	done, err := h.jobs.Create(t.Context(), owner, job.Request{Kind: job.Execute, SessionID: "s", Code: "x"})
	if err != nil {
		t.Fatal(err)
	}
	return done.Job
}

type oneSession struct{}

func (oneSession) Exists(_ context.Context, _, session string) error {
	if session != "s" {
		return fault.New(fault.NotFound, "There is no such session.")
	}
	return nil
}
func (oneSession) Bind(context.Context, string, string, []string) ([]source.Binding, error) {
	wide := make([]source.Column, 2000)
	for i := range wide {
		wide[i] = source.Column{Name: fmt.Sprintf("a_rather_long_column_name_%d", i), Type: source.Int}
	}
	return []source.Binding{{ID: "a", Profile: source.Profile{Bytes: 1, Columns: wide}}, {ID: "b", Profile: source.Profile{Bytes: 2, Columns: wide}},
		{ID: "c", Profile: source.Profile{Bytes: 4, Columns: wide}}}, nil
}
func (oneSession) Unselecting(context.Context, string, string, []string) ([]table.Write, error) {
	return nil, nil
}

type oneModel struct{}

func (oneModel) Resolve(id string) (string, error) { return id, nil }

func note(text string) job.Draft {
	return job.Draft{Type: "log", Data: map[string]string{"text": text}}
}

func TestR22_TheLogHasNoGapsUnderManyWriters(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 10)
	j := h.create(t)
	followed := make(chan []job.Event, 1)
	go func() {
		var seen []job.Event
		err := h.jobs.Log().Follow(t.Context(), owner, j.ID, 0, time.Second, func(e job.Event) error {
			seen = append(seen, e)
			return nil
		}, func() error { return nil })
		if err != nil {
			t.Error(err)
		}
		followed <- seen
	}()
	const writers, each = 20, 15
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				if err := h.jobs.Note(t.Context(), j, note(fmt.Sprint(w)), note(fmt.Sprint(i))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if _, err := h.jobs.End(t.Context(), owner, j.ID, 0, job.Cancelled, nil, nil); err != nil {
		t.Fatal(err)
	}
	seen := <-followed
	if want := 2*writers*each + 2; len(seen) != want {
		t.Errorf("%d events, want %d", len(seen), want)
	}
	for i, e := range seen {
		if e.Seq != int64(i+1) {
			t.Fatalf("event %d has the number %d", i+1, e.Seq)
		}
	}
}

// Whoever follows an ended job, from whatever number, hears that it is over; also when the job is deleted under them.
func TestR22_FollowingEnds(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 10)
	ended, open := h.create(t), h.create(t)
	if _, err := h.jobs.End(t.Context(), owner, ended.ID, 0, job.Failed, &job.Failure{Class: "code"}, nil); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for after, want := range map[int64]int{0: 3, 1: 2, 3: 0, 99: 0} {
		n := 0
		err := h.jobs.Log().Follow(ctx, owner, ended.ID, after, time.Second, func(job.Event) error { n++; return nil }, func() error { return nil })
		if err != nil || n != want || ctx.Err() != nil {
			t.Errorf("after %d: %d events, %v", after, n, err)
		}
	}
	done := make(chan error, 1)
	idle := make(chan struct{}, 1)
	go func() {
		done <- h.jobs.Log().Follow(ctx, owner, open.ID, 1, 10*time.Millisecond, func(job.Event) error { return nil }, func() error {
			select {
			case idle <- struct{}{}:
			default: // only the first is waited for
			}
			return nil
		})
	}()
	<-idle
	if _, err := h.jobs.End(t.Context(), owner, open.ID, 0, job.Cancelled, nil, nil); err != nil {
		t.Fatal(err)
	}
	if err := h.jobs.Delete(t.Context(), owner, open.ID, 0); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil || ctx.Err() != nil {
		t.Errorf("%v, %v", err, ctx.Err())
	}
	if _, err := h.jobs.Get(t.Context(), owner, open.ID); !fault.Is(err, fault.NotFound) {
		t.Errorf("the deleted job: %v", err)
	}
}

func TestN7_NothingIsWrittenAfterTheEnd(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 10)
	j := h.create(t)
	run, _, err := h.jobs.ClaimRun(t.Context(), j, job.Run{ID: "r"})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 10 { // ten who each believe to be the one that ends it
		wg.Go(func() {
			if _, err := h.jobs.End(t.Context(), owner, j.ID, 1, job.Completed, nil, &job.Result{Ref: "x"}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if err := h.jobs.CopyEvents(t.Context(), j, &run, 1, []job.RunEvent{{Seq: 1, Draft: note("late")}}); err != job.ErrSuperseded { //nolint:errorlint // itself
		t.Errorf("copying: %v", err)
	}
	if err := h.jobs.Note(t.Context(), j, note("late")); err != nil {
		t.Error(err)
	}
	events, err := h.jobs.Log().After(t.Context(), owner, j.ID, 0, 100)
	if err != nil || len(events) != 2 || !events[1].Ends() {
		t.Errorf("%+v, %v", events, err)
	}
}

// Two copiers of one run, as after a time limit that one of them did not notice: each event is in the log once, none is lost.
func TestN7_TwoCopiersOfOneRun(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 10)
	j := h.create(t)
	const total = 400
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			run, _, err := h.jobs.ClaimRun(t.Context(), j, job.Run{ID: "r"})
			if err != nil {
				t.Error(err)
				return
			}
			for from := int64(1); from <= total; from += 80 {
				var batch []job.RunEvent
				for seq := from; seq < from+80; seq++ {
					if seq%7 != 0 { // some events of a run are not the job's
						batch = append(batch, job.RunEvent{Seq: seq, Draft: note(fmt.Sprint(seq) + strings.Repeat("x", 50<<10))})
					}
				}
				if err := h.jobs.CopyEvents(t.Context(), j, &run, from+79, batch); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	events, err := h.jobs.Log().After(t.Context(), owner, j.ID, 1, 1000)
	if err != nil || len(events) != total-total/7 {
		t.Fatalf("%d events, %v", len(events), err)
	}
	next := 0
	for _, e := range events {
		for next++; next%7 == 0; next++ {
		}
		if !strings.HasPrefix(string(e.Data), fmt.Sprintf(`{"text":"%dxxx`, next)) {
			t.Fatalf("event %d is %.30s, want %d", e.Seq, e.Data, next)
		}
	}
}
