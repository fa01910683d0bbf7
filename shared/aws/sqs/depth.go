package sqs

import (
	"context"
	"sync"
	"time"

	"github.com/orcray/orcray/shared/fault"
)

// depthAge is how long a count is believed while it shows room.
const depthAge = time.Second

// retryFull is what a sender is told to wait when the queue is full.
const retryFull = 5 * time.Second

// depth keeps senders below the cap with one count a second. What this process has sent since is added; what others
// have sent is seen at the next count. A full queue is counted again for every sender, who learns at once of a place
// that is free.
type depth struct {
	count func(ctx context.Context) (int, error)

	mu      sync.Mutex
	known   int
	counted time.Time
}

// take reserves a place for one message. A count that fails lets the message through: the cap protects the system from
// more work than it can do, and a message that is refused for nothing is worse.
func (d *depth) take(ctx context.Context, most int) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.known >= most || time.Since(d.counted) > depthAge {
		if n, err := d.count(ctx); err == nil {
			d.known, d.counted = n, time.Now()
		}
	}
	if d.known >= most {
		return &fault.Error{Code: fault.Throttled, Message: "Too much work is waiting. Try again shortly.", RetryAfter: retryFull}
	}
	d.known++
	return nil
}
