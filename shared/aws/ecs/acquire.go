package ecs

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/interpret"
	"github.com/orcray/orcray/shared/ray"
	"github.com/orcray/orcray/shared/table"
)

// enter gives the session's room to the job, or says how many of the session's jobs are before it. What is written is the order in which
// they came; somebody who is not heard of loses the turn.
func (c *Cells) enter(ctx context.Context, session, job string) (lease, int, error) {
	l, err := c.records.lease(ctx, session)
	if err != nil {
		return l, 0, err
	}
	now := c.cfg.Now()
	if l.Holder == job {
		if now.Sub(l.Held) < touchEvery {
			return l, 0, nil
		}
		l.Held = now
		return l, 0, c.records.save(ctx, &l)
	}
	turns := slices.DeleteFunc(slices.Clone(l.Turns), func(t turn) bool { return t.Job != job && now.Sub(t.Heard) > c.cfg.Times.Stand })
	at := slices.IndexFunc(turns, func(t turn) bool { return t.Job == job })
	held := l.Holder != "" && now.Sub(l.Held) < c.cfg.Times.Hold
	if !held && (at == 0 || len(turns) == 0) {
		l.Holder, l.Held, l.Turns = job, now, without(turns, job)
		return l, 0, c.records.save(ctx, &l)
	}
	known := at >= 0 && now.Sub(turns[at].Heard) < c.cfg.Times.Stand/3
	if at < 0 {
		at, turns = len(turns), append(turns, turn{Job: job})
	}
	ahead := at
	if held {
		ahead++
	}
	if known && len(turns) == len(l.Turns) {
		return l, ahead, nil
	}
	turns[at].Heard, l.Turns = now, turns
	return l, ahead, c.records.save(ctx, &l)
}

// lookers is how many of the line look for cells; the others only read the line.
const lookers = 4

// acquire finds a cell for a session that has none. The line decides who looks where; the table decides who gets what.
func (c *Cells) acquire(ctx context.Context, l *lease) (interpret.Cell, interpret.Wait, error) {
	line, err := c.standInLine(ctx, l)
	if err != nil {
		return nil, interpret.Wait{}, err
	}
	ahead := max(0, slices.Index(line, l.Line))
	wait := interpret.Wait{Ahead: ahead}
	if ahead >= lookers {
		return nil, wait, nil
	}
	leases, err := c.records.leases(ctx)
	if err != nil {
		return nil, wait, err
	}
	tasks, err := c.fleet.tasks(ctx)
	if err != nil {
		return nil, wait, err
	}
	free := unleased(tasks, leases)
	for i := ahead; i < len(free); i++ { // whoever is ahead takes those before
		if !c.ready(ctx, free[i]) {
			continue
		}
		cell, err := c.take(ctx, l, free[i])
		if cell != nil || err != nil {
			return cell, wait, err
		}
	}
	wait.Why, err = c.makeRoom(ctx, leases, len(line))
	return nil, wait, err
}

// standInLine takes a place in the line, or keeps it, and gives the whole line.
func (c *Cells) standInLine(ctx context.Context, l *lease) ([]string, error) {
	line, err := c.records.line(ctx)
	if err != nil || slices.Contains(line, l.Line) && c.cfg.Now().Sub(l.Held) < c.cfg.Times.Stand/3 {
		return line, err
	}
	if l.Line == "" {
		l.Line = lineKey(c.cfg.Now(), l.Session).SK
	}
	place, err := c.records.stand(l.Line, c.cfg.Now().Add(c.cfg.Times.Stand))
	if err != nil {
		return nil, err
	}
	l.Held = c.cfg.Now()
	if err := c.records.save(ctx, l, place); err != nil {
		return nil, err
	}
	return c.records.line(ctx)
}

// unleased are the tasks that run and that no session has.
func unleased(tasks []task, leases []lease) []task {
	had := map[string]bool{}
	for _, l := range leases {
		had[l.Task] = true
	}
	return slices.DeleteFunc(slices.Clone(tasks), func(t task) bool { return !t.running || had[t.arn] })
}

// ready asks a runner whether it is warm and nobody's. Its word is only good for going on: a program of an earlier session could answer
// for its runner, and is kept out by the record that the task was taken.
func (c *Cells) ready(ctx context.Context, t task) bool {
	h, err := c.health(ctx, t)
	return err == nil && h.Ready && !h.Claimed
}

func (c *Cells) health(ctx context.Context, t task) (ray.Health, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Times.Probe)
	defer cancel()
	return c.runner(t.address, "").Health(ctx)
}

