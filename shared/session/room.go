package session

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/source"
)

const (
	maxLooks = 2                // files that are read through at once: each keeps a core busy
	lookWait = 20 * time.Second // for a place among them
	lookNext = 5 * time.Second  // after which a client that got none may ask again
)

// looks keeps the work of looking into files in bounds: one look at a file at a time, however many ask for it, and few files at once.
type looks struct {
	wait time.Duration
	room chan struct{}

	mu    sync.Mutex
	going map[string]*look
}

// look is one that goes on; what it found is there when done is closed.
type look struct {
	done  chan struct{}
	found source.Source
	err   error
}

func newLooks() *looks {
	return &looks{wait: lookWait, room: make(chan struct{}, maxLooks), going: map[string]*look{}}
}

// once does the work, or waits for the one who does it already. One whose client went away is taken over by the next who waits.
func (l *looks) once(ctx context.Context, id string, do func() (source.Source, error)) (source.Source, error) {
	for {
		l.mu.Lock()
		other := l.going[id]
		if other == nil {
			mine := &look{done: make(chan struct{})}
			l.going[id] = mine
			l.mu.Unlock()
			return l.run(ctx, id, mine, do)
		}
		l.mu.Unlock()
		select {
		case <-ctx.Done():
			return source.Source{}, fault.Wrap(ctx.Err(), fault.Timeout, "The file is still being looked at. Complete the upload again.")
		case <-other.done:
		}
		if !errors.Is(other.err, context.Canceled) && !errors.Is(other.err, context.DeadlineExceeded) {
			return other.found, other.err
		}
	}
}

func (l *looks) run(ctx context.Context, id string, mine *look, do func() (source.Source, error)) (source.Source, error) {
	mine.err = context.Canceled // for those who wait, should do panic
	defer func() {
		l.mu.Lock()
		delete(l.going, id)
		l.mu.Unlock()
		close(mine.done)
	}()
	if mine.err = l.enter(ctx); mine.err != nil {
		return mine.found, mine.err
	}
	defer func() { <-l.room }()
	mine.err = context.Canceled
	mine.found, mine.err = do()
	return mine.found, mine.err
}

func (l *looks) enter(ctx context.Context) error {
	timer := time.NewTimer(l.wait)
	defer timer.Stop()
	select {
	case l.room <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fault.Wrap(ctx.Err(), fault.Timeout, "Other files are being looked at. Complete the upload again in a moment.")
	case <-timer.C:
		return &fault.Error{Code: fault.Throttled, Message: "Other files are being looked at. Complete the upload again in a moment.", RetryAfter: lookNext}
	}
}
