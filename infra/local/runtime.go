// Package local runs the whole application on one machine: it reads the same wiring table as the CDK app and mounts the same
// handlers and the same state machine files in one process, with embedded parts in place of AWS's services.
package local

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/orcray/orcray/shared/asl"
	"github.com/orcray/orcray/shared/aws/s3"
	"github.com/orcray/orcray/shared/codegen"
	"github.com/orcray/orcray/shared/config"
	"github.com/orcray/orcray/shared/embedded/bus"
	"github.com/orcray/orcray/shared/embedded/cells"
	"github.com/orcray/orcray/shared/embedded/queue"
	"github.com/orcray/orcray/shared/embedded/s3gateway"
	"github.com/orcray/orcray/shared/embedded/sqlite"
	"github.com/orcray/orcray/shared/embedded/users"
	"github.com/orcray/orcray/shared/handler"
	"github.com/orcray/orcray/shared/handler/task"
	"github.com/orcray/orcray/shared/identity"
	"github.com/orcray/orcray/shared/interpret"
	"github.com/orcray/orcray/shared/job"
	"github.com/orcray/orcray/shared/object"
	port "github.com/orcray/orcray/shared/queue"
	"github.com/orcray/orcray/shared/session"
	"github.com/orcray/orcray/shared/settings"
	"github.com/orcray/orcray/shared/source/reader"
	"github.com/orcray/orcray/shared/table"
	"github.com/orcray/orcray/shared/topology"
)

// bucketName of one machine; it stands in the URIs that programs read.
const bucketName = "orcray"

// App is a running orcray.
type App struct {
	cfg      config.Config
	log      *slog.Logger
	table    table.Table
	stored   string // what holds the table, for people
	queue    Queue
	depth    int // of the queue: messages that it takes
	gateway  *s3gateway.Gateway
	objects  *s3.Store
	engine   Engine
	pool     Pool
	places   *cellHouse
	steps    *interpret.Steps
	cluster  *cells.Cluster
	sandbox  *cells.Sandbox
	users    *identity.Service
	issuer   *identity.Issuer
	jobs     *job.Service
	settings *settings.Service
	catalog  *codegen.Catalog
	probes   []*probe
	api      *handler.API
	page     fs.FS // nil: none was built
	work     *worker
	keys     *users.KeyFiles
	closers  []func() error
}

// Options change what a test needs to be different; the zero value is the product.
type Options struct {
	Now func() time.Time // nil: the wall clock
	// HashParams of passwords; zero: the product's. Tests take cheaper ones.
	HashParams identity.HashParams
	// Settings of the steps that a test wants different; zero fields: the product's.
	Steps interpret.Settings
	// Pool and Cluster are other places than this machine's sandboxes; with a Pool the settings of cells and cluster do not
	// count.
	Pool    Pool
	Cluster interpret.Cluster
	// Sleep between the tries of a model; nil: the wall clock's.
	Sleep func(context.Context, time.Duration) error
	// QueueDepth is the most messages the queue takes; 0: the product's.
	QueueDepth int
	// Table, Queue, Engine, Notify and Pace are other parts than the embedded ones, such as the adapters of AWS. Who gives them closes
	// them, but for the engine, which is opened here, because it calls the functions of this process.
	Table  table.Table
	Queue  Queue
	Engine func(ctx context.Context, machines map[string]*asl.Machine, functions asl.Invoker) (Engine, error)
	Notify job.Notifier
	Pace   job.Pace
	// Publish hears of every job's end; nil: nobody does.
	Publish interpret.Publisher
}

// Open builds the application and starts its background work: warming cells, consuming the queue, resuming workflows. What was
// opened is closed again when something fails.
func Open(ctx context.Context, cfg config.Config, log *slog.Logger, o Options) (app *App, err error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Sleep == nil {
		o.Sleep = sleep
	}
	if o.Notify == nil {
		o.Notify = &bus.Bus{}
	}
	if o.Pace == nil {
		o.Pace = bus.NewPace(o.Now)
	}
	a := &App{cfg: cfg, log: log}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Close())
			app = nil
		}
	}()
	for _, open := range []func(context.Context, Options) error{a.openStore, a.openObjects, a.openPlaces, a.openDomain, a.openWorkflow} {
		if err := open(ctx, o); err != nil {
			return nil, err
		}
	}
	return a, nil
}

