package localtest

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/orcray/orcray/infra/local"
	"github.com/orcray/orcray/shared/embedded/cells"
	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/interpret"
	"github.com/orcray/orcray/shared/ray/raytest"
)

// Pool leases scripted cells to sessions: one runner each, which dies with its cell.
type Pool struct {
	dir    string
	script *raytest.Script
	most   int

	mu      sync.Mutex
	cells   map[string]*Cell // by session
	users   map[string]int
	freed   chan struct{} // closed and replaced when a cell may be free
	started int
}

// Cell is a scripted cell.
type Cell struct {
	runner *raytest.Server
	id     string

	mu  sync.Mutex
	put []string // keys
}

func newPool(dir string, script *raytest.Script, most int) *Pool {
	if most == 0 {
		most = 64
	}
	return &Pool{dir: dir, script: script, most: most, cells: map[string]*Cell{}, users: map[string]int{}, freed: make(chan struct{})}
}

var _ local.Pool = (*Pool)(nil)

// Lease implements local.Pool.
func (p *Pool) Lease(ctx context.Context, session string, onWait func(int)) (local.Cell, error) {
	for told := false; ; {
		p.mu.Lock()
		c, err := p.take(session)
		freed := p.freed
		p.mu.Unlock()
		if c != nil || err != nil {
			return c, err
		}
		if !told {
			onWait(1)
			told = true
		}
		select {
		case <-freed:
		case <-ctx.Done():
			return nil, fault.Wrap(ctx.Err(), fault.Timeout, "No cell became free in time.")
		}
	}
}

// Touch implements local.Pool.
func (p *Pool) Touch(string) {}

func (p *Pool) take(session string) (*Cell, error) {
	if c := p.cells[session]; c != nil {
		p.users[session]++
		return c, nil
	}
	if len(p.cells) >= p.most && !p.evict() {
		return nil, nil
	}
	if err := os.MkdirAll(p.dir, 0o700); err != nil {
		return nil, err
	}
	p.started++
	id := fmt.Sprintf("cell-%d-%d", os.Getpid(), p.started)
	runner, err := raytest.NewServer(filepath.Join(p.dir, id), p.script)
	if err != nil {
		return nil, err
	}
	c := &Cell{runner: runner, id: id}
	p.cells[session], p.users[session] = c, 1
	go func() { // a runner that died is no cell any more
		<-runner.Done()
		p.forget(session, c)
	}()
	return c, nil
}

// evict ends a cell that nobody uses.
func (p *Pool) evict() bool {
	for session, c := range p.cells {
		if p.users[session] == 0 {
			delete(p.cells, session)
			c.runner.Close()
			return true
		}
	}
	return false
}

func (p *Pool) forget(session string, c *Cell) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cells[session] == c {
		delete(p.cells, session)
		delete(p.users, session)
	}
	close(p.freed)
	p.freed = make(chan struct{})
}

// Release implements local.Pool.
func (p *Pool) Release(session string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.users[session] > 0 {
		p.users[session]--
	}
	close(p.freed)
	p.freed = make(chan struct{})
}

// Destroy implements local.Pool.
func (p *Pool) Destroy(session, _ string) {
	p.mu.Lock()
	c := p.cells[session]
	p.mu.Unlock()
	if c != nil {
		c.runner.Close()
		p.forget(session, c)
	}
}

// Stats implements local.Pool.
func (p *Pool) Stats() cells.Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return cells.Stats{Leased: len(p.cells), Warm: p.most - len(p.cells)}
}

// Cell gives the session's cell, nil when it has none.
func (p *Pool) Cell(session string) *Cell {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cells[session]
}

// Users is how many jobs use the session's cell now.
func (p *Pool) Users(session string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.users[session]
}

func (p *Pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.cells {
		c.runner.Close()
	}
}

// ID implements interpret.Cell.
func (c *Cell) ID() string { return c.id }

// Done implements local.Cell.
func (c *Cell) Done() <-chan struct{} { return c.runner.Done() }

// Runner implements interpret.Cell.
func (c *Cell) Runner() interpret.Runner { return c.runner.Client() }

// Isolation implements interpret.Cell.
func (c *Cell) Isolation() string { return "scripted" }

// Put implements interpret.Cell: the file is read to its end, and its key remembered.
func (c *Cell) Put(_ context.Context, key string, open func() (io.ReadCloser, int64, error)) (string, error) {
	body, size, err := open()
	if err != nil {
		return "", err
	}
	defer body.Close()
	if n, err := io.Copy(io.Discard, body); err != nil || n != size {
		return "", fmt.Errorf("localtest: %d of %d bytes: %w", n, size, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.put = append(c.put, key)
	return strings.ReplaceAll(key, "/", "_"), nil
}

// Files gives the keys of what was put into the cell, in order.
func (c *Cell) Files() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.put...)
}

// Open implements interpret.Cell: every file of the outbox holds its own name.
func (c *Cell) Open(_, name string) (io.ReadCloser, int64, error) {
	return io.NopCloser(strings.NewReader(name)), int64(len(name)), nil
}
