package queuetest

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"
)

// thousand has 16 consumers that forget every seventh message the first time: every message is finished, the forgotten
// ones after their visibility, and none comes again after its delete.
func thousand(f *fixture) {
	const consumers, senders = 16, 4
	messages := 1000
	if f.options.Slow != "" {
		messages = 200
	}
	limits := usual()
	limits.Visibility = 40 * time.Second // so long that a slow machine does not lose a message that it works on
	f.start(limits)
	l := &ledger{want: messages, forgotten: map[string]bool{}, finished: map[string]bool{},
		seen: make(chan struct{}), done: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var wg sync.WaitGroup
	for range consumers {
		wg.Go(func() { f.consume(ctx, l) })
	}
	for s := range senders {
		wg.Go(func() {
			for i := s; i < messages; i += senders {
				if err := f.Queue.Send(ctx, []byte(fmt.Sprint("m", i))); err != nil {
					f.Errorf("send: %v", err)
				}
			}
		})
	}
	l.await(f, l.seen)
	f.Advance(limits.Visibility)
	l.await(f, l.done)
	cancel()
	wg.Wait()
	f.Advance(limits.Visibility)
	f.none()
	if len(l.late) != 0 {
		f.Fatalf("after their delete came %v", l.late)
	}
}

// ledger writes down what the consumers saw, by body.
type ledger struct {
	mu        sync.Mutex
	want      int
	forgotten map[string]bool // seen once and dropped
	finished  map[string]bool // their delete has returned
	late      []string        // delivered by a receive that began after that
	seen      chan struct{}   // closed when each is forgotten or finished
	done      chan struct{}   // closed when each is finished
}

func (l *ledger) await(f *fixture, event <-chan struct{}) {
	f.Helper()
	select {
	case <-event:
	case <-time.After(2 * bound):
		l.mu.Lock()
		defer l.mu.Unlock()
		f.Fatalf("%d of %d messages finished, %d forgotten", len(l.finished), l.want, len(l.forgotten))
	}
}

func (f *fixture) consume(ctx context.Context, l *ledger) {
	for ctx.Err() == nil {
		before := l.finishedSoFar()
		got, err := f.Queue.Receive(ctx, 10, time.Minute)
		if err != nil {
			if ctx.Err() == nil {
				f.Errorf("receive: %v", err)
			}
			return
		}
		for _, d := range got {
			body := string(d.Body)
			if l.forgets(body, before[body], d.Received) {
				continue
			}
			if err := f.Queue.Delete(ctx, d.Receipt); err != nil {
				f.Errorf("delete: %v", err)
				return
			}
			l.finish(body)
		}
	}
}

func (l *ledger) finishedSoFar() map[string]bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.finished)
}

// forgets notes a delivery and tells whether the consumer drops it.
func (l *ledger) forgets(body string, late bool, received int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if late {
		l.late = append(l.late, body)
	}
	if received > 1 || (len(l.finished)+len(l.forgotten))%7 != 3 {
		return false
	}
	l.forgotten[body] = true
	l.note()
	return true
}

func (l *ledger) finish(body string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.forgotten, body)
	if !l.finished[body] {
		l.finished[body] = true
		l.note()
	}
}

// note is called with one more message forgotten or finished; a message that is forgotten and then finished does not
// change the sum, so that each channel is closed once.
func (l *ledger) note() {
	if len(l.finished)+len(l.forgotten) == l.want {
		select {
		case <-l.seen:
		default:
			close(l.seen)
		}
	}
	if len(l.finished) == l.want {
		close(l.done)
	}
}
