// Package queuetest is the conformance suite of the queue port.
package queuetest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/queue"
)

// bound is how long a test waits for something that must happen.
const bound = 30 * time.Second

// Subject is a fresh queue under test. Parts that a backend cannot show stay nil; what needs them is skipped, and says so.
type Subject struct {
	Queue     queue.Queue
	Inspector queue.Inspector
	Advance   func(d time.Duration) // moves the queue's clock, or waits that long where it cannot be moved
	Restart   func() Subject        // ends the queue without warning and starts it again from what is durable
}

// Open makes an empty queue with the limits; it cleans up with t.Cleanup.
type Open func(t *testing.T, limits queue.Limits) Subject

// Options say what a backend does not do itself.
type Options struct {
	NoAge   string // why messages do not go to the dead letters by age; empty: they do
	NoDepth string // why Send does not count; empty: it does

	// These are for services whose promises are weaker than the port's ideal, each with the reason. Consumers here are
	// idempotent, so that none of them costs correctness.
	NoOldest      string // why Stats tells no oldest message; empty: it does
	StaleCounts   string // why an outdated receipt may end or release a message; empty: it never does
	Slow          string // why the large test has 200 messages; empty: it has 1,000
	DiesOnReceive string // why a message reaches the dead letters only with the next receive; empty: by itself
}

// Run runs the suite.
func Run(t *testing.T, open Open, options Options) {
	for _, part := range []struct {
		name string
		run  func(*fixture)
	}{
		{"TestO29_SendReceiveDelete", sendReceiveDelete},
		{"TestO29_AtMostMax", atMostMax},
		{"TestO29_BodyLimit", bodyLimit},
		{"TestO29_HiddenWhileInFlight", hiddenWhileInFlight},
		{"TestO29_Release", release},
		{"TestN7_StaleReceiptIsIgnored", staleReceipt},
		{"TestO29_PoisonGoesToTheDeadLetters", poison},
		{"TestO29_OldGoesToTheDeadLetters", tooOld},
		{"TestO29_Redrive", redrive},
		{"TestO29_DepthCap", depthCap},
		{"TestO29_Stats", stats},
		{"TestO29_SendWakesReceive", sendWakes},
		{"TestO29_VisibilityWakesReceive", visibilityWakes},
		{"TestO29_ReleaseWakesReceive", releaseWakes},
		{"TestO29_EmptyAfterTheWait", emptyAfterWait},
		{"TestO29_ReceiveEndsWithItsContext", endsWithContext},
		{"TestS6_NothingIsLostOverARestart", restart},
		{"TestS6_ThousandMessages", thousand},
	} {
		t.Run(part.name, func(t *testing.T) {
			part.run(&fixture{T: t, open: open, options: options})
		})
	}
}

func usual() queue.Limits {
	return queue.Limits{Visibility: 2 * time.Second, MaxReceive: 3, MaxAge: time.Minute, MaxDepth: 2000}
}

type fixture struct {
	*testing.T
	Subject
	open    Open
	options Options
}

func (f *fixture) start(limits queue.Limits) { f.Subject = f.open(f.T, limits) }

func (f *fixture) send(bodies ...string) {
	f.Helper()
	for _, body := range bodies {
		if err := f.Queue.Send(context.Background(), []byte(body)); err != nil {
			f.Fatalf("send: %v", err)
		}
	}
}

func (f *fixture) receive(max int, wait time.Duration) []queue.Delivery {
	f.Helper()
	got, err := f.Queue.Receive(context.Background(), max, wait)
	if err != nil {
		f.Fatalf("receive: %v", err)
	}
	return got
}

// one receives exactly one message.
func (f *fixture) one() queue.Delivery {
	f.Helper()
	got := f.receive(1, 0)
	if len(got) != 1 {
		f.Fatalf("received %d messages, want 1", len(got))
	}
	return got[0]
}

func (f *fixture) none() {
	f.Helper()
	if got := f.receive(1, 0); len(got) != 0 {
		f.Fatalf("received %+v, want none", got)
	}
}

func (f *fixture) delete(d queue.Delivery) {
	f.Helper()
	if err := f.Queue.Delete(context.Background(), d.Receipt); err != nil {
		f.Fatalf("delete: %v", err)
	}
}

func (f *fixture) release(d queue.Delivery, after time.Duration) {
	f.Helper()
	if err := f.Queue.Release(context.Background(), d.Receipt, after); err != nil {
		f.Fatalf("release: %v", err)
	}
}

