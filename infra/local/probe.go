package local

import (
	"context"
	"sync"
	"time"
)

// probed is an adapter of models that can say whether it would work, for nothing.
type probed interface {
	Probe(ctx context.Context) error
}

// probeEvery is how long an answer counts: a page that asks for the health every few seconds is no reason to ask a model server as often.
const probeEvery = 15 * time.Second

// probe asks an adapter at most once in probeEvery, however many want to know.
type probe struct {
	adapter probed
	now     func() time.Time

	mu    sync.Mutex
	asked time.Time
	err   error
}

func (p *probe) run(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := p.now(); p.asked.IsZero() || now.Sub(p.asked) >= probeEvery {
		p.err = p.adapter.Probe(ctx)
		if ctx.Err() != nil {
			return p.err // of a client that went away: the next one asks for itself
		}
		p.asked = now
	}
	return p.err
}

// modelCheck tells the default model, and whether every adapter that is set up works.
func (a *App) modelCheck(ctx context.Context) (string, error) {
	listed, err := a.catalog.Lookup("")
	for _, p := range a.probes {
		if err == nil {
			err = p.run(ctx)
		}
	}
	return listed.ID, err
}
