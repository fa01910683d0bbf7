package session

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/source"
)

// Who gets no place in time is told when to come again, and one whose client went away is taken over.
func TestR26_ALookWaitsForABoundedTime(t *testing.T) {
	l := newLooks()
	l.wait = 10 * time.Millisecond
	l.room <- struct{}{}
	l.room <- struct{}{}
	_, err := l.once(t.Context(), "a", func() (source.Source, error) { t.Error("there was no room"); return source.Source{}, nil })
	var f *fault.Error
	if !errors.As(err, &f) || f.Code != fault.Throttled || f.RetryAfter <= 0 {
		t.Fatal(err)
	}
	<-l.room
	gone, leave := context.WithCancel(t.Context())
	began, second := make(chan struct{}), make(chan error, 1)
	go func() {
		<-began
		go leave()
		_, err := l.once(t.Context(), "a", func() (source.Source, error) { return source.Source{ID: "a"}, nil })
		second <- err
	}()
	if _, err := l.once(gone, "a", func() (source.Source, error) {
		close(began)
		<-gone.Done()
		return source.Source{}, gone.Err()
	}); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if err := <-second; err != nil {
		t.Fatal(err)
	}
}