func (a *App) path(parts ...string) string {
	return filepath.Join(append([]string{a.cfg.Data.Dir}, parts...)...)
}

func (a *App) onClose(f func() error) { a.closers = append(a.closers, f) }

// Close ends everything in the reverse order of its start: first nothing new is taken on, last the store is closed.
func (a *App) Close() error {
	var errs []error
	for i := len(a.closers) - 1; i >= 0; i-- {
		errs = append(errs, a.closers[i]())
	}
	a.closers = nil
	return errors.Join(errs...)
}

func (a *App) openStore(ctx context.Context, o Options) error {
	// Absolute from here on: the object store changes the working directory of the process.
	for _, path := range []*string{&a.cfg.Data.Dir, &a.cfg.Cells.Python, &a.cfg.Cells.Runner, &a.cfg.Server.Page} {
		abs, err := filepath.Abs(*path)
		if err != nil {
			return fmt.Errorf("the working folder: %w", err)
		}
		*path = abs
	}
	if err := os.MkdirAll(a.cfg.Data.Dir, 0o700); err != nil {
		return fmt.Errorf("the data folder: %w", err)
	}
	if err := a.lock(); err != nil {
		return err
	}
	q := topology.Orcray().Queues[0]
	if o.QueueDepth > 0 {
		q.MaxDepth = o.QueueDepth
	}
	a.table, a.queue, a.depth = o.Table, o.Queue, q.MaxDepth
	if a.table != nil && a.queue != nil {
		return nil
	}
	return a.openDatabase(ctx, q, o)
}

// openDatabase is the table and the queue of one machine, as far as there are no others.
func (a *App) openDatabase(ctx context.Context, q topology.Queue, o Options) error {
	db, err := sqlite.Open(ctx, a.path("orcray.db"), sqlite.Options{Now: o.Now})
	if err != nil {
		return err
	}
	a.onClose(db.Close)
	if a.table == nil {
		a.table, a.stored = db.Table(), "SQLite"
	}
	if a.queue == nil {
		a.queue, err = queue.Open(ctx, db.File(), q.Name, port.LimitsOf(q), queue.Options{Now: o.Now})
	}
	return err
}

func (a *App) openObjects(ctx context.Context, o Options) error {
	g, err := s3gateway.Start(ctx, s3gateway.Options{Dir: a.path("objects"), Socket: a.path("s3.sock"), Bucket: bucketName, Now: o.Now, Rand: rand.Reader})
	if err != nil {
		return err
	}
	a.gateway = g
	a.onClose(g.Close)
	a.objects = s3.New(s3.NewClient(g.Config(), g.Endpoint()), bucketName, o.Now)
	return nil
}

func (a *App) openPlaces(ctx context.Context, o Options) error {
	if a.pool = o.Pool; a.pool != nil {
		return nil
	}
	var err error
	c := a.cfg.Cells
	a.sandbox, err = cells.NewSandbox(ctx, cells.SandboxConfig{Dir: a.path("cells"), Python: c.Python, Runner: filepath.Join(c.Runner, "runner"),
		Rand: rand.Reader, AllowProcess: c.Isolation == config.IsolationProcess, Logger: a.log})
	if err != nil {
		return err
	}
	a.onClose(a.sandbox.Close)
	pool := cells.NewPool(cells.Config{Sandbox: a.sandbox, Warm: c.Warm, MaxLeased: c.Max, IdleTimeout: c.Idle,
		Limits: cells.Limits{Memory: int64(c.Memory)}, Now: o.Now, Logger: a.log})
	a.pool = sandboxes{pool}
	a.onClose(pool.Close)
	if a.cfg.Cluster.Mode == config.ClusterOff {
		return nil
	}
	a.cluster, err = cells.NewCluster(cells.ClusterConfig{Sandbox: a.sandbox, Dir: a.path("cluster"), S3Socket: a.path("s3.sock"),
		Limits: cells.Limits{Memory: int64(a.cfg.Cluster.Memory)}, Rand: rand.Reader, Now: o.Now, Logger: a.log})
	if err != nil {
		return err
	}
	a.onClose(func() error { a.cluster.Stop(); return nil })
	return nil
}

