// Package sqlite is the one-machine store: table.Table on a SQLite file with group commit (package durable).
package sqlite

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/orcray/orcray/shared/embedded/durable"
	"github.com/orcray/orcray/shared/table"
)

// schema: a rowid table with an index, not WITHOUT ROWID, because bodies are large and would sit in the inner nodes.
// Text compares bytewise (BINARY), which is the order that table.Query promises. expires is in Unix seconds, 0: never.
func schema() []string {
	return []string{
		`CREATE TABLE IF NOT EXISTS items (
			pk TEXT NOT NULL, sk TEXT NOT NULL, version INTEGER NOT NULL, body BLOB NOT NULL, expires INTEGER NOT NULL) STRICT`,
		`CREATE UNIQUE INDEX IF NOT EXISTS items_by_key ON items (pk, sk)`,
		`CREATE INDEX IF NOT EXISTS items_by_expiry ON items (expires) WHERE expires > 0`,
	}
}

// Sweeping removes what has expired. It rides along with writes, at most this often and this many rows at a time.
const (
	sweepEvery = time.Minute
	sweepRows  = 500
)

// Options are the outside of the adapter.
type Options struct {
	Now func() time.Time // decides what has expired; required
}

// DB is an open store.
type DB struct {
	file  *durable.File
	now   func() time.Time
	swept atomic.Int64 // Unix nanoseconds of the last sweep
}

// Open opens or creates the store at path. It returns fault.Unavailable when the file cannot be used.
func Open(ctx context.Context, path string, options Options) (*DB, error) {
	file, err := durable.Open(ctx, path, schema()...)
	if err != nil {
		return nil, err
	}
	return &DB{file: file, now: options.Now}, nil
}

// Table gives the store port.
func (db *DB) Table() table.Table { return db }

// File gives the file itself, so that queues and journals can share its commits.
func (db *DB) File() *durable.File { return db.file }

// Close finishes accepted writes and closes the file.
func (db *DB) Close() error { return db.file.Close() }

// Sweep removes expired rows now and tells how many; it is for operators and tests, writes sweep by themselves.
func (db *DB) Sweep(ctx context.Context) (int, error) {
	total := int64(0)
	for {
		removed := int64(0)
		err := db.file.Write(ctx, func(tx *durable.Tx) (err error) {
			removed, err = sweep(tx, db.now())
			return err
		})
		total += removed
		if err != nil || removed < sweepRows {
			return int(total), err
		}
	}
}

// sweepNow and then: a burst of expiries must not make one unlucky write slow, hence the bound on rows.
func (db *DB) sweepNowAndThen(tx *durable.Tx, now time.Time) error {
	last := db.swept.Load()
	if now.UnixNano()-last < int64(sweepEvery) || !db.swept.CompareAndSwap(last, now.UnixNano()) {
		return nil
	}
	_, err := sweep(tx, now)
	return err
}

func sweep(tx *durable.Tx, now time.Time) (int64, error) {
	return tx.Exec(`DELETE FROM items WHERE rowid IN (
		SELECT rowid FROM items WHERE expires > 0 AND expires <= ? LIMIT ?)`, now.Unix(), sweepRows)
}
