// Package ecs has the two places of runs on AWS: cells, which are one-shot Fargate tasks of a service, and the cluster, whose head is a
// service of one task. Nothing of it lives in a process: Lambdas come and go, several at once, and what they know is in the table.
package ecs

import (
	"context"
	"io"
	"log/slog"
	"net"
	"strconv"
	"time"

	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/interpret"
	"github.com/orcray/orcray/shared/object"
	"github.com/orcray/orcray/shared/ray"
	"github.com/orcray/orcray/shared/table"
	"github.com/orcray/orcray/shared/topology"
)

// Objects is what cells need of the object store: the size of a source, and an address that a cell can read it from.
type Objects interface {
	Head(ctx context.Context, key string) (object.Info, error)
	SignGet(ctx context.Context, key, filename string, ttl time.Duration) (object.SignedRequest, error)
}

// CellsConfig is what Cells are made of.
type CellsConfig struct {
	Client   *awsecs.Client
	Table    table.Table
	Objects  Objects
	Cluster  string        // name of the ECS cluster
	Service  string        // name of the service of cells
	Warm     int           // cells that are kept ready
	Max      int           // cells that may exist at once
	IdleStop time.Duration // after how long without work no cell is kept ready any more; 0: never
	Now      func() time.Time
	Rand     io.Reader
	Logger   *slog.Logger
	Times    Times // zero: the usual ones
	Port     int   // of the runners; 0: topology.PortRunner
}

// Times are how long things may take.
type Times struct {
	Keep  time.Duration // a session keeps a cell that it does not use
	Hold  time.Duration // a job that is not heard of keeps its turn
	Stand time.Duration // somebody who waits and is not heard of keeps the place in the line
	Probe time.Duration // one question to a runner that may not be there
	First time.Duration // the first pause of whoever waits; it doubles
	Most  time.Duration // the longest pause
	Start time.Duration // a task usually takes this long from its start to being ready: for people
}

func (t Times) filled() Times {
	for _, part := range []struct {
		set   *time.Duration
		usual time.Duration
	}{
		{&t.Keep, 10 * time.Minute}, {&t.Hold, 20 * time.Minute}, {&t.Stand, 30 * time.Second}, {&t.Probe, 2 * time.Second},
		{&t.First, 250 * time.Millisecond}, {&t.Most, 4 * time.Second}, {&t.Start, 2 * time.Minute},
	} {
		if *part.set == 0 {
			*part.set = part.usual
		}
	}
	return t
}

// isolation is what a cell on AWS has; every run records it.
const isolation = "fargate task of its own, no role, no network but the object store"

// Cells implements interpret.Cells.
type Cells struct {
	fleet   fleet
	records records
	objects Objects
	cfg     CellsConfig
	log     *slog.Logger
}

// NewCells makes the cells of a service.
func NewCells(cfg CellsConfig) *Cells {
	cfg.Times = cfg.Times.filled()
	if cfg.Port == 0 {
		cfg.Port = topology.PortRunner
	}
	return &Cells{fleet: fleet{client: cfg.Client, cluster: cfg.Cluster, service: cfg.Service},
		records: records{table: cfg.Table, now: cfg.Now}, objects: cfg.Objects, cfg: cfg, log: cfg.Logger}
}

// Bounds of what runs without a context of its own, and of conflicts in a row.
const (
	aloneBound = 20 * time.Second
	conflicts  = 20
)

// Lease implements interpret.Cells: the session's jobs take turns, then the session stands in the line for cells.
func (c *Cells) Lease(ctx context.Context, session, job string, onWait func(interpret.Wait)) (interpret.Cell, error) {
	told := interpret.Wait{Ahead: -1}
	pause := backoff{next: c.cfg.Times.First, most: c.cfg.Times.Most}
	for {
		cell, wait, err := c.advance(ctx, session, job)
		switch {
		case cell != nil:
			return cell, nil
		case ctx.Err() != nil:
			return nil, fault.Wrap(ctx.Err(), fault.Timeout, "Waiting for a cell was given up.")
		case fault.Is(err, fault.Conflict):
			pause.again(c.cfg.Times.First) // somebody else was faster: look again soon
		case err != nil && !passing(err):
			return nil, err
		case err != nil:
			c.log.WarnContext(ctx, "waiting for a cell", "session", session, "error", err)
			wait.Why = "AWS does not answer as it should; it is asked again"
		}
		if wait != told && !fault.Is(err, fault.Conflict) {
			onWait(wait)
			told = wait
		}
		if err := pause.wait(ctx); err != nil {
			return nil, fault.Wrap(err, fault.Timeout, "Waiting for a cell was given up.")
		}
	}
}

