package interpret

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/orcray/orcray/shared/job"
	"github.com/orcray/orcray/shared/ray"
)

// copier carries a run's events over to the job's log, a few at a time, each once. What waits is written soon also when no
// other event follows.
type copier struct {
	steps *Steps
	ctx   context.Context // outlives the end of the step: what was taken is written
	job   *job.Job
	fail  context.CancelCauseFunc // ends the poll when the log cannot be written
	stop  chan struct{}
	done  chan struct{}

	mu     sync.Mutex
	run    *job.Run
	events []job.RunEvent
	upTo   int64
	err    error
}

const (
	copyEvery = 100 * time.Millisecond
	copyMost  = 50 // events that wait
)

func (s *Steps) copyTo(ctx context.Context, j *job.Job, run *job.Run, fail context.CancelCauseFunc) *copier {
	c := &copier{steps: s, ctx: context.WithoutCancel(ctx), job: j, run: run, fail: fail, stop: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(c.done)
		tick := time.NewTicker(copyEvery)
		defer tick.Stop()
		for {
			select {
			case <-c.stop:
				return
			case <-tick.C:
				if err := c.flush(); err != nil {
					fail(err)
					return
				}
			}
		}
	}()
	return c
}

func (c *copier) close() {
	close(c.stop)
	<-c.done
	c.fail(nil)
}

func (c *copier) add(e ray.Event) error {
	c.mu.Lock()
	c.upTo = max(c.upTo, e.Seq)
	if d, ok := c.draft(e); ok {
		c.events = append(c.events, job.RunEvent{Seq: e.Seq, Draft: d})
	}
	full, err := len(c.events) >= copyMost, c.err
	c.mu.Unlock()
	if full && err == nil {
		return c.flush()
	}
	return err
}

// flush writes what waits. After an error nothing is written any more: the step is repeated.
func (c *copier) flush() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil && c.upTo > c.run.Copied {
		c.err = c.steps.jobs.CopyEvents(c.ctx, c.job, c.run, c.upTo, c.events)
	}
	c.events = nil
	return c.err
}

// draft turns a run's event into the job's: with its step and attempt, and without what only the runner needs.
func (c *copier) draft(e ray.Event) (job.Draft, bool) {
	if e.Type == "status" || !job.KnownEvent(e.Type) {
		return job.Draft{}, false
	}
	data := map[string]json.RawMessage{}
	if json.Unmarshal(e.Data, &data) != nil {
		return job.Draft{}, false
	}
	if e.Type == "output" {
		shorten(data)
	}
	for key, v := range map[string]any{"step": c.run.Step, "attempt": c.run.Attempt} {
		data[key], _ = json.Marshal(v)
	}
	return job.Draft{Type: e.Type, Time: e.Time, Data: data}, true
}

// A live event shows an output in brief; the result has the whole.
const (
	liveRows  = 50
	liveBytes = 64 << 10
)

// shorten cuts a table to its first rows, and leaves out what is too large for an event all the same.
func shorten(data map[string]json.RawMessage) {
	var t ray.Table
	if raw := data["table"]; len(raw) > 16<<10 && json.Unmarshal(raw, &t) == nil {
		t.Rows = t.Rows[:min(len(t.Rows), liveRows)]
		if short, err := json.Marshal(t); err == nil {
			data["table"] = short
		}
	}
	size := 0
	for _, v := range data {
		size += len(v)
	}
	if size <= liveBytes {
		return
	}
	for _, key := range []string{"table", "spec", "text", "error"} {
		delete(data, key)
	}
	data["omitted"] = json.RawMessage("true")
}
