package cells

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/orcray/orcray/shared/fault"
)

// thawTime is how long a cell may take to answer after it was frozen; it takes milliseconds.
const thawTime = 3 * time.Second

// Lease gives the session its cell: the one it has, else a parked one, else it waits in line until ctx ends. onWait hears the
// position, 1 for the next, at first and whenever it changes; it may be nil. Each Lease is followed by one Release.
//
// A session's jobs share its cell; its runner refuses a second run at the same time with fault.Conflict.
func (p *Pool) Lease(ctx context.Context, session string, onWait func(position int)) (*Cell, error) {
	if session == "" {
		return nil, fault.New(fault.Invalid, "A cell is leased to a session.")
	}
	for {
		cell, wait, err := p.take(session)
		if err != nil {
			return nil, err
		}
		if cell == nil {
			if cell, err = p.await(ctx, wait, onWait); err != nil {
				return nil, err
			}
		}
		if err := p.use(ctx, session, cell); err == nil {
			return cell, nil
		}
		if err := ctx.Err(); err != nil {
			return nil, fault.Wrap(err, fault.Timeout, "Waiting for a cell was given up.")
		}
	}
}

// take gives the session's cell, or a place in the queue.
func (p *Pool) take(session string) (*Cell, *waiter, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, nil, fault.New(fault.Unavailable, "orcray is shutting down. Try again when it is back.")
	}
	if l := p.leases[session]; l != nil {
		l.users++
		l.used = p.cfg.Now()
		return l.cell, nil, nil
	}
	at := slices.IndexFunc(p.waiting, func(w *waiter) bool { return w.session == session && w.away() })
	if at < 0 {
		at = len(p.waiting)
		p.waiting = append(p.waiting, &waiter{session: session, given: make(chan *Cell, 1), moved: make(chan int, 1)})
	}
	w := p.waiting[at]
	w.left, w.told = time.Time{}, 0
	p.assignLocked()
	p.poke()
	return nil, w, nil
}

// await waits for the turn.
func (p *Pool) await(ctx context.Context, w *waiter, onWait func(int)) (*Cell, error) {
	for {
		select {
		case cell := <-w.given: // looked at first, so that whoever is served at once never hears of waiting
			return cell, nil
		default:
		}
		select {
		case cell := <-w.given:
			return cell, nil
		case position := <-w.moved:
			if onWait != nil {
				onWait(position)
			}
		case <-p.ctx.Done():
			return nil, fault.New(fault.Unavailable, "orcray is shutting down. Try again when it is back.")
		case <-ctx.Done():
			p.leave(w)
			return nil, fault.Wrap(ctx.Err(), fault.Timeout, "No cell became free in time. %s", p.why())
		}
	}
}

// placeTime is how long a place in the queue is kept for a session that went away: a step of a workflow waits for a minute, ends, and
// asks again in the next moment. Others are served meanwhile.
const placeTime = 30 * time.Second

// leave goes away from the queue; a cell that came in the same moment goes back to the session's lease, unused.
func (p *Pool) leave(w *waiter) {
	p.mu.Lock()
	w.left = p.cfg.Now()
	p.mu.Unlock()
	select {
	case <-w.given:
		p.Release(w.session)
	default:
	}
}

func (p *Pool) why() string {
	if s := p.Stats(); s.Failures > 0 {
		return fmt.Sprintf("The last %d starts of a cell failed; your operator finds the reason in the log.", s.Failures)
	}
	return "Try again later."
}

// use makes a leased cell run and answer; a cell that does not is destroyed.
func (p *Pool) use(ctx context.Context, session string, cell *Cell) error {
	p.mu.Lock()
	l := p.leases[session]
	p.mu.Unlock()
	if l == nil || l.cell != cell {
		return fault.New(fault.Unavailable, "The cell was destroyed meanwhile.")
	}
	l.gate.Lock()
	defer l.gate.Unlock()
	if !l.frozen {
		return nil // another job of the session uses it, so it runs
	}
	err := cell.box.Thaw()
	if err == nil {
		l.frozen = false
		err = cell.healthy(context.WithoutCancel(ctx), thawTime) // an impatient caller is not the cell's fault
	}
	if err != nil {
		p.discard(cell, fmt.Sprintf("it did not wake up: %v", err))
	}
	return err
}

// Destroy ends the session's cell, if it has one, and returns when nothing of it is left.
func (p *Pool) Destroy(session, reason string) {
	p.mu.Lock()
	l := p.leases[session]
	p.mu.Unlock()
	if l != nil {
		p.discard(l.cell, reason)
	}
}

// assign hands parked cells to those who wait, and makes room for them where it can.
func (p *Pool) assign() {
	p.mu.Lock()
	p.assignLocked()
	var victim *lease
	if p.waitingLocked() > 0 && len(p.leases) >= p.cfg.MaxLeased {
		victim = p.idlest()
	}
	if victim != nil {
		delete(p.leases, victim.session)
		p.assignLocked()
	}
	p.mu.Unlock()
	if victim != nil {
		p.work.Go(func() { p.end(victim.cell, "others wait and its session does not use it", true) })
	}
}

// idlest is the lease that is out of use for the longest time.
func (p *Pool) idlest() *lease {
	var found *lease
	for _, l := range p.leases {
		if l.users == 0 && (found == nil || l.used.Before(found.used)) {
			found = l
		}
	}
	return found
}

// assignLocked serves the queue in its order.
func (p *Pool) assignLocked() {
	gone := func(w *waiter) bool { return w.away() && p.cfg.Now().Sub(w.left) > placeTime }
	p.waiting = slices.DeleteFunc(p.waiting, gone)
	served := map[*waiter]bool{}
	for _, w := range p.waiting {
		if w.away() {
			continue
		}
		l := p.leases[w.session]
		if l == nil {
			if len(p.parked) == 0 || len(p.leases) >= p.cfg.MaxLeased {
				continue // another job of a session that has its cell may stand further back
			}
			l = &lease{session: w.session, cell: p.parked[0], frozen: true}
			p.parked = p.parked[1:]
			p.leases[w.session] = l
		}
		l.users++
		l.used = p.cfg.Now()
		w.given <- l.cell
		served[w] = true
	}
	p.waiting = slices.DeleteFunc(p.waiting, func(w *waiter) bool { return served[w] })
	p.positions()
	if len(served) > 0 {
		p.poke() // refill at once
	}
}

// waitingLocked counts those who wait now.
func (p *Pool) waitingLocked() int {
	n := 0
	for _, w := range p.waiting {
		if !w.away() {
			n++
		}
	}
	return n
}

// positions tells everybody in the queue their place, replacing what they have not heard yet.
func (p *Pool) positions() {
	for i, w := range p.waiting {
		if w.told == i+1 || w.away() {
			continue
		}
		w.told = i + 1
		select {
		case <-w.moved:
		default:
		}
		w.moved <- i + 1
	}
}
