// Package sqlitejournal keeps the executions of the workflow engine in one SQLite file.
//
// A step is durable when Commit returns: the file is in WAL mode with synchronous=FULL. Steps of different executions that
// come at the same time share one transaction, and so one wait for the disk. One process at a time may have the file open.
package sqlitejournal

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"net/url"
	"os"
	"sync"
	"syscall"
	"time"

	_ "modernc.org/sqlite" // the driver

	"github.com/orcray/orcray/shared/asl"
	"github.com/orcray/orcray/shared/fault"
)

const schema = `
CREATE TABLE IF NOT EXISTS definitions (hash BLOB PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS executions (
	id INTEGER PRIMARY KEY, machine TEXT NOT NULL, name TEXT NOT NULL, definition BLOB NOT NULL REFERENCES definitions(hash),
	input BLOB NOT NULL, started INTEGER NOT NULL, seq INTEGER NOT NULL, events INTEGER NOT NULL, status TEXT NOT NULL,
	output BLOB, error TEXT NOT NULL DEFAULT '', cause TEXT NOT NULL DEFAULT '', stopped INTEGER NOT NULL DEFAULT 0,
	UNIQUE (machine, name));
CREATE INDEX IF NOT EXISTS running ON executions (id) WHERE status = 'RUNNING';
CREATE TABLE IF NOT EXISTS frames (execution INTEGER NOT NULL, path TEXT NOT NULL, data BLOB NOT NULL,
	PRIMARY KEY (execution, path)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS events (execution INTEGER NOT NULL, id INTEGER NOT NULL, time INTEGER NOT NULL, type TEXT NOT NULL,
	state TEXT NOT NULL, detail BLOB, PRIMARY KEY (execution, id)) WITHOUT ROWID;
`

// Journal is asl.Journal on a SQLite file. It is safe for concurrent use.
type Journal struct {
	lock    *os.File
	closing sync.Once
	readers *sql.DB
	writer  *writer
}

var _ asl.Journal = (*Journal)(nil)

// Open opens the file, making it when it is not there. fault.Conflict when another process, or another Journal of this one,
// has it open.
func Open(ctx context.Context, file string) (*Journal, error) {
	lock, err := os.OpenFile(file+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "The workflow journal cannot be opened.")
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		lock.Close()
		return nil, fault.Wrap(err, fault.Conflict, "The workflow journal is in use by another process; stop that one first.")
	}
	j := &Journal{lock: lock}
	if err := j.open(ctx, file); err != nil {
		return nil, fault.Wrap(errors.Join(err, j.Close()), fault.Internal, "The workflow journal cannot be opened.")
	}
	return j, nil
}

func (j *Journal) open(ctx context.Context, file string) error {
	dsn := (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: file}).EscapedPath(),
		RawQuery: "_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)"}).String()
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return err
	}
	j.readers = db
	db.SetMaxOpenConns(4)
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	if _, err := conn.ExecContext(ctx, schema); err != nil {
		return errors.Join(err, conn.Close())
	}
	if j.writer, err = newWriter(ctx, conn); err != nil {
		return errors.Join(err, conn.Close())
	}
	return nil
}

// Close finishes what was handed in, and closes the file. Only the first call does something.
func (j *Journal) Close() (err error) {
	j.closing.Do(func() { err = j.close() })
	return err
}

func (j *Journal) close() error {
	var errs []error
	if j.writer != nil {
		errs = append(errs, j.writer.close())
	}
	if j.readers != nil {
		errs = append(errs, j.readers.Close())
	}
	return errors.Join(append(errs, j.lock.Close())...)
}

// Create is asl.Journal's.
func (j *Journal) Create(ctx context.Context, r asl.Record) error {
	return j.writer.do(ctx, func(s *statements) error { return s.create(r) })
}

// Commit is asl.Journal's.
func (j *Journal) Commit(ctx context.Context, step asl.Step) error {
	return j.writer.do(ctx, func(s *statements) error { return s.commit(step) })
}

// Prune forgets executions that ended before a time, so that the file does not grow for ever; their names become free. It
// tells how many went.
func (j *Journal) Prune(ctx context.Context, before time.Time) (int64, error) {
	var n int64
	err := j.writer.do(ctx, func(s *statements) (err error) {
		n, err = s.prune(before)
		return err
	})
	return n, err
}

