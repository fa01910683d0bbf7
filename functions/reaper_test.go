package functions_test

import (
	"context"
	"crypto/rand"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/orcray/orcray/functions/runtimetest"
	"github.com/orcray/orcray/shared/aws/ecs"
	"github.com/orcray/orcray/shared/aws/ecs/ecstest"
	"github.com/orcray/orcray/shared/interpret"
	"github.com/orcray/orcray/shared/job"
	"github.com/orcray/orcray/shared/queue"
	"github.com/orcray/orcray/shared/topology"
)

// nothing is a task that only lives.
type nothing chan struct{}

// Done implements ecstest.Process.
func (n nothing) Done() <-chan struct{} { return n }

// Kill implements ecstest.Process.
func (n nothing) Kill() { close(n) }

// openECS puts a double of ECS where the functions find it.
func (w *world) openECS(launch ecstest.Launch, cells, heads int) *ecstest.Server {
	w.t.Helper()
	s := ecstest.New(launch)
	w.t.Cleanup(s.Close)
	s.AddService("cells", cells)
	s.AddService("head", heads)
	w.set("AWS_ENDPOINT_URL_ECS", s.URL(), topology.EnvECSCluster, ecstest.Cluster(), topology.EnvCellsWarm, "1")
	return s
}

func (w *world) reap() (*runtimetest.Process, interpret.Swept) {
	w.t.Helper()
	p := w.start(topology.FnReaper)
	a := p.Invoke(runtimetest.Invocation{Payload: []byte(`{}`), Timeout: 60 * time.Second})
	if a.ErrorType != "" || a.Killed {
		w.t.Fatalf("%q %s\n%s", a.ErrorType, a.Body, p.Log())
	}
	return p, decode[interpret.Swept](w.t, a.Body)
}

// drain takes all messages away, as if they were lost.
func (w *world) drain() []queue.Delivery {
	w.t.Helper()
	got, err := w.queue.Receive(w.t.Context(), 10, 0)
	w.must(err)
	for _, m := range got {
		w.must(w.queue.Delete(w.t.Context(), m.Receipt))
	}
	return got
}

// Work that nobody moves is sent again; what idles stops, and the numbers of both are measured.
func TestA11_TheReaperSendsLostJobsAgainAndStopsWhatIdles(t *testing.T) {
	w := newWorld(t)
	tasks := w.openECS(func(context.Context, string) (ecstest.Process, error) { return make(nothing), nil }, 1, 1)
	w.ago = 2 * time.Minute
	j := w.accept()
	if lost := w.drain(); len(lost) != 1 {
		t.Fatalf("%d messages", len(lost))
	}
	long := func() time.Time { return time.Now().Add(-time.Hour) } // when cells and cluster were last of use
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	w.must(ecs.NewCells(ecs.CellsConfig{Client: tasks.Client(), Table: w.table, Cluster: ecstest.Cluster(), Service: "cells", Warm: 1, Max: 2,
		IdleStop: 30 * time.Minute, Now: long, Rand: rand.Reader, Logger: log}).Sweep(t.Context()))
	p, swept := w.reap()
	if swept.Open != 1 || swept.Stuck != 1 || swept.Failed != 0 {
		t.Errorf("%+v", swept)
	}
	again := w.drain()
	if len(again) != 1 || decode[job.Message](t, again[0].Body).ID != j.ID {
		t.Errorf("%d messages after the sweep", len(again))
	}
	if cells, heads := tasks.Desired("cells"), tasks.Desired("head"); cells != 0 || heads != 0 {
		t.Errorf("%d cells and %d heads go on", cells, heads)
	}
	for _, metric := range []string{topology.MetricOpen, topology.MetricStuck, topology.MetricQueue, topology.MetricDead, topology.MetricCells, topology.MetricLeased} {
		if !strings.Contains(p.Log(), `"`+metric+`":`) {
			t.Errorf("%s is not measured:\n%s", metric, p.Log())
		}
	}
}

// A cell that starts costs, and is nobody's: who pays for it must see that.
func TestA11_TheReaperCountsACellThatStartsAsFree(t *testing.T) {
	w := newWorld(t)
	w.openECS(func(ctx context.Context, _ string) (ecstest.Process, error) { <-ctx.Done(); return nil, ctx.Err() }, 1, 0)
	p, _ := w.reap()
	for metric, value := range map[string]string{topology.MetricCells: "1", topology.MetricLeased: "0"} {
		if !regexp.MustCompile(`"` + metric + `":` + value + `\b`).MatchString(p.Log()) {
			t.Errorf("%s is not %s:\n%s", metric, value, p.Log())
		}
	}
}

// A file that was announced and never completed goes after a day, with the room that it took.
func TestA11_TheReaperRemovesWhatNobodyCompleted(t *testing.T) {
	w := newWorld(t)
	w.openECS(func(context.Context, string) (ecstest.Process, error) { return make(nothing), nil }, 0, 0)
	sessions := w.sessions(func() time.Time { return time.Now().Add(-48 * time.Hour) })
	u, err := sessions.BeginUpload(t.Context(), w.user, w.session, "a.csv", "text/csv", 4)
	w.must(err)
	key := keyOf(u.Source)
	w.must(w.objects().Put(t.Context(), key, "text/csv", strings.NewReader("a\n1\n"), 4))
	w.reap()
	if _, err := w.objects().Head(t.Context(), key); err == nil {
		t.Error("the file is still there")
	}
}

// The function inside the network proves tokens by keys that the reaper kept: it does not ask the issuer.
func TestA8_TokensAreProvenInsideTheNetworkWithoutTheIssuer(t *testing.T) {
	w := newWorld(t)
	w.openECS(func(context.Context, string) (ecstest.Process, error) { return make(nothing), nil }, 0, 0)
	token := w.token()
	inside := w.start(topology.FnCluster)
	if a := w.ask(inside, "GET", "/api/v1/ray/status", "", token); a.StatusCode != 503 {
		t.Errorf("before any sweep: %d %s", a.StatusCode, a.Body)
	}
	w.reap()
	info, err := w.objects().Head(t.Context(), topology.ObjectIssuerKeys)
	w.must(err)
	w.reap()
	if again, err := w.objects().Head(t.Context(), topology.ObjectIssuerKeys); err != nil || again != info {
		t.Errorf("what did not change was written again: %+v, %v", again, err)
	}
	w.issuer()
	inside = w.start(topology.FnCluster)
	if a := w.ask(inside, "GET", "/api/v1/ray/status", "", token); a.StatusCode != 200 {
		t.Errorf("%d %s\n%s", a.StatusCode, a.Body, inside.Log())
	}
	if a := w.ask(inside, "GET", "/api/v1/ray/status", "", token+"x"); a.StatusCode != 401 {
		t.Errorf("a token that was changed: %d %s", a.StatusCode, a.Body)
	}
}
