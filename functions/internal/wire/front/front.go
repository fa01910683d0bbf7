// Package front puts the whole API together, but for what reaches into the network of the cluster and what looks into files: both
// are functions of their own.
package front

import (
	"context"
	"net/http"
	"strconv"

	"github.com/orcray/orcray/functions/internal/wire"
	"github.com/orcray/orcray/functions/internal/wire/flow"
	"github.com/orcray/orcray/functions/internal/wire/jobqueue"
	"github.com/orcray/orcray/functions/internal/wire/sealed"
	"github.com/orcray/orcray/functions/internal/wire/web"
	"github.com/orcray/orcray/shared/aws/cognito"
	"github.com/orcray/orcray/shared/aws/s3"
	"github.com/orcray/orcray/shared/aws/sqs"
	"github.com/orcray/orcray/shared/codegen"
	"github.com/orcray/orcray/shared/handler"
	"github.com/orcray/orcray/shared/job"
	"github.com/orcray/orcray/shared/object"
	"github.com/orcray/orcray/shared/offline"
	"github.com/orcray/orcray/shared/session"
	"github.com/orcray/orcray/shared/settings"
	"github.com/orcray/orcray/shared/table"
	"github.com/orcray/orcray/shared/topology"
)

// parts of the API that answer for themselves.
type parts struct {
	table   table.Table
	objects *s3.Store
	queue   *sqs.Queue
}

// New makes the API.
func New(p *wire.Parts) (http.Handler, error) {
	users := web.Users(p)
	d, err := web.Base(p, users, web.Published(p))
	if err != nil {
		return nil, err
	}
	d.Sealer = sealed.Sealer(p, sealed.Secrets(p))
	catalog, err := codegen.BedrockCatalog(p.Set.Models)
	if err != nil {
		return nil, err
	}
	has := parts{flow.Table(p), s3.New(s3.NewClient(p.AWS, ""), p.Set.Bucket, p.Now), jobqueue.New(p)}
	signer := object.SameOrigin{Signer: has.objects, Prefix: topology.PathObjects}
	sessions := session.NewService(session.Deps{Table: has.table, Objects: has.objects, Signer: signer,
		Bucket: p.Set.Bucket, MaxUpload: int64(p.Set.Limits.Upload), Quota: int64(p.Set.Limits.Storage), Now: p.Now, NewID: p.NewID})
	d.Settings = settings.New(has.table, handler.ValuesOf(p.Set.Limits, catalog.List()[0].ID), catalog, p.Now)
	d.Jobs = job.NewService(job.Deps{Store: job.NewStore(has.table, p.Now), Log: web.Following(p, has.table), Table: has.table, Queue: has.queue,
		Sessions: sessions, Models: catalog, Rules: handler.RulesOf(p.Set.Limits), Settings: d.Settings, Pace: job.NewTablePace(has.table, p.Now),
		Now: p.Now, NewID: p.NewID, OnSend: func(err error) { p.Log.Warn("a job waits for the reaper", "error", err.Error()) }})
	d.Users, d.Sessions, d.Objects, d.Signer = cognito.NewAccounts(users, p.Set.UserPool, p.Set.UserClient, p.Now), sessions, has.objects, signer
	d.Models, d.Examples, d.Checks = catalog.List, offline.SessionExamples(sessions), has.checks()
	return handler.NewMost(d), nil
}

// checks are what /health asks. The model is not among it: every answer costs money, and this function has no right to ask.
func (h parts) checks() []handler.Check {
	return []handler.Check{
		{Name: "store", Required: true, Run: func(ctx context.Context) (string, error) {
			_, err := h.table.Query(ctx, table.Query{PK: "OPEN", Limit: 1})
			return "", err
		}},
		{Name: "objects", Required: true, Run: func(ctx context.Context) (string, error) {
			_, _, err := h.objects.List(ctx, "u/", "", 1)
			return "", err
		}},
		{Name: "queue", Required: true, Run: func(ctx context.Context) (string, error) {
			s, err := h.queue.Stats(ctx)
			return strconv.Itoa(s.Visible) + " waiting, " + strconv.Itoa(s.Dead) + " dead", err
		}},
	}
}
