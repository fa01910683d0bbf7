package sqlite_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/orcray/orcray/shared/embedded/sqlite"
	"github.com/orcray/orcray/shared/table"
	"github.com/orcray/orcray/shared/table/tabletest"
)

func open(t testing.TB, path string, now func() time.Time) *sqlite.DB {
	t.Helper()
	db, err := sqlite.Open(context.Background(), path, sqlite.Options{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func TestR39_Conformance(t *testing.T) {
	t.Parallel()
	tabletest.Run(t, func(t *testing.T, now func() time.Time) table.Table {
		return open(t, filepath.Join(t.TempDir(), "store.db"), now).Table()
	}, tabletest.Options{})
}
