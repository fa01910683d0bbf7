// Package placestest is the suite that every implementation of interpret.Cells passes. The cells run the light runner of
// shared/embedded/cells/testdata: programs are plain Python that finds INBOX and OUTBOX in its environment.
package placestest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/interpret"
	"github.com/orcray/orcray/shared/ray"
)

// Place is what a test gets: at least two cells for it alone.
type Place struct {
	Cells interpret.Cells
	// Store makes content known under a key, for cells that fetch it themselves.
	Store func(key string, content []byte)
	// Kill ends a cell from outside, as a crash would.
	Kill func(id string)
}

// patience bounds every wait of the suite.
const patience = 60 * time.Second

// Run runs the suite; open makes a place that ends with the test.
func Run(t *testing.T, open func(t *testing.T) Place) {
	for _, c := range []struct {
		name string
		test func(*world)
	}{
		{"ALeasedCellTakesFilesAndGivesResults", filesAndResults},
		{"TheSameJobAsksAgain", sameJob},
		{"ASessionsJobsTakeTurns", turns},
		{"WhoGivesUpIsNotInTheWay", givingUp},
		{"SessionsHaveCellsOfTheirOwn", apart},
		{"ADiscardedCellIsNeverSeenAgain", discarded},
		{"AKilledCellIsReplaced", killed},
		{"FindKnowsTheSessionsCellOnly", find},
		{"ResultsAreHostile", hostile},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			c.test(&world{T: t, Place: open(t), ctx: ctx})
		})
	}
}

type world struct {
	*testing.T
	Place
	ctx context.Context
}

func (w *world) lease(session, job string) interpret.Cell {
	w.Helper()
	cell, err := w.Cells.Lease(w.ctx, session, job, func(interpret.Wait) {})
	if err != nil {
		w.Fatalf("%s of %s gets no cell: %v", job, session, err)
	}
	return cell
}

// run hands a program over and gives what it printed.
func (w *world) run(cell interpret.Cell, id, code string) (string, ray.RunState) {
	w.Helper()
	if _, _, err := cell.Runner().Submit(w.ctx, ray.Run{RunID: id, Code: code, Mode: ray.Validate}); err != nil {
		w.Fatal(err)
	}
	var out strings.Builder
	for after := int64(0); ; {
		next, state, err := cell.Runner().Events(w.ctx, id, after, func(e ray.Event) error {
			if e.Type == "log" {
				out.Write(e.Data)
			}
			return nil
		})
		if err != nil || state.Terminal() {
			return out.String(), state
		}
		after = next
	}
}

func (w *world) put(cell interpret.Cell, key, content string, opened *int) string {
	w.Helper()
	w.Store(key, []byte(content))
	name, err := cell.Put(w.ctx, key, func() (io.ReadCloser, int64, error) {
		*opened++
		return io.NopCloser(strings.NewReader(content)), int64(len(content)), nil
	})
	if err != nil {
		w.Fatal(err)
	}
	return name
}

func filesAndResults(w *world) {
	cell := w.lease("anna", "j1")
	opened := 0
	name := w.put(cell, "u/anna/a/sales.csv", "a,b\n1,2\n", &opened)
	if again := w.put(cell, "u/anna/a/sales.csv", "a,b\n1,2\n", &opened); again != name || opened > 1 {
		w.Errorf("the same key again is %q, not %q, and was opened %d times", again, name, opened)
	}
	if other := w.put(cell, "u/anna/b/sales.csv", "other", &opened); other == name {
		w.Error("two keys have one name")
	}
	out, state := w.run(cell, "j1-validate-1", "import os\nprint(open(os.environ['INBOX'] + '/"+name+"').read().upper())\nopen(os.environ['OUTBOX'] + '/r.bin', 'wb').write(b'x' * 70000)")
	if state != ray.Succeeded || !strings.Contains(out, "A,B") {
		w.Fatalf("%s: %s", state, out)
	}
	for _, file := range []string{"r.bin", "j1-validate-1/r.bin"} { // as outputs name it
		body, size, err := cell.Open("j1-validate-1", file)
		if err != nil {
			w.Fatal(err)
		}
		got, err := io.ReadAll(body)
		if cerr := body.Close(); err != nil || cerr != nil || size != 70000 || !bytes.Equal(got, bytes.Repeat([]byte("x"), 70000)) {
			w.Errorf("%d of %d bytes, %v", len(got), size, errors.Join(err, cerr))
		}
	}
	if cell.Isolation() == "" {
		w.Error("no word about the isolation")
	}
	_, err := cell.Put(w.ctx, "u/anna/gone", func() (io.ReadCloser, int64, error) { return nil, 0, errGone })
	if !errors.Is(err, errGone) {
		w.Errorf("a source that is gone: %v", err)
	}
}

var errGone = errors.New("gone")

func sameJob(w *world) {
	first, second := w.lease("anna", "j1"), w.lease("anna", "j1")
	if first.ID() != second.ID() {
		w.Errorf("%s, then %s", first.ID(), second.ID())
	}
	w.Cells.Release("anna", "j1")
	if again := w.lease("anna", "j2"); again.ID() != first.ID() {
		w.Errorf("the session's next job has %s, not %s", again.ID(), first.ID())
	}
}

// waiting leases in the background.
type waiting struct {
	heard chan interpret.Wait
	got   chan interpret.Cell
	err   chan error
}

func (w *world) waits(ctx context.Context, session, job string) waiting {
	q := waiting{heard: make(chan interpret.Wait, 100), got: make(chan interpret.Cell, 1), err: make(chan error, 1)}
	go func() {
		cell, err := w.Cells.Lease(ctx, session, job, func(n interpret.Wait) { q.heard <- n })
		if err != nil {
			q.err <- err
			return
		}
		q.got <- cell
	}()
	return q
}

