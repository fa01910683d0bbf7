package bus

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/orcray/orcray/shared/job"
)

// Pace implements job.Pace for one process: each user has a bucket that holds a minute's worth and refills evenly. A restart
// fills the buckets, which harms nobody.
type Pace struct {
	now func() time.Time

	mu      sync.Mutex
	buckets map[string]*rate.Limiter
}

// maxBuckets is how many users are remembered; one who is forgotten begins with a full bucket again.
const maxBuckets = 10_000

// NewPace counts by the clock.
func NewPace(now func() time.Time) *Pace {
	return &Pace{now: now, buckets: map[string]*rate.Limiter{}}
}

// Take implements job.Pace.
func (p *Pace) Take(_ context.Context, owner string, perMinute int) (job.Allowance, error) {
	if perMinute <= 0 {
		return job.Allowance{}, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	b, now := p.buckets[owner], p.now()
	if b == nil || b.Burst() != perMinute { // an admin has changed it: everybody begins with a full bucket
		if len(p.buckets) >= maxBuckets {
			clear(p.buckets)
		}
		b = rate.NewLimiter(rate.Limit(float64(perMinute)/60), perMinute)
		p.buckets[owner] = b
	}
	r := b.ReserveN(now, 1)
	wait := r.DelayFrom(now)
	if wait > 0 {
		r.CancelAt(now)
	}
	tokens := b.TokensAt(now)
	full := time.Duration((float64(perMinute) - tokens) / float64(perMinute) * float64(time.Minute))
	return job.Allowance{Limit: perMinute, Left: int(max(0, tokens)), Full: max(0, full), Wait: wait}, nil
}
