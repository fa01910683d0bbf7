package ecs

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strconv"
	"time"

	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/interpret"
	"github.com/orcray/orcray/shared/ray"
	"github.com/orcray/orcray/shared/table"
	"github.com/orcray/orcray/shared/topology"
)

// ClusterConfig is what the Cluster is made of.
type ClusterConfig struct {
	Client   *awsecs.Client
	Table    table.Table
	Cluster  string                                // name of the ECS cluster
	Service  string                                // name of the service of Ray's head
	Host     string                                // where the head is reached
	Token    func(context.Context) (string, error) // of the head's runner
	IdleStop time.Duration                         // after how long without work the head stops; 0: never
	Now      func() time.Time
	Logger   *slog.Logger
	Times    Times // zero: the usual ones; of use are Probe, First, Most and Start
	Port     int   // of the runner; 0: topology.PortRunner
}

// clusterPK is where the cluster's use is noted.
const clusterPK = "CLUSTER"

// headStart is how long a head usually takes: a task, and Ray with its dashboard.
const headStart = 3 * time.Minute

// Cluster implements interpret.Cluster.
type Cluster struct {
	fleet   fleet
	records records
	cfg     ClusterConfig
}

// NewCluster makes the cluster whose head is a service.
func NewCluster(cfg ClusterConfig) *Cluster {
	if cfg.Times.Start == 0 {
		cfg.Times.Start = headStart
	}
	cfg.Times = cfg.Times.filled()
	if cfg.Port == 0 {
		cfg.Port = topology.PortRunner
	}
	return &Cluster{fleet: fleet{client: cfg.Client, cluster: cfg.Cluster, service: cfg.Service}, records: records{table: cfg.Table, now: cfg.Now}, cfg: cfg}
}

// Isolation implements interpret.Cluster.
func (*Cluster) Isolation() string {
	return "ray cluster of this deployment, credentials of the run only"
}

// Runner implements interpret.Cluster: it starts the head if it does not run, and waits until it is ready or ctx ends. Asking for the
// runner is use: the cluster does not stop while somebody follows a run.
func (c *Cluster) Runner(ctx context.Context, onWait func(interpret.Wait)) (interpret.Runner, string, error) {
	var told string
	pause := backoff{next: c.cfg.Times.First, most: c.cfg.Times.Most}
	for {
		r, id, why, err := c.look(ctx)
		switch {
		case r != nil:
			return r, id, nil
		case ctx.Err() != nil:
			return nil, "", fault.Wrap(ctx.Err(), fault.Timeout, "The cluster was not ready in time. Try again in some minutes.")
		case err != nil && !passing(err):
			return nil, "", err
		case err != nil:
			c.cfg.Logger.WarnContext(ctx, "waiting for the cluster", "error", err)
			why = "AWS does not answer as it should; it is asked again"
		}
		if why != told {
			onWait(interpret.Wait{Why: why})
			told = why
		}
		if err := pause.wait(ctx); err != nil {
			return nil, "", fault.Wrap(err, fault.Timeout, "The cluster was not ready in time. Try again in some minutes.")
		}
	}
}

// look gives the runner of a head that is ready, or says what is waited for. The note of use comes first: whoever is about to stop the
// head sees it.
func (c *Cluster) look(ctx context.Context) (*ray.Client, string, string, error) {
	if err := c.records.touch(ctx, clusterPK); err != nil {
		return nil, "", "", err
	}
	head, found, err := c.head(ctx)
	if err != nil {
		return nil, "", "", err
	}
	if !found {
		why, err := c.start(ctx)
		return nil, "", why, err
	}
	if !head.running {
		return nil, "", c.starting(), nil
	}
	token, err := c.cfg.Token(ctx)
	if err != nil {
		return nil, "", "", err
	}
	client := ray.NewClient(ray.TCP(net.JoinHostPort(c.cfg.Host, strconv.Itoa(c.cfg.Port))), ray.Options{Token: token, ObjectKeys: true})
	bounded, cancel := context.WithTimeout(ctx, c.cfg.Times.Probe)
	defer cancel()
	h, err := client.Health(bounded)
	if err != nil && !errors.Is(err, ray.ErrAway) {
		return nil, "", "", err
	}
	if err != nil || !h.Ready {
		return nil, "", c.starting(), nil
	}
	// All heads have one address. Only if the listed one runs still, it is the one that answered.
	same, err := c.fleet.alive(ctx, head.arn, head.address)
	if err != nil || !same {
		return nil, "", c.starting(), err
	}
	return client, head.arn, "", nil
}

// head finds the head's task. While one replaces another there may be two: then it is not known which one answers, and we wait.
func (c *Cluster) head(ctx context.Context) (task, bool, error) {
	tasks, err := c.fleet.tasks(ctx)
	switch {
	case err != nil || len(tasks) == 0:
		return task{}, false, err
	case len(tasks) > 1:
		return task{}, true, nil
	}
	return tasks[0], true, nil
}

// start asks for a head, once: a service that shall have one is left alone.
func (c *Cluster) start(ctx context.Context) (string, error) {
	s, err := c.fleet.size(ctx, c.cfg.Now())
	if err != nil {
		return "", err
	}
	if s.desired == 0 {
		err = c.fleet.scale(ctx, 1)
	}
	if s.starved {
		return "AWS has no capacity for it at the moment; it is asked again and again", err
	}
	return c.starting(), err
}

func (c *Cluster) starting() string {
	return "it is starting, which usually takes " + about(c.cfg.Times.Start)
}

// Idle is for the reaper: it stops the head when nobody has used it for the set time. Who asks for the runner in this moment either
// keeps the head, or starts it again.
func (c *Cluster) Idle(ctx context.Context) error {
	if c.cfg.IdleStop == 0 {
		return nil
	}
	at, version, err := c.records.used(ctx, clusterPK)
	if err != nil || c.cfg.Now().Sub(at) < c.cfg.IdleStop {
		return err
	}
	s, err := c.fleet.size(ctx, c.cfg.Now())
	if err != nil || s.desired == 0 {
		return err
	}
	if err := c.records.stillUnused(ctx, clusterPK, version); err != nil {
		return ignoring(err, fault.Conflict)
	}
	c.cfg.Logger.InfoContext(ctx, "the cluster stops: nobody uses it", "since", at)
	return c.fleet.scale(ctx, 0)
}
