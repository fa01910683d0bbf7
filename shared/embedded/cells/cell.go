package cells

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/ray"
)

// socketName is the runner's socket in the run folder.
const socketName = "runner.sock"

// Cell is a one-node Ray in a box, held by one session. It is safe for concurrent use.
type Cell struct {
	box    *Box
	client *ray.Client
	doubt  func(c *Cell, reason string) // tells the pool to destroy it

	version atomic.Value // of Ray, a string, as the runner said it

	mu    sync.Mutex
	inbox map[string]string // what the caller calls a file → its name in the inbox
	bytes int64
}

// Bounds of what goes in and comes out.
const (
	maxInbox  = int64(16) << 30
	maxResult = int64(512) << 20
	stopTime  = time.Second
)

func newCell(box *Box, doubt func(*Cell, string)) *Cell {
	dial := func(ctx context.Context) (net.Conn, error) { return box.Dial(ctx, socketName) }
	return &Cell{box: box, client: ray.NewClient(dial, ray.Options{}), doubt: doubt, inbox: map[string]string{}}
}

// Name names the cell in logs.
func (c *Cell) Name() string { return c.box.Name }

// Client speaks to the cell's runner.
func (c *Cell) Client() *ray.Client { return c.client }

// Isolation is what the cell got; it is recorded with every run.
func (c *Cell) Isolation() Isolation { return c.box.Isolation() }

// Logs gives the last lines the cell's processes printed.
func (c *Cell) Logs() []string { return c.box.Logs() }

// Usage measures the cell; see Box.Usage.
func (c *Cell) Usage() Usage { return c.box.Usage() }

// Done is closed when the cell has died or was destroyed.
func (c *Cell) Done() <-chan struct{} { return c.box.Done() }

// Put makes a file readable in the cell and returns its name there, which is what RunSource.Files holds. The caller's key names the
// content, for instance an object key with its ETag: the same key again copies nothing and does not read r. Names are
// made here; a client's file name is never one. size must be exact.
func (c *Cell) Put(key string, r io.Reader, size int64) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if name, ok := c.inbox[key]; ok {
		return name, nil
	}
	if size < 0 || c.bytes+size > maxInbox {
		return "", fault.New(fault.TooLarge, "The files of this session are too large for a cell: at most 16 GiB.")
	}
	name := fmt.Sprintf("f%04d%s", len(c.inbox)+1, extension(key))
	if err := c.box.PutInbox(name, r, size); err != nil {
		return "", err
	}
	c.inbox[key], c.bytes = name, c.bytes+size
	return name, nil
}

// Has gives the name of a file that was put before.
func (c *Cell) Has(key string) (string, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	name, ok := c.inbox[key]
	return name, ok
}

// extension keeps what readers guess a format from, when it is harmless.
func extension(key string) string {
	switch ext := strings.ToLower(filepath.Ext(key)); ext {
	case ".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".parquet", ".gz":
		return ext
	}
	return ""
}

// OpenOutput opens a file that an output event of the run named. It is hostile data: see Box.OpenResult. It can be read even when the
// cell has died meanwhile, until the cell is destroyed.
func (c *Cell) OpenOutput(runID, name string) (io.ReadCloser, int64, error) {
	return c.box.OpenResult(maxResult, runID, strings.TrimPrefix(name, runID+"/"))
}

// Stop ends a run. A runner that does not confirm within a second is not believed any more: the cell is destroyed, which ends the run
// just as well, and a new one is made for the session when it next asks.
func (c *Cell) Stop(ctx context.Context, runID string) error {
	ctx, cancel := context.WithTimeout(ctx, stopTime)
	defer cancel()
	status, err := c.client.Stop(ctx, runID)
	if err == nil && status.State.Terminal() || fault.Is(err, fault.NotFound) {
		return nil
	}
	c.doubt(c, "a stop was not confirmed")
	return nil
}

// Judge looks at an error of the cell's client and destroys the cell when it shows that the cell cannot be trusted: the protocol was
// broken, or it no longer answers although ctx, the request's own, still had time. It returns err.
func (c *Cell) Judge(ctx context.Context, err error) error {
	silent := ctx.Err() == nil && errors.Is(err, ray.ErrAway)
	if silent || errors.Is(err, ray.ErrProtocol) {
		c.doubt(c, fault.MessageOf(err))
	}
	return err
}

// healthy asks the runner, briefly.
func (c *Cell) healthy(ctx context.Context, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	h, err := c.client.Health(ctx)
	if err == nil {
		c.version.Store(h.Ray)
	}
	if err == nil && !h.Ready {
		err = fault.New(fault.Unavailable, "The cell is not ready.")
	}
	return err
}

// awaitReady waits until the runner says so, the box dies or ctx ends.
func (c *Cell) awaitReady(ctx context.Context) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := c.healthy(ctx, 5*time.Second)
		if err == nil {
			return nil
		}
		if errors.Is(err, ray.ErrProtocol) {
			return err
		}
		select {
		case <-c.box.Done():
			return fault.New(fault.Unavailable, "The cell ended while it started.")
		case <-ctx.Done():
			return fault.Wrap(err, fault.Timeout, "The cell was not ready in time.")
		case <-tick.C:
		}
	}
}