// take gives a task to the session: first in the table, where only one can win and nobody ever again, then on the wire. It gives nothing
// when somebody else was faster.
func (c *Cells) take(ctx context.Context, l *lease, t task) (interpret.Cell, error) {
	token, err := newToken(c.cfg.Rand)
	if err != nil {
		return nil, err
	}
	mine, err := c.records.take(t.arn, l.Session)
	if err != nil {
		return nil, err
	}
	next, now := *l, c.cfg.Now()
	next.Task, next.Address, next.Token, next.Claimed, next.Line = t.arn, t.address, token, false, ""
	next.Leased, next.Used, next.Held = now, now, now
	err = c.records.save(ctx, &next, append([]table.Write{mine}, leaveLine(*l)...)...)
	var lost *table.ConflictError
	if errors.As(err, &lost) && lost.Key == takenKey(t.arn) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	*l = next
	return c.claim(ctx, l)
}

// claim makes the runner of a taken task obey the lease's token. A runner that has another lessee, or does not answer, is no cell.
func (c *Cells) claim(ctx context.Context, l *lease) (interpret.Cell, error) {
	if err := c.fleet.protect(ctx, l.Task); err != nil {
		c.log.WarnContext(ctx, "a leased cell is not protected from scaling in", "task", l.Task, "error", err)
	}
	bounded, cancel := context.WithTimeout(ctx, c.cfg.Times.Probe)
	defer cancel()
	if err := c.runner(l.Address, l.Token).Claim(bounded); err != nil {
		if ctx.Err() != nil {
			return nil, err // the next call of the same job goes on here
		}
		c.log.WarnContext(ctx, "a cell could not be claimed", "task", l.Task, "error", err)
		return nil, c.burn(ctx, l, "it could not be claimed")
	}
	l.Claimed = true
	if err := c.records.save(ctx, l); err != nil {
		return nil, err
	}
	if err := c.records.touch(ctx, cellsPK); err != nil {
		c.log.WarnContext(ctx, "the use of cells was not noted", "error", err)
	}
	c.refill(ctx)
	return c.cell(*l), nil
}

// refill asks for the next warm cell in the place of the one that was taken.
func (c *Cells) refill(ctx context.Context) {
	leases, err := c.records.leases(ctx)
	var line []string
	if err == nil {
		line, err = c.records.line(ctx)
	}
	if err == nil {
		_, err = c.grow(ctx, c.wanted(leases, len(line), true))
	}
	if err != nil {
		c.log.WarnContext(ctx, "no new cell was asked for in place of one that was taken", "error", err)
	}
}

// wanted is how many tasks there should be: those that are leased, and one for everybody who waits or as many as are kept ready.
func (c *Cells) wanted(leases []lease, waiting int, warm bool) int {
	leased := 0
	for _, l := range leases {
		if l.Task != "" {
			leased++
		}
	}
	spare := waiting
	if warm {
		spare = max(spare, c.cfg.Warm)
	}
	return min(c.cfg.Max, leased+spare)
}

// grow makes the service larger, never smaller: that is for the sweep.
func (c *Cells) grow(ctx context.Context, wanted int) (size, error) {
	s, err := c.fleet.size(ctx, c.cfg.Now())
	if err == nil && s.desired < wanted {
		err = c.fleet.scale(ctx, wanted)
	}
	return s, err
}

// makeRoom sees to it that a cell will come, and says what is waited for.
func (c *Cells) makeRoom(ctx context.Context, leases []lease, waiting int) (string, error) {
	s, err := c.grow(ctx, c.wanted(leases, waiting, true))
	if err != nil {
		return "", err
	}
	if c.wanted(leases, 0, false) < c.cfg.Max {
		return c.starting(s), nil
	}
	if i := idlest(leases); i >= 0 {
		if err := c.end(ctx, leases[i], "others wait and its session does not use it"); err != nil {
			return "", err
		}
		return c.starting(s), nil
	}
	return fmt.Sprintf("all %d cells are in use", c.cfg.Max), nil
}

func (c *Cells) starting(s size) string {
	if s.starved {
		return "AWS has no capacity for another cell at the moment; it is asked again and again"
	}
	return "cells are starting, which usually takes " + about(c.cfg.Times.Start)
}

// about says a time as people do.
func about(d time.Duration) string {
	if d < 90*time.Second {
		return fmt.Sprintf("about %d seconds", int(d.Seconds()))
	}
	return fmt.Sprintf("about %d minutes", int(d.Round(time.Minute).Minutes()))
}

// idlest is the lease that is out of use for the longest time; -1: none is.
func idlest(leases []lease) int {
	found := -1
	for i, l := range leases {
		if l.Task != "" && l.Holder == "" && len(l.Turns) == 0 && (found < 0 || l.Used.Before(leases[found].Used)) {
			found = i
		}
	}
	return found
}

// tokenBytes of randomness are in a cell's token.
const tokenBytes = 32

func newToken(random io.Reader) (string, error) {
	raw := make([]byte, tokenBytes)
	if _, err := io.ReadFull(random, raw); err != nil {
		return "", fault.Wrap(err, fault.Internal, "no randomness for a cell's token")
	}
	return hex.EncodeToString(raw), nil
}
