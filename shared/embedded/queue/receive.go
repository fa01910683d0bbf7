package queue

import (
	"context"
	"time"

	"github.com/orcray/orcray/shared/embedded/durable"
	"github.com/orcray/orcray/shared/fault"
	port "github.com/orcray/orcray/shared/queue"
)

// taken is the result of one look at the queue.
type taken struct {
	deliveries []port.Delivery
	more       bool      // others are visible
	next       time.Time // when a hidden one becomes visible; zero: none is hidden
}

// Receive implements queue.Queue. While nothing is visible it sleeps until a Send or Release, until the next hidden
// message becomes visible, or until wait is over; it does not look at the file in between. Asking for more than
// MaxMessages gives MaxMessages. When ctx ends while it waits, it returns none.
func (q *Queue) Receive(ctx context.Context, max int, wait time.Duration) ([]port.Delivery, error) {
	if max < 1 {
		return nil, fault.New(fault.Invalid, "Receive at least one message.")
	}
	max = min(max, MaxMessages)
	deadline := q.now().Add(wait)
	for {
		got, err := q.take(ctx, max)
		if err != nil {
			q.hint() // whatever woke us is still to be done
			return nil, err
		}
		if got.more {
			q.hint()
		}
		if len(got.deliveries) > 0 || !q.now().Before(deadline) {
			return got.deliveries, nil
		}
		if !q.sleep(ctx, deadline, got.next) {
			return nil, nil
		}
	}
}

// sleep waits for something to happen and tells whether to look again.
func (q *Queue) sleep(ctx context.Context, until, next time.Time) bool {
	if !next.IsZero() && next.Before(until) {
		until = next
	}
	ring, stop := q.alarm(until)
	defer stop()
	select {
	case <-q.ready:
		return true
	case <-ring:
		return true
	case <-ctx.Done():
		return false
	}
}

// take hides up to max visible messages and gives them out, in the order in which they became visible.
func (q *Queue) take(ctx context.Context, max int) (taken, error) {
	var got taken
	err := q.file.Write(ctx, func(tx *durable.Tx) error {
		got = taken{}
		now := q.now()
		if err := q.bury(tx, now); err != nil {
			return err
		}
		if err := q.look(tx, now, max, &got); err != nil {
			return err
		}
		for _, d := range got.deliveries {
			seq, deliveries, err := parse(d.Receipt)
			if err != nil {
				return err
			}
			if _, err := tx.Exec(`UPDATE queue_messages SET visible = ?, received = ?, deliveries = ? WHERE seq = ?`,
				now.Add(q.limits.Visibility).UnixNano(), d.Received, deliveries, seq); err != nil {
				return err
			}
		}
		if len(got.deliveries) > 0 {
			return nil
		}
		return q.nextVisible(tx, now, &got)
	})
	return got, err
}

// look reads one message more than asked for, to know whether another consumer has something to do.
func (q *Queue) look(tx *durable.Tx, now time.Time, max int, got *taken) error {
	err := tx.Rows(`SELECT seq, body, sent, received + 1, deliveries + 1 FROM queue_messages
		WHERE queue = ? AND visible <= ? ORDER BY visible, seq LIMIT ? + 0`, []any{q.name, now.UnixNano(), max + 1},
		func(scan func(...any) error) error {
			var seq, sent, deliveries int64
			var d port.Delivery
			if err := scan(&seq, &d.Body, &sent, &d.Received, &deliveries); err != nil {
				return err
			}
			d.ID, d.Receipt, d.Sent = idOf(seq), receiptOf(seq, deliveries), time.Unix(0, sent).UTC()
			got.deliveries = append(got.deliveries, d)
			return nil
		})
	if len(got.deliveries) > max {
		got.deliveries, got.more = got.deliveries[:max], true
	}
	return err
}

func (q *Queue) nextVisible(tx *durable.Tx, now time.Time, got *taken) error {
	var visible int64
	found, err := tx.Row(`SELECT visible FROM queue_messages WHERE queue = ? AND visible > ? ORDER BY visible LIMIT 1`,
		[]any{q.name, now.UnixNano()}, &visible)
	if found {
		got.next = time.Unix(0, visible)
	}
	return err
}

// bury moves visible messages that were delivered too often or wait too long to the dead letters. One in a consumer's
// hands is left alone: it may still be finished.
func (q *Queue) bury(tx *durable.Tx, now time.Time) error {
	for _, rule := range []struct {
		reason, insert, remove string
		limit                  int64
	}{
		{"receives",
			`INSERT INTO queue_dead SELECT seq, queue, body, ?, ?, deliveries FROM queue_messages WHERE queue = ? AND received >= ? AND visible <= ?`,
			`DELETE FROM queue_messages WHERE queue = ? AND received >= ? AND visible <= ?`, int64(q.limits.MaxReceive)},
		{"age",
			`INSERT INTO queue_dead SELECT seq, queue, body, ?, ?, deliveries FROM queue_messages WHERE queue = ? AND sent <= ? AND visible <= ?`,
			`DELETE FROM queue_messages WHERE queue = ? AND sent <= ? AND visible <= ?`, now.Add(-q.limits.MaxAge).UnixNano()},
	} {
		buried, err := tx.Exec(rule.insert, rule.reason, now.UnixNano(), q.name, rule.limit, now.UnixNano())
		if err != nil {
			return err
		}
		if buried == 0 {
			continue
		}
		if _, err := tx.Exec(rule.remove, q.name, rule.limit, now.UnixNano()); err != nil {
			return err
		}
	}
	_, err := tx.Exec(`DELETE FROM queue_dead WHERE queue = ? AND died <= ?`, q.name, now.Add(-deadKept).UnixNano())
	return err
}
