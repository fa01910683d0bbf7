package interpret_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orcray/orcray/infra/local/localtest"
	"github.com/orcray/orcray/shared/aws/s3"
	"github.com/orcray/orcray/shared/codegen"
	"github.com/orcray/orcray/shared/embedded/bus"
	"github.com/orcray/orcray/shared/embedded/s3gateway"
	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/interpret"
	"github.com/orcray/orcray/shared/job"
	"github.com/orcray/orcray/shared/openai"
	"github.com/orcray/orcray/shared/openai/openaitest"
	"github.com/orcray/orcray/shared/queue"
	"github.com/orcray/orcray/shared/ray"
	"github.com/orcray/orcray/shared/ray/raytest"
	"github.com/orcray/orcray/shared/session"
	"github.com/orcray/orcray/shared/source"
	"github.com/orcray/orcray/shared/table"
)

const owner = "01OWNER"

// rig is the steps with their real parts, and no engine: a test calls them as an engine would, or as no engine should.
type rig struct {
	t      *testing.T
	table  table.Table
	jobs   *job.Service
	steps  *interpret.Steps
	script *raytest.Script
	model  *openaitest.Server
	place  *onePlace
	cold   atomic.Bool  // the cluster is still starting
	ahead  atomic.Int64 // how far the steps' clock is beyond the true one

	objects *s3.Store
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, script: &raytest.Script{Poll: 50 * time.Millisecond}, model: openaitest.NewServer()}
	t.Cleanup(r.model.Close)
	dir := t.TempDir()
	var q queue.Queue
	r.table, q = localtest.Store(t, dir, time.Now)
	g, err := s3gateway.Start(t.Context(), s3gateway.Options{Dir: filepath.Join(dir, "o"), Bucket: "rig-bucket", Now: time.Now, Rand: rand.Reader})
	r.must(err)
	t.Cleanup(func() { r.must(g.Close()) })
	objects := s3.New(s3.NewClient(g.Config(), g.Endpoint()), "rig-bucket", time.Now)
	model, err := openai.New(openai.Config{BaseURL: r.model.URL(), Model: "m", Now: time.Now})
	r.must(err)
	var ids atomic.Int64
	id := func() string { return fmt.Sprintf("01ID%06d", ids.Add(1)) }
	notify := &bus.Bus{}
	r.objects = objects
	sessions := session.NewService(session.Deps{Table: r.table, Objects: objects, Signer: objects, Inspector: looks{}, Bucket: "rig-bucket", MaxUpload: 1 << 20, Now: time.Now, NewID: id})
	r.jobs = job.NewService(job.Deps{Store: job.NewStore(r.table, time.Now), Log: job.NewLog(r.table, time.Now, notify), Table: r.table, Queue: q, Sessions: sessions,
		Models: anyModel{}, Pace: bus.NewPace(time.Now), Now: time.Now, NewID: id, OnSend: func(err error) { t.Error(err) },
		Rules: job.Rules{MaxPrompt: 1000, MaxCode: 10000, ValidateSeconds: 30, ExecuteSeconds: 30, MaxExecute: 60}})
	r.place = &onePlace{dir: dir, script: r.script}
	t.Cleanup(func() { r.place.Discard("", "") })
	r.steps = interpret.New(interpret.Deps{Jobs: r.jobs, Model: model, Cells: r.place, Cluster: r.cluster(dir), Objects: objects, Grants: g, Notify: notify,
		Now:      func() time.Time { return time.Now().Add(time.Duration(r.ahead.Load())) },
		Settings: interpret.Settings{PlaceLimit: 1 << 20, StepBudget: 5 * time.Second, MaxWait: time.Minute, MaxTokens: 100, StopGrace: time.Second}})
	r.selectFile(sessions, objects)
	return r
}

func (r *rig) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

var sessionID = "01ID000001"

func (r *rig) selectFile(sessions *session.Service, objects *s3.Store) {
	r.t.Helper()
	ctx := context.Background()
	s, err := sessions.Create(ctx, owner, "S")
	r.must(err)
	if s.ID != sessionID {
		r.t.Fatalf("the session is %s", s.ID)
	}
	u, err := sessions.BeginUpload(ctx, owner, s.ID, "a.csv", "text/csv", 4)
	r.must(err)
	r.must(objects.Put(ctx, u.Source.Key, "text/csv", bytes.NewReader([]byte("a\n1\n")), 4))
	_, err = sessions.CompleteUpload(ctx, owner, u.Source.ID)
	r.must(err)
}

// create accepts a job and gives the state that begins its workflow.
func (r *rig) create(q job.Request) interpret.State {
	r.t.Helper()
	q.SessionID = sessionID
	done, err := r.jobs.Create(context.Background(), owner, q)
	r.must(err)
	return interpret.State{Owner: owner, JobID: done.Job.ID, Kind: q.Kind}
}

func (r *rig) job(st interpret.State) *job.Job {
	r.t.Helper()
	j, err := r.jobs.Get(context.Background(), owner, st.JobID)
	r.must(err)
	return j
}

