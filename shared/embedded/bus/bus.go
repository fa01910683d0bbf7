// Package bus tells the followers of a job, within one process, that something about it changed.
package bus

import "sync"

// Bus implements job.Notifier. The zero value is ready.
type Bus struct {
	mu       sync.Mutex
	watchers map[string]map[chan struct{}]struct{}
}

// Notify wakes whoever watches the job. It never blocks: a watcher that has an unread notice needs no second one.
func (b *Bus) Notify(jobID string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for ch := range b.watchers[jobID] {
		select {
		case ch <- struct{}{}:
		default:
		}
	}
}

// Watch gives a channel that gets a value after each notice, and a function that ends the watch.
func (b *Bus) Watch(jobID string) (<-chan struct{}, func()) {
	ch := make(chan struct{}, 1)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.watchers == nil {
		b.watchers = map[string]map[chan struct{}]struct{}{}
	}
	if b.watchers[jobID] == nil {
		b.watchers[jobID] = map[chan struct{}]struct{}{}
	}
	b.watchers[jobID][ch] = struct{}{}
	return ch, func() { b.leave(jobID, ch) }
}

func (b *Bus) leave(jobID string, ch chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.watchers[jobID], ch)
	if len(b.watchers[jobID]) == 0 {
		delete(b.watchers, jobID)
	}
}
