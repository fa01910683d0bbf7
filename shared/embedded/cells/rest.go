package cells

import (
	"context"
	"fmt"
	"time"
)

// restTime is how long a cell may take to come to rest after a run: its runner parks the drivers of the next runs, some seconds each.
const restTime = 15 * time.Second

// Release says that a job no longer uses its session's cell. The session keeps it until it is idle for too long or others wait.
// It is frozen as soon as it is at rest: frozen earlier, it would make its next drivers only when the next job waits for them.
func (p *Pool) Release(session string) {
	p.mu.Lock()
	l := p.leases[session]
	if l != nil && l.users > 0 {
		l.users--
		l.used = p.cfg.Now()
	}
	settle := l != nil && l.users == 0 && !l.settling && !p.closed
	if settle {
		l.settling = true
		p.work.Go(func() { p.settle(l) })
	}
	p.mu.Unlock()
	p.poke()
}

// Touch says that a session's cell is in use still, so that it is not taken for a forgotten one.
func (p *Pool) Touch(session string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l := p.leases[session]; l != nil {
		l.used = p.cfg.Now()
	}
}

// settle freezes a lease's cell when it is at rest, or after restTime; a job that takes it meanwhile ends that.
func (p *Pool) settle(l *lease) {
	ctx, cancel := context.WithTimeout(p.ctx, restTime)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for p.idle(l) && ctx.Err() == nil && !l.cell.atRest(ctx) {
		select {
		case <-tick.C:
		case <-ctx.Done():
		case <-l.cell.Done():
		}
	}
	l.gate.Lock()
	p.mu.Lock()
	l.settling = false
	idle := l.users == 0 && p.leases[l.session] == l && !p.closed
	p.mu.Unlock()
	var err error
	if idle && !l.frozen {
		if err = l.cell.box.Freeze(); err == nil {
			l.frozen = true
		}
	}
	l.gate.Unlock()
	if err != nil {
		p.discard(l.cell, fmt.Sprintf("it could not be frozen: %v", err))
	}
}

// idle reports whether the lease holds and no job uses it.
func (p *Pool) idle(l *lease) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return l.users == 0 && p.leases[l.session] == l && !p.closed
}

// atRest asks the runner whether it has nothing to do. One that does not answer has no rest to wait for: its next lease finds out.
func (c *Cell) atRest(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	h, err := c.client.Health(ctx)
	return err == nil && h.AtRest
}
