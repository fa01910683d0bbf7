package sqlitejournal

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"time"

	"github.com/orcray/orcray/shared/asl"
	"github.com/orcray/orcray/shared/fault"
)

// statements are the writer's, prepared once on its connection.
type statements struct {
	define, enter, advance, finish, dropFrames, putFrame, dropAll, putEvent *sql.Stmt

	conn *sql.Conn
	all  []*sql.Stmt
}

func prepare(ctx context.Context, conn *sql.Conn) (*statements, error) {
	s := &statements{conn: conn}
	for _, p := range []struct {
		target **sql.Stmt
		text   string
	}{
		{&s.define, `INSERT OR IGNORE INTO definitions (hash, body) VALUES (?, ?)`},
		{&s.enter, `INSERT INTO executions (machine, name, definition, input, started, seq, events, status)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING id`},
		{&s.advance, `UPDATE executions SET seq = seq + 1, events = events + ?
			WHERE machine = ? AND name = ? AND seq = ? AND status = 'RUNNING' RETURNING id`},
		{&s.finish, `UPDATE executions SET status = ?, output = ?, error = ?, cause = ?, stopped = ? WHERE id = ?`},
		// '0' is the character after '/': the range is everything below the prefix.
		{&s.dropFrames, `DELETE FROM frames WHERE execution = ? AND path >= ? AND path < substr(?, 1, length(?) - 1) || '0'`},
		{&s.putFrame, `INSERT OR REPLACE INTO frames (execution, path, data) VALUES (?, ?, ?)`},
		{&s.dropAll, `DELETE FROM frames WHERE execution = ?`},
		{&s.putEvent, `INSERT INTO events (execution, id, time, type, state, detail) VALUES (?, ?, ?, ?, ?, ?)`},
	} {
		stmt, err := conn.PrepareContext(ctx, p.text)
		if err != nil {
			return nil, errors.Join(err, s.close())
		}
		*p.target = stmt
		s.all = append(s.all, stmt)
	}
	return s, nil
}

func (s *statements) close() error {
	var errs []error
	for _, stmt := range s.all {
		errs = append(errs, stmt.Close())
	}
	return errors.Join(errs...)
}

// row gives the id that a statement returned; 0: none.
func row(stmt *sql.Stmt, args ...any) (int64, error) {
	var id int64
	err := stmt.QueryRow(args...).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return id, err
}

func (s *statements) create(r asl.Record) error {
	hash := sha256.Sum256(r.Definition)
	if _, err := s.define.Exec(hash[:], r.Definition); err != nil {
		return err
	}
	id, err := row(s.enter, r.Machine, r.Name, hash[:], []byte(r.Input), r.Started.UnixNano(), r.Seq, len(r.History), string(r.Status))
	if err != nil {
		return err
	}
	if id == 0 {
		return fault.New(fault.Conflict, "There is an execution %q of %q already.", r.Name, r.Machine)
	}
	return s.put(id, r.Frames, r.History)
}

func (s *statements) commit(step asl.Step) error {
	id, err := row(s.advance, len(step.Events), step.Machine, step.Name, step.Seq-1)
	if err != nil {
		return err
	}
	if id == 0 {
		return fault.New(fault.Conflict, "Step %d of the execution %q is not its next one.", step.Seq, step.Name)
	}
	for _, prefix := range step.Drop {
		if _, err := s.dropFrames.Exec(id, prefix, prefix, prefix); err != nil {
			return err
		}
	}
	if err := s.put(id, step.Put, step.Events); err != nil || step.End == nil {
		return err
	}
	if _, err := s.dropAll.Exec(id); err != nil {
		return err
	}
	end := step.End
	_, err = s.finish.Exec(string(end.Status), []byte(end.Output), end.Error, end.Cause, end.Stopped.UnixNano(), id)
	return err
}

func (s *statements) put(id int64, frames map[string][]byte, events []asl.Event) error {
	for path, data := range frames {
		if _, err := s.putFrame.Exec(id, path, data); err != nil {
			return err
		}
	}
	for _, e := range events {
		if _, err := s.putEvent.Exec(id, e.ID, e.Time.UnixNano(), e.Type, e.State, []byte(e.Detail)); err != nil {
			return err
		}
	}
	return nil
}

// prune is rare, so its statements are not kept.
func (s *statements) prune(before time.Time) (int64, error) {
	var n int64
	for _, text := range []string{
		`DELETE FROM events WHERE execution IN (SELECT id FROM executions WHERE status <> 'RUNNING' AND stopped < ?)`,
		`DELETE FROM executions WHERE status <> 'RUNNING' AND stopped < ?`,
	} {
		done, err := s.conn.ExecContext(context.Background(), text, before.UnixNano())
		if err != nil {
			return 0, err
		}
		if n, err = done.RowsAffected(); err != nil {
			return 0, err
		}
	}
	return n, nil
}