func (w *world) hears(q waiting, ahead int) {
	w.Helper()
	for {
		select {
		case n := <-q.heard:
			if n.Ahead == ahead {
				return
			}
		case <-q.got:
			w.Fatal("a cell, although it is another job's turn")
		case err := <-q.err:
			w.Fatal(err)
		case <-w.ctx.Done():
			w.Fatalf("nobody says that %d are ahead", ahead)
		}
	}
}

func (w *world) gets(q waiting) interpret.Cell {
	w.Helper()
	select {
	case cell := <-q.got:
		return cell
	case err := <-q.err:
		w.Fatal(err)
	case <-w.ctx.Done():
		w.Fatal("no cell")
	}
	return nil
}

func turns(w *world) {
	cell := w.lease("anna", "j1")
	second := w.waits(w.ctx, "anna", "j2")
	w.hears(second, 1)
	third := w.waits(w.ctx, "anna", "j3")
	w.hears(third, 2)
	w.Cells.Release("anna", "other") // has nothing to release
	w.Cells.Release("anna", "j1")
	if got := w.gets(second); got.ID() != cell.ID() {
		w.Errorf("the session's second job has %s, not %s", got.ID(), cell.ID())
	}
	select {
	case <-third.got:
		w.Fatal("two jobs have the session's cell")
	default:
	}
	w.Cells.Release("anna", "j2")
	if got := w.gets(third); got.ID() != cell.ID() {
		w.Errorf("the session's third job has %s, not %s", got.ID(), cell.ID())
	}
}

func givingUp(w *world) {
	w.lease("anna", "j1")
	ctx, cancel := context.WithCancel(w.ctx)
	second := w.waits(ctx, "anna", "j2")
	w.hears(second, 1)
	cancel()
	select {
	case err := <-second.err:
		if !fault.Is(err, fault.Timeout) {
			w.Errorf("giving up is %v", err)
		}
	case <-w.ctx.Done():
		w.Fatal("the wait does not end with its context")
	}
	w.Cells.Release("anna", "j2") // as the end of the job does
	third := w.waits(w.ctx, "anna", "j3")
	w.hears(third, 1)
	w.Cells.Release("anna", "j1")
	w.gets(third)
}

func apart(w *world) {
	a, b := w.lease("anna", "j1"), w.lease("ben", "j2")
	if a.ID() == b.ID() {
		w.Fatal("two sessions have one cell")
	}
	w.run(a, "r1", "open('/tmp/x-' + str(__import__('os').getpid()), 'w').close()")
	w.Cells.Release("anna", "j1")
	w.Cells.Release("ben", "j2")
	if c := w.lease("anna", "j3"); c.ID() != a.ID() {
		w.Errorf("anna has %s, not %s", c.ID(), a.ID())
	}
}

func discarded(w *world) {
	first := w.lease("anna", "j1")
	w.Cells.Discard("anna", "a test says so")
	if _, ok := w.Cells.Find("anna", first.ID()); ok {
		w.Error("a discarded cell is found")
	}
	if next := w.lease("anna", "j1"); next.ID() == first.ID() {
		w.Error("a discarded cell is leased again")
	}
	if other := w.lease("ben", "j2"); other.ID() == first.ID() {
		w.Error("a discarded cell is leased to another session")
	}
	w.Cells.Discard("nobody", "has nothing")
}

func killed(w *world) {
	first := w.lease("anna", "j1")
	if _, _, err := first.Runner().Submit(w.ctx, ray.Run{RunID: "r1", Code: "import time\ntime.sleep(600)", Mode: ray.Validate}); err != nil {
		w.Fatal(err)
	}
	w.Kill(first.ID())
	_, state, err := first.Runner().Events(w.ctx, "r1", 0, func(ray.Event) error { return nil })
	for err == nil && !state.Terminal() {
		_, state, err = first.Runner().Events(w.ctx, "r1", 0, func(ray.Event) error { return nil })
	}
	if !fault.Is(err, fault.Unavailable) && !fault.Is(err, fault.Timeout) {
		w.Errorf("the run of a killed cell: %s, %v", state, err)
	}
	w.Cells.Discard("anna", "the cell does not answer") // as a step does
	if next := w.lease("anna", "j1"); next.ID() == first.ID() {
		w.Error("a dead cell is leased")
	}
}

func find(w *world) {
	cell := w.lease("anna", "j1")
	found, ok := w.Cells.Find("anna", cell.ID())
	if !ok || found.ID() != cell.ID() {
		w.Fatal("the session's cell is not found")
	}
	for _, at := range [][2]string{{"anna", "another"}, {"ben", cell.ID()}, {"anna", ""}} {
		if _, ok := w.Cells.Find(at[0], at[1]); ok {
			w.Errorf("%v is found", at)
		}
	}
	if out, state := w.run(found, "r1", "print(40 + 2)"); state != ray.Succeeded || !strings.Contains(out, "42") {
		w.Errorf("%s: %s", state, out)
	}
}

func hostile(w *world) {
	cell := w.lease("anna", "j1")
	w.run(cell, "r1", "import os\nos.symlink('/etc/passwd', os.environ['OUTBOX'] + '/link')")
	for name, code := range map[string]fault.Code{"link": fault.Forbidden, "none": fault.NotFound} {
		body, _, err := cell.Open("r1", name)
		if !fault.Is(err, code) {
			w.Errorf("%s is %v", name, err)
		}
		if err == nil {
			_ = body.Close()
		}
	}
	for _, name := range []string{"../r1/link", "../../etc/passwd", "..", ""} {
		if body, _, err := cell.Open("r1", name); err == nil {
			w.Errorf("%q is opened", name)
			_ = body.Close()
		}
	}
}
