// Package invoke is what every invocation of a function gets around it: a trace, a deadline that comes before the kill, recovery
// from a panic, one log line and its metrics. What goes wrong leaves with its fault code as the Lambda error type.
package invoke

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/telemetry"
)

// Margin is how long before its kill a function is told that its time is up.
const Margin = 500 * time.Millisecond

// Function is a Lambda function: a JSON payload in, a JSON payload out.
type Function = func(ctx context.Context, payload []byte) ([]byte, error)

// Around holds what all invocations of one function share.
type Around struct {
	Name    string // of the function
	Log     *slog.Logger
	Metrics *telemetry.Metrics
	Random  io.Reader // safe for concurrent use
	Now     func() time.Time
	Trace   func(payload []byte) string // the traceparent that a payload carries; nil: none does
}

// Function wraps f.
func (a Around) Function(f Function) Function {
	return func(ctx context.Context, payload []byte) ([]byte, error) {
		ctx = a.Traced(ctx, payload)
		began := a.Now()
		out, err := bounded(ctx, payload, f)
		a.Report(ctx, began, err)
		if err != nil {
			return nil, Typed(err)
		}
		return out, nil
	}
}

// Traced puts trace and logger into the context: the payload's own trace, for a job keeps its trace through all steps, else the
// one that AWS began.
func (a Around) Traced(ctx context.Context, payload []byte) context.Context {
	ctx = telemetry.WithLogger(ctx, a.Log.With("function", a.Name, "request_id", requestID(ctx)))
	trace, ok := telemetry.Trace{}, false
	if a.Trace != nil {
		trace, ok = telemetry.ParseTraceparent(a.Trace(payload))
	}
	if !ok {
		header, _ := ctx.Value("x-amzn-trace-id").(string)
		trace, ok = telemetry.ParseXRay(header)
	}
	var err error
	if ok {
		trace, err = trace.Child(a.Random)
	} else {
		trace, err = telemetry.NewTrace(a.Random)
	}
	if err != nil {
		return ctx // no randomness: an invocation without a trace is better than none
	}
	return telemetry.WithTrace(ctx, trace)
}

func requestID(ctx context.Context) string {
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		return lc.AwsRequestID
	}
	return ""
}

// Report writes the line and the metrics of an invocation that ended.
func (a Around) Report(ctx context.Context, began time.Time, err error) {
	took := a.Now().Sub(began)
	failed := 0.0
	log := telemetry.Logger(ctx)
	if err != nil {
		failed = 1
		log.ErrorContext(ctx, "invocation failed", "seconds", took.Seconds(), "code", Typed(err).Type, "error", err.Error())
	} else {
		log.InfoContext(ctx, "invocation", "seconds", took.Seconds())
	}
	a.Metrics.Emit(ctx, []telemetry.Dimension{{Name: "function", Value: a.Name}},
		telemetry.Metric{Name: "Latency", Value: float64(took) / float64(time.Millisecond), Unit: telemetry.Milliseconds},
		telemetry.Metric{Name: "Invocations", Value: 1, Unit: telemetry.Count},
		telemetry.Metric{Name: "Errors", Value: failed, Unit: telemetry.Count})
}

type answer struct {
	out []byte
	err error
}

// bounded calls f with a deadline that comes before the kill. f hears of it; when it does not end by itself soon, the answer is
// given without it.
func bounded(ctx context.Context, payload []byte, f Function) ([]byte, error) {
	inner, cancel := Within(ctx, Margin)
	defer cancel()
	done := make(chan answer, 1)
	go func() {
		out, err := Recovered(inner, func() ([]byte, error) { return f(inner, payload) })
		done <- answer{out, err}
	}()
	select {
	case a := <-done:
		return a.out, a.err
	case <-inner.Done():
	}
	last := time.NewTimer(Margin / 2)
	defer last.Stop()
	select {
	case a := <-done:
		return a.out, a.err
	case <-last.C:
		return nil, fault.Wrap(inner.Err(), fault.Timeout, "The function's time is up.")
	}
}

// Within gives a context that ends before its parent's deadline, by a margin.
func Within(ctx context.Context, margin time.Duration) (context.Context, context.CancelFunc) {
	if deadline, ok := ctx.Deadline(); ok {
		return context.WithDeadline(ctx, deadline.Add(-margin))
	}
	return context.WithCancel(ctx)
}

// Recovered makes a panic an error: the process serves on, and whoever called hears a code and no stack.
func Recovered(ctx context.Context, do func() ([]byte, error)) (out []byte, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			telemetry.Logger(ctx).ErrorContext(ctx, "panic", "cause", cause, "stack", string(debug.Stack()))
			out, err = nil, fault.New(fault.Internal, "Something went wrong on our side.")
		}
	}()
	return do()
}

// Typed gives an error its fault code as its Lambda error type: the name that a state machine's Retry and Catch compare with.
func Typed(err error) messages.InvokeResponse_Error {
	var known messages.InvokeResponse_Error
	if errors.As(err, &known) {
		return known
	}
	code := fault.CodeOf(err)
	if errors.Is(err, context.DeadlineExceeded) {
		code = fault.Timeout
	}
	return messages.InvokeResponse_Error{Type: string(code), Message: err.Error()}
}
