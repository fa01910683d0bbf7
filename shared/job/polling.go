package job

import "time"

// Polling implements Notifier where the writers and the followers of a job are different processes: followers look every so
// often, and nobody is told anything. With Every 0 they are never woken and look by their own clocks only.
type Polling struct{ Every time.Duration }

// Notify implements Notifier.
func (Polling) Notify(string) {}

// Watch implements Notifier.
func (p Polling) Watch(string) (<-chan struct{}, func()) {
	if p.Every <= 0 {
		return nil, func() {}
	}
	changed, done := make(chan struct{}), make(chan struct{})
	go func() {
		tick := time.NewTicker(p.Every)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
			}
			select {
			case <-done:
				return
			case changed <- struct{}{}:
			}
		}
	}()
	return changed, func() { close(done) }
}