// newID makes ULIDs that grow within the process, also within one millisecond.
func newID(now func() time.Time) func() string {
	entropy := &ulid.LockedMonotonicReader{MonotonicReader: ulid.Monotonic(rand.Reader, 0)}
	return func() string { return ulid.MustNew(ulid.Timestamp(now()), entropy).String() }
}

func (a *App) openDomain(ctx context.Context, o Options) error {
	if err := a.openIdentity(ctx, o); err != nil {
		return err
	}
	if err := a.openOwner(ctx); err != nil {
		return err
	}
	model, err := a.openModels(o)
	if err != nil {
		return err
	}
	id := newID(o.Now)
	sessions := session.NewService(session.Deps{Table: a.table, Objects: a.objects, Signer: object.SameOrigin{Signer: a.objects, Prefix: topology.PathObjects},
		Inspector: reader.Objects{Store: a.objects}, Bucket: bucketName, MaxUpload: int64(a.cfg.Limits.Upload), Quota: int64(a.cfg.Limits.Storage), Now: o.Now, NewID: id})
	a.sweepUploads(sessions)
	store := job.NewStore(a.table, o.Now)
	log := job.NewLog(a.table, o.Now, o.Notify)
	l := a.cfg.Limits
	a.settings = settings.New(a.table, handler.ValuesOf(l, a.catalog.List()[0].ID), a.catalog, o.Now)
	a.jobs = job.NewService(job.Deps{Store: store, Log: log, Table: a.table, Queue: a.queue, Sessions: sessions, Models: a.catalog,
		Rules: handler.RulesOf(l), Settings: a.settings, Pace: o.Pace, Now: o.Now, NewID: id, OnSend: func(err error) { a.log.Warn("a job waits for the reaper", "error", err.Error()) }})
	a.steps = a.newSteps(model, o)
	a.work = &worker{app: a, functions: functions(a.steps), lanes: newLanes(a.depth)}
	if err := a.openPage(); err != nil {
		return err
	}
	return a.openAPI(sessions, o)
}

func (a *App) newSteps(model codegen.Model, o Options) *interpret.Steps {
	set := interpret.Settings{PlaceLimit: int64(a.cfg.Limits.Place), StepBudget: time.Minute, MaxWait: time.Hour, MaxTokens: 8192, StopGrace: 2 * time.Second,
		CredsTTL: 5 * time.Minute}
	if o.Steps.StepBudget > 0 {
		set.StepBudget = o.Steps.StepBudget
	}
	if o.Steps.MaxWait > 0 {
		set.MaxWait = o.Steps.MaxWait
	}
	a.places = newCellHouse(a.pool)
	d := interpret.Deps{Jobs: a.jobs, Model: model, Cells: a.places, Objects: a.objects,
		Grants: innerGranter{a.gateway, "http://127.0.0.1:9000"}, Notify: o.Notify, Publish: o.Publish, Settings: set, Now: o.Now, Cluster: o.Cluster}
	if a.cluster != nil {
		d.Cluster = clusterHouse{a.cluster}
	}
	return interpret.New(d)
}

func functions(s *interpret.Steps) map[string]task.Function {
	return map[string]task.Function{
		topology.FnPrepare:  task.Step(s.Prepare),
		topology.FnGenerate: task.Step(s.Generate),
		topology.FnValidate: task.Step(s.Validate),
		topology.FnFix:      task.Step(s.Fix),
		topology.FnExecute:  task.Step(s.Execute),
		topology.FnFinish:   task.Step(s.Finish),
	}
}

func (a *App) openWorkflow(ctx context.Context, o Options) error {
	machines, err := parseMachines()
	if err != nil {
		return err
	}
	open := o.Engine
	if open == nil {
		open = a.embeddedEngine(o)
	}
	if a.engine, err = open(ctx, machines, a.work); err != nil {
		return err
	}
	a.onClose(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), closeTime)
		defer cancel()
		return a.engine.Close(ctx)
	})
	a.work.start(o.Now)
	a.onClose(a.work.stop)
	return nil
}

const closeTime = 10 * time.Second

// Handler answers HTTP: the API, and the objects that signed requests name.
func (a *App) Handler() http.Handler { return a.front() }