func (r *rig) events(st interpret.State) []job.Event {
	r.t.Helper()
	list, err := r.jobs.Log().After(context.Background(), owner, st.JobID, 0, 1000)
	r.must(err)
	return list
}

// step is what the state machine calls next.
func (r *rig) step(name string) func(context.Context, interpret.State) (interpret.State, error) {
	return map[string]func(context.Context, interpret.State) (interpret.State, error){"prepare": r.steps.Prepare, "generate": r.steps.Generate,
		"validate": r.steps.Validate, "fix": r.steps.Fix, "execute": r.steps.Execute, "finish": r.steps.Finish}[name]
}

// walk goes the way of the state machine; call decides how each step is called.
func (r *rig) walk(st interpret.State, call func(name string, st interpret.State) interpret.State) interpret.State {
	name := "prepare"
	for range 40 {
		st = call(name, st)
		if name == "finish" {
			return st
		}
		switch st.Next {
		case interpret.Poll:
		case interpret.End:
			name = "finish"
		default:
			name = string(st.Next)
		}
	}
	r.t.Fatal("the workflow does not end")
	return st
}

func (r *rig) call(name string, st interpret.State) interpret.State {
	r.t.Helper()
	out, err := r.step(name)(context.Background(), through(r.t, st))
	r.must(err)
	return through(r.t, out)
}

// through carries a state over a process border.
func through(t *testing.T, st interpret.State) (out interpret.State) {
	t.Helper()
	raw, err := json.Marshal(st)
	if err == nil {
		err = json.Unmarshal(raw, &out)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// cluster is a second scripted runner, whose outputs name object keys.
type cluster struct {
	socket string
	cold   *atomic.Bool
}

func (r *rig) cluster(dir string) cluster {
	r.t.Helper()
	socket := filepath.Join(dir, "cluster")
	s, err := raytest.NewServer(socket, r.script)
	r.must(err)
	r.t.Cleanup(s.Close)
	return cluster{socket, &r.cold}
}

func (c cluster) Runner(ctx context.Context, onWait func(interpret.Wait)) (interpret.Runner, string, error) {
	if c.cold.Load() {
		onWait(interpret.Wait{Why: "it is starting"})
		<-ctx.Done()
		return nil, "", fault.Wrap(ctx.Err(), fault.Timeout, "not ready in time")
	}
	return ray.NewClient(ray.Unix(c.socket), ray.Options{ObjectKeys: true}), "cluster-1", nil
}
func (cluster) Isolation() string { return "scripted cluster" }

type anyModel struct{}

func (anyModel) Resolve(string) (string, error) { return "m", nil }

var _ codegen.Model = (*openai.Client)(nil)

// looks knows every file already.
type looks struct{}

func (looks) Inspect(_ context.Context, key, _ string, size int64, _ string) (source.Profile, error) {
	return source.Profile{Format: source.CSV, Bytes: size, Rows: 1, Exact: true, Columns: []source.Column{{Name: "a", Type: source.Int}},
		Preview: []string{"a", "1"}, Sample: source.Sample{Key: key, Rows: 1, Bytes: size, Whole: true}}, nil
}

// onePlace is the one cell of a rig.
type onePlace struct {
	dir      string
	script   *raytest.Script
	n        int
	cell     *oneCell
	holder   string
	released int
}

type oneCell struct {
	*raytest.Server
	id   string
	gone bool // its files are
}

func (p *onePlace) Lease(_ context.Context, _, job string, _ func(interpret.Wait)) (interpret.Cell, error) {
	if p.holder != "" && p.holder != job {
		return nil, fault.New(fault.Timeout, "busy")
	}
	if p.cell == nil {
		p.n++
		id := "c" + strconv.Itoa(p.n)
		s, err := raytest.NewServer(filepath.Join(p.dir, id), p.script)
		if err != nil {
			return nil, err
		}
		p.cell = &oneCell{Server: s, id: id}
	}
	p.holder = job
	return p.cell, nil
}

func (p *onePlace) Release(_, job string) {
	if p.holder == job {
		p.holder, p.released = "", p.released+1
	}
}

func (p *onePlace) Find(_, id string) (interpret.Cell, bool) {
	return p.cell, p.cell != nil && p.cell.id == id
}

func (p *onePlace) Discard(string, string) {
	if p.cell != nil {
		p.cell.Close()
		p.cell = nil
	}
}

func (c *oneCell) ID() string               { return c.id }
func (c *oneCell) Runner() interpret.Runner { return c.Client() }
func (c *oneCell) Isolation() string        { return "scripted" }
func (c *oneCell) Put(_ context.Context, key string, open func() (io.ReadCloser, int64, error)) (string, error) {
	body, _, err := open()
	if err != nil {
		return "", err
	}
	return key, body.Close()
}
func (c *oneCell) Open(_, name string) (io.ReadCloser, int64, error) {
	if c.gone {
		return nil, 0, fault.New(fault.Unavailable, "gone")
	}
	return io.NopCloser(bytes.NewReader([]byte(name))), int64(len(name)), nil
}
