// Package durable is a SQLite file that several goroutines write to at the price of few disk flushes: what arrives while
// one commit is on its way to the disk goes into the next one together (group commit), each piece under its own
// savepoint and with its own result. The store and the queues of one machine stand on it.
//
// A file belongs to one process. It is in WAL mode with synchronous=FULL: when Write returns nil, the change survives a
// crash of the process and of the machine.
package durable

import (
	"context"
	"database/sql"
	"net/url"
	"os"
	"path/filepath"
	"sync"

	_ "modernc.org/sqlite" // the driver

	"github.com/orcray/orcray/shared/fault"
)

// waiting is how many writes may queue before Write blocks; group is how many one commit takes along. A group bounds how
// long one caller waits for others' work.
const (
	waiting = 1024
	group   = 128
)

// readers is the number of connections that read at the same time.
const readers = 4

// File is an open database. Its methods may be called from many goroutines.
type File struct {
	writer *sql.DB // one connection, used by the committing goroutine alone
	reader *sql.DB

	preparing sync.Mutex
	prepared  map[string]*sql.Stmt // of the reader, by text; the reader's end closes them

	mu     sync.RWMutex // held for reading while a job is handed over, for writing while closing
	closed bool
	jobs   chan *job
	done   chan struct{}
}

// Open opens or creates the file (mode 0600) and its folder (0700), and runs the schema, whose statements must be
// repeatable.
func Open(ctx context.Context, path string, schema ...string) (*File, error) {
	if err := prepare(path); err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "The store cannot be created at the configured place. Check the folder and its rights.")
	}
	writer, err := sql.Open("sqlite", dsn(path))
	if err != nil {
		return nil, unavailable(err)
	}
	conn, err := writer.Conn(ctx)
	if err != nil {
		_ = writer.Close()
		return nil, unavailable(err)
	}
	reader, err := sql.Open("sqlite", dsn(path, "query_only(1)"))
	if err != nil {
		_ = writer.Close()
		return nil, unavailable(err)
	}
	reader.SetMaxOpenConns(readers)
	reader.SetMaxIdleConns(readers)
	f := &File{writer: writer, reader: reader, prepared: map[string]*sql.Stmt{}, jobs: make(chan *job, waiting), done: make(chan struct{})}
	go f.commitLoop(conn)
	if err := f.Migrate(ctx, schema...); err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// prepare makes the folder and the file with narrow rights before SQLite would make them with wide ones.
func prepare(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return file.Close()
}

func dsn(path string, pragmas ...string) string {
	values := url.Values{}
	for _, p := range append([]string{"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)"}, pragmas...) {
		values.Add("_pragma", p)
	}
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: values.Encode()}).String()
}

// Migrate runs repeatable schema statements in one transaction; the users of a shared file bring their own tables.
func (f *File) Migrate(ctx context.Context, schema ...string) error {
	return f.Write(ctx, func(tx *Tx) error {
		for _, statement := range schema {
			if _, err := tx.Exec(statement); err != nil {
				return err
			}
		}
		return nil
	})
}

// Row reads at most one row into dest on a read-only connection and tells whether there was one. A read that starts after a Write
// returned sees what was written. Each text of a query is prepared once and kept, so there must be few of them.
func (f *File) Row(ctx context.Context, query string, args []any, dest ...any) (bool, error) {
	found := false
	err := f.Rows(ctx, query, args, func(scan func(...any) error) error {
		found = true
		return scan(dest...)
	})
	return found, err
}

// Rows is Row for any number of rows: it calls each once per row; scan is as in database/sql.
func (f *File) Rows(ctx context.Context, query string, args []any, each func(scan func(...any) error) error) error {
	stmt, err := f.statement(ctx, query)
	if err != nil {
		return unavailable(err)
	}
	rows, err := stmt.QueryContext(ctx, args...)
	return unavailable(all(rows, err, each))
}

// all calls each once per row of what a query answered, and closes it.
func all(rows *sql.Rows, err error, each func(scan func(...any) error) error) error {
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (f *File) statement(ctx context.Context, query string) (*sql.Stmt, error) {
	f.preparing.Lock()
	defer f.preparing.Unlock()
	if stmt, ok := f.prepared[query]; ok {
		return stmt, nil
	}
	stmt, err := f.reader.PrepareContext(ctx, query)
	if err == nil {
		f.prepared[query] = stmt
	}
	return stmt, err
}

// Close finishes the writes that were accepted, then closes the file. It may be called twice.
func (f *File) Close() error {
	f.mu.Lock()
	if !f.closed {
		f.closed = true
		close(f.jobs)
	}
	f.mu.Unlock()
	<-f.done
	readErr := f.reader.Close()
	if err := f.writer.Close(); err != nil {
		return unavailable(err)
	}
	if readErr != nil {
		return unavailable(readErr)
	}
	return nil
}

// unavailable hides a database error behind a sentence; an error that already has a code keeps it.
func unavailable(err error) error {
	if err == nil || fault.CodeOf(err) != fault.Internal {
		return err
	}
	return fault.Wrap(err, fault.Unavailable, "The store does not answer at the moment. Try again shortly.")
}
