package cells

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Config is a pool's settings. Sandbox and Now are needed; zero elsewhere is the default.
type Config struct {
	Sandbox      *Sandbox
	Warm         int           // parked cells kept ready; 1
	MaxLeased    int           // sessions that may hold a cell at once; 2
	IdleTimeout  time.Duration // a session's cell that nobody used is destroyed; 10 minutes
	HoldTimeout  time.Duration // a job that took a cell and vanished does not keep it; 45 minutes
	StartTimeout time.Duration // of one cell; 90 s
	Limits       Limits        // of one cell
	Args         []string      // more arguments for runner.cell
	Now          func() time.Time
	Logger       *slog.Logger
}

func (c Config) withDefaults() Config {
	number := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	duration := func(v *time.Duration, d time.Duration) {
		if *v <= 0 {
			*v = d
		}
	}
	number(&c.Warm, 1)
	number(&c.MaxLeased, 2)
	duration(&c.IdleTimeout, 10*time.Minute)
	duration(&c.HoldTimeout, 45*time.Minute)
	duration(&c.StartTimeout, 90*time.Second)
	c.Limits = c.Limits.withDefaults()
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// Pool keeps cells: some parked and frozen, the others each leased to one session. A cell never serves two sessions. It is safe for
// concurrent use.
type Pool struct {
	cfg    Config
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	wake   chan struct{}
	work   sync.WaitGroup

	mu       sync.Mutex
	parked   []*Cell
	leases   map[string]*lease
	waiting  []*waiter
	starting int
	failures int
	lastErr  error
	ray      string
	notUntil time.Time
	closed   bool
}

// lease is a session's hold on a cell.
type lease struct {
	session string
	cell    *Cell
	users   int // jobs that use it now
	used    time.Time
	gate    sync.Mutex // freezing and thawing, one at a time
	frozen  bool

	settling bool // somebody waits for it to come to rest; guarded by the pool's mu
}

// waiter is a session in the queue.
type waiter struct {
	session string
	given   chan *Cell // buffered 1
	moved   chan int   // buffered 1: the newest position
	told    int        // the last position sent
	left    time.Time  // when it went away; zero: it is there
}

func (w *waiter) away() bool { return !w.left.IsZero() }

// Stats is the pool at a moment.
type Stats struct {
	Warm      int    `json:"warm"` // parked and ready
	Leased    int    `json:"leased"`
	Starting  int    `json:"starting"`
	Waiting   int    `json:"waiting"`
	Failures  int    `json:"failures"` // starts in a row that failed
	LastError string `json:"last_error,omitempty"`
	Ray       string `json:"ray,omitempty"` // the version of Ray in the cells, once one was ready
}

// NewPool starts the supervisor, which begins to warm cells at once.
func NewPool(cfg Config) *Pool {
	ctx, cancel := context.WithCancel(context.Background())
	p := &Pool{cfg: cfg.withDefaults(), ctx: ctx, cancel: cancel, wake: make(chan struct{}, 1), leases: map[string]*lease{}}
	p.work.Go(p.supervise)
	return p
}

// Close ends every cell and returns when nothing is left.
func (p *Pool) Close() error {
	p.mu.Lock()
	p.closed = true
	cells := p.parked
	p.parked = nil
	for session, l := range p.leases {
		cells = append(cells, l.cell)
		delete(p.leases, session)
	}
	p.mu.Unlock()
	p.cancel()
	var errs []error
	for _, c := range cells {
		errs = append(errs, c.box.Close())
	}
	p.work.Wait()
	return errors.Join(errs...)
}

// Stats tells how the pool is.
func (p *Pool) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := Stats{Warm: len(p.parked), Leased: len(p.leases), Starting: p.starting, Waiting: p.waitingLocked(), Failures: p.failures, Ray: p.ray}
	if p.lastErr != nil {
		s.LastError = p.lastErr.Error()
	}
	return s
}

// supervise looks after the pool whenever something changed, and at least every second.
func (p *Pool) supervise() {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		p.expire()
		p.assign()
		p.refill()
		select {
		case <-p.ctx.Done():
			return
		case <-p.wake:
		case <-tick.C:
		}
	}
}

func (p *Pool) poke() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// refill starts one cell when fewer are parked or starting than wanted. One at a time: a start takes all cores there are.
func (p *Pool) refill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.starting > 0 || p.cfg.Now().Before(p.notUntil) || len(p.parked) >= p.cfg.Warm || p.courteousLocked() {
		return
	}
	p.starting++
	p.work.Go(func() {
		begun := p.cfg.Now()
		cell, err := p.startCell()
		p.started(cell, err, p.cfg.Now().Sub(begun))
	})
}

