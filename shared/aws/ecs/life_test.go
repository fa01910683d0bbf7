package ecs_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orcray/orcray/shared/aws/ecs"
	"github.com/orcray/orcray/shared/aws/ecs/ecstest"
	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/interpret"
	"github.com/orcray/orcray/shared/ray"
)

func TestA8_ACellStartsOnDemandAndSaysSo(t *testing.T) {
	w := newWorld(t, 0, onSQLite)
	c := w.cells(nil)
	var heard []interpret.Wait
	cell, err := c.Lease(w.ctx(), "anna", "j1", func(n interpret.Wait) { heard = append(heard, n) })
	must(t, err)
	if cell == nil || len(heard) == 0 || heard[0].Why != "cells are starting, which usually takes about 20 seconds" {
		t.Errorf("heard %+v", heard)
	}
	if n := w.aws.Desired(service); n != 1 {
		t.Errorf("%d cells are wanted for one session", n)
	}
}

func TestA8_WarmCellsAreKeptReadyAndAllStopsWhenIdle(t *testing.T) {
	w := newWorld(t, 2, onSQLite)
	c := w.cells(func(cfg *ecs.CellsConfig) { cfg.Warm, cfg.IdleStop = 2, 30*time.Minute })
	must(t, c.Sweep(w.ctx()))
	cell := w.lease(c, "anna", "j1")
	if n := w.aws.Desired(service); n != 3 {
		t.Errorf("%d cells with one leased and two to be kept ready", n)
	}
	c.Release("anna", "j1")
	w.clock.pass(30 * time.Second)
	must(t, c.Sweep(w.ctx()))
	if found, ok := c.Find("anna", cell.ID()); !ok || found.ID() != cell.ID() {
		t.Error("the session's cell went before its time")
	}
	w.clock.pass(2 * time.Minute)
	must(t, c.Sweep(w.ctx()))
	if _, ok := c.Find("anna", cell.ID()); ok {
		t.Error("an unused cell is kept for ever")
	}
	if n := w.aws.Desired(service); n != 2 {
		t.Errorf("%d cells with none leased and two to be kept ready", n)
	}
	w.clock.pass(time.Hour)
	must(t, c.Sweep(w.ctx()))
	if n := w.aws.Desired(service); n != 0 {
		t.Errorf("%d cells after an idle hour", n)
	}
	within(t, "no task runs", func() bool { return len(w.aws.Running(service)) == 0 })
}

// A cell that still starts is nobody's, and is counted so.
func TestA11_OnlyLeasedCellsAreCountedAsLeased(t *testing.T) {
	runs := light(t)
	w := newWorldOf(t, 1, onSQLite, func(port int) ecstest.Launch {
		var once sync.Once
		return func(ctx context.Context, address string) (p ecstest.Process, err error) {
			err = errors.New("the test is over")
			once.Do(func() { p, err = runs(port)(ctx, address) })
			if p == nil {
				<-ctx.Done() // every task but the first starts for ever
			}
			return p, err
		}
	})
	c := w.cells(func(cfg *ecs.CellsConfig) { cfg.Warm = 2 })
	w.lease(c, "anna", "j1")
	must(t, c.Sweep(w.ctx())) // it wants two more to be kept ready
	if n, err := c.Count(w.ctx()); err != nil || n != (ecs.Counts{All: 3, Leased: 1}) {
		t.Errorf("%+v, %v", n, err)
	}
	c.Discard("anna", "a test says so")
	if n, err := c.Count(w.ctx()); err != nil || n.Leased != 0 {
		t.Errorf("without any lease: %+v, %v", n, err)
	}
}

// A service chooses itself what it stops when it becomes smaller; leased cells must not be among that.
func TestA8_ScalingInSparesLeasedCells(t *testing.T) {
	w := newWorld(t, 4, onSQLite)
	within(t, "four tasks run", func() bool { return len(w.aws.Running(service)) == 4 })
	c := w.cells(nil)
	a, b := w.lease(c, "anna", "j1"), w.lease(c, "ben", "j2")
	must(t, c.Sweep(w.ctx()))
	if n := w.aws.Desired(service); n != 2 {
		t.Fatalf("%d cells are wanted", n)
	}
	within(t, "two tasks run", func() bool { return len(w.aws.Running(service)) == 2 })
	if left := strings.Join(w.aws.Running(service), " "); !strings.Contains(left, a.ID()) || !strings.Contains(left, b.ID()) {
		t.Errorf("%s and %s are leased; %s run", a.ID(), b.ID(), left)
	}
}

// A job whose process ended keeps its session's turn only for a while, and its cell goes with it.
func TestA8_AJobThatIsNotHeardOfLosesItsCell(t *testing.T) {
	w := newWorld(t, 1, onSQLite)
	c := w.cells(nil)
	cell := w.lease(c, "anna", "lost")
	w.clock.pass(time.Minute)
	must(t, c.Sweep(w.ctx()))
	if _, ok := c.Find("anna", cell.ID()); !ok {
		t.Fatal("a held cell was swept")
	}
	w.clock.pass(6 * time.Minute)
	must(t, c.Sweep(w.ctx()))
	if _, ok := c.Find("anna", cell.ID()); ok {
		t.Error("a cell that nobody uses is kept")
	}
	if next := w.lease(c, "anna", "j2"); next.ID() == cell.ID() {
		t.Error("a used cell is leased again")
	}
}

