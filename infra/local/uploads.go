package local

import (
	"context"
	"sync"

	"github.com/orcray/orcray/shared/session"
	"github.com/orcray/orcray/shared/topology"
)

// sweepUploads looks after uploads at the start and by the clock, as the reaper's function does on AWS.
func (a *App) sweepUploads(sessions *session.Service) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		for ctx.Err() == nil {
			if err := sessions.Sweep(ctx); err != nil && ctx.Err() == nil {
				a.log.Error("uploads could not be looked after", "error", err.Error())
			}
			pause(ctx, topology.Orcray().Schedules[0].Every)
		}
	})
	a.onClose(func() error {
		cancel()
		running.Wait()
		return nil
	})
}
