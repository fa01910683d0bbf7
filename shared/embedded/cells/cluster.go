package cells

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/ray"
)

// ClusterConfig is the one-machine cluster's settings. Sandbox, Dir, Rand and Now are needed.
type ClusterConfig struct {
	Sandbox      *Sandbox
	Dir          string        // the token file is kept here
	S3Socket     string        // the S3 server's unix socket: all the cluster can reach; empty: nothing
	StartTimeout time.Duration // 2 minutes
	Limits       Limits        // memory 6 GiB, 1,024 processes and threads, 2 GiB of store and 4 GiB of scratch
	Args         []string      // more arguments for runner.head
	Rand         io.Reader     // for the token
	Now          func() time.Time
	Logger       *slog.Logger
}

// ClusterState is where the cluster is.
type ClusterState string

// The states.
const (
	ClusterStopped      ClusterState = "stopped"
	ClusterStarting     ClusterState = "starting"
	ClusterConnected    ClusterState = "connected"
	ClusterDisconnected ClusterState = "disconnected" // it died and comes back
)

// ClusterStatus is what is shown of the cluster.
type ClusterStatus struct {
	State   ClusterState `json:"state"`
	Version string       `json:"version,omitempty"` // of Ray
	Error   string       `json:"error,omitempty"`   // why the last start failed, for the operator
}

// Cluster keeps one Ray head alive in a sandbox: in its own network namespace, where only the S3 socket leads out. It is safe for
// concurrent use.
type Cluster struct {
	cfg       ClusterConfig
	token     string
	client    *ray.Client
	dashboard *ray.Dashboard

	mu      sync.Mutex
	cancel  context.CancelFunc // of the keeper; nil when stopped
	ended   chan struct{}      // closed by the keeper
	changed chan struct{}      // closed and made anew at each change of status
	box     *Box
	status  ClusterStatus
}

// The names of the head's sockets, and where it finds what it is given.
const (
	headSocket      = "head.sock"
	dashboardSocket = headSocket + ".dashboard"
	inToken         = "/cell/token"
	inS3            = "/cell/s3.sock"
)

// NewCluster prepares a cluster; Start starts it.
func NewCluster(cfg ClusterConfig) (*Cluster, error) {
	if cfg.StartTimeout <= 0 {
		cfg.StartTimeout = 2 * time.Minute
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	l := &cfg.Limits
	for _, d := range []struct {
		v *int64
		d int64
	}{{&l.Memory, 6144 * mib}, {&l.Shm, 2048 * mib}, {&l.Work, 4096 * mib}} {
		if *d.v <= 0 {
			*d.v = d.d
		}
	}
	if l.Pids <= 0 {
		l.Pids = 1024
	}
	c := &Cluster{cfg: cfg, changed: make(chan struct{}), status: ClusterStatus{State: ClusterStopped}}
	secret := make([]byte, 32)
	if _, err := io.ReadFull(cfg.Rand, secret); err != nil {
		return nil, fmt.Errorf("cluster: %w", err)
	}
	c.token = hex.EncodeToString(secret)
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("cluster: %w", err)
	}
	dial := func(name string) ray.Dialer {
		return func(ctx context.Context) (net.Conn, error) { return c.dial(ctx, name) }
	}
	c.client = ray.NewClient(dial(headSocket), ray.Options{Token: c.token, ObjectKeys: true})
	c.dashboard = ray.NewDashboard(dial(dashboardSocket), c.token)
	return c, nil
}

// Client speaks to the cluster's runner; while the cluster is away its calls are fault.Unavailable.
func (c *Cluster) Client() *ray.Client { return c.client }

// Dashboard reads the cluster's dashboard.
func (c *Cluster) Dashboard() *ray.Dashboard { return c.dashboard }

// Status tells how the cluster is, as last seen by its keeper.
func (c *Cluster) Status() ClusterStatus {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.status
}

// Isolation is what the head got, recorded with each run on it.
func (c *Cluster) Isolation() Isolation {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.box != nil {
		return c.box.Isolation()
	}
	return c.cfg.Sandbox.Isolation()
}

func (c *Cluster) dial(ctx context.Context, name string) (net.Conn, error) {
	c.mu.Lock()
	box := c.box
	c.mu.Unlock()
	if box == nil {
		return nil, fault.New(fault.Unavailable, "The Ray cluster is not running.")
	}
	return box.Dial(ctx, name)
}

// Start begins to keep the cluster alive in the background; started already, it does nothing.
func (c *Cluster) Start() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cancel != nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	c.cancel, c.ended = cancel, make(chan struct{})
	c.setLocked(ClusterStatus{State: ClusterStarting})
	go c.keep(ctx, c.ended)
}

// Ready starts the cluster if need be and waits until it is connected or ctx ends.
func (c *Cluster) Ready(ctx context.Context) error {
	c.Start()
	for {
		c.mu.Lock()
		status, changed := c.status, c.changed
		c.mu.Unlock()
		switch {
		case status.State == ClusterConnected:
			return nil
		case status.State == ClusterStopped:
			return fault.New(fault.Unavailable, "The Ray cluster was stopped.")
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fault.Wrap(errors.Join(ctx.Err(), errors.New(status.Error)), fault.Unavailable, "The Ray cluster is not ready yet. Try again in a moment.")
		}
	}
}

