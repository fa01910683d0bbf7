package local

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/orcray/orcray/shared/aws/bedrock"
	"github.com/orcray/orcray/shared/codegen"
	settings "github.com/orcray/orcray/shared/config"
	"github.com/orcray/orcray/shared/embedded/users"
	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/handler"
	"github.com/orcray/orcray/shared/identity"
	"github.com/orcray/orcray/shared/object"
	"github.com/orcray/orcray/shared/offline"
	"github.com/orcray/orcray/shared/openai"
	"github.com/orcray/orcray/shared/session"
	"github.com/orcray/orcray/shared/table"
	"github.com/orcray/orcray/shared/topology"
)

func (a *App) openIdentity(ctx context.Context, o Options) error {
	keys, err := users.NewKeyFiles(a.path("keys"))
	if err != nil {
		return err
	}
	a.issuer, err = identity.NewIssuer(ctx, identity.IssuerConfig{Name: a.cfg.Auth.Issuer, Audience: a.cfg.Auth.Audience, Keys: keys, Now: o.Now, Random: rand.Reader})
	if err != nil {
		return err
	}
	params := o.HashParams
	if params == (identity.HashParams{}) {
		params = identity.DefaultHashParams()
	}
	hasher, err := identity.NewHasher(params, rand.Reader)
	if err != nil {
		return err
	}
	a.users, err = identity.NewService(identity.ServiceConfig{Accounts: users.New(a.table), Hasher: hasher, Now: o.Now, Random: rand.Reader,
		FirstIsAdmin: a.cfg.Auth.FirstIsAdmin})
	if err != nil {
		return err
	}
	a.keys = keys
	return nil
}

// openModels puts together the models that the settings name; the offline one is always there.
func (a *App) openModels(o Options) (codegen.Model, error) {
	m := a.cfg.Models
	adapters := map[string]codegen.Model{codegen.Offline: offline.New()}
	lists := [][]codegen.Listed{{codegen.OfflineModel()}}
	preferred := codegen.OfflineID
	if m.OpenAIURL != nil {
		client, err := openai.New(openai.Config{BaseURL: m.OpenAIURL.String(), Key: openai.NewSecret(m.OpenAIKey.Reveal()), Model: m.OpenAIModel, Now: o.Now})
		if err != nil {
			return nil, err
		}
		adapters[codegen.OpenAI] = client
		a.probes = append(a.probes, &probe{adapter: client, now: o.Now})
		lists = append(lists, []codegen.Listed{{ID: m.OpenAIModel, Name: m.OpenAIModel, Provider: codegen.OpenAI}})
		if m.Default == settings.ModelOpenAI {
			preferred = m.OpenAIModel
		}
	}
	if m.Bedrock {
		cfg, err := config.LoadDefaultConfig(context.Background(), config.WithRegion(m.Region))
		if err != nil {
			return nil, fmt.Errorf("bedrock: %w", err)
		}
		client := bedrock.New(cfg, bedrock.Options{})
		adapters[codegen.Bedrock] = client
		a.probes = append(a.probes, &probe{adapter: client, now: o.Now})
		lists = append(lists, codegen.BedrockModels())
		if m.Default == settings.ModelBedrock {
			preferred = codegen.DefaultBedrock
			if m.BedrockModel != "" {
				preferred = m.BedrockModel
			}
		}
	}
	var err error
	if a.catalog, err = codegen.NewCatalog(preferred, lists...); err != nil {
		return nil, err
	}
	return codegen.Retrying(codegen.NewRouter(a.catalog, adapters), codegen.Policy{Sleep: o.Sleep, Rand: uniform, Now: o.Now}), nil
}

func sleep(ctx context.Context, d time.Duration) error {
	pause(ctx, d)
	return ctx.Err()
}

func uniform() float64 {
	const fine = 1 << 53
	n, err := rand.Int(rand.Reader, big.NewInt(fine))
	if err != nil {
		return 0.5
	}
	return float64(n.Int64()) / fine
}

func (a *App) openAPI(sessions *session.Service, o Options) error {
	ctx := context.Background()
	verifier, err := identity.NewVerifier(a.issuer.Trust())
	if err != nil {
		return err
	}
	sealer, err := identity.LoadSealer(ctx, a.keys, o.Now, rand.Reader)
	if err != nil {
		return err
	}
	a.api = handler.New(handler.Deps{Auth: identity.NewAuthenticator(verifier, a.users), Policy: identity.DefaultPolicy(), Users: identity.Desk{Service: a.users, Issuer: a.issuer}, Keys: a.issuer,
		Sealer: func(context.Context) (*identity.Sealer, error) { return sealer, nil }, Sessions: sessions, Jobs: a.jobs, Objects: a.objects, Signer: object.SameOrigin{Signer: a.objects, Prefix: topology.PathObjects},
		Models: a.catalog.List, Examples: offline.SessionExamples(sessions), Ray: rayView{a}, Forget: a.places.Forget, Checks: a.checks(),
		Limits: handler.LimitsOf(a.cfg.Limits), Settings: a.settings, ClosedRegistration: a.cfg.Auth.Registration == settings.RegistrationClosed, Hosts: a.hosts(), Now: o.Now, Random: rand.Reader, Log: a.log})
	return nil
}

