// Package queue is the port of a durable queue that delivers at least once, as SQS does; queuetest is its suite.
package queue

import (
	"context"
	"time"

	"github.com/orcray/orcray/shared/topology"
)

// Limits are the promises of one queue; topology states them per queue.
type Limits struct {
	Visibility time.Duration // how long a received message stays hidden
	MaxReceive int           // deliveries after which it goes to the dead letters
	MaxAge     time.Duration // after which it goes to the dead letters unread
	MaxDepth   int           // messages beyond which Send answers fault.Throttled
}

// LimitsOf gives the limits that the wiring table states for a queue.
func LimitsOf(q topology.Queue) Limits {
	return Limits{Visibility: q.Visibility, MaxReceive: q.MaxReceive, MaxAge: q.MaxAge, MaxDepth: q.MaxDepth}
}

// MaxBody is the largest message in bytes.
const MaxBody = 200 << 10

// Delivery is one receipt of a message. The same message can be delivered again, also while this one is being worked on.
type Delivery struct {
	ID       string // of the message, the same for every delivery
	Receipt  string // of this delivery
	Body     []byte
	Received int // 1 for the first delivery
	Sent     time.Time
}

// Dead is a message that nobody could handle.
type Dead struct {
	ID     string
	Body   []byte
	Reason string // "receives" or "age"
	Died   time.Time
}

// Queue delivers messages at least once.
//
// Send returns once the message is durable; fault.Throttled with a RetryAfter when the queue is full, fault.TooLarge over
// MaxBody. Receive waits up to wait for at least one message and returns at most max; none is not an error. Delete ends a
// message; a receipt that is no longer the current one is ignored (the message was or will be delivered to somebody else).
// Release makes it visible again after a delay, 0: at once; late receipts are ignored too.
type Queue interface {
	Send(ctx context.Context, body []byte) error
	Receive(ctx context.Context, max int, wait time.Duration) ([]Delivery, error)
	Delete(ctx context.Context, receipt string) error
	Release(ctx context.Context, receipt string, after time.Duration) error
}

// Stats tells what operators ask about a queue.
type Stats struct {
	Visible, InFlight, Dead int
	Oldest                  time.Time // of the visible ones; zero: none
}

// Inspector is the operators' side of a queue.
type Inspector interface {
	Stats(ctx context.Context) (Stats, error)
	DeadLetters(ctx context.Context, limit int) ([]Dead, error)
	Redrive(ctx context.Context, id string) error // fault.NotFound when no dead message has the id
}