// advance goes as far towards a cell as it can now.
func (c *Cells) advance(ctx context.Context, session, job string) (interpret.Cell, interpret.Wait, error) {
	l, ahead, err := c.enter(ctx, session, job)
	if err != nil || ahead > 0 {
		return nil, interpret.Wait{Ahead: ahead}, err
	}
	if l.Task != "" {
		if cell, err := c.resume(ctx, &l); cell != nil || err != nil {
			return cell, interpret.Wait{}, err
		}
	}
	return c.acquire(ctx, &l)
}

// resume gives the cell that the session has, if it lives. One that was taken but not claimed was left so by a process that ended
// between the two.
func (c *Cells) resume(ctx context.Context, l *lease) (interpret.Cell, error) {
	alive, err := c.fleet.alive(ctx, l.Task, l.Address)
	if err != nil && !l.Claimed || err != nil && !passing(err) {
		return nil, err
	}
	if err != nil {
		alive = true // whether the cell lives shows when it is used
	}
	if alive && !l.Claimed {
		return c.claim(ctx, l)
	}
	if alive {
		return c.cell(*l), nil
	}
	c.log.InfoContext(ctx, "a cell is gone", "session", l.Session, "task", l.Task)
	return nil, c.burn(ctx, l, "the session's cell does not run any more")
}

// burn parts a session from its cell: it is stopped, and never given to anybody again.
func (c *Cells) burn(ctx context.Context, l *lease, reason string) error {
	arn := l.Task
	l.Task, l.Address, l.Token, l.Claimed = "", "", "", false
	if err := c.records.save(ctx, l); err != nil {
		return err
	}
	if err := c.fleet.stop(ctx, arn, reason); err != nil {
		c.log.WarnContext(ctx, "a cell could not be stopped; the sweep does it", "task", arn, "error", err)
	}
	return nil
}

// Release implements interpret.Cells. The session's next job finds the cell as it is.
func (c *Cells) Release(session, job string) {
	c.alone("a cell was not released; it is when its time is up", session, func(ctx context.Context, l lease) error {
		waits := len(without(l.Turns, job)) != len(l.Turns)
		if l.version == 0 || l.Holder != job && !waits {
			return nil
		}
		if l.Holder == job {
			l.Holder, l.Used = "", c.cfg.Now()
		}
		l.Turns = without(l.Turns, job)
		if l.Holder != "" || l.Task != "" || len(l.Turns) > 0 {
			return c.records.save(ctx, &l)
		}
		return c.records.drop(ctx, l)
	})
}

// Discard implements interpret.Cells.
func (c *Cells) Discard(session, reason string) {
	c.alone("a cell was not discarded; the sweep does it when its time is up", session, func(ctx context.Context, l lease) error {
		if l.Task == "" {
			return nil
		}
		return c.burn(ctx, &l, reason)
	})
}

// alone does something with a session's lease that nobody waits for; it is tried again when somebody else was faster.
func (c *Cells) alone(failure, session string, do func(context.Context, lease) error) {
	ctx, cancel := context.WithTimeout(context.Background(), aloneBound)
	defer cancel()
	var err error
	for range conflicts {
		var l lease
		if l, err = c.records.lease(ctx, session); err == nil {
			err = do(ctx, l)
		}
		if !fault.Is(err, fault.Conflict) {
			break
		}
	}
	if err != nil {
		c.log.ErrorContext(ctx, failure, "session", session, "error", err)
	}
}

// Find implements interpret.Cells. A cell of which AWS says nothing counts as alive: whoever uses it finds out. Who looks for a cell is
// at work in it, which is noted.
func (c *Cells) Find(session, cellID string) (found interpret.Cell, ok bool) {
	c.alone("a cell was not looked up", session, func(ctx context.Context, l lease) error {
		found, ok = nil, false
		if l.Task != cellID || !l.Claimed {
			return nil
		}
		if alive, err := c.fleet.alive(ctx, l.Task, l.Address); err == nil && !alive {
			return nil
		}
		found, ok = c.cell(l), true
		if c.cfg.Now().Sub(l.Held) < touchEvery {
			return nil
		}
		l.Held, l.Used = c.cfg.Now(), c.cfg.Now()
		if err := c.records.save(ctx, &l); err != nil {
			return err
		}
		return c.records.touch(ctx, cellsPK)
	})
	return found, ok
}

func (c *Cells) cell(l lease) *cell {
	return &cell{cells: c, session: l.Session, task: l.Task, client: c.runner(l.Address, l.Token)}
}

func (c *Cells) runner(address, token string) *ray.Client {
	return ray.NewClient(ray.TCP(net.JoinHostPort(address, strconv.Itoa(c.cfg.Port))), ray.Options{Token: token})
}

// backoff is the pause between two looks.
type backoff struct{ next, most time.Duration }

func (b *backoff) again(first time.Duration) { b.next = first }

func (b *backoff) wait(ctx context.Context) error {
	timer := time.NewTimer(b.next)
	defer timer.Stop()
	b.next = min(b.next*2, b.most)
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
