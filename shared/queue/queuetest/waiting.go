package queuetest

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/orcray/orcray/shared/queue"
)

// longPoll is longer than bound: when a receive with it returns, something has woken it.
const longPoll = 2 * bound

// later receives one message in the background.
func (f *fixture) later() <-chan []queue.Delivery {
	got := make(chan []queue.Delivery, 1)
	ctx, cancel := context.WithTimeout(context.Background(), bound)
	f.Cleanup(cancel)
	go func() {
		deliveries, err := f.Queue.Receive(ctx, 1, longPoll)
		if err != nil {
			f.Errorf("receive: %v", err)
		}
		got <- deliveries
	}()
	return got
}

func (f *fixture) arrives(got <-chan []queue.Delivery, body string) {
	f.Helper()
	if deliveries := <-got; len(deliveries) != 1 || string(deliveries[0].Body) != body {
		f.Fatalf("the waiting receive gave %+v, want %q", deliveries, body)
	}
}

// sendWakes: the clock stands still, so that only the Sends can end the waiting.
func sendWakes(f *fixture) {
	f.start(usual())
	var waiting []<-chan []queue.Delivery
	for range 5 {
		waiting = append(waiting, f.later())
	}
	for range waiting {
		f.send("wake")
	}
	for _, got := range waiting {
		f.arrives(got, "wake")
	}
}

func visibilityWakes(f *fixture) {
	f.start(usual())
	f.send("a")
	f.one()
	got := f.later()
	f.Advance(3 * time.Second)
	f.arrives(got, "a")
}

func releaseWakes(f *fixture) {
	f.start(usual())
	f.send("a")
	d := f.one()
	got := f.later()
	f.release(d, 0)
	f.arrives(got, "a")
}

func emptyAfterWait(f *fixture) {
	f.start(usual())
	done := make(chan []queue.Delivery, 1)
	go func() { done <- f.receive(1, time.Second) }()
	for {
		f.Advance(time.Second)
		select {
		case got := <-done:
			if len(got) != 0 {
				f.Fatalf("received %+v from an empty queue", got)
			}
			return
		default:
		}
	}
}

// endsWithContext: ending a waiting receive loses nothing, also when a message comes at the same moment. A receive that was
// ended may still have taken the message, more than once where several were ended, so that neither
// deliveries nor age matter here.
func endsWithContext(f *fixture) {
	limits := usual()
	limits.MaxReceive, limits.MaxAge = 1000, 24*time.Hour
	f.start(limits)
	for i := range 50 {
		ctx, cancel := context.WithCancel(context.Background())
		var first []queue.Delivery
		var wg sync.WaitGroup
		wg.Go(func() { first, _ = f.Queue.Receive(ctx, 1, longPoll) })
		wg.Go(cancel)
		body := fmt.Sprint("m", i)
		f.send(body)
		wg.Wait()
		if len(first) == 0 {
			first = f.whileMoving(f.later())
		}
		if len(first) != 1 || string(first[0].Body) != body {
			f.Fatalf("message %d: got %+v", i, first)
		}
		f.delete(first[0])
	}
}

// whileMoving waits for a receive and moves the clock on: the message may be in the hands of receives that were ended.
func (f *fixture) whileMoving(got <-chan []queue.Delivery) []queue.Delivery {
	f.Helper()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		f.Advance(3 * time.Second)
		select {
		case deliveries := <-got:
			return deliveries
		case <-again.C:
		}
	}
}

func restart(f *fixture) {
	f.start(usual())
	if f.Restart == nil {
		f.Skip("SKIPPED: this backend cannot be restarted from here")
	}
	f.send("done", "begun", "waiting")
	f.delete(f.one())
	begun := f.one()
	f.Subject = f.Restart()
	if d := f.one(); string(d.Body) != "waiting" {
		f.Fatalf("received %q, want the one that waits", d.Body)
	}
	f.none() // the other is still hidden
	f.Advance(3 * time.Second)
	seen := map[string]int{}
	for range 2 {
		d := f.one()
		seen[string(d.Body)] = d.Received
	}
	if seen[string(begun.Body)] != 2 || seen["waiting"] != 2 {
		f.Fatalf("after the restart: %v", seen)
	}
	f.none()
}
