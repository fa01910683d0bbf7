package identity

import (
	"sync"
	"time"

	"github.com/orcray/orcray/shared/fault"
)

// limitRule says how many attempts a key has for free, and how long the waits after them grow.
type limitRule struct {
	free   int
	first  time.Duration // the first wait; each later one is twice as long
	most   time.Duration
	forget time.Duration // without an attempt for so long, everything is forgotten
}

// The rules of logins. Many people can share one client (an office, this machine), so it has more attempts; an address can
// be attacked from anywhere, so its longest wait is short enough that nobody can lock its owner out for long.
func emailRule() limitRule {
	return limitRule{free: 5, first: time.Second, most: 5 * time.Minute, forget: time.Hour}
}
func clientRule() limitRule {
	return limitRule{free: 30, first: time.Second, most: 15 * time.Minute, forget: time.Hour}
}

// maxLimited bounds the keys that are remembered.
const maxLimited = 10_000

type attempts struct {
	count int
	last  time.Time
	until time.Time // nothing is allowed before
}

// limiter counts attempts before their outcome is known, so that a thousand at once get no further than one after another.
type limiter struct {
	now  func() time.Time
	mu   sync.Mutex
	keys map[string]*attempts
}

func newLimiter(now func() time.Time) *limiter {
	return &limiter{now: now, keys: map[string]*attempts{}}
}

type limited struct {
	key  string
	rule limitRule
}

// try charges one attempt to all keys, or none when one of them has to wait.
func (l *limiter) try(keys ...limited) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	var wait time.Duration
	for _, k := range keys {
		if a, ok := l.keys[k.key]; ok {
			wait = max(wait, a.until.Sub(now))
		}
	}
	if wait > 0 {
		return &fault.Error{
			Code: fault.Throttled, RetryAfter: wait,
			Message: "There were too many attempts. Wait a little and try again.",
		}
	}
	for _, k := range keys {
		l.charge(k, now)
	}
	return nil
}

func (l *limiter) charge(k limited, now time.Time) {
	a, ok := l.keys[k.key]
	if !ok {
		l.makeRoom(now)
		a = &attempts{}
		l.keys[k.key] = a
	}
	if now.Sub(a.last) > k.rule.forget {
		a.count = 0
	}
	a.count++
	a.last = now
	if over := a.count - k.rule.free; over >= 0 {
		a.until = now.Add(min(k.rule.most, k.rule.first<<min(over, 20)))
	}
}

// forgive forgets a key: its owner has proven themselves.
func (l *limiter) forgive(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.keys, key)
}

// refund takes one attempt back, and leaves the earlier ones: an attacker's own good login must not clear their client.
func (l *limiter) refund(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if a, ok := l.keys[key]; ok && a.count > 0 {
		a.count--
		a.until = time.Time{}
	}
}

// makeRoom drops what is old, and at the cap the key that was quiet the longest.
func (l *limiter) makeRoom(now time.Time) {
	if len(l.keys) < maxLimited {
		return
	}
	oldest, at := "", now
	for key, a := range l.keys {
		if now.Sub(a.last) > time.Hour {
			delete(l.keys, key)
		} else if !a.last.After(at) {
			oldest, at = key, a.last
		}
	}
	if len(l.keys) >= maxLimited {
		delete(l.keys, oldest)
	}
}