// Stop ends the cluster and all that runs on it, and returns when nothing is left.
func (c *Cluster) Stop() {
	c.mu.Lock()
	cancel, ended := c.cancel, c.ended
	c.cancel = nil
	c.mu.Unlock()
	if cancel == nil {
		return
	}
	cancel()
	<-ended
	c.set(ClusterStatus{State: ClusterStopped})
}

func (c *Cluster) set(s ClusterStatus) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.setLocked(s)
}

func (c *Cluster) setLocked(s ClusterStatus) {
	if c.status == s {
		return
	}
	c.status = s
	close(c.changed)
	c.changed = make(chan struct{})
}

// keep starts the head again and again, after failures with pauses that grow to a minute.
func (c *Cluster) keep(ctx context.Context, ended chan<- struct{}) {
	defer close(ended)
	for failures := 0; ctx.Err() == nil; {
		begun := c.cfg.Now()
		err := c.once(ctx)
		if ctx.Err() != nil {
			return
		}
		if c.cfg.Now().Sub(begun) > 5*time.Minute {
			failures = 0
		}
		failures++
		c.cfg.Logger.Error("the Ray cluster went away and is started again", "failures", failures, "error", err)
		c.set(ClusterStatus{State: ClusterDisconnected, Error: err.Error()})
		timer := time.NewTimer(min(time.Second<<min(failures-1, 10), maxBackoff))
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// once runs one life of the head, from its start to its end.
func (c *Cluster) once(ctx context.Context) error {
	box, err := c.launch(ctx)
	if err != nil {
		return err
	}
	c.mu.Lock()
	c.box = box
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		c.box = nil
		c.mu.Unlock()
		if err := box.Close(); err != nil {
			c.cfg.Logger.Error("the Ray cluster did not end cleanly", "error", err)
		}
	}()
	begun := c.cfg.Now()
	if err := c.awaitHead(ctx, box); err != nil {
		return fmt.Errorf("%w; it printed last: %s", err, strings.Join(box.Logs(), " | "))
	}
	c.cfg.Logger.Info("the Ray cluster is ready", "seconds", c.cfg.Now().Sub(begun).Seconds(), "isolation", box.Isolation().String())
	return c.observe(ctx, box)
}

func (c *Cluster) launch(ctx context.Context) (*Box, error) {
	token := filepath.Join(c.cfg.Dir, "ray-token")
	binds := []Bind{{Host: token, Inside: inToken}}
	if c.cfg.S3Socket != "" {
		binds = append(binds, Bind{Host: c.cfg.S3Socket, Inside: inS3})
	}
	spec := Spec{Name: "head", Limits: c.cfg.Limits, Binds: binds, Env: map[string]string{"RAY_AUTH_MODE": "token"}}
	// The head runs as a user of its own: what it must read or connect to is given to that user, and stays closed to all others.
	spec.Prepare = func(uid int) error {
		if err := os.WriteFile(token, []byte(c.token), 0o600); err != nil {
			return err
		}
		for _, b := range binds {
			if err := os.Chown(b.Host, uid, -1); err != nil {
				return err
			}
		}
		return nil
	}
	spec.Argv = func(at Paths) []string {
		argv := []string{at.Python, "-m", "runner.head", "--work", at.Work, "--socket", at.Run + "/" + headSocket, "--token-file", inside(at, token, inToken),
			"--memory", strconv.FormatInt(c.cfg.Limits.Memory, 10)}
		if c.cfg.S3Socket != "" {
			argv = append(argv, "--s3-socket", inside(at, c.cfg.S3Socket, inS3))
		}
		return append(argv, c.cfg.Args...)
	}
	return c.cfg.Sandbox.Start(ctx, spec)
}

// inside gives a bound file's path as the program sees it: without a sandbox that is its real one.
func inside(at Paths, host, in string) string {
	if at.Run == inRun {
		return in
	}
	return host
}

func (c *Cluster) awaitHead(ctx context.Context, box *Box) error {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.StartTimeout)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		h, err := c.client.Health(ctx)
		if err == nil && h.Ready {
			c.set(ClusterStatus{State: ClusterConnected, Version: h.Ray})
			return nil
		}
		select {
		case <-box.Done():
			return errors.New("the head ended while it started")
		case <-ctx.Done():
			return fmt.Errorf("the head was not ready in time: %w", errors.Join(ctx.Err(), err))
		case <-tick.C:
		}
	}
}

// The head is asked every few seconds; one that is silent for half a minute is started anew.
const (
	headPeriod   = 3 * time.Second
	headPatience = 10
)

// observe watches a head that was ready, until it is gone.
func (c *Cluster) observe(ctx context.Context, box *Box) error {
	tick := time.NewTicker(headPeriod)
	defer tick.Stop()
	for silent := 0; silent < headPatience; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-box.Done():
			return fmt.Errorf("the head ended; it printed last: %s", strings.Join(box.Logs(), " | "))
		case <-tick.C:
		}
		asked, cancel := context.WithTimeout(ctx, headPeriod)
		h, err := c.client.Health(asked)
		cancel()
		if err == nil && h.Ready {
			silent = 0
			c.set(ClusterStatus{State: ClusterConnected, Version: h.Ray})
			continue
		}
		silent++
		c.set(ClusterStatus{State: ClusterDisconnected, Error: "the head does not answer"})
	}
	return errors.New("the head did not answer any more")
}
