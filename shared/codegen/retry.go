package codegen

import (
	"context"
	"errors"
	"time"

	"github.com/orcray/orcray/shared/fault"
)

// Policy says how often and how patiently a model is asked again. Zero means the default.
type Policy struct {
	Tries int           // at most, the first included; 4
	Base  time.Duration // the longest first pause; it doubles with every try; 500 ms
	Cap   time.Duration // the longest pause of our own making; 20 s

	Sleep func(context.Context, time.Duration) error // required; returns early with an error if the context ends
	Rand  func() float64                             // required; uniform in [0, 1)
	Now   func() time.Time                           // required
}

// Retrying asks model again when it was throttled, unavailable or too slow, with exponential back-off and full jitter,
// never before the server's own RetryAfter, and never beyond the context's deadline: a pause that would not fit ends the
// tries at once with the last error. What the model will always refuse is not asked twice. A call that emitted text is never
// repeated, because the reader has seen it; a stream that broke off comes back as Truncated, and asking again is the
// caller's choice and one more of its calls.
func Retrying(model Model, p Policy) Model {
	if p.Tries <= 0 {
		p.Tries = 4
	}
	p.Base, p.Cap = or(p.Base, 500*time.Millisecond), or(p.Cap, 20*time.Second)
	return &retrying{model, p}
}

type retrying struct {
	model  Model
	policy Policy
}

func (r *retrying) Generate(ctx context.Context, req Request, emit func(string)) (Reply, error) {
	spoke := false
	for try := 1; ; try++ {
		reply, err := r.model.Generate(ctx, req, func(piece string) {
			spoke = true
			if emit != nil {
				emit(piece)
			}
		})
		if err == nil || spoke || try == r.policy.Tries || ctx.Err() != nil || !fault.CodeOf(err).Retryable() {
			return reply, err
		}
		pause := r.policy.pause(try, err)
		if end, ok := ctx.Deadline(); ok && r.policy.Now().Add(pause).After(end) {
			return reply, err
		}
		if stopped := r.policy.Sleep(ctx, pause); stopped != nil {
			return reply, err
		}
	}
}

func (p Policy) pause(try int, err error) time.Duration {
	longest := p.Cap
	if shift := try - 1; shift < 16 {
		longest = min(longest, p.Base<<shift)
	}
	pause := time.Duration(p.Rand() * float64(longest))
	var coded *fault.Error
	if errors.As(err, &coded) && coded.RetryAfter > 0 {
		// The jitter comes on top: all who were told the same second shall not return in the same instant.
		pause += coded.RetryAfter
	}
	return pause
}
