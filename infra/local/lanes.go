package local

import (
	"slices"
	"sync"
)

// maxActive is how many workflows may be at work at once, and maxOwner how many of one person. The rest waits: a burst of jobs must
// not slow down those that are being worked on, nor stand before everybody else's.
const (
	maxActive = 32
	maxOwner  = 8
)

// lanes let people take turns: each has a lane of waiting jobs, and the next place goes to the lane whose turn it is.
type lanes struct {
	most, each, room int // at work in all, of one owner; waiting in all

	mu      sync.Mutex
	active  map[string]int // by owner
	total   int
	closed  bool
	waiting map[string][]ticket // by owner
	turns   []string            // owners with waiting jobs; the first is next
	jobs    map[string]bool     // ids that wait
	moved   chan struct{}       // closed and replaced when there may be room again
}

// ticket is a waiting job and what starts its workflow; begin calls ended once when the workflow has ended.
type ticket struct {
	owner, job string
	begin      func(ended func())
}

func newLanes(room int) *lanes {
	return &lanes{most: maxActive, each: maxOwner, room: max(room, 1), active: map[string]int{}, waiting: map[string][]ticket{},
		jobs: map[string]bool{}, moved: make(chan struct{})}
}

// add takes a job in, once, and tells how many of its owner's jobs wait before it; -1: it is at work.
func (l *lanes) add(t ticket) (ahead int) {
	l.mu.Lock()
	if !l.jobs[t.job] {
		if len(l.waiting[t.owner]) == 0 {
			l.turns = append(l.turns, t.owner)
		}
		l.waiting[t.owner] = append(l.waiting[t.owner], t)
		l.jobs[t.job] = true
	}
	begin := l.next()
	ahead = slices.IndexFunc(l.waiting[t.owner], func(o ticket) bool { return o.job == t.job })
	l.mu.Unlock()
	l.start(begin)
	return ahead
}

// close keeps what waits from beginning.
func (l *lanes) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
}

// next takes out every job that has a place now.
func (l *lanes) next() []ticket {
	var out []ticket
	for l.total < l.most && !l.closed {
		at := slices.IndexFunc(l.turns, func(owner string) bool { return l.active[owner] < l.each })
		if at < 0 {
			break
		}
		owner := l.turns[at]
		t := l.waiting[owner][0]
		l.turns = slices.Delete(l.turns, at, at+1)
		if l.waiting[owner] = l.waiting[owner][1:]; len(l.waiting[owner]) > 0 {
			l.turns = append(l.turns, owner)
		} else {
			delete(l.waiting, owner)
		}
		delete(l.jobs, t.job)
		l.active[owner]++
		l.total++
		out = append(out, t)
	}
	if len(out) > 0 {
		close(l.moved)
		l.moved = make(chan struct{})
	}
	return out
}

func (l *lanes) start(tickets []ticket) {
	for _, t := range tickets {
		t.begin(sync.OnceFunc(func() { l.done(t.owner) }))
	}
}

func (l *lanes) done(owner string) {
	l.mu.Lock()
	l.total--
	if l.active[owner]--; l.active[owner] == 0 {
		delete(l.active, owner)
	}
	begin := l.next()
	l.mu.Unlock()
	l.start(begin)
}

// waits reports whether a job waits for its turn.
func (l *lanes) waits(job string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.jobs[job]
}

// full gives nil while there is room for another waiting job, else what is closed when that may have changed.
func (l *lanes) full() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.jobs) < l.room {
		return nil
	}
	return l.moved
}
