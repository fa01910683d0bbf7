package codegen

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/orcray/orcray/shared/fault"
)

// Check refuses what no adapter may send: a request without a bound on the reply.
func (r Request) Check() error {
	if r.MaxTokens <= 0 {
		return fault.New(fault.Invalid, "The request sets no limit of tokens.")
	}
	return nil
}

// Patience bounds the waits of one call. Zero means the default.
type Patience struct {
	First time.Duration // until the first token, connecting included; 60 s
	Idle  time.Duration // between two tokens; 30 s
	Total time.Duration // the whole reply; 5 min
}

// Ends of patience, as causes of a cancelled context.
var (
	errFirst = errors.New("no first token in time")
	errIdle  = errors.New("the stream stalled")
	errTotal = errors.New("the reply took too long")
)

// Call is one reply as it arrives: adapters feed it, and it keeps the promises that every Model gives: emit in order,
// at most MaxReplyBytes, bounded waits, and a stream that breaks off after its first words is Truncated and no error.
type Call struct {
	parent context.Context
	ctx    context.Context
	cancel context.CancelCauseFunc
	total  context.CancelFunc
	timer  *time.Timer
	idle   time.Duration
	first  bool
	emit   func(string)
	text   strings.Builder

	Reply Reply // Stop, Usage and Model are set by the adapter as it learns them; Stop starts as Truncated
}

// Start begins the clock. The caller must End the call. emit may be nil.
func (p Patience) Start(ctx context.Context, emit func(string)) *Call {
	c := &Call{parent: ctx, emit: emit, first: true, idle: or(p.Idle, 30*time.Second), Reply: Reply{Stop: Truncated}}
	bounded, total := context.WithTimeoutCause(ctx, or(p.Total, 5*time.Minute), errTotal)
	c.total = total
	c.ctx, c.cancel = context.WithCancelCause(bounded)
	c.timer = time.AfterFunc(or(p.First, time.Minute), func() { c.cancel(errFirst) })
	return c
}

func or(d, otherwise time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return otherwise
}

// Context is cancelled when patience ends or the caller leaves.
func (c *Call) Context() context.Context { return c.ctx }

// Alive tells that the server works on the reply: the next wait may last Idle.
func (c *Call) Alive() {
	if c.first {
		c.first = false
		c.timer.Stop()
		c.timer = time.AfterFunc(c.idle, func() { c.cancel(errIdle) })
		return
	}
	c.timer.Reset(c.idle)
}

// Add takes a piece of text. Its error, a *ReplyError, ends the call.
func (c *Call) Add(piece string) error {
	if piece == "" {
		return nil
	}
	c.Alive()
	if c.text.Len()+len(piece) > MaxReplyBytes {
		return NewReplyError(ReplyTooLarge)
	}
	c.text.WriteString(piece)
	if c.emit != nil {
		c.emit(piece)
	}
	return nil
}

// End stops the clock and gives the reply. err is why the stream ended, nil for its proper end; it should have a code
// unless it is a broken connection.
func (c *Call) End(err error) (Reply, error) {
	cause := context.Cause(c.ctx)
	c.timer.Stop()
	c.cancel(nil)
	c.total()
	c.Reply.Text = c.text.String()
	if err == nil {
		return c.Reply, nil
	}
	var unusable *ReplyError
	if errors.As(err, &unusable) {
		return Reply{}, err
	}
	if errors.Is(c.parent.Err(), context.Canceled) {
		return Reply{}, fault.Wrap(c.parent.Err(), fault.Unavailable, "The request was cancelled.")
	}
	if c.Reply.Text != "" {
		c.Reply.Stop = Truncated
		return c.Reply, nil
	}
	if cause != nil {
		return Reply{}, fault.Wrap(errors.Join(cause, err), fault.Timeout, "The model did not answer in time. Try again, or choose another model.")
	}
	var coded *fault.Error
	if errors.As(err, &coded) {
		return Reply{}, err
	}
	return Reply{}, fault.Wrap(err, fault.Unavailable, "The model cannot be reached. Try again in a moment.")
}
