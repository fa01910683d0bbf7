package queuetest

import (
	"context"
	"errors"
	"time"

	"github.com/orcray/orcray/shared/fault"
)

func poison(f *fixture) {
	f.start(usual())
	f.send("poison")
	id := ""
	for n := 1; n <= usual().MaxReceive; n++ {
		d := f.one()
		if d.Received != n {
			f.Fatalf("delivery %d says %d", n, d.Received)
		}
		id = d.ID
		f.Advance(3 * time.Second)
	}
	f.none()
	got := f.dead()
	if len(got) != 1 || got[0].ID != id || string(got[0].Body) != "poison" || got[0].Reason != "receives" || got[0].Died.IsZero() {
		f.Fatalf("dead letters %+v", got)
	}
}

func tooOld(f *fixture) {
	if f.options.NoAge != "" {
		f.Skip("SKIPPED: " + f.options.NoAge)
	}
	f.start(usual())
	f.send("old", "held")
	old := f.one()
	f.release(old, 0)
	f.Advance(usual().MaxAge - time.Second)
	f.send("young")
	held := f.one()
	f.Advance(time.Second)
	got := f.dead() // without anybody receiving
	if len(got) != 1 || got[0].Reason != "age" || got[0].ID == held.ID {
		f.Fatalf("dead letters %+v; want the one that nobody holds", got)
	}
	f.delete(held) // who holds an old message may finish it
	if d := f.one(); string(d.Body) != "young" {
		f.Fatalf("received %q, want the young one", d.Body)
	}
	f.Advance(3 * time.Second)
	if got := f.dead(); len(got) != 1 {
		f.Fatalf("dead letters %+v", got)
	}
}

func redrive(f *fixture) {
	f.start(usual())
	f.send("poison")
	var last string
	for range usual().MaxReceive {
		last = f.one().Receipt
		f.Advance(3 * time.Second)
	}
	f.settle()
	got := f.dead()
	if len(got) != 1 {
		f.Fatalf("dead letters %+v", got)
	}
	if err := f.Inspector.Redrive(context.Background(), "no such id"); !fault.Is(err, fault.NotFound) {
		f.Fatalf("redrive of nothing gave %v, want not found", err)
	}
	f.Advance(2 * usual().MaxAge) // the redriven message has a fresh age
	if err := f.Inspector.Redrive(context.Background(), got[0].ID); err != nil {
		f.Fatal(err)
	}
	if err := f.Inspector.Redrive(context.Background(), got[0].ID); !fault.Is(err, fault.NotFound) {
		f.Fatalf("a second redrive gave %v, want not found", err)
	}
	if left := f.dead(); len(left) != 0 {
		f.Fatalf("dead letters %+v after the redrive", left)
	}
	d := f.one()
	if string(d.Body) != "poison" || d.Received != 1 || d.Receipt == last {
		f.Fatalf("redriven as %+v", d)
	}
	if err := f.Queue.Delete(context.Background(), last); err != nil {
		f.Fatalf("a receipt from before the redrive: %v", err)
	}
	f.Advance(3 * time.Second)
	f.delete(f.one()) // the old receipt has not ended it
	f.Advance(3 * time.Second)
	f.none()
}

func depthCap(f *fixture) {
	if f.options.NoDepth != "" {
		f.Skip("SKIPPED: " + f.options.NoDepth)
	}
	limits := usual()
	limits.MaxDepth = 3
	f.start(limits)
	f.send("a", "b", "c")
	full := func() {
		f.Helper()
		err := f.Queue.Send(context.Background(), []byte("d"))
		var e *fault.Error
		if !errors.As(err, &e) || e.Code != fault.Throttled || e.RetryAfter <= 0 {
			f.Fatalf("send to a full queue gave %v, want throttled with a time to wait", err)
		}
	}
	full()
	d := f.one()
	full() // in flight still counts
	f.delete(d)
	f.send("d")
	full()
}

func stats(f *fixture) {
	f.start(usual())
	if s := f.stats(); s.Visible != 0 || s.InFlight != 0 || s.Dead != 0 || !s.Oldest.IsZero() {
		f.Fatalf("an empty queue has %+v", s)
	}
	f.send("a")
	sent := f.one()
	f.release(sent, 0)
	f.Advance(time.Second)
	f.send("b", "c")
	if s := f.stats(); s.Visible != 3 || s.InFlight != 0 || !f.oldest(s.Oldest, sent.Sent) {
		f.Fatalf("got %+v, want three visible, the oldest from %v", s, sent.Sent)
	}
	f.one()
	if s := f.stats(); s.Visible != 2 || s.InFlight != 1 {
		f.Fatalf("got %+v, want two visible and one in flight", s)
	}
	for range usual().MaxReceive {
		f.Advance(3 * time.Second)
		f.receive(10, 0)
	}
	f.Advance(3 * time.Second)
	f.settle()
	if s := f.stats(); s.Visible != 0 || s.InFlight != 0 || s.Dead != 3 {
		f.Fatalf("got %+v, want three dead", s)
	}
}

// oldest compares where the backend tells; where it does not, it must not make something up.
func (f *fixture) oldest(got, want time.Time) bool {
	if f.options.NoOldest != "" {
		return got.IsZero()
	}
	return got.Equal(want)
}
