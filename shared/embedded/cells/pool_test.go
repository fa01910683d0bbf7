package cells_test

import (
	"context"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orcray/orcray/shared/embedded/cells"
	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/ray"
)

// run hands a program to a cell and gives what it printed and its last state.
func run(t *testing.T, c *cells.Cell, id, code string) (string, ray.RunState) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if _, _, err := c.Client().Submit(ctx, ray.Run{RunID: id, Code: code, Mode: ray.Validate}); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	state, err := c.Client().Follow(ctx, id, 0, func(e ray.Event) error {
		if e.Type == "log" {
			out.Write(e.Data)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String(), state
}

func lease(t *testing.T, p *cells.Pool, session string) *cells.Cell {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	c, err := p.Lease(ctx, session, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestN12_ALeasedCellTakesFilesAndGivesResults(t *testing.T) {
	t.Parallel()
	p := newPool(t, nil)
	c := lease(t, p, "anna")
	name, err := c.Put("u/anna/sales.csv@1", strings.NewReader("a,b\n1,2\n"), 8)
	if err != nil {
		t.Fatal(err)
	}
	again, err := c.Put("u/anna/sales.csv@1", nil, 8)
	if err != nil || again != name {
		t.Errorf("the same key again gave %q, %v", again, err)
	}
	out, state := run(t, c, "job-validate-1", `
import os
print(open(os.environ["INBOX"] + "/`+name+`").read().split())
open(os.environ["OUTBOX"] + "/result.png", "w").write("painted")
try: open(os.environ["INBOX"] + "/mine", "w")
except OSError as e: print(e.strerror)
`)
	if state != ray.Succeeded || !strings.Contains(out, "1,2") || !strings.Contains(out, "Read-only") {
		t.Errorf("state %s, printed %s", state, out)
	}
	r, size, err := c.OpenOutput("job-validate-1", "result.png")
	if err != nil || size != 7 {
		t.Fatalf("%d bytes, %v", size, err)
	}
	text, err := io.ReadAll(r)
	must(t, err)
	must(t, r.Close())
	if string(text) != "painted" {
		t.Errorf("read %q", text)
	}
}

func TestR59_ACellNeverServesTwoSessions(t *testing.T) {
	t.Parallel()
	p := newPool(t, func(c *cells.Config) { c.Warm, c.MaxLeased = 1, 2 })
	a := lease(t, p, "anna")
	if again := lease(t, p, "anna"); again != a {
		t.Error("a session's second job got another cell")
	}
	b := lease(t, p, "ben")
	if a == b || a.Isolation().UID == b.Isolation().UID && a.Isolation().UID != 0 && !a.Isolation().UserNS {
		t.Errorf("anna has %s, ben has %s", a.Name(), b.Name())
	}
	p.Destroy("anna", "the test ends it")
	within(t, 5*time.Second, "anna's cell is gone", func() bool {
		select {
		case <-a.Done():
			return true
		default:
			return false
		}
	})
	if fresh := lease(t, p, "anna"); fresh == a || fresh == b {
		t.Error("a destroyed or foreign cell was leased")
	}
}

func TestR59_WhoWaitsHearsTheirPlaceAndIsServedInOrder(t *testing.T) {
	t.Parallel()
	p := newPool(t, func(c *cells.Config) { c.Warm, c.MaxLeased = 1, 1 })
	lease(t, p, "first")
	type place struct {
		who string
		at  int
	}
	places, served := make(chan place, 16), make(chan string, 2)
	wait := func(who string) {
		if _, err := p.Lease(t.Context(), who, func(at int) { places <- place{who, at} }); err == nil {
			served <- who
		}
	}
	go wait("second")
	if got := <-places; got != (place{"second", 1}) {
		t.Fatalf("heard %v", got)
	}
	go wait("third")
	if got := <-places; got != (place{"third", 2}) {
		t.Fatalf("heard %v", got)
	}
	p.Release("first") // idle, and others wait: its cell is taken away
	if who := <-served; who != "second" {
		t.Errorf("%s was served first", who)
	}
	if got := <-places; got != (place{"third", 1}) {
		t.Errorf("then heard %v", got)
	}
	p.Destroy("second", "done")
	if who := <-served; who != "third" {
		t.Errorf("%s was served second", who)
	}
}

func TestN12_WaitingEndsWithItsContext(t *testing.T) {
	t.Parallel()
	p := newPool(t, func(c *cells.Config) { c.Warm, c.MaxLeased = 1, 1 })
	lease(t, p, "first")
	ctx, cancel := context.WithCancel(t.Context())
	_, err := p.Lease(ctx, "second", func(int) { cancel() })
	if !fault.Is(err, fault.Timeout) || p.Stats().Waiting != 0 {
		t.Errorf("%v, %d still wait", err, p.Stats().Waiting)
	}
}

func TestP1_ACellIsFrozenWhenItIsAtRest(t *testing.T) {
	t.Parallel()
	p := newPool(t, nil)
	c := lease(t, p, "anna")
	run(t, c, "unrest", `import os; open(os.environ["OUTBOX"] + "/../restless", "w").close()`)
	p.Release("anna")
	// That this run ends shows that the cell goes on; it is what lets it come to rest.
	if _, state := run(t, c, "calm", `import os, time; time.sleep(0.5); os.unlink(os.environ["OUTBOX"] + "/../restless")`); state != ray.Succeeded {
		t.Fatalf("the run is %s", state)
	}
	within(t, 10*time.Second, "it is frozen", func() bool {
		_, err := health(t, c, 2*time.Second)
		return err != nil
	})
	again := lease(t, p, "anna")
	if _, err := health(t, again, 10*time.Second); again != c || err != nil {
		t.Errorf("the session did not get its cell back, awake: %v", err)
	}
}

func TestR59_WhoAsksAgainStandsWhereTheyStood(t *testing.T) {
	t.Parallel()
	p := newPool(t, func(c *cells.Config) { c.Warm, c.MaxLeased = 1, 1 })
	lease(t, p, "first")
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := p.Lease(ctx, "second", func(int) { cancel() }); err == nil {
		t.Fatal("there was a cell")
	}
	order, waits := make(chan string, 2), make(chan struct{}, 2)
	wait := func(who string) {
		if _, err := p.Lease(t.Context(), who, func(int) { waits <- struct{}{} }); err == nil {
			order <- who
		}
	}
	go wait("third")
	<-waits
	go wait("second") // its step asks again
	<-waits
	p.Destroy("first", "done")
	if who := <-order; who != "second" {
		t.Errorf("%s was served first", who)
	}
	p.Destroy("second", "done")
	<-order
}

func TestR17_ACellInUseIsNotTakenForAForgottenOne(t *testing.T) {
	t.Parallel()
	var later atomic.Int64
	p := newPool(t, func(c *cells.Config) {
		c.HoldTimeout = time.Hour
		c.Now = func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
	})
	c := lease(t, p, "anna")
	for range 3 {
		later.Add(int64(50 * time.Minute))
		p.Touch("anna")
	}
	if _, state := run(t, c, "long", "print(1)"); state != ray.Succeeded || gone(c)() {
		t.Error("a cell in use was destroyed")
	}
}
