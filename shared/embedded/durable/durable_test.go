package durable_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"github.com/orcray/orcray/shared/embedded/durable"
	"github.com/orcray/orcray/shared/fault"
)

func open(t *testing.T) *durable.File {
	t.Helper()
	file, err := durable.Open(context.Background(), filepath.Join(t.TempDir(), "a.db"),
		`CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, body BLOB NOT NULL) STRICT`)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := file.Close(); err != nil {
			t.Error(err)
		}
	})
	return file
}

func insert(tx *durable.Tx, name string, size int) error {
	_, err := tx.Exec(`INSERT INTO facts VALUES (?, ?)`, name, make([]byte, size))
	return err
}

func has(t *testing.T, file *durable.File, name string) bool {
	t.Helper()
	var n int
	if _, err := file.Row(t.Context(), `SELECT count(*) FROM facts WHERE name = ?`, []any{name}, &n); err != nil {
		t.Fatal(err)
	}
	return n > 0
}

// busy holds the committing goroutine until release, so that what is written meanwhile goes into one group.
func busy(t *testing.T, file *durable.File) (release func()) {
	t.Helper()
	begun, free, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		done <- file.Write(context.Background(), func(*durable.Tx) error {
			close(begun)
			<-free
			return nil
		})
	}()
	<-begun
	return func() {
		close(free)
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// TestN7_EachOfAGroupGetsItsOwnResult: one that fails, after having written, takes nobody along and leaves nothing.
func TestN7_EachOfAGroupGetsItsOwnResult(t *testing.T) {
	t.Parallel()
	file := open(t)
	refusal := errors.New("refused")
	release := busy(t, file)
	results := make([]error, 300)
	var wg sync.WaitGroup
	for i := range results {
		wg.Go(func() {
			results[i] = file.Write(context.Background(), func(tx *durable.Tx) error {
				if err := insert(tx, fmt.Sprint(i), 10); err != nil {
					return err
				}
				if i%3 == 0 {
					return fault.Wrap(refusal, fault.Conflict, "no")
				}
				return nil
			})
		})
	}
	release()
	wg.Wait()
	for i, err := range results {
		if i%3 == 0 && (!errors.Is(err, refusal) || has(t, file, fmt.Sprint(i))) {
			t.Errorf("%d was refused, but: %v, written %v", i, err, has(t, file, fmt.Sprint(i)))
		}
		if i%3 != 0 && (err != nil || !has(t, file, fmt.Sprint(i))) {
			t.Errorf("%d was accepted, but: %v, written %v", i, err, has(t, file, fmt.Sprint(i)))
		}
	}
}

// TestS6_EndedContextMeansNothingHappened: who gives up while waiting may rely on it.
func TestS6_EndedContextMeansNothingHappened(t *testing.T) {
	t.Parallel()
	file := open(t)
	release := busy(t, file)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			err := file.Write(ctx, func(tx *durable.Tx) error { return insert(tx, fmt.Sprint(i), 10) })
			if !fault.Is(err, fault.Unavailable) || !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want unavailable because of the context", err)
			}
		})
	}
	cancel()
	wg.Wait()
	release()
	if err := file.Write(context.Background(), func(tx *durable.Tx) error { return insert(tx, "after", 10) }); err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		if has(t, file, fmt.Sprint(i)) {
			t.Errorf("%d was written after its caller had given up", i)
		}
	}
}

// TestS6_FullDisk: when the file cannot grow, each write that was acknowledged is there, each other one is not, nobody
// hears more than that the store is unavailable, and the file works again once there is room.
func TestS6_FullDisk(t *testing.T) {
	t.Parallel()
	file := open(t)
	limit := func(pages int) {
		t.Helper()
		err := file.Write(context.Background(), func(tx *durable.Tx) error {
			return tx.Rows(fmt.Sprintf(`PRAGMA max_page_count = %d`, pages), nil, func(func(...any) error) error { return nil })
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	limit(200)
	results := make([]error, 100)
	release := busy(t, file)
	var wg sync.WaitGroup
	for i := range results {
		wg.Go(func() {
			results[i] = file.Write(context.Background(), func(tx *durable.Tx) error { return insert(tx, fmt.Sprint(i), 20_000) })
		})
	}
	release()
	wg.Wait()
	failed := 0
	for i, err := range results {
		if err != nil {
			failed++
		}
		if err != nil && !fault.Is(err, fault.Unavailable) || has(t, file, fmt.Sprint(i)) != (err == nil) {
			t.Errorf("%d: %v, written %v", i, err, has(t, file, fmt.Sprint(i)))
		}
	}
	if failed == 0 {
		t.Fatal("the file was never full: the test proves nothing")
	}
	limit(1_000_000)
	if err := file.Write(context.Background(), func(tx *durable.Tx) error { return insert(tx, "again", 20_000) }); err != nil {
		t.Fatalf("with room again: %v", err)
	}
}
