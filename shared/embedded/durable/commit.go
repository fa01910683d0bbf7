package durable

import (
	"context"
	"database/sql"
	"sync/atomic"

	"github.com/orcray/orcray/shared/fault"
)

// job is one caller's work on its way through the committing goroutine.
type job struct {
	fn    func(*Tx) error
	taken atomic.Bool // by the committing goroutine, or by its own caller when that gives up first
	err   error
	done  chan struct{}
}

// Write runs fn inside the next commit and returns once that commit is on disk, with fn's own error. fn runs alone: no
// other write happens at the same time, so what it reads through tx stays true until it returns. When fn returns an
// error, its own changes are undone and nobody else's. fn must be quick and may not call Write.
//
// fault.Unavailable means that the commit failed (the outcome is unknown), or that ctx ended before the work began
// (nothing happened). Once it has begun, Write waits for the outcome, also past the end of ctx: it is one flush away.
func (f *File) Write(ctx context.Context, fn func(*Tx) error) error {
	j := &job{fn: fn, done: make(chan struct{})}
	if err := f.enqueue(ctx, j); err != nil {
		return err
	}
	select {
	case <-j.done:
	case <-ctx.Done():
		if j.taken.CompareAndSwap(false, true) {
			return gaveUp(ctx)
		}
		<-j.done
	}
	return j.err
}

func (f *File) enqueue(ctx context.Context, j *job) error {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if ctx.Err() != nil {
		return gaveUp(ctx)
	}
	if f.closed {
		return fault.New(fault.Unavailable, "The store is shutting down. Try again shortly.")
	}
	select {
	case f.jobs <- j:
		return nil
	case <-ctx.Done():
		return gaveUp(ctx)
	}
}

func gaveUp(ctx context.Context) error {
	return fault.Wrap(ctx.Err(), fault.Unavailable, "The store did not answer in time. Try again shortly.")
}

// commitLoop commits groups until the file is closed. It never waits for a group to fill: what is there goes.
func (f *File) commitLoop(conn *sql.Conn) {
	defer close(f.done)
	tx := &Tx{conn: conn, prepared: map[string]*sql.Stmt{}}
	defer tx.close()
	for first := range f.jobs {
		batch := f.gather(first)
		err := tx.commit(batch)
		for _, j := range batch {
			if err != nil {
				j.err = err
			}
			close(j.done)
		}
	}
}

// gather takes what is waiting along with the first job, and leaves out those whose callers gave up.
func (f *File) gather(first *job) []*job {
	var batch []*job
	if first.taken.CompareAndSwap(false, true) {
		batch = append(batch, first)
	}
	for len(batch) < group {
		select {
		case j, open := <-f.jobs:
			if !open {
				return batch
			}
			if j.taken.CompareAndSwap(false, true) {
				batch = append(batch, j)
			}
		default:
			return batch
		}
	}
	return batch
}

// commit runs a batch in one transaction. Its error is everybody's: also a refusal was decided on the ground of changes
// that are then not on disk.
func (tx *Tx) commit(batch []*job) error {
	if len(batch) == 0 {
		return nil
	}
	if _, err := tx.Exec("BEGIN IMMEDIATE"); err != nil {
		return unavailable(err)
	}
	for _, j := range batch {
		if err := tx.run(j); err != nil {
			_, _ = tx.Exec("ROLLBACK")
			return unavailable(err)
		}
	}
	if _, err := tx.Exec("COMMIT"); err != nil {
		_, _ = tx.Exec("ROLLBACK")
		return unavailable(err)
	}
	return nil
}

// run does one job under a savepoint. An error of run itself means that the transaction is lost.
func (tx *Tx) run(j *job) error {
	if _, err := tx.Exec("SAVEPOINT job"); err != nil {
		return err
	}
	if j.err = unavailable(j.fn(tx)); j.err != nil {
		if _, err := tx.Exec("ROLLBACK TO job"); err != nil {
			return err
		}
	}
	_, err := tx.Exec("RELEASE job")
	return err
}

// Tx is what a Write's function works with. It prepares each statement once and keeps it, so texts must be constant.
type Tx struct {
	conn     *sql.Conn
	prepared map[string]*sql.Stmt
}

// Exec runs a statement and gives the number of changed rows.
func (tx *Tx) Exec(query string, args ...any) (int64, error) {
	stmt, err := tx.statement(query)
	if err != nil {
		return 0, err
	}
	result, err := stmt.Exec(args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// Row reads at most one row into dest and tells whether there was one.
func (tx *Tx) Row(query string, args []any, dest ...any) (bool, error) {
	found := false
	err := tx.Rows(query, args, func(scan func(...any) error) error {
		found = true
		return scan(dest...)
	})
	return found, err
}

// Rows calls each once per row; scan is as in database/sql. each may not use tx.
func (tx *Tx) Rows(query string, args []any, each func(scan func(...any) error) error) error {
	stmt, err := tx.statement(query)
	if err != nil {
		return err
	}
	rows, err := stmt.Query(args...)
	return all(rows, err, each)
}

func (tx *Tx) statement(query string) (*sql.Stmt, error) {
	if stmt, ok := tx.prepared[query]; ok {
		return stmt, nil
	}
	stmt, err := tx.conn.PrepareContext(context.Background(), query)
	if err != nil {
		return nil, err
	}
	tx.prepared[query] = stmt
	return stmt, nil
}

func (tx *Tx) close() {
	for _, stmt := range tx.prepared {
		_ = stmt.Close()
	}
	_ = tx.conn.Close()
}
