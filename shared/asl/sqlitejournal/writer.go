package sqlitejournal

import (
	"context"
	"database/sql"
	"errors"
	"sync"

	"github.com/orcray/orcray/shared/fault"
)

// most is how many requests share a transaction at most.
const most = 64

// writer makes all changes, one transaction after the other, on its own connection.
type writer struct {
	conn     *sql.Conn
	stmts    *statements
	requests chan request
	ended    chan struct{}

	mu     sync.RWMutex // held for reading while a request is handed in
	closed bool
}

type request struct {
	apply func(*statements) error
	reply chan error
}

func newWriter(ctx context.Context, conn *sql.Conn) (*writer, error) {
	stmts, err := prepare(ctx, conn)
	if err != nil {
		return nil, err
	}
	w := &writer{conn: conn, stmts: stmts, requests: make(chan request, most), ended: make(chan struct{})}
	go w.loop()
	return w, nil
}

// do hands a change in and waits until it is durable. A change that was handed in is waited for even when ctx ends, so that
// the answer is never a guess. apply must change nothing when it answers with fault.Conflict.
func (w *writer) do(ctx context.Context, apply func(*statements) error) error {
	if ctx.Err() != nil {
		return fault.Wrap(ctx.Err(), fault.Unavailable, "The time for the workflow journal is up.")
	}
	r := request{apply: apply, reply: make(chan error, 1)}
	w.mu.RLock()
	if w.closed {
		w.mu.RUnlock()
		return fault.New(fault.Unavailable, "The workflow journal is closed.")
	}
	w.requests <- r
	w.mu.RUnlock()
	return <-r.reply
}

func (w *writer) close() error {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return nil
	}
	w.closed = true
	close(w.requests)
	w.mu.Unlock()
	<-w.ended
	return errors.Join(w.stmts.close(), w.conn.Close())
}

// loop takes all that waits into one transaction.
func (w *writer) loop() {
	defer close(w.ended)
	for first := range w.requests {
		group := append(make([]request, 0, most), first)
		for len(group) < most {
			r, ok := w.next()
			if !ok {
				break
			}
			group = append(group, r)
		}
		w.commit(group)
	}
}

// next takes a request that waits already.
func (w *writer) next() (request, bool) {
	select {
	case r, ok := <-w.requests:
		return r, ok
	default:
		return request{}, false
	}
}

// commit writes a group. When the transaction fails, each is tried alone, so that one bad change does not stop the others.
func (w *writer) commit(group []request) {
	answers, err := w.transact(group)
	for i, r := range group {
		if err != nil && len(group) > 1 {
			w.commit([]request{r})
			continue
		}
		if err != nil {
			answers[i] = unavailable(err)
		}
		r.reply <- answers[i]
	}
}

// transact gives each request's own answer, which is nil or a fault.Conflict; or why the transaction failed.
func (w *writer) transact(group []request) ([]error, error) {
	ctx := context.Background() // what was handed in is finished
	answers := make([]error, len(group))
	if _, err := w.conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return answers, err
	}
	for i, r := range group {
		if answers[i] = r.apply(w.stmts); answers[i] != nil && !fault.Is(answers[i], fault.Conflict) {
			_, err := w.conn.ExecContext(ctx, "ROLLBACK")
			return answers, errors.Join(answers[i], err)
		}
	}
	if _, err := w.conn.ExecContext(ctx, "COMMIT"); err != nil {
		_, undone := w.conn.ExecContext(ctx, "ROLLBACK")
		return answers, errors.Join(err, undone)
	}
	return answers, nil
}
