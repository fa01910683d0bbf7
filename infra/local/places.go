package local

import (
	"context"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/orcray/orcray/shared/embedded/cells"
	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/interpret"
	"github.com/orcray/orcray/shared/object"
	"github.com/orcray/orcray/shared/ray"
)

// Cell is a cell whose end is seen.
type Cell interface {
	interpret.Cell
	Done() <-chan struct{}
}

// Pool has cells and leases them to sessions. Each Lease that gave a cell is followed by one Release.
type Pool interface {
	Lease(ctx context.Context, session string, onWait func(position int)) (Cell, error)
	Release(session string)
	Destroy(session, reason string)
	Touch(session string) // its cell is in use
	Stats() cells.Stats
}

// sandboxes is the machine's own pool.
type sandboxes struct{ *cells.Pool }

// Lease implements Pool.
func (p sandboxes) Lease(ctx context.Context, session string, onWait func(int)) (Cell, error) {
	c, err := p.Pool.Lease(ctx, session, onWait)
	if err != nil {
		return nil, err
	}
	return leased{c}, nil
}

// cellHouse makes the pool what the steps need: a session's cell serves one job at a time, in the order in which they asked.
type cellHouse struct {
	pool Pool

	mu    sync.Mutex
	rooms map[string]*room // by session
}

// room is a session's cell and who has it.
type room struct {
	holder  string // job
	cell    Cell
	spent   bool // the cell is to go with the job that has it
	waiting []*turn
}

// turn is a job's place in the line; given is closed when the room is the job's.
type turn struct {
	job   string
	given chan struct{}
}

func newCellHouse(pool Pool) *cellHouse {
	return &cellHouse{pool: pool, rooms: map[string]*room{}}
}

// Lease implements interpret.Cells.
func (h *cellHouse) Lease(ctx context.Context, session, job string, onWait func(interpret.Wait)) (interpret.Cell, error) {
	if err := h.enter(ctx, session, job, onWait); err != nil {
		return nil, err
	}
	h.mu.Lock()
	held := h.rooms[session].cell
	h.mu.Unlock()
	if held != nil && alive(held) {
		return held, nil
	}
	if held != nil {
		h.pool.Release(session)
		h.keep(session, nil)
	}
	cell, err := h.pool.Lease(ctx, session, func(position int) { onWait(interpret.Wait{Ahead: position - 1}) })
	if err != nil { // the job keeps the room: it asks again, and stands where it stood
		return nil, h.hopeless(err)
	}
	h.keep(session, cell)
	return cell, nil
}

func (h *cellHouse) keep(session string, cell Cell) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.rooms[session].cell = cell
}

// hopeless tells waiting in a line from waiting for cells that do not start.
func (h *cellHouse) hopeless(err error) error {
	if s := h.pool.Stats(); s.Failures > 2 && s.Warm+s.Leased == 0 {
		return fault.Wrap(err, fault.Unavailable, "Cells do not start here. Your operator finds the reason in the log.")
	}
	return err
}

// enter waits until the job has the session's room.
func (h *cellHouse) enter(ctx context.Context, session, job string, onWait func(interpret.Wait)) error {
	h.mu.Lock()
	r := h.rooms[session]
	if r == nil {
		r = &room{}
		h.rooms[session] = r
	}
	if r.holder == "" || r.holder == job {
		r.holder = job
		h.mu.Unlock()
		return nil
	}
	at := slices.IndexFunc(r.waiting, func(o *turn) bool { return o.job == job })
	if at < 0 {
		at = len(r.waiting)
		r.waiting = append(r.waiting, &turn{job: job, given: make(chan struct{})})
	}
	t := r.waiting[at]
	h.mu.Unlock()
	onWait(interpret.Wait{Ahead: at + 1})
	select {
	case <-t.given:
		return nil
	case <-ctx.Done(): // the step asks again, and has its place in the line still; Release ends that
		return fault.Wrap(ctx.Err(), fault.Timeout, "Waiting for a cell was given up.")
	}
}

