package awsclient

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

type stack = middleware.Stack

// slowest is the rate in bytes per second below which sending a body counts as hanging.
const slowest = 1 << 20

type (
	longerKey    struct{}
	streamingKey struct{}
	fateKey      struct{}
)

// Longer gives each attempt of the calls made with the context this much more time: a long poll's wait.
func Longer(ctx context.Context, by time.Duration) context.Context {
	return context.WithValue(ctx, longerKey{}, by)
}

// Streaming says that the answer's body is read after the call has returned: the attempt's bound ends with its head. The
// caller ends the context itself.
func Streaming(ctx context.Context) context.Context {
	return context.WithValue(ctx, streamingKey{}, true)
}

// watched adds to the operations that repeat the bound of one attempt, and the memory of what became of them.
func watched(bound time.Duration) func(*stack) error {
	return func(s *stack) error {
		if _, repeats := s.Finalize.Get("Retry"); !repeats { // presigning sends nothing
			return nil
		}
		if err := s.Finalize.Insert(memory{}, "Retry", middleware.Before); err != nil {
			return err
		}
		return s.Finalize.Insert(attempt{bound}, "Retry", middleware.After)
	}
}

// attempt bounds one attempt. A context that ended would tell the retryer that the caller has given up; an attempt that
// took too long is an error of its own kind, and is repeated.
type attempt struct{ bound time.Duration }

// ID implements middleware.FinalizeMiddleware.
func (attempt) ID() string { return "orcray.Attempt" }

// HandleFinalize implements middleware.FinalizeMiddleware.
func (a attempt) HandleFinalize(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (
	middleware.FinalizeOutput, middleware.Metadata, error,
) {
	streaming, _ := ctx.Value(streamingKey{}).(bool)
	bound := a.boundOf(ctx, in)
	within, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(bound, func() { cancel(tooLong{bound}) })
	out, metadata, err := next.HandleFinalize(within, in)
	timer.Stop()
	var late tooLong
	if err != nil && ctx.Err() == nil && errors.As(context.Cause(within), &late) {
		err = late
	}
	if err != nil || !streaming {
		cancel(nil)
	}
	if fate, ok := ctx.Value(fateKey{}).(*fate); ok && err != nil && uncertain(err) {
		fate.uncertain = true
	}
	return out, metadata, err
}

func (a attempt) boundOf(ctx context.Context, in middleware.FinalizeInput) time.Duration {
	bound := a.bound
	if more, ok := ctx.Value(longerKey{}).(time.Duration); ok {
		bound += more
	}
	if request, ok := in.Request.(*smithyhttp.Request); ok && request.ContentLength > 0 {
		bound += time.Duration(request.ContentLength) * time.Second / slowest
	}
	return bound
}

// tooLong is an attempt without an answer in its time.
type tooLong struct{ bound time.Duration }

func (t tooLong) Error() string { return "no answer within " + t.bound.String() }

// Timeout tells the SDK and Failed what this is.
func (tooLong) Timeout() bool { return true }

// RetryableError tells the SDK that it may ask again.
func (tooLong) RetryableError() bool { return true }

// memory remembers over the attempts of one call whether one of them may have taken effect without our knowing.
type memory struct{}

type fate struct{ uncertain bool }

// ID implements middleware.FinalizeMiddleware.
func (memory) ID() string { return "orcray.Memory" }

// HandleFinalize implements middleware.FinalizeMiddleware.
func (memory) HandleFinalize(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (
	middleware.FinalizeOutput, middleware.Metadata, error,
) {
	f := &fate{}
	out, metadata, err := next.HandleFinalize(context.WithValue(ctx, fateKey{}, f), in)
	if err != nil && f.uncertain {
		err = &uncertainError{err}
	}
	return out, metadata, err
}

// uncertain tells whether an attempt that ended so may have taken effect: all but a refusal that the service itself gave.
func uncertain(err error) bool {
	status := statusOf(err)
	return !Throttled(err) && (status == 0 || status >= http.StatusInternalServerError)
}

type uncertainError struct{ error }

func (u *uncertainError) Unwrap() error { return u.error }
