package ecs_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/orcray/orcray/shared/aws/ecs"
	"github.com/orcray/orcray/shared/aws/ecs/ecstest"
	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/interpret"
	"github.com/orcray/orcray/shared/ray"
	"github.com/orcray/orcray/shared/table"
)

// guests counts who was ever in which cell.
type guests struct {
	mu      sync.Mutex
	of      map[string]string // cell → session
	inside  map[string]string // session → job
	served  []string
	trouble []string
}

func (g *guests) come(cell, session, job string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if other, ok := g.of[cell]; ok && other != session {
		g.trouble = append(g.trouble, fmt.Sprintf("%s was %s's and is %s's", cell, other, session))
	}
	if other := g.inside[session]; other != "" {
		g.trouble = append(g.trouble, fmt.Sprintf("%s and %s of %s at once", other, job, session))
	}
	g.of[cell], g.inside[session] = session, job
	g.served = append(g.served, session)
}

func (g *guests) leave(session string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside[session] = ""
}

// visit is one job: lease, a look at its cell, release. It leaves something in the cell and must find nothing of another session.
func (g *guests) visit(ctx context.Context, c *ecs.Cells, session, job string) error {
	cell, err := c.Lease(ctx, session, job, func(interpret.Wait) {})
	if err != nil {
		return fmt.Errorf("%s of %s: %w", job, session, err)
	}
	g.come(cell.ID(), session, job)
	code := fmt.Sprintf("import os\nhere = os.environ['INBOX']\nassert all(n == %q for n in os.listdir(here)), os.listdir(here)\nopen(here + '/%s', 'w').close()", session, session)
	if _, _, err := cell.Runner().Submit(ctx, ray.Run{RunID: job, Code: code, Mode: ray.Validate}); err != nil {
		return fmt.Errorf("%s of %s: %w", job, session, err)
	}
	var state ray.RunState
	for !state.Terminal() && err == nil {
		_, state, err = cell.Runner().Events(ctx, job, 0, func(ray.Event) error { return nil })
	}
	g.leave(session)
	c.Release(session, job)
	if err != nil || state != ray.Succeeded {
		return fmt.Errorf("%s of %s in %s: %s, %w", job, session, cell.ID(), state, err)
	}
	return nil
}

// 20 sessions with 2 jobs each want 5 cells, through 4 processes that know nothing of each other, while the reaper sweeps.
func TestA6_ManySessionsRaceForFewCells(t *testing.T) {
	bothTables(t, func(t *testing.T, open func(*testing.T, func() time.Time) table.Table) {
		w := newWorld(t, 3, open)
		w.race(nil)
	})
}

// race lets everybody want cells at once and checks that nobody meets anybody.
func (w *world) race(change func(*ecs.CellsConfig)) {
	w.t.Helper()
	const sessions, processes = 20, 4
	lambdas := make([]*ecs.Cells, processes)
	for i := range lambdas {
		lambdas[i] = w.cells(change)
	}
	ctx, stop := context.WithCancel(w.ctx())
	g := &guests{of: map[string]string{}, inside: map[string]string{}}
	swept := make(chan error, 1)
	go func() { swept <- sweeping(ctx, w.cells(change)) }()
	errs := make(chan error, sessions*2)
	var all sync.WaitGroup
	for s := range sessions {
		for j := range 2 {
			all.Go(func() {
				errs <- g.visit(ctx, lambdas[(s+j)%processes], fmt.Sprintf("s%02d", s), fmt.Sprintf("s%02d-j%d", s, j))
			})
		}
	}
	all.Wait()
	stop()
	close(errs)
	for err := range errs {
		if err != nil {
			w.t.Error(err)
		}
	}
	if err := <-swept; err != nil {
		w.t.Error(err)
	}
	for _, text := range g.trouble {
		w.t.Error(text)
	}
	if len(g.served) != sessions*2 || len(g.of) < sessions {
		w.t.Errorf("%d visits in %d cells", len(g.served), len(g.of))
	}
}

// sweeping sweeps until ctx ends.
func sweeping(ctx context.Context, c *ecs.Cells) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if err := c.Sweep(ctx); err != nil && ctx.Err() == nil && !fault.Is(err, fault.Throttled) && !fault.Is(err, fault.Unavailable) {
				return err
			}
		}
	}
}

// The same while every twentieth call of AWS is throttled, slow, or done but told failed.
func TestA6_RacesUnderFaultsOfAWS(t *testing.T) {
	w := newWorld(t, 3, onSQLite)
	var mu sync.Mutex
	dice := rand.New(rand.NewPCG(5, 20))
	w.aws.Misbehave(func(string, int) *ecstest.Fault {
		mu.Lock()
		defer mu.Unlock()
		switch dice.IntN(60) {
		case 0:
			return &ecstest.Fault{Code: "ThrottlingException", Text: "Rate exceeded"}
		case 1:
			return &ecstest.Fault{Code: "ServerException", Text: "done, but you will not know", After: true}
		case 2:
			return &ecstest.Fault{Delay: 200 * time.Millisecond}
		}
		return nil
	})
	w.race(nil)
}

// Who comes first is served first, whichever process asks.
func TestA6_TheLineIsServedInOrder(t *testing.T) {
	w := newWorld(t, 1, onSQLite)
	one := func(c *ecs.CellsConfig) { c.Max = 1 }
	first := w.lease(w.cells(one), "s0", "j0")
	order := make(chan string, 4)
	var all sync.WaitGroup
	for i := 1; i <= 4; i++ {
		session, heard := fmt.Sprintf("s%d", i), make(chan struct{})
		all.Go(func() {
			c, told := w.cells(one), sync.Once{}
			_, err := c.Lease(w.ctx(), session, "j", func(n interpret.Wait) {
				if n.Ahead == i-1 {
					told.Do(func() { close(heard) })
				}
			})
			if err != nil {
				t.Error(err)
			}
			order <- session
			c.Release(session, "j") // idle from now on: the next one's wish ends it
		})
		select {
		case <-heard:
		case <-w.ctx().Done():
			t.Fatalf("%s never hears that %d are ahead", session, i-1)
		}
	}
	if first.ID() == "" || w.aws.Desired(service) != 1 {
		t.Errorf("%d cells are wanted; one is allowed", w.aws.Desired(service))
	}
	w.cells(one).Release("s0", "j0")
	all.Wait()
	for i := 1; i <= 4; i++ {
		if got := <-order; got != fmt.Sprintf("s%d", i) {
			t.Errorf("number %d is %s", i, got)
		}
	}
}