// Load is asl.Journal's.
func (j *Journal) Load(ctx context.Context, k asl.Key) (asl.Record, error) {
	tx, err := j.readers.BeginTx(ctx, &sql.TxOptions{ReadOnly: true}) // one moment for row and frames
	if err != nil {
		return asl.Record{}, unavailable(err)
	}
	defer func() { _ = tx.Rollback() }()
	r := asl.Record{Execution: asl.Execution{Key: k}, Frames: map[string][]byte{}}
	var id, started, stopped int64
	var input, output []byte
	err = tx.QueryRowContext(ctx, `SELECT e.id, d.body, e.input, e.started, e.seq, e.events, e.status, e.output, e.error, e.cause, e.stopped
		FROM executions e JOIN definitions d ON d.hash = e.definition WHERE e.machine = ? AND e.name = ?`, k.Machine, k.Name).
		Scan(&id, &r.Definition, &input, &started, &r.Seq, &r.Execution.Events, &r.Status, &output, &r.Error, &r.Cause, &stopped)
	if errors.Is(err, sql.ErrNoRows) {
		return asl.Record{}, fault.New(fault.NotFound, "There is no execution %q of %q.", k.Name, k.Machine)
	}
	if err != nil {
		return asl.Record{}, unavailable(err)
	}
	r.Input, r.Output, r.Started = input, output, time.Unix(0, started).UTC()
	if stopped != 0 {
		r.Stopped = time.Unix(0, stopped).UTC()
	}
	rows, err := tx.QueryContext(ctx, `SELECT path, data FROM frames WHERE execution = ?`, id)
	if err != nil {
		return asl.Record{}, unavailable(err)
	}
	defer rows.Close()
	for rows.Next() {
		var path string
		var data []byte
		if err := rows.Scan(&path, &data); err != nil {
			return asl.Record{}, unavailable(err)
		}
		r.Frames[path] = data
	}
	return r, unavailable(rows.Err())
}

// Running is asl.Journal's.
func (j *Journal) Running(ctx context.Context) ([]asl.Key, error) {
	rows, err := j.readers.QueryContext(ctx, `SELECT machine, name FROM executions WHERE status = 'RUNNING' ORDER BY id`)
	if err != nil {
		return nil, unavailable(err)
	}
	defer rows.Close()
	var keys []asl.Key
	for rows.Next() {
		var k asl.Key
		if err := rows.Scan(&k.Machine, &k.Name); err != nil {
			return nil, unavailable(err)
		}
		keys = append(keys, k)
	}
	return keys, unavailable(rows.Err())
}

// History is asl.Journal's.
func (j *Journal) History(ctx context.Context, k asl.Key, after int64, limit int) ([]asl.Event, error) {
	var id int64
	err := j.readers.QueryRowContext(ctx, `SELECT id FROM executions WHERE machine = ? AND name = ?`, k.Machine, k.Name).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fault.New(fault.NotFound, "There is no execution %q of %q.", k.Name, k.Machine)
	}
	if err != nil {
		return nil, unavailable(err)
	}
	rows, err := j.readers.QueryContext(ctx, `SELECT id, time, type, state, detail FROM events
		WHERE execution = ? AND id > ? ORDER BY id LIMIT ?`, id, after, limit)
	if err != nil {
		return nil, unavailable(err)
	}
	defer rows.Close()
	var events []asl.Event
	for rows.Next() {
		var e asl.Event
		var at int64
		var detail []byte
		if err := rows.Scan(&e.ID, &at, &e.Type, &e.State, &detail); err != nil {
			return nil, unavailable(err)
		}
		e.Time = time.Unix(0, at).UTC()
		if len(detail) > 0 {
			e.Detail = json.RawMessage(detail)
		}
		events = append(events, e)
	}
	return events, unavailable(rows.Err())
}

// unavailable is what a caller sees of the database's own failures.
func unavailable(err error) error {
	return fault.Wrap(err, fault.Unavailable, "The workflow journal does not answer; try again.")
}
