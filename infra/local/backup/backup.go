// Package backup keeps copies of one machine's data, also while orcray runs, and brings them back. A copy is whole or it is not
// there: it gets its name when everything in it has been written and checked.
package backup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/orcray/orcray/shared/fault"
)

// The files of a backup beside the data itself.
const (
	manifestName = "manifest.json"
	filesName    = "files.jsonl"
	prefix       = "orcray-"
	stamp        = "20060102T150405Z"
	version      = 1
)

// DefaultKeep is how long copies are kept.
const DefaultKeep = 7 * 24 * time.Hour

// databases in the order of their copies. The journal of workflows comes first: a workflow that is behind its job repeats a step,
// and steps bear that; one that is ahead would have ended without its job. Objects come last, so that what a row names is there.
func databases() []string { return []string{"workflow.db", "orcray.db"} }

// folders and single files that are data; the rest of the data folder is made anew by every start.
func folders() []string { return []string{"keys", "objects"} }
func singles() []string { return []string{"owner.json"} }

// passing are parts of those folders that mean nothing to another start.
func passing(path string) bool {
	name := filepath.Base(path)
	return path == filepath.Join("objects", "lock") || path == filepath.Join("objects", "grants") || strings.Contains(name, ".sgwtmp")
}

// Manifest says what a backup is.
type Manifest struct {
	Version int       `json:"version"`
	Taken   time.Time `json:"taken"`
	Jobs    int       `json:"jobs"`
	Files   int       `json:"files"`
	Bytes   int64     `json:"bytes"`
	Sum     string    `json:"sum"` // SHA-256 of files.jsonl, which has those of all other files
	Path    string    `json:"-"`
}

// Plan of a backup.
type Plan struct {
	Data string // folder of the data
	To   string // folder of the backups
	Keep time.Duration
	Now  func() time.Time
}

// Take makes a backup, and removes those that are older than Keep.
func Take(ctx context.Context, p Plan) (Manifest, error) {
	if _, err := os.Stat(filepath.Join(p.Data, "orcray.db")); err != nil {
		return Manifest{}, fault.Wrap(err, fault.NotFound, "There is no data in %s. Start orcray once, or set ORCRAY_DATA to its folder.", p.Data)
	}
	now := p.Now().UTC()
	final := filepath.Join(p.To, prefix+now.Format(stamp))
	if _, err := os.Stat(final); err == nil {
		return Manifest{}, fault.New(fault.Conflict, "The backup %s is there already. Try again in a second.", final)
	}
	partial := final + ".partial"
	m, err := write(ctx, p.Data, partial, now)
	if err == nil {
		err = os.Rename(partial, final)
	}
	if err != nil {
		return Manifest{}, errors.Join(explain(err, "The backup could not be written to "+p.To+"."), os.RemoveAll(partial))
	}
	m.Path = final
	return m, prune(p, now)
}

// explain gives an error of the system a sentence; what has one keeps it.
func explain(err error, sentence string) error {
	var coded *fault.Error
	if errors.As(err, &coded) || errors.Is(err, context.Canceled) {
		return err
	}
	return fault.Wrap(err, fault.Unavailable, "%s Check the folder, its rights and the room on its disk.", sentence)
}

func write(ctx context.Context, data, to string, now time.Time) (Manifest, error) {
	if err := os.MkdirAll(to, 0o700); err != nil {
		return Manifest{}, err
	}
	m := Manifest{Version: version, Taken: now}
	c := &copier{from: data, to: to}
	for _, name := range databases() {
		if err := copyDatabase(ctx, filepath.Join(data, name), filepath.Join(to, name)); err != nil {
			return m, err
		}
		if err := c.note(name); err != nil {
			return m, err
		}
	}
	var err error
	if m.Jobs, err = check(ctx, to); err != nil {
		return m, err
	}
	for _, name := range append(singles(), folders()...) {
		if err := c.tree(ctx, name); err != nil {
			return m, err
		}
	}
	if m.Sum, err = c.writeList(filepath.Join(to, filesName)); err != nil {
		return m, err
	}
	m.Files, m.Bytes = len(c.entries), c.bytes
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return m, err
	}
	return m, writeFile(filepath.Join(to, manifestName), append(text, '\n'))
}

// prune removes our own old backups, and halves of backups that nobody ended.
func prune(p Plan, now time.Time) error {
	if p.Keep <= 0 {
		return nil
	}
	entries, err := os.ReadDir(p.To)
	if err != nil {
		return explain(err, "The old backups could not be listed.")
	}
	var errs []error
	for _, e := range entries {
		name := strings.TrimSuffix(strings.TrimPrefix(e.Name(), prefix), ".partial")
		taken, err := time.Parse(stamp, name)
		if err == nil && e.IsDir() && strings.HasPrefix(e.Name(), prefix) && now.Sub(taken) > p.Keep {
			errs = append(errs, os.RemoveAll(filepath.Join(p.To, e.Name())))
		}
	}
	return errors.Join(errs...)
}

// Restore brings a backup back into a data folder that is not there or empty, and proves it before it gets its name.
func Restore(ctx context.Context, from, data string) (Manifest, error) {
	m, entries, err := read(from)
	if err != nil {
		return m, err
	}
	if err := vacant(data); err != nil {
		return m, err
	}
	partial := filepath.Clean(data) + ".restoring"
	if err := errors.Join(os.RemoveAll(partial), os.MkdirAll(partial, 0o700)); err != nil {
		return m, explain(err, "The data folder could not be made.")
	}
	if err := bringBack(ctx, from, partial, entries, m); err != nil {
		return m, errors.Join(explain(err, "The backup could not be brought back."), os.RemoveAll(partial))
	}
	if err := os.Remove(data); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return m, errors.Join(explain(err, "The empty data folder could not be replaced."), os.RemoveAll(partial))
	}
	return m, explainNil(os.Rename(partial, data), "The data folder could not be given its name.")
}

func explainNil(err error, sentence string) error {
	if err == nil {
		return nil
	}
	return explain(err, sentence)
}

func bringBack(ctx context.Context, from, to string, entries []entry, m Manifest) error {
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := e.restore(from, to); err != nil {
			return err
		}
	}
	jobs, err := check(ctx, to)
	if err == nil && jobs != m.Jobs {
		err = fault.New(fault.Unprocessable, "The backup holds %d jobs and should hold %d. Take another one.", jobs, m.Jobs)
	}
	return err
}

// vacant refuses to write over data, and to write under a server.
func vacant(data string) error {
	entries, err := os.ReadDir(data)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return explain(err, "The data folder "+data+" cannot be read.")
	case locked(filepath.Join(data, "lock")):
		return fault.New(fault.Conflict, "orcray runs on %s. Stop it with `make down`, move the folder away, and restore again.", data)
	case len(entries) > 0:
		return fault.New(fault.Conflict, "%s holds data. Move it away, or set ORCRAY_DATA to another folder, and restore again.", data)
	}
	return nil
}

// String tells a person what was kept.
func (m Manifest) String() string {
	return fmt.Sprintf("%d jobs, %d files, %.1f MiB, taken %s", m.Jobs, m.Files, float64(m.Bytes)/(1<<20), m.Taken.Format(time.RFC3339))
}
