package ecs

import (
	"context"
	"errors"
	"slices"

	"github.com/orcray/orcray/shared/fault"
)

// Sweep is for the reaper: it ends leases that are out of use, stops tasks that were somebody's and are nobody's now, and gives the
// service the size that is needed. It can run beside anything, also beside itself.
func (c *Cells) Sweep(ctx context.Context) error {
	leases, err := c.records.leases(ctx)
	if err != nil {
		return err
	}
	var wrong []error
	for _, l := range leases {
		if reason := c.overdue(l); reason != "" {
			wrong = append(wrong, ignoring(c.end(ctx, l, reason), fault.Conflict))
		}
	}
	wrong = append(wrong, c.stopOrphans(ctx), c.shrink(ctx))
	return errors.Join(wrong...)
}

// Counts are the cells that exist, warm or starting ones included, and those of them that sessions have.
type Counts struct{ All, Leased int }

// Count counts the cells.
func (c *Cells) Count(ctx context.Context) (Counts, error) {
	tasks, err := c.fleet.tasks(ctx)
	if err != nil {
		return Counts{}, err
	}
	leases, err := c.records.leases(ctx)
	n := Counts{All: len(tasks)}
	for _, l := range leases { // one that ends may name a task that is gone
		if slices.ContainsFunc(tasks, func(t task) bool { return t.arn == l.Task }) {
			n.Leased++
		}
	}
	return n, err
}

// overdue says why a lease has to end, or nothing.
func (c *Cells) overdue(l lease) string {
	now := c.cfg.Now()
	held := l.Holder != "" && now.Sub(l.Held) < c.cfg.Times.Hold
	for _, t := range l.Turns {
		held = held || now.Sub(t.Heard) < c.cfg.Times.Stand
	}
	switch {
	case held:
		return ""
	case l.Holder != "":
		return "the job that had it is not heard of any more"
	case l.Task == "" || now.Sub(l.Used) > c.cfg.Times.Keep:
		return "its session does not use it"
	}
	return ""
}

// end parts a session from its cell for good. The record goes first: whoever wants the cell in this moment loses, or keeps it.
func (c *Cells) end(ctx context.Context, l lease, reason string) error {
	if err := c.records.drop(ctx, l); err != nil {
		return err
	}
	if l.Task == "" {
		return nil
	}
	c.log.InfoContext(ctx, "a cell's lease ends", "session", l.Session, "task", l.Task, "reason", reason)
	if err := c.fleet.stop(ctx, l.Task, reason); err != nil {
		c.log.WarnContext(ctx, "a cell could not be stopped; the next sweep does it", "task", l.Task, "error", err)
	}
	return nil
}

// stopOrphans stops tasks that a session had, or that somebody claimed, without a lease that says so. The leases are read after the
// tasks: what was leased between is in them.
func (c *Cells) stopOrphans(ctx context.Context) error {
	tasks, err := c.fleet.tasks(ctx)
	if err != nil {
		return err
	}
	leases, err := c.records.leases(ctx)
	if err != nil {
		return err
	}
	var wrong []error
	for _, t := range unleased(tasks, leases) {
		orphan, err := c.orphan(ctx, t)
		if err == nil && orphan {
			c.log.WarnContext(ctx, "a cell is nobody's any more", "task", t.arn)
			err = c.fleet.stop(ctx, t.arn, "nobody has a lease of it")
		}
		wrong = append(wrong, err)
	}
	return errors.Join(wrong...)
}

// orphan looks at the runner first and at the record then: a claim always has its record before.
func (c *Cells) orphan(ctx context.Context, t task) (bool, error) {
	h, herr := c.health(ctx, t)
	was, err := c.records.wasTaken(ctx, t.arn)
	if err != nil {
		return false, err
	}
	if was {
		return !c.nowLeased(ctx, t), nil
	}
	return herr == nil && h.Claimed, nil
}

// nowLeased tells whether a lease names the task at this moment.
func (c *Cells) nowLeased(ctx context.Context, t task) bool {
	leases, err := c.records.leases(ctx)
	return err != nil || len(unleased([]task{t}, leases)) == 0
}

// shrink gives the service the size that is needed now. Leased tasks are protected, so that the service stops others.
func (c *Cells) shrink(ctx context.Context) error {
	warm, err := c.keepWarm(ctx)
	if err != nil {
		return err
	}
	leases, err := c.records.leases(ctx)
	if err != nil {
		return err
	}
	line, err := c.records.line(ctx)
	if err != nil {
		return err
	}
	s, err := c.fleet.size(ctx, c.cfg.Now())
	if wanted := c.wanted(leases, len(line), warm); err == nil && s.desired != wanted {
		err = c.fleet.scale(ctx, wanted)
	}
	return err
}

// keepWarm tells whether cells are kept ready although nobody needs them now.
func (c *Cells) keepWarm(ctx context.Context) (bool, error) {
	if c.cfg.IdleStop == 0 {
		return true, nil
	}
	at, version, err := c.records.used(ctx, cellsPK)
	if err != nil {
		return false, err
	}
	if version == 0 { // a new deployment begins with warm cells
		return true, c.records.touch(ctx, cellsPK)
	}
	return c.cfg.Now().Sub(at) < c.cfg.IdleStop, nil
}

func ignoring(err error, code fault.Code) error {
	if fault.Is(err, code) {
		return nil
	}
	return err
}
