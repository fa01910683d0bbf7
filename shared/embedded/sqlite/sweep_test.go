package sqlite_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/orcray/orcray/shared/embedded/sqlite"
	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/table"
	"github.com/orcray/orcray/shared/table/tabletest"
)

func rowsIn(t *testing.T, path string) (n int) {
	t.Helper()
	raw, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	if err := raw.QueryRow("SELECT count(*) FROM items").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestR39_ExpiredRowsAreSwept: hidden is not enough, the file must not grow for ever.
func TestR39_ExpiredRowsAreSwept(t *testing.T) {
	t.Parallel()
	ctx, clock := context.Background(), tabletest.NewClock()
	path := filepath.Join(t.TempDir(), "store.db")
	db := open(t, path, clock.Now)
	put := func(sk string, expires time.Time) {
		t.Helper()
		w := table.Write{Op: table.Put, Item: table.Item{Key: table.Key{PK: "p", SK: sk}, Expires: expires}}
		if err := db.Table().Transact(ctx, []table.Write{w}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 600 { // more than one sweep takes along
		put(fmt.Sprint("short", i), clock.Now().Add(time.Minute))
	}
	put("long", clock.Now().Add(time.Hour))
	put("never", time.Time{})
	clock.Advance(2 * time.Minute)
	put("new", time.Time{})
	if n := rowsIn(t, path); n != 103 {
		t.Errorf("%d rows after a write that swept 500 of 600, want 103", n)
	}
	if n, err := db.Sweep(ctx); err != nil || n != 100 {
		t.Errorf("sweep removed %d, %v; want the other 100", n, err)
	}
	if n := rowsIn(t, path); n != 3 {
		t.Errorf("%d rows are left, want 3", n)
	}
}

// TestR39_SurvivesRestart: what was written is there when the file is opened again, with its version.
func TestR39_SurvivesRestart(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "new folder", "store with spaces & ünicode?#%41.db")
	key := table.Key{PK: "u#ann", SK: "job#1"}
	for version := int64(1); version <= 3; version++ {
		db, err := sqlite.Open(ctx, path, sqlite.Options{Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		w := table.Write{Op: table.Put, Item: table.Item{Key: key}, Need: table.VersionIs(version - 1)}
		if err := db.Table().Transact(ctx, []table.Write{w}); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if err := db.Table().Transact(ctx, []table.Write{w}); !fault.Is(err, fault.Unavailable) {
			t.Fatalf("a write after the end gave %v, want unavailable", err)
		}
		if _, err := db.Table().Get(ctx, key); !fault.Is(err, fault.Unavailable) {
			t.Fatalf("a read after the end gave %v, want unavailable", err)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the file has mode %v, %v; only its owner may read it", info.Mode(), err)
	}
}

func TestR39_UnusableFile(t *testing.T) {
	t.Parallel()
	broken := filepath.Join(t.TempDir(), "broken.db")
	if err := os.WriteFile(broken, []byte("this is no database, and it is long enough to be looked at as one"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{"no database": broken, "a folder": t.TempDir(), "below a file": filepath.Join(broken, "x.db")} {
		if db, err := sqlite.Open(context.Background(), path, sqlite.Options{Now: time.Now}); !fault.Is(err, fault.Unavailable) {
			t.Errorf("%s: opened %v, %v; want unavailable", name, db, err)
		}
	}
}
