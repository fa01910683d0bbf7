package asl

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/orcray/orcray/shared/fault"
)

const (
	// MaxPayload is the most bytes an input, an output or a result may have.
	MaxPayload = 262_144
	// MaxEvents is the most events a history may have.
	MaxEvents = 25_000

	batch = 64 // transitions in memory before a commit, when none of them needs one
)

// run drives one execution. One goroutine owns it: calls and timers come to it as messages, so nothing here is locked.
type run struct {
	key     Key
	machine *Machine
	input   json.RawMessage
	started time.Time

	journal Journal
	invoker Invoker
	slots   chan struct{} // one for each call that may be in flight, engine-wide
	clock   clock
	random  io.Reader
	log     *slog.Logger

	root     *frame
	seq      int64
	events   int64
	full     bool // the history is
	ready    []*frame
	launch   []*frame            // calls to make after the next commit
	sleepers map[*frame]struct{} // frames with an Until
	flying   int                 // calls in flight

	dirty   map[string]*frame
	drops   []string
	pending []Event
	end     *Execution
	over    bool // end is committed

	results chan result
	stops   chan stopRequest
	calls   *sync.WaitGroup
	done    chan struct{} // closed when the execution has ended, or this process lets go of it
}

type stopRequest struct {
	err   *TaskError
	reply chan error
}

// errLost says that the journal knows a later step than this process: what is in memory is not the truth.
var errLost = errors.New("another writer moved the execution on")

// drive moves the execution until it ends, ctx ends, or it is lost. Everything it did before it returns is committed.
func (r *run) drive(ctx context.Context) error {
	defer r.root.each((*frame).abandon)
	for {
		for n := 0; n < batch && len(r.ready) > 0 && r.end == nil; n++ {
			f := r.ready[0]
			r.ready = r.ready[1:]
			if !f.dead {
				r.step(f)
			}
		}
		if err := r.commit(ctx); err != nil {
			return err
		}
		if r.end != nil {
			return nil
		}
		r.call(ctx)
		if err := r.await(ctx, len(r.ready) > 0); err != nil {
			return err
		}
	}
}

