package asl

import (
	"sync"
	"time"
)

// clock tells a run the time and wakes it. idle says that the run does nothing but wait.
type clock interface {
	now() time.Time
	timer(d time.Duration, idle bool) (c <-chan time.Time, stop func())
}

// wallClock waits for real.
type wallClock struct{ read func() time.Time }

func (w wallClock) now() time.Time { return w.read() }

func (w wallClock) timer(d time.Duration, _ bool) (<-chan time.Time, func()) {
	t := time.NewTimer(d)
	return t.C, func() { t.Stop() }
}

// skippingClock jumps over a wait as soon as nothing else is going on.
type skippingClock struct {
	mu      sync.Mutex
	read    func() time.Time
	skipped time.Duration
}

func (s *skippingClock) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.read().Add(s.skipped)
}

func (s *skippingClock) timer(d time.Duration, idle bool) (<-chan time.Time, func()) {
	if !idle {
		return nil, func() {}
	}
	s.mu.Lock()
	s.skipped += d
	s.mu.Unlock()
	c := make(chan time.Time, 1)
	c <- s.now()
	return c, func() {}
}
