// Package queue is the one-machine queue: the port of shared/queue on a durable SQLite file. Several queues, and the
// store, may share one file and so one commit; each queue is told apart by its name.
package queue

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/orcray/orcray/shared/embedded/durable"
	"github.com/orcray/orcray/shared/fault"
	port "github.com/orcray/orcray/shared/queue"
)

// schema: seq is never used again (AUTOINCREMENT), so that it can be the message's id; deliveries never goes back, so
// that seq and deliveries together name one delivery for ever, also after a redrive. Times are Unix nanoseconds. The
// triggers keep the depth, which would otherwise be a count over the queue for every Send.
func schema() []string {
	return []string{
		`CREATE TABLE IF NOT EXISTS queue_messages (
			seq INTEGER PRIMARY KEY AUTOINCREMENT, queue TEXT NOT NULL, body BLOB NOT NULL, sent INTEGER NOT NULL,
			visible INTEGER NOT NULL, received INTEGER NOT NULL, deliveries INTEGER NOT NULL) STRICT`,
		`CREATE INDEX IF NOT EXISTS queue_messages_by_visible ON queue_messages (queue, visible)`,
		`CREATE INDEX IF NOT EXISTS queue_messages_by_sent ON queue_messages (queue, sent)`,
		`CREATE INDEX IF NOT EXISTS queue_messages_by_received ON queue_messages (queue, received)`,
		`CREATE TABLE IF NOT EXISTS queue_dead (
			seq INTEGER PRIMARY KEY, queue TEXT NOT NULL, body BLOB NOT NULL, reason TEXT NOT NULL,
			died INTEGER NOT NULL, deliveries INTEGER NOT NULL) STRICT`,
		`CREATE INDEX IF NOT EXISTS queue_dead_by_died ON queue_dead (queue, died)`,
		`CREATE TABLE IF NOT EXISTS queue_depth (queue TEXT PRIMARY KEY, messages INTEGER NOT NULL) STRICT`,
		`CREATE TRIGGER IF NOT EXISTS queue_depth_up AFTER INSERT ON queue_messages BEGIN
			INSERT INTO queue_depth VALUES (new.queue, 1)
			ON CONFLICT (queue) DO UPDATE SET messages = messages + 1; END`,
		`CREATE TRIGGER IF NOT EXISTS queue_depth_down AFTER DELETE ON queue_messages BEGIN
			UPDATE queue_depth SET messages = messages - 1 WHERE queue = old.queue; END`,
	}
}

// MaxMessages is the most that one Receive gives, as on SQS.
const MaxMessages = 10

// retryFull is what a sender to a full queue is told to wait; the queue cannot know when its consumers are done.
const retryFull = 5 * time.Second

// deadKept is how long dead letters stay for somebody to look at them, SQS's longest.
const deadKept = 14 * 24 * time.Hour

// Options are the outside of the queue.
type Options struct {
	Now func() time.Time // required
	// Alarm rings once Now has reached at, and can be stopped; nil: a time.Timer.
	Alarm func(at time.Time) (ring <-chan time.Time, stop func())
}

// Queue implements queue.Queue and queue.Inspector.
type Queue struct {
	file   *durable.File
	name   string
	limits port.Limits
	now    func() time.Time
	alarm  func(time.Time) (<-chan time.Time, func())
	// ready holds at most one hint that something may be visible. Who takes it must try to receive, and hints again
	// when more is left: so one message wakes one of many consumers, and no message is forgotten.
	ready chan struct{}
}

// Open opens the named queue in the file. All limits must be positive; fault.Invalid otherwise.
func Open(ctx context.Context, file *durable.File, name string, limits port.Limits, options Options) (*Queue, error) {
	if name == "" || limits.Visibility <= 0 || limits.MaxReceive <= 0 || limits.MaxAge <= 0 || limits.MaxDepth <= 0 {
		return nil, fault.New(fault.Invalid, "A queue needs a name and positive limits.")
	}
	if err := file.Migrate(ctx, schema()...); err != nil {
		return nil, err
	}
	q := &Queue{file: file, name: name, limits: limits, now: options.Now, alarm: options.Alarm, ready: make(chan struct{}, 1)}
	if q.alarm == nil {
		q.alarm = q.timer
	}
	return q, nil
}

func (q *Queue) timer(at time.Time) (<-chan time.Time, func()) {
	timer := time.NewTimer(at.Sub(q.now()))
	return timer.C, func() { timer.Stop() }
}

// Send implements queue.Queue.
func (q *Queue) Send(ctx context.Context, body []byte) error {
	if len(body) > port.MaxBody {
		return fault.New(fault.TooLarge, "The message has %d bytes; at most %d fit.", len(body), port.MaxBody)
	}
	err := q.file.Write(ctx, func(tx *durable.Tx) error {
		now := q.now()
		depth := 0
		if _, err := tx.Row(`SELECT messages FROM queue_depth WHERE queue = ?`, []any{q.name}, &depth); err != nil {
			return err
		}
		if depth >= q.limits.MaxDepth {
			return q.full()
		}
		_, err := tx.Exec(`INSERT INTO queue_messages (queue, body, sent, visible, received, deliveries) VALUES (?, ?, ?, ?, 0, 0)`,
			q.name, notNil(body), now.UnixNano(), now.UnixNano())
		return err
	})
	if err == nil {
		q.hint()
	}
	return err
}

func (q *Queue) full() error {
	err := fault.New(fault.Throttled, "%d messages are waiting already. Try again in %s.", q.limits.MaxDepth, retryFull)
	err.RetryAfter = retryFull
	return err
}

// hint wakes one waiting consumer, or the next one that comes.
func (q *Queue) hint() {
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

// Delete implements queue.Queue.
func (q *Queue) Delete(ctx context.Context, receipt string) error {
	seq, deliveries, err := parse(receipt)
	if err != nil {
		return err
	}
	return q.file.Write(ctx, func(tx *durable.Tx) error {
		_, err := tx.Exec(`DELETE FROM queue_messages WHERE seq = ? AND queue = ? AND deliveries = ?`, seq, q.name, deliveries)
		return err
	})
}

// Release implements queue.Queue.
func (q *Queue) Release(ctx context.Context, receipt string, after time.Duration) error {
	seq, deliveries, err := parse(receipt)
	if err != nil {
		return err
	}
	if after < 0 {
		return fault.New(fault.Invalid, "A message cannot be released into the past.")
	}
	err = q.file.Write(ctx, func(tx *durable.Tx) error {
		_, err := tx.Exec(`UPDATE queue_messages SET visible = ? WHERE seq = ? AND queue = ? AND deliveries = ?`,
			q.now().Add(after).UnixNano(), seq, q.name, deliveries)
		return err
	})
	if err == nil {
		q.hint() // also with a delay: a waiting consumer then sets its timer anew
	}
	return err
}

func receiptOf(seq, deliveries int64) string { return fmt.Sprintf("%d.%d", seq, deliveries) }

func parse(receipt string) (seq, deliveries int64, err error) {
	left, right, _ := strings.Cut(receipt, ".")
	seq, err1 := strconv.ParseInt(left, 10, 64)
	deliveries, err2 := strconv.ParseInt(right, 10, 64)
	if err1 != nil || err2 != nil {
		return 0, 0, fault.New(fault.Invalid, "This is not a receipt of a delivery.")
	}
	return seq, deliveries, nil
}

func notNil(body []byte) []byte {
	if body == nil {
		return []byte{}
	}
	return body
}