// commit makes everything since the last commit durable. While the journal cannot write, the execution stands still and
// tries again: an accepted execution is never given up.
func (r *run) commit(ctx context.Context) error {
	if r.over || len(r.dirty) == 0 && len(r.pending) == 0 && len(r.drops) == 0 && r.end == nil {
		return nil
	}
	s := Step{Key: r.key, Seq: r.seq + 1, Drop: r.drops, Events: r.pending, End: r.end, Put: make(map[string][]byte, len(r.dirty))}
	if r.end == nil {
		for p, f := range r.dirty {
			data, err := json.Marshal(f)
			if err != nil {
				return err
			}
			s.Put[p] = data
		}
	}
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, 2*time.Second) {
		err := r.journal.Commit(ctx, s)
		if err == nil {
			break
		}
		if fault.Is(err, fault.Conflict) {
			return errLost
		}
		r.log.Error("the journal cannot commit; the execution waits", "machine", r.key.Machine, "execution", r.key.Name, "error", err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
	r.seq++
	r.over = r.end != nil
	r.dirty, r.drops, r.pending = map[string]*frame{}, nil, nil
	return nil
}

// await takes in the next messages; poll: only those that are there already.
func (r *run) await(ctx context.Context, poll bool) error {
	var wake <-chan time.Time
	at := r.wakeTime()
	now := r.clock.now()
	switch {
	case !at.IsZero() && !at.After(now):
		poll = true
	case !at.IsZero() && !poll:
		ch, stop := r.clock.timer(at.Sub(now), r.flying == 0)
		defer stop()
		wake = ch
	}
	if !poll {
		select {
		case x := <-r.results:
			r.land(x)
		case s := <-r.stops:
			r.abort(ctx, s)
		case <-wake:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	err := r.drain(ctx)
	r.wakeUp()
	return err
}

// drain takes in what waits already, so that it shares the next commit.
func (r *run) drain(ctx context.Context) error {
	for r.end == nil {
		select {
		case x := <-r.results:
			r.land(x)
		case s := <-r.stops:
			r.abort(ctx, s)
		case <-ctx.Done():
			return ctx.Err()
		default:
			return nil
		}
	}
	return nil
}

// wakeTime is when something happens by itself next; zero: never.
func (r *run) wakeTime() time.Time {
	var at time.Time
	if r.machine.timeout > 0 {
		at = r.started.Add(r.machine.timeout)
	}
	for f := range r.sleepers {
		if at.IsZero() || f.Until.Before(at) {
			at = f.Until
		}
	}
	return at
}

// wakeUp readies the frames whose time has come, earliest first, and ends the execution when its own time is up.
func (r *run) wakeUp() {
	now := r.clock.now()
	if r.end == nil && r.machine.timeout > 0 && !now.Before(r.started.Add(r.machine.timeout)) {
		r.finish(TimedOut, nil, &TaskError{})
		return
	}
	var due []*frame
	for f := range r.sleepers {
		if !f.Until.After(now) {
			due = append(due, f)
			delete(r.sleepers, f)
		}
	}
	slices.SortFunc(due, func(a, b *frame) int {
		if c := a.Until.Compare(b.Until); c != 0 {
			return c
		}
		return strings.Compare(a.path, b.path)
	})
	r.ready = append(r.ready, due...)
}

// abort ends the execution from outside; the one who asked is told once it is durable.
func (r *run) abort(ctx context.Context, s stopRequest) {
	if r.end == nil {
		r.finish(Aborted, nil, s.err)
	}
	s.reply <- r.commit(ctx)
}

// finish is the end of the execution.
func (r *run) finish(status Status, output json.RawMessage, e *TaskError) {
	r.end = &Execution{Key: r.key, Status: status, Output: output, Stopped: r.clock.now()}
	types := map[Status]string{Succeeded: "ExecutionSucceeded", Failed: "ExecutionFailed", TimedOut: "ExecutionTimedOut", Aborted: "ExecutionAborted"}
	detail := eventDetail{Output: output}
	if e != nil {
		r.end.Error, r.end.Cause = e.Name, e.Cause
		detail.Error, detail.Cause = e.Name, e.Cause
	}
	r.append(types[status], "", detail)
	r.end.Events = r.events
	r.root.each((*frame).abandon)
}

type eventDetail struct {
	Input    json.RawMessage `json:"input,omitempty"`
	Output   json.RawMessage `json:"output,omitempty"`
	Error    string          `json:"error,omitempty"`
	Cause    string          `json:"cause,omitempty"`
	Resource string          `json:"resource,omitempty"`
	Index    *int            `json:"index,omitempty"`
}

// emit writes a history event for something that happened in a frame, and counts it where it must be counted.
func (r *run) emit(f *frame, kind string, d eventDetail) {
	if it := f.iteration(); it != nil {
		it.Hidden++
		r.touch(it)
		r.full = r.full || it.Hidden > MaxEvents
		return
	}
	if r.events >= MaxEvents-1 { // the last one is kept for the end
		r.full = true
		return
	}
	r.append(kind, f.State, d)
}

func (r *run) append(kind, state string, d eventDetail) {
	r.events++
	detail, err := json.Marshal(d)
	if err != nil || string(detail) == "{}" {
		detail = nil
	}
	r.pending = append(r.pending, Event{ID: r.events, Time: r.clock.now(), Type: kind, State: state, Detail: detail})
}

func (r *run) touch(f *frame) { r.dirty[f.path] = f }

// dropKids forgets everything below a frame.
func (r *run) dropKids(f *frame) {
	for _, k := range f.kids {
		k.each(func(g *frame) {
			g.abandon()
			delete(r.sleepers, g)
		})
	}
	prefix := f.path + "/"
	maps.DeleteFunc(r.dirty, func(p string, _ *frame) bool { return strings.HasPrefix(p, prefix) })
	if len(f.kids) > 0 {
		r.drops = append(r.drops, prefix)
	}
	f.kids, f.plan = nil, nil
}

// abandon takes a frame out of the game and cancels its call.
func (f *frame) abandon() {
	f.dead = true
	if f.cancel != nil {
		f.cancel()
	}
}
