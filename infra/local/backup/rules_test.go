package backup_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orcray/orcray/infra/local/backup"
	"github.com/orcray/orcray/shared/asl/sqlitejournal"
	"github.com/orcray/orcray/shared/embedded/sqlite"
	"github.com/orcray/orcray/shared/fault"
)

func jsonOf(v any) (string, error) {
	text, err := json.Marshal(v)
	return string(text), err
}

// folder makes a data folder with empty databases and one object.
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	db, err := sqlite.Open(t.Context(), filepath.Join(dir, "orcray.db"), sqlite.Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	journal, err := sqlitejournal.Open(t.Context(), filepath.Join(dir, "workflow.db"))
	if err != nil {
		t.Fatal(err)
	}
	for _, close := range []func() error{db.Close, journal.Close} {
		if err := close(); err != nil {
			t.Fatal(err)
		}
	}
	put(t, filepath.Join(dir, "objects", "objects", "orcray", "u", "one"), "1,2,3\n")
	put(t, filepath.Join(dir, "objects", "grants", "passing"), "secret of a minute")
	put(t, filepath.Join(dir, "owner.json"), "{}")
	put(t, filepath.Join(dir, "orcray.log"), "no data")
	return dir
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func at(day int) func() time.Time {
	return func() time.Time { return time.Date(2026, 11, day, 12, 0, 0, 0, time.UTC) }
}

func take(t *testing.T, data, to string, day int) backup.Manifest {
	t.Helper()
	m, err := backup.Take(t.Context(), backup.Plan{Data: data, To: to, Keep: backup.DefaultKeep, Now: at(day)})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func namesIn(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestO59_BackupsAreKeptForSevenDays(t *testing.T) {
	t.Parallel()
	data, to := folder(t), t.TempDir()
	put(t, filepath.Join(to, "orcray-notes", "mine"), "not a backup")
	put(t, filepath.Join(to, "orcray-20261101T000000Z.partial", "half"), "of a crash")
	for _, day := range []int{2, 8, 9, 10} {
		take(t, data, to, day)
	}
	want := []string{"orcray-20261108T120000Z", "orcray-20261109T120000Z", "orcray-20261110T120000Z", "orcray-notes"}
	if got := namesIn(t, to); !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
}

func TestO59_WhatIsKeptIsTheDataAndNothingElse(t *testing.T) {
	t.Parallel()
	data := folder(t)
	m := take(t, data, t.TempDir(), 1)
	target := filepath.Join(t.TempDir(), "var")
	if _, err := backup.Restore(t.Context(), m.Path, target); err != nil {
		t.Fatal(err)
	}
	for name, there := range map[string]bool{"orcray.db": true, "workflow.db": true, "owner.json": true, "objects/objects/orcray/u/one": true,
		"objects/grants": false, "orcray.log": false} {
		if _, err := os.Stat(filepath.Join(target, name)); (err == nil) != there {
			t.Errorf("%s: %v", name, err)
		}
	}
	info, err := os.Stat(m.Path)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("others may read the keys: %v %v", info.Mode(), err)
	}
}

// A backup of which one byte changed is refused before anything is written.
func TestO59_ADamagedBackupIsRefusedWhole(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"files.jsonl", "orcray.db", "workflow.db", "owner.json", "objects/objects/orcray/u/one"} {
		data := folder(t)
		m := take(t, data, t.TempDir(), 1)
		path := filepath.Join(m.Path, name)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		text[len(text)/2] ^= 1
		put(t, path, string(text))
		refused(t, name+" changed", m.Path, fault.Unprocessable, "damaged")
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		refused(t, name+" gone", m.Path, fault.Unprocessable, "damaged")
	}
}

func refused(t *testing.T, what, from string, code fault.Code, says string) {
	t.Helper()
	target := filepath.Join(t.TempDir(), "var")
	_, err := backup.Restore(t.Context(), from, target)
	if !fault.Is(err, code) || !strings.Contains(fault.MessageOf(err), says) {
		t.Errorf("%s: %v", what, err)
	}
	if left := namesIn(t, filepath.Dir(target)); len(left) != 0 {
		t.Errorf("%s: it left %v", what, left)
	}
}

func TestO59_WhatIsNoBackupAndWhereNoneCanGo(t *testing.T) {
	t.Parallel()
	data := folder(t)
	m := take(t, data, t.TempDir(), 1)
	refused(t, "a folder", t.TempDir(), fault.Invalid, "is not a backup")
	refused(t, "nothing", filepath.Join(t.TempDir(), "no"), fault.Invalid, "is not a backup")
	put(t, filepath.Join(m.Path, "manifest.json"), `{"version":2,"sum":"x"}`)
	refused(t, "a later version", m.Path, fault.Unprocessable, "version 2")

	fine := take(t, data, t.TempDir(), 2)
	if _, err := backup.Restore(t.Context(), fine.Path, data); !fault.Is(err, fault.Conflict) || !strings.Contains(fault.MessageOf(err), "holds data") {
		t.Errorf("over data: %v", err)
	}
	if _, err := backup.Take(t.Context(), backup.Plan{Data: t.TempDir(), To: t.TempDir(), Now: at(1)}); !fault.Is(err, fault.NotFound) {
		t.Errorf("of nothing: %v", err)
	}
	put(t, filepath.Join(data, "orcray.db"), strings.Repeat("no database ", 1000))
	to := t.TempDir()
	if _, err := backup.Take(t.Context(), backup.Plan{Data: data, To: to, Now: at(3)}); err == nil || len(namesIn(t, to)) != 0 {
		t.Errorf("of a broken database: %v %v", err, namesIn(t, to))
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := backup.Take(ended, backup.Plan{Data: folder(t), To: to, Now: at(4)}); err == nil || len(namesIn(t, to)) != 0 {
		t.Errorf("stopped: %v %v", err, namesIn(t, to))
	}
}