// checks are what /health asks.
func (a *App) checks() []handler.Check {
	return []handler.Check{
		{Name: "store", Required: true, Run: func(ctx context.Context) (string, error) {
			_, err := a.table.Query(ctx, table.Query{PK: "OPEN", Limit: 1})
			return a.stored, err
		}},
		{Name: "objects", Required: true, Run: func(ctx context.Context) (string, error) {
			_, _, err := a.objects.List(ctx, "u/", "", 1)
			return "S3", err
		}},
		{Name: "queue", Required: true, Run: func(ctx context.Context) (string, error) {
			s, err := a.queue.Stats(ctx)
			return fmt.Sprintf("%d waiting, %d dead", s.Visible, s.Dead), err
		}},
		{Name: "cells", Run: func(context.Context) (string, error) {
			s := a.pool.Stats()
			detail := fmt.Sprintf("%d warm, %d leased, %d starting", s.Warm, s.Leased, s.Starting)
			if s.Warm+s.Leased == 0 {
				return detail, fault.New(fault.Unavailable, "No cell is ready yet: %s. %s", detail, s.LastError)
			}
			return detail, nil
		}},
		{Name: "ray", Run: func(ctx context.Context) (string, error) {
			s := (rayView{a}).Status(ctx)
			if s.Status == "disconnected" {
				return "", fault.New(fault.Unavailable, "The cluster is away and comes back by itself. %s", s.Detail)
			}
			return s.Status, nil
		}},
		{Name: "model", Run: a.modelCheck},
	}
}

// rayView shows the cluster through its dashboard.
type rayView struct{ app *App }

// Status implements handler.Ray.
func (v rayView) Status(ctx context.Context) handler.RayStatus {
	p := v.app.pool.Stats()
	s := handler.RayStatus{Status: "off", Version: p.Ray, Cells: handler.CellStats{Warm: p.Warm, Leased: p.Leased, Starting: p.Starting, Waiting: p.Waiting}}
	if v.app.cluster != nil {
		c := v.app.cluster.Status()
		s.Status, s.Version, s.Detail = string(c.State), cmp.Or(c.Version, p.Ray), c.Error
	}
	if s.Status == "connected" {
		s.Nodes = v.nodes(ctx)
	}
	return s
}

// nodes lists the machines of the cluster; none when its dashboard does not answer at once, because who asks wants the state.
func (v rayView) nodes(ctx context.Context) []handler.RayNode {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	nodes, err := v.app.cluster.Dashboard().Nodes(ctx)
	if err != nil {
		v.app.log.Debug("the nodes of the cluster cannot be read", "error", err)
	}
	list := make([]handler.RayNode, 0, len(nodes))
	for _, n := range nodes {
		list = append(list, handler.RayNode{ID: n.ID, Name: n.Name, State: n.State, Head: n.Head,
			CPU: n.Resources["CPU"], GPU: n.Resources["GPU"], Memory: n.Resources["memory"]})
	}
	return list
}

var errNoCluster = fault.New(fault.Unavailable, "The cluster is not running. It starts with the first job that needs it.")

func (v rayView) up() error {
	if v.app.cluster == nil || v.app.cluster.Status().State != "connected" {
		return errNoCluster
	}
	return nil
}

// Jobs implements handler.Ray.
func (v rayView) Jobs(ctx context.Context) (json.RawMessage, error) {
	if err := v.up(); err != nil {
		if errors.Is(err, errNoCluster) && v.app.cluster != nil {
			return json.RawMessage("[]"), nil
		}
		return nil, err
	}
	jobs, err := v.app.cluster.Dashboard().Jobs(ctx, false)
	if err != nil {
		return nil, err
	}
	return json.Marshal(jobs)
}

// Logs implements handler.Ray.
func (v rayView) Logs(ctx context.Context, id string) (string, error) {
	if err := v.up(); err != nil {
		return "", err
	}
	page, err := v.app.cluster.Dashboard().JobLogs(ctx, id, 0, 1<<20)
	return page.Text, err
}

// Stop implements handler.Ray: the run is stopped where it is, and the job that waits for it ends by itself.
func (v rayView) Stop(ctx context.Context, id string) error {
	if err := v.up(); err != nil {
		return err
	}
	_, err := v.app.cluster.Client().Stop(ctx, id)
	return err
}