// Release implements interpret.Cells. The next job of the session takes the room over as it is; only an empty room gives its
// cell back. A job that waits gives up its place.
func (h *cellHouse) Release(session, job string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.rooms[session]
	if r == nil {
		return
	}
	if r.holder != job {
		r.waiting = slices.DeleteFunc(r.waiting, func(o *turn) bool { return o.job == job })
		return
	}
	if len(r.waiting) > 0 {
		next := r.waiting[0]
		r.holder, r.waiting = next.job, r.waiting[1:]
		close(next.given)
		return
	}
	delete(h.rooms, session)
	if r.cell != nil {
		h.pool.Release(session) // under the lock: a lease that begins now must come after it
	}
	if r.spent {
		h.pool.Destroy(session, spent)
	}
}

const spent = "what its session gave it was removed"

// Forget makes sure that nothing of what the session gave its cell is seen by a later job: the cell goes, at once or with the job that
// uses it.
func (h *cellHouse) Forget(session string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if r := h.rooms[session]; r != nil {
		r.spent = true
		return
	}
	h.pool.Destroy(session, spent)
}

// Find implements interpret.Cells.
func (h *cellHouse) Find(session, cellID string) (interpret.Cell, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.rooms[session]
	if r == nil || r.cell == nil || r.cell.ID() != cellID || !alive(r.cell) {
		return nil, false
	}
	h.pool.Touch(session) // a step looks for its cell as long as its run goes on
	return r.cell, true
}

// Discard implements interpret.Cells.
func (h *cellHouse) Discard(session, reason string) { h.pool.Destroy(session, reason) }

func alive(c Cell) bool {
	select {
	case <-c.Done():
		return false
	default:
		return true
	}
}

// leased is a cell as the steps see it.
type leased struct{ cell *cells.Cell }

func (l leased) ID() string               { return l.cell.Name() }
func (l leased) Runner() interpret.Runner { return judged(l) }
func (l leased) Isolation() string        { return l.cell.Isolation().String() }
func (l leased) Done() <-chan struct{}    { return l.cell.Done() }

func (l leased) Put(_ context.Context, key string, open func() (io.ReadCloser, int64, error)) (string, error) {
	if name, ok := l.cell.Has(key); ok {
		return name, nil
	}
	body, size, err := open()
	if err != nil {
		return "", err
	}
	defer body.Close()
	return l.cell.Put(key, body, size)
}

func (l leased) Open(runID, name string) (io.ReadCloser, int64, error) {
	return l.cell.OpenOutput(runID, name)
}

// judged is a cell's runner: after an error that a sound cell would not give, the cell is destroyed.
type judged struct{ cell *cells.Cell }

func (j judged) Submit(ctx context.Context, run ray.Run) (ray.Status, bool, error) {
	status, existed, err := j.cell.Client().Submit(ctx, run)
	return status, existed, j.cell.Judge(ctx, err)
}

func (j judged) Events(ctx context.Context, runID string, after int64, visit func(ray.Event) error) (int64, ray.RunState, error) {
	next, state, err := j.cell.Client().Events(ctx, runID, after, visit)
	return next, state, j.cell.Judge(ctx, err)
}

func (j judged) Stop(ctx context.Context, runID string) (ray.Status, error) {
	status, err := j.cell.Client().Stop(ctx, runID)
	return status, j.cell.Judge(ctx, err)
}

// clusterHouse makes the supervised cluster what the steps need.
type clusterHouse struct{ cluster *cells.Cluster }

// clusterStart is how long a step waits for the cluster before the workflow tries again.
const clusterStart = 2 * time.Minute

// Runner implements interpret.Cluster.
func (h clusterHouse) Runner(ctx context.Context, _ func(interpret.Wait)) (interpret.Runner, string, error) {
	bounded, cancel := context.WithTimeout(ctx, clusterStart)
	defer cancel()
	if err := h.cluster.Ready(bounded); err != nil {
		return nil, "", err
	}
	return h.cluster.Client(), h.cluster.Name(), nil
}

// Isolation implements interpret.Cluster.
func (h clusterHouse) Isolation() string { return h.cluster.Isolation().String() }

// innerGranter gives credentials whose endpoint is the one that the cluster's sandbox forwards to the object store.
type innerGranter struct {
	object.Granter
	endpoint string
}

func (g innerGranter) Grant(ctx context.Context, scope object.Scope, ttl time.Duration) (object.Credentials, error) {
	c, err := g.Granter.Grant(ctx, scope, ttl)
	c.Endpoint = g.endpoint
	return c, err
}
