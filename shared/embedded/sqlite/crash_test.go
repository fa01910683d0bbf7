package sqlite_test

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/orcray/orcray/shared/embedded/sqlite"
	"github.com/orcray/orcray/shared/table"
)

// writers work in the child, each on keys of its own; every transaction writes two items that must agree.
const (
	writers = 8
	kills   = 25
)

// TestMain is also the child that the crash test kills.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "write-until-killed" {
		if err := writeUntilKilled(os.Args[2], os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// writeUntilKilled counts up and tells each count once the store has acknowledged it.
func writeUntilKilled(path string, out io.Writer) error {
	ctx := context.Background()
	db, err := sqlite.Open(ctx, path, sqlite.Options{Now: time.Now})
	if err != nil {
		return err
	}
	var mu sync.Mutex
	failed := make(chan error, writers)
	for w := range writers {
		go func() { failed <- countUp(ctx, db.Table(), w, &mu, out) }()
	}
	return <-failed
}

func countUp(ctx context.Context, store table.Table, writer int, mu *sync.Mutex, out io.Writer) error {
	left, right := keysOf(writer)
	n, version := 0, int64(0)
	if item, err := store.Get(ctx, left); err == nil {
		version = item.Version
		if n, err = strconv.Atoi(string(item.Body)); err != nil {
			return err
		}
	}
	for {
		n++
		body := []byte(strconv.Itoa(n))
		err := store.Transact(ctx, []table.Write{
			{Op: table.Put, Item: table.Item{Key: left, Body: body}, Need: table.VersionIs(version)},
			{Op: table.Put, Item: table.Item{Key: right, Body: body}, Need: table.VersionIs(version)},
		})
		if err != nil {
			return err
		}
		version++
		mu.Lock()
		_, err = fmt.Fprintf(out, "%d %d\n", writer, n)
		mu.Unlock()
		if err != nil {
			return err
		}
	}
}

func keysOf(writer int) (left, right table.Key) {
	return table.Key{PK: fmt.Sprint("left", writer), SK: "n"}, table.Key{PK: fmt.Sprint("right", writer), SK: "n"}
}

// TestS6_KilledWriterLosesNothing kills a writing process at random moments, again and again on the same file: what was
// acknowledged is there, transactions are whole, and SQLite finds nothing broken.
func TestS6_KilledWriterLosesNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "store.db")
	acknowledged := make([]int, writers)
	for kill := range kills {
		killOnce(t, path, 1+rand.IntN(400), acknowledged)
		checkAfterKill(t, path, kill, acknowledged)
	}
	for writer, n := range acknowledged {
		if n == 0 {
			t.Errorf("writer %d never wrote: the test proves nothing", writer)
		}
	}
}

// killOnce lets the child write until it has acknowledged so many, kills it, and reads what it had told by then.
func killOnce(t *testing.T, path string, after int, acknowledged []int) {
	t.Helper()
	child := exec.Command(os.Args[0], "write-until-killed", path)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	told := 0
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var writer, n int
		if _, err := fmt.Sscan(lines.Text(), &writer, &n); err != nil {
			continue // the line that the kill cut off was not acknowledged to anybody
		}
		acknowledged[writer] = max(acknowledged[writer], n)
		if told++; told == after {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := child.Wait(); err == nil || told < after {
		t.Fatalf("the child ended by itself after %d writes: %v", told, err)
	}
}

// checkAfterKill opens the file again and brings acknowledged up to what is there.
func checkAfterKill(t *testing.T, path string, kill int, acknowledged []int) {
	t.Helper()
	raw, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	var integrity string
	if err := raw.QueryRow("PRAGMA integrity_check").Scan(&integrity); err != nil || integrity != "ok" {
		t.Fatalf("kill %d: integrity check says %q, %v", kill, integrity, err)
	}
	if err := raw.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sqlite.Open(context.Background(), path, sqlite.Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for writer, want := range acknowledged {
		left, right := keysOf(writer)
		a, errA := db.Table().Get(context.Background(), left)
		b, errB := db.Table().Get(context.Background(), right)
		if want == 0 && errA != nil && errB != nil {
			continue
		}
		n, err := strconv.Atoi(string(a.Body))
		if errA != nil || errB != nil || err != nil || n < want || n > want+1 || string(a.Body) != string(b.Body) || a.Version != int64(n) {
			t.Fatalf("kill %d, writer %d: acknowledged %d, found %s and %s (%v, %v)", kill, writer, want,
				a.Body, b.Body, errA, errB)
		}
		acknowledged[writer] = n // one more than told, if the kill came in between; from now on it must stay
	}
}