// courtesy is how long a start waits for a job that has just got its cell: most are done by then, and a start beside them would
// take the cores that they need.
const courtesy = 5 * time.Second

func (p *Pool) courteousLocked() bool {
	if p.waitingLocked() > 0 {
		return false
	}
	for _, l := range p.leases {
		if l.users > 0 && p.cfg.Now().Sub(l.used) < courtesy {
			return true
		}
	}
	return false
}

// startCell brings up one cell and parks it.
func (p *Pool) startCell() (*Cell, error) {
	ctx, cancel := context.WithTimeout(p.ctx, p.cfg.StartTimeout)
	defer cancel()
	box, err := p.cfg.Sandbox.Start(ctx, Spec{Name: "cell", Limits: p.cfg.Limits, Argv: func(at Paths) []string {
		argv := []string{at.Python, "-m", "runner.cell", "--socket", at.Run + "/" + socketName, "--inbox", at.Inbox, "--outbox", at.Outbox, "--work", at.Work,
			"--memory", strconv.FormatInt(p.cfg.Limits.Memory, 10), "--isolation", string(p.cfg.Sandbox.Isolation().Mode)}
		return append(argv, p.cfg.Args...)
	}})
	if err != nil {
		return nil, err
	}
	cell := newCell(box, p.doubtful)
	err = cell.awaitReady(ctx)
	if err == nil {
		err = box.Freeze()
	}
	if err != nil {
		err = fmt.Errorf("%w; it printed last: %s", err, strings.Join(box.Logs(), " | "))
		return nil, errors.Join(err, box.Close())
	}
	return cell, nil
}

const maxBackoff = time.Minute

func (p *Pool) started(cell *Cell, err error, took time.Duration) {
	p.mu.Lock()
	p.starting--
	closed := p.closed
	switch {
	case closed:
	case err != nil:
		p.failures++
		p.lastErr = err
		p.notUntil = p.cfg.Now().Add(min(time.Second<<min(p.failures-1, 10), maxBackoff))
		p.cfg.Logger.Error("a cell did not start", "failures", p.failures, "error", err)
	default:
		p.failures, p.lastErr = 0, nil
		p.ray, _ = cell.version.Load().(string)
		p.parked = append(p.parked, cell)
		p.cfg.Logger.Info("a cell is ready", "cell", cell.Name(), "seconds", took.Seconds(), "isolation", cell.Isolation().String())
	}
	p.mu.Unlock()
	if closed && cell != nil {
		_ = cell.box.Close()
		return
	}
	if cell != nil {
		p.work.Go(func() { p.watch(cell) })
	}
	p.poke()
}

// watch notices the death of a cell, wherever it is then.
func (p *Pool) watch(cell *Cell) {
	select {
	case <-cell.Done():
		p.discard(cell, "it died")
	case <-p.ctx.Done():
	}
}

// doubtful is what a cell calls when it is not to be trusted any more. It returns when the cell is gone.
func (p *Pool) doubtful(cell *Cell, reason string) { p.discard(cell, reason) }

// discard takes a cell out of the pool and ends it whole.
func (p *Pool) discard(cell *Cell, reason string) {
	p.mu.Lock()
	known := false
	for i, c := range p.parked {
		if c == cell {
			p.parked, known = append(p.parked[:i:i], p.parked[i+1:]...), true
			break
		}
	}
	for session, l := range p.leases {
		if l.cell == cell {
			delete(p.leases, session)
			known = true
		}
	}
	p.mu.Unlock()
	p.end(cell, reason, known)
}

func (p *Pool) end(cell *Cell, reason string, tell bool) {
	if err := cell.box.Close(); err != nil {
		p.cfg.Logger.Error("a cell did not end cleanly", "cell", cell.Name(), "error", err)
	} else if tell {
		p.cfg.Logger.Info("a cell was destroyed", "cell", cell.Name(), "reason", reason)
	}
	p.poke()
}

// expire destroys leases that nobody uses.
func (p *Pool) expire() {
	p.mu.Lock()
	now := p.cfg.Now()
	var old []*Cell
	for session, l := range p.leases {
		idle := now.Sub(l.used)
		if l.users == 0 && idle >= p.cfg.IdleTimeout || idle >= p.cfg.HoldTimeout {
			old = append(old, l.cell)
			delete(p.leases, session)
		}
	}
	p.mu.Unlock()
	for _, c := range old {
		p.work.Go(func() { p.end(c, "nobody used it", true) })
	}
}
