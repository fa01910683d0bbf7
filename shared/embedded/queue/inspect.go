package queue

import (
	"context"
	"strconv"
	"time"

	"github.com/orcray/orcray/shared/embedded/durable"
	"github.com/orcray/orcray/shared/fault"
	port "github.com/orcray/orcray/shared/queue"
)

func idOf(seq int64) string { return strconv.FormatInt(seq, 10) }

// Stats implements queue.Inspector. It buries what is due first, so that the numbers are true also while nobody receives.
func (q *Queue) Stats(ctx context.Context) (port.Stats, error) {
	var stats port.Stats
	err := q.file.Write(ctx, func(tx *durable.Tx) error {
		stats = port.Stats{}
		now := q.now()
		if err := q.bury(tx, now); err != nil {
			return err
		}
		var oldest int64
		if _, err := tx.Row(`SELECT count(*) FILTER (WHERE visible <= ?1), count(*) FILTER (WHERE visible > ?1),
			coalesce(min(sent) FILTER (WHERE visible <= ?1), 0) FROM queue_messages WHERE queue = ?2`,
			[]any{now.UnixNano(), q.name}, &stats.Visible, &stats.InFlight, &oldest); err != nil {
			return err
		}
		if oldest > 0 {
			stats.Oldest = time.Unix(0, oldest).UTC()
		}
		_, err := tx.Row(`SELECT count(*) FROM queue_dead WHERE queue = ?`, []any{q.name}, &stats.Dead)
		return err
	})
	return stats, err
}

// DeadLetters implements queue.Inspector: the latest first.
func (q *Queue) DeadLetters(ctx context.Context, limit int) ([]port.Dead, error) {
	if limit < 1 {
		return nil, fault.New(fault.Invalid, "Ask for at least one dead letter.")
	}
	var dead []port.Dead
	err := q.file.Write(ctx, func(tx *durable.Tx) error {
		dead = nil
		if err := q.bury(tx, q.now()); err != nil {
			return err
		}
		return tx.Rows(`SELECT seq, body, reason, died FROM queue_dead WHERE queue = ? ORDER BY died DESC, seq DESC LIMIT ?`,
			[]any{q.name, limit}, func(scan func(...any) error) error {
				var seq, died int64
				var d port.Dead
				if err := scan(&seq, &d.Body, &d.Reason, &died); err != nil {
					return err
				}
				d.ID, d.Died = idOf(seq), time.Unix(0, died).UTC()
				dead = append(dead, d)
				return nil
			})
	})
	return dead, err
}

// Redrive implements queue.Inspector: the message starts anew, with its id, a fresh age and no receives. The depth cap
// does not hold it back, for it is an operator's decision about a message that was accepted once.
func (q *Queue) Redrive(ctx context.Context, id string) error {
	missing := fault.New(fault.NotFound, "No dead letter has this id.")
	seq, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return missing
	}
	err = q.file.Write(ctx, func(tx *durable.Tx) error {
		now := q.now().UnixNano()
		moved, err := tx.Exec(`INSERT INTO queue_messages (seq, queue, body, sent, visible, received, deliveries)
			SELECT seq, queue, body, ?, ?, 0, deliveries FROM queue_dead WHERE seq = ? AND queue = ?`, now, now, seq, q.name)
		if err != nil {
			return err
		}
		if moved == 0 {
			return missing
		}
		_, err = tx.Exec(`DELETE FROM queue_dead WHERE seq = ? AND queue = ?`, seq, q.name)
		return err
	})
	if err == nil {
		q.hint()
	}
	return err
}