func TestA8_OrphansAreStopped(t *testing.T) {
	w := newWorld(t, 2, onSQLite)
	within(t, "two tasks run", func() bool { return len(w.aws.Running(service)) == 2 })
	c := w.cells(func(cfg *ecs.CellsConfig) { cfg.Warm = 2 })
	foreign := w.aws.Running(service)[0]
	must(t, w.client(foreign, strings.Repeat("f", 40)).Claim(w.ctx())) // somebody claims a cell past the table
	must(t, c.Sweep(w.ctx()))
	within(t, "it is replaced", func() bool {
		left := w.aws.Running(service)
		return len(left) == 2 && !strings.Contains(strings.Join(left, " "), foreign)
	})
	// A cell that could not be stopped when it was discarded is stopped by the sweep.
	cell := w.lease(c, "anna", "j1")
	w.aws.Misbehave(func(action string, _ int) *ecstest.Fault {
		if action == "StopTask" {
			return &ecstest.Fault{Code: "ServerException"}
		}
		return nil
	})
	c.Discard("anna", "a test says so")
	w.aws.Misbehave(nil)
	if !strings.Contains(strings.Join(w.aws.Running(service), " "), cell.ID()) {
		t.Fatal("the fault did not happen")
	}
	if next := w.lease(c, "ben", "j2"); next.ID() == cell.ID() {
		t.Fatal("a used cell is given to another session")
	}
	must(t, c.Sweep(w.ctx()))
	within(t, "the used cell is stopped", func() bool { return !strings.Contains(strings.Join(w.aws.Running(service), " "), cell.ID()) })
}

// A program of one session took its runner's place and says that the cell is free: still nobody else gets it.
func TestS3_ACellThatLiesAboutItsClaimIsNotGivenAway(t *testing.T) {
	w := newWorldOf(t, 1, onSQLite, liar)
	c := w.cells(func(cfg *ecs.CellsConfig) { cfg.Max = 1 })
	cell := w.lease(c, "anna", "j1")
	w.aws.Misbehave(func(action string, _ int) *ecstest.Fault {
		if action == "StopTask" {
			return &ecstest.Fault{Code: "ServerException"}
		}
		return nil
	})
	c.Discard("anna", "its time is up, but it cannot be stopped")
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if other, err := c.Lease(ctx, "ben", "j2", func(interpret.Wait) {}); err == nil {
		t.Errorf("ben has %s, anna had %s", other.ID(), cell.ID())
	}
	if len(w.aws.Running(service)) != 1 {
		t.Error("the cell does not run: nothing was shown")
	}
	w.aws.Misbehave(nil)
	must(t, c.Sweep(w.ctx()))
	if next := w.lease(c, "ben", "j2"); next.ID() == cell.ID() {
		t.Error("ben has anna's cell")
	}
}

// liar is a task that is always ready, never claimed, and obeys anybody.
func liar(port int) ecstest.Launch {
	return func(_ context.Context, address string) (ecstest.Process, error) {
		l, err := net.Listen("tcp", net.JoinHostPort(address, strconv.Itoa(port)))
		if err != nil {
			return nil, err
		}
		p := &inProcess{done: make(chan struct{}), server: &http.Server{ReadHeaderTimeout: time.Minute}}
		p.server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/claim" {
				_, _ = w.Write([]byte(`{"claimed": true}`))
				return
			}
			_, _ = w.Write([]byte(`{"ready": true, "ray": "2", "python": "3"}`))
		})
		go func() {
			_ = p.server.Serve(l)
			close(p.done)
		}()
		return p, nil
	}
}

type inProcess struct {
	server *http.Server
	done   chan struct{}
}

func (p *inProcess) Done() <-chan struct{} { return p.done }
func (p *inProcess) Kill() {
	_ = p.server.Close()
	<-p.done
}

func TestA8_LostCapacityThrottlingAndAMissingServiceAreToldApart(t *testing.T) {
	w := newWorld(t, 0, onSQLite)
	w.aws.SetCapacity(0)
	c := w.cells(nil)
	heard := make(chan interpret.Wait, 100)
	ctx, cancel := context.WithCancel(w.ctx())
	done := make(chan error, 1)
	go func() {
		_, err := c.Lease(ctx, "anna", "j1", func(n interpret.Wait) { heard <- n })
		done <- err
	}()
	hears(t, heard, "AWS has no capacity for another cell at the moment; it is asked again and again")
	w.aws.Misbehave(func(string, int) *ecstest.Fault {
		return &ecstest.Fault{Code: "ThrottlingException", Text: "Rate exceeded"}
	})
	hears(t, heard, "AWS does not answer as it should; it is asked again")
	w.aws.Misbehave(nil)
	w.aws.SetCapacity(1)
	if err := <-done; err != nil {
		t.Errorf("after all: %v", err)
	}
	cancel()
	missing := w.cells(func(cfg *ecs.CellsConfig) { cfg.Service = "nothing" })
	_, err := missing.Lease(w.ctx(), "ben", "j2", func(interpret.Wait) {})
	if !fault.Is(err, fault.Internal) || !strings.Contains(fault.MessageOf(err), "deploys") {
		t.Errorf("a missing service: %v", err)
	}
}

func hears(t *testing.T, heard <-chan interpret.Wait, why string) {
	t.Helper()
	bound := time.NewTimer(30 * time.Second)
	defer bound.Stop()
	for {
		select {
		case n := <-heard:
			if n.Why == why {
				return
			}
			t.Logf("heard %+v", n)
		case <-bound.C:
			t.Fatalf("nobody says: %s", why)
		}
	}
}

// client speaks to a task's runner past the cells.
func (w *world) client(arn, token string) *ray.Client {
	return ray.NewClient(ray.TCP(w.aws.Address(arn)+":"+strconv.Itoa(w.port)), ray.Options{Token: token})
}
