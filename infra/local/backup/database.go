package backup

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"path/filepath"

	_ "modernc.org/sqlite" // the driver

	"github.com/orcray/orcray/shared/fault"
)

// open opens a database beside whoever works on it.
func open(path string) (*sql.DB, error) {
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: "mode=rw&_pragma=busy_timeout(10000)"}
	db, err := sql.Open("sqlite", u.String())
	if err == nil {
		db.SetMaxOpenConns(1)
	}
	return db, err
}

// copyDatabase writes one moment of a database, while others may write to it, into a new file.
func copyDatabase(ctx context.Context, from, to string) error {
	db, err := open(from)
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, `VACUUM INTO ?`, to)
	return errors.Join(err, db.Close())
}

// check proves the databases of a folder, and counts its jobs.
func check(ctx context.Context, dir string) (jobs int, err error) {
	for _, name := range databases() {
		if err := sound(ctx, filepath.Join(dir, name)); err != nil {
			return 0, err
		}
	}
	db, err := open(filepath.Join(dir, "orcray.db"))
	if err != nil {
		return 0, err
	}
	// A job lies below its owner alone; pointers of sessions and parts of jobs have longer partitions (shared/job/keys.go).
	err = db.QueryRowContext(ctx, `SELECT count(*) FROM items WHERE pk LIKE 'U#%' AND instr(substr(pk, 3), '#') = 0 AND sk LIKE 'J#%'`).Scan(&jobs)
	return jobs, errors.Join(err, db.Close())
}

func sound(ctx context.Context, path string) error {
	db, err := open(path)
	if err != nil {
		return err
	}
	var verdict string
	err = errors.Join(db.QueryRowContext(ctx, `PRAGMA integrity_check(1)`).Scan(&verdict), db.Close())
	if err != nil || verdict != "ok" {
		return fault.Wrap(errors.Join(err, errors.New(verdict)), fault.Unprocessable, "The database %s is damaged. Restore from an earlier backup.", filepath.Base(path))
	}
	return nil
}