func (f *fixture) dead() []queue.Dead {
	f.Helper()
	if f.Inspector == nil {
		f.Skip("SKIPPED: this backend has no inspector")
	}
	got, err := f.Inspector.DeadLetters(context.Background(), 100)
	if err != nil {
		f.Fatalf("dead letters: %v", err)
	}
	return got
}

// settle lets messages that may not be delivered again die, where that needs somebody who asks.
func (f *fixture) settle() {
	f.Helper()
	if f.options.DiesOnReceive != "" {
		if got := f.receive(10, 0); len(got) != 0 {
			f.Fatalf("received %+v, want none", got)
		}
	}
}

func (f *fixture) stats() queue.Stats {
	f.Helper()
	if f.Inspector == nil {
		f.Skip("SKIPPED: this backend has no inspector")
	}
	got, err := f.Inspector.Stats(context.Background())
	if err != nil {
		f.Fatalf("stats: %v", err)
	}
	return got
}

func sendReceiveDelete(f *fixture) {
	f.start(usual())
	f.none()
	body := `{"text":"é😀","n":1}`
	f.send(body)
	d := f.one()
	if string(d.Body) != body || d.Received != 1 || d.ID == "" || d.Receipt == "" || d.Sent.IsZero() {
		f.Fatalf("received %+v", d)
	}
	f.delete(d)
	f.Advance(3 * time.Second)
	f.none()
	f.delete(d) // a second time is fine
}

func atMostMax(f *fixture) {
	f.start(usual())
	f.send("a", "b", "c", "d", "e")
	seen := map[string]bool{}
	for len(seen) < 5 {
		got := f.receive(2, bound)
		if len(got) == 0 || len(got) > 2 {
			f.Fatalf("received %d messages, want 1 or 2", len(got))
		}
		for _, d := range got {
			if seen[string(d.Body)] {
				f.Fatalf("%q came twice while it was in flight", d.Body)
			}
			seen[string(d.Body)] = true
		}
	}
	if _, err := f.Queue.Receive(context.Background(), 0, 0); !fault.Is(err, fault.Invalid) {
		f.Fatalf("receive of none gave %v, want invalid", err)
	}
}

func bodyLimit(f *fixture) {
	f.start(usual())
	full := strings.Repeat("x", queue.MaxBody)
	f.send(full)
	if d := f.one(); string(d.Body) != full {
		f.Fatal("the largest body came back changed")
	}
	if err := f.Queue.Send(context.Background(), []byte(full+"x")); !fault.Is(err, fault.TooLarge) {
		f.Fatalf("got %v, want too_large", err)
	}
}

func hiddenWhileInFlight(f *fixture) {
	f.start(usual())
	f.send("a")
	first := f.one()
	f.none()
	f.Advance(3 * time.Second)
	second := f.one()
	if second.ID != first.ID || second.Receipt == first.Receipt || second.Received != 2 || !second.Sent.Equal(first.Sent) {
		f.Fatalf("second delivery %+v after %+v", second, first)
	}
}

func release(f *fixture) {
	f.start(usual())
	f.send("a")
	f.release(f.one(), 0)
	f.release(f.one(), 4*time.Second)
	f.Advance(3 * time.Second) // over the visibility, but not over the delay
	f.none()
	f.Advance(2 * time.Second)
	d := f.one()
	if d.Received != 3 {
		f.Fatalf("received %d times, want 3", d.Received)
	}
	f.delete(d)
	f.release(d, 0) // of what is gone
	f.none()
	if err := f.Queue.Release(context.Background(), d.Receipt, -time.Second); !fault.Is(err, fault.Invalid) {
		f.Fatalf("release into the past gave %v", err)
	}
}

func staleReceipt(f *fixture) {
	if f.options.StaleCounts != "" {
		f.Skip("SKIPPED: " + f.options.StaleCounts)
	}
	f.start(usual())
	f.send("a")
	stale := f.one()
	f.Advance(3 * time.Second)
	current := f.one()
	f.release(stale, 0)
	f.none() // it is still hidden for the current holder
	f.delete(stale)
	f.Advance(3 * time.Second)
	again := f.one()
	if again.ID != current.ID || again.Received != 3 {
		f.Fatalf("the message came back as %+v", again)
	}
	f.delete(again)
	f.Advance(3 * time.Second)
	f.none()
}
