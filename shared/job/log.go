package job

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/table"
)

// Notifier tells whoever follows a job that something about it changed. It may lose notices: followers also look now and then.
type Notifier interface {
	Notify(jobID string)
	// Watch gives a channel that gets a value after each notice, and a function that ends the watch.
	Watch(jobID string) (changed <-chan struct{}, stop func())
}

// Log is the event log of jobs: append-only, gapless sequence numbers, any number of writers.
type Log struct {
	table  table.Table
	now    func() time.Time
	notify Notifier
	tails  sync.Map // job id → last seq seen here; a hint that saves a read, checked by the write itself
}

// NewLog makes a log.
func NewLog(t table.Table, now func() time.Time, n Notifier) *Log {
	return &Log{table: t, now: now, notify: n}
}

// Draft is an event that has no number yet.
type Draft struct {
	Type string
	Time time.Time // zero: now
	Data any
}

const (
	maxBatch      = 50       // events in one transaction
	maxBatchBytes = 2 << 20  // of their data: a transaction has room for less than 4 MB, and for more than events
	maxEventData  = 96 << 10 // bytes of one event's data
)

// Append adds events in order; together with the extra writes of the last batch it is one transaction.
// A condition of extra that does not hold is fault.Conflict, and nothing of that batch is written.
func (l *Log) Append(ctx context.Context, owner, id string, drafts []Draft, extra ...table.Write) error {
	events, err := l.number(drafts)
	if err != nil || len(events)+len(extra) == 0 {
		return err
	}
	for n := fitting(events); n < len(events); n = fitting(events) {
		if err := l.appendBatch(ctx, owner, id, events[:n], nil); err != nil {
			return err
		}
		events = events[n:]
	}
	return l.appendBatch(ctx, owner, id, events, extra)
}

// fitting is how many of the events go into one transaction.
func fitting(events []Event) int {
	size := 0
	for i, e := range events[:min(len(events), maxBatch)] {
		if size += len(e.Data); size > maxBatchBytes {
			return i
		}
	}
	return min(len(events), maxBatch)
}

func (l *Log) number(drafts []Draft) ([]Event, error) {
	events := make([]Event, len(drafts))
	for i, d := range drafts {
		var err error
		if events[i], err = l.event(d); err != nil {
			return nil, err
		}
	}
	return events, nil
}

func (l *Log) appendBatch(ctx context.Context, owner, id string, events []Event, extra []table.Write) error {
	for try := 0; ; try++ {
		tail, err := l.tail(ctx, owner, id, try > 0)
		if err != nil {
			return err
		}
		writes, err := writes(owner, id, tail, events)
		if err != nil {
			return err
		}
		err = l.table.Transact(ctx, append(writes, extra...))
		if err == nil {
			l.tails.Store(id, tail+int64(len(events)))
			l.notify.Notify(id)
			return nil
		}
		if !fault.Is(err, fault.Conflict) || ctx.Err() != nil {
			return err
		}
		// Somebody else appended, or one of extra's conditions does not hold: the second look tells.
		fresh, ferr := l.tail(ctx, owner, id, true)
		if ferr != nil {
			return ferr
		}
		if fresh == tail {
			return err
		}
	}
}

func writes(owner, id string, tail int64, events []Event) ([]table.Write, error) {
	writes := make([]table.Write, 0, len(events))
	for i, e := range events {
		e.Seq = tail + int64(i) + 1
		w, err := table.Save(eventKey(owner, id, e.Seq), e, table.Absent())
		if err != nil {
			return nil, err
		}
		writes = append(writes, w)
	}
	return writes, nil
}

// event makes an event without a number.
func (l *Log) event(d Draft) (Event, error) {
	if !KnownEvent(d.Type) {
		return Event{}, fault.New(fault.Internal, "there is no event type %q", d.Type)
	}
	data, err := json.Marshal(d.Data)
	if err != nil {
		return Event{}, fault.Wrap(err, fault.Internal, "an event cannot be written")
	}
	if len(data) > maxEventData {
		data, _ = json.Marshal(map[string]any{"omitted": true, "bytes": len(data)})
	}
	e := Event{Time: d.Time, Type: d.Type, Data: data}
	if e.Time.IsZero() {
		e.Time = l.now()
	}
	return e, nil
}

func (l *Log) tail(ctx context.Context, owner, id string, look bool) (int64, error) {
	if v, ok := l.tails.Load(id); ok && !look {
		return v.(int64), nil
	}
	page, err := l.table.Query(ctx, table.Query{PK: jobPK(owner, id), Prefix: "E#", Limit: 1, Reverse: true})
	if err != nil || len(page.Items) == 0 {
		return 0, err
	}
	e, err := table.Decode[Event](page.Items[0])
	return e.Seq, err
}

// Forget drops what is remembered of a finished job.
func (l *Log) Forget(id string) { l.tails.Delete(id) }

// After gives up to limit events with Seq > after, in order.
func (l *Log) After(ctx context.Context, owner, id string, after int64, limit int) ([]Event, error) {
	q := table.Query{PK: jobPK(owner, id), Prefix: "E#", Limit: limit}
	if after > 0 {
		q.After = eventKey(owner, id, after).SK
	}
	page, err := l.table.Query(ctx, q)
	if err != nil {
		return nil, err
	}
	events := make([]Event, 0, len(page.Items))
	for _, item := range page.Items {
		e, err := table.Decode[Event](item)
		if err != nil {
			return nil, err
		}
		events = append(events, e)
	}
	return events, nil
}

// Follow gives visit every event after a number, in order, until the job is terminal and all was given, or the job is deleted,
// or ctx ends (neither is an error), or visit returns an error. idle is called at least every keepAlive while nothing happens.
func (l *Log) Follow(ctx context.Context, owner, id string, after int64, keepAlive time.Duration, visit func(Event) error, idle func() error) error {
	changed, stop := l.notify.Watch(id)
	defer stop()
	tick := time.NewTicker(keepAlive)
	defer tick.Stop()
	for {
		events, err := l.After(ctx, owner, id, after, 500)
		if err != nil {
			return ignoreDone(ctx, err)
		}
		for _, e := range events {
			if err := visit(e); err != nil {
				return err
			}
			after = e.Seq
			if e.Ends() {
				return nil
			}
		}
		if len(events) > 0 {
			continue
		}
		if over, err := l.over(ctx, owner, id, after); over || err != nil {
			return ignoreDone(ctx, err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		case <-tick.C:
			if err := idle(); err != nil {
				return err
			}
		}
	}
}

// over reports whether nothing can follow an event: it is at or beyond the last one of an ended job, or the job was deleted,
// for every job begins with an event.
func (l *Log) over(ctx context.Context, owner, id string, after int64) (bool, error) {
	page, err := l.table.Query(ctx, table.Query{PK: jobPK(owner, id), Prefix: "E#", Limit: 1, Reverse: true})
	if err != nil || len(page.Items) == 0 {
		return err == nil, err
	}
	last, err := table.Decode[Event](page.Items[0])
	return last.Seq <= after && last.Ends(), err
}

func ignoreDone(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// StatusData is the data of a status event.
type StatusData struct {
	Status  Status `json:"status"`
	Step    Step   `json:"step,omitempty"`
	Attempt int    `json:"attempt,omitempty"`
	Note    string `json:"note,omitempty"` // e.g. waiting for a cell
	Place   Place  `json:"place,omitempty"`
}

// Ends reports whether no event follows this one: it says that the job is terminal.
func (e Event) Ends() bool {
	if e.Type != "status" {
		return false
	}
	var d StatusData
	return json.Unmarshal(e.Data, &d) == nil && d.Status.Terminal()
}
