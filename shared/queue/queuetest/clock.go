package queuetest

import (
	"sync"
	"time"
)

// Clock is a clock that stands still until a test moves it, with alarms that ring when it gets there.
type Clock struct {
	mu     sync.Mutex
	now    time.Time
	alarms map[*alarm]struct{}
}

type alarm struct {
	at   time.Time
	ring chan time.Time
}

// NewClock gives a clock.
func NewClock() *Clock {
	return &Clock{now: time.Date(2040, 1, 2, 3, 4, 5, 0, time.UTC), alarms: map[*alarm]struct{}{}}
}

// Now is the time on the clock.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Alarm rings once the clock has reached at; at once when it has already.
func (c *Clock) Alarm(at time.Time) (<-chan time.Time, func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a := &alarm{at: at, ring: make(chan time.Time, 1)}
	c.alarms[a] = struct{}{}
	c.ringDue()
	return a.ring, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.alarms, a)
	}
}

// Advance moves the clock on.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	c.ringDue()
}

func (c *Clock) ringDue() {
	for a := range c.alarms {
		if !a.at.After(c.now) {
			a.ring <- c.now
			delete(c.alarms, a)
		}
	}
}
