// Package rayview is what the API shows of Ray.
package rayview

import (
	"context"
	"encoding/json"
	"net"
	"strconv"

	"github.com/orcray/orcray/functions/internal/wire"
	"github.com/orcray/orcray/shared/aws/secrets"
	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/handler"
	"github.com/orcray/orcray/shared/ray"
	"github.com/orcray/orcray/shared/topology"
)

// Ray shows the cluster through its dashboard, which only functions inside the network reach; of it, only what is listed here.
type Ray struct {
	set     *wire.Parts
	secrets *secrets.Store
}

// New makes the view.
func New(p *wire.Parts, s *secrets.Store) Ray { return Ray{p, s} }

func (r Ray) dial(port int) ray.Dialer {
	return ray.TCP(net.JoinHostPort(r.set.Set.HeadHost, strconv.Itoa(port)))
}

func (r Ray) dashboard(ctx context.Context) (*ray.Dashboard, error) {
	token, err := r.secrets.Get(ctx, r.set.Set.RaySecret)
	return ray.NewDashboard(r.dial(topology.PortDashboard), token), err
}

// Status implements handler.Ray. A head that does not answer is not there: it starts with the first job that needs it.
func (r Ray) Status(ctx context.Context) handler.RayStatus {
	d, err := r.dashboard(ctx)
	if err != nil {
		return handler.RayStatus{Status: "disconnected", Detail: fault.MessageOf(err)}
	}
	s := d.Status(ctx)
	if !s.Connected {
		return handler.RayStatus{Status: "stopped", Detail: "The cluster is not running. It starts with the first job that needs it."}
	}
	return handler.RayStatus{Status: "connected", Version: s.Version}
}

// Jobs implements handler.Ray.
func (r Ray) Jobs(ctx context.Context) (json.RawMessage, error) {
	d, err := r.dashboard(ctx)
	if err != nil {
		return nil, err
	}
	jobs, err := d.Jobs(ctx, false)
	if err != nil {
		return nil, err
	}
	return json.Marshal(jobs)
}

const logBytes = 1 << 20

// Logs implements handler.Ray.
func (r Ray) Logs(ctx context.Context, id string) (string, error) {
	d, err := r.dashboard(ctx)
	if err != nil {
		return "", err
	}
	page, err := d.JobLogs(ctx, id, 0, logBytes)
	return page.Text, err
}

// Stop implements handler.Ray: the run is stopped where it is, and the job that waits for it ends by itself.
func (r Ray) Stop(ctx context.Context, id string) error {
	token, err := r.secrets.Get(ctx, r.set.Set.RunnerSecret)
	if err != nil {
		return err
	}
	_, err = ray.NewClient(r.dial(topology.PortRunner), ray.Options{Token: token, ObjectKeys: true}).Stop(ctx, id)
	return err
}
