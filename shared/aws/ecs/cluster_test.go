package ecs_test

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orcray/orcray/shared/aws/ecs"
	"github.com/orcray/orcray/shared/aws/ecs/ecstest"
	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/interpret"
)

// headHost is an address that no other server of a test listens on, whatever port it was given.
const headHost = "127.0.0.2"

const headToken = "0123456789abcdef0123456789abcdef"

// head is a service of one head at one address, as its name in the VPC is one.
type head struct {
	*world
	warm atomic.Bool // the head says that it is ready
}

func newHead(t *testing.T, desired int) *head {
	h := &head{}
	h.warm.Store(true)
	h.world = newWorldOf(t, desired, onSQLite, func(port int) ecstest.Launch {
		return func(context.Context, string) (ecstest.Process, error) {
			l, err := net.Listen("tcp", net.JoinHostPort(headHost, strconv.Itoa(port)))
			if err != nil {
				return nil, err
			}
			p := &inProcess{done: make(chan struct{}), server: &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(h.answer)}}
			go func() {
				_ = p.server.Serve(l)
				close(p.done)
			}()
			return p, nil
		}
	})
	return h
}

func (h *head) answer(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer "+headToken {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	_, _ = w.Write([]byte(`{"ready": ` + strconv.FormatBool(h.warm.Load()) + `, "ray": "2", "python": "3"}`))
}

func (h *head) cluster(change func(*ecs.ClusterConfig)) *ecs.Cluster {
	cfg := ecs.ClusterConfig{Client: h.aws.Client(), Table: h.table, Cluster: ecstest.Cluster(), Service: service, Host: headHost, Port: h.port,
		Token: func(context.Context) (string, error) { return headToken, nil }, IdleStop: 30 * time.Minute, Now: h.clock.now,
		Logger: slog.New(slog.NewTextHandler(h.t.Output(), nil)), Times: quick()}
	if change != nil {
		change(&cfg)
	}
	return ecs.NewCluster(cfg)
}

func deaf(interpret.Wait) {}

func TestA8_TheHeadStartsOnDemandAndStopsWhenIdle(t *testing.T) {
	h := newHead(t, 0)
	c := h.cluster(nil)
	var heard []string
	r, id, err := c.Runner(h.ctx(), func(n interpret.Wait) { heard = append(heard, n.Why) })
	must(t, err)
	if r == nil || !strings.HasPrefix(id, "arn:") || len(heard) == 0 || heard[0] != "it is starting, which usually takes about 20 seconds" {
		t.Fatalf("%s, heard %q", id, heard)
	}
	h.clock.pass(20 * time.Minute)
	_, again, err := h.cluster(nil).Runner(h.ctx(), deaf) // another process; also the use that keeps it
	must(t, err)
	h.clock.pass(20 * time.Minute)
	must(t, c.Idle(h.ctx()))
	if again != id || h.aws.Desired(service) != 1 {
		t.Errorf("%s became %s, %d heads are wanted", id, again, h.aws.Desired(service))
	}
	h.clock.pass(20 * time.Minute)
	must(t, c.Idle(h.ctx()))
	if h.aws.Desired(service) != 0 {
		t.Error("an idle head is kept")
	}
	updates := h.aws.Calls("UpdateService")
	must(t, c.Idle(h.ctx()))
	if h.aws.Calls("UpdateService") != updates {
		t.Error("a head that is stopped is stopped again")
	}
	within(t, "the head is gone", func() bool { return len(h.aws.Running(service)) == 0 })
	_, next, err := c.Runner(h.ctx(), deaf)
	must(t, err)
	if next == id {
		t.Error("a new head has the id of the old one")
	}
}

func TestA8_AHeadThatIsNotWarmIsWaitedFor(t *testing.T) {
	h := newHead(t, 1)
	h.warm.Store(false)
	ctx, cancel := context.WithTimeout(h.ctx(), 500*time.Millisecond)
	defer cancel()
	if _, _, err := h.cluster(nil).Runner(ctx, deaf); !fault.Is(err, fault.Timeout) {
		t.Errorf("a cold head: %v", err)
	}
	h.warm.Store(true)
	if _, _, err := h.cluster(nil).Runner(h.ctx(), deaf); err != nil {
		t.Error(err)
	}
}

func TestA8_ALostHeadHasAnotherID(t *testing.T) {
	h := newHead(t, 1)
	c := h.cluster(nil)
	_, id, err := c.Runner(h.ctx(), deaf)
	must(t, err)
	h.aws.Kill(id)
	_, next, err := c.Runner(h.ctx(), deaf)
	must(t, err)
	if next == id {
		t.Error("the new head has the id of the lost one")
	}
}

// Another head takes the place of the one that was listed, and answers: the old one's id is not taken for its own.
func TestA8_AHeadThatIsReplacedWhileItIsLookedAt(t *testing.T) {
	h := newHead(t, 1)
	within(t, "the head runs", func() bool { return len(h.aws.Running(service)) == 1 })
	old := h.aws.Running(service)[0]
	var once sync.Once
	c := h.cluster(func(cfg *ecs.ClusterConfig) {
		cfg.Token = func(context.Context) (string, error) { // is asked for between the list and the head
			once.Do(func() {
				h.aws.Kill(old)
				within(t, "another head runs", func() bool { return len(h.aws.Running(service)) == 1 && h.aws.Running(service)[0] != old })
			})
			return headToken, nil
		}
	})
	_, id, err := c.Runner(h.ctx(), deaf)
	must(t, err)
	if id == old {
		t.Error("the new head has the id of the one that it replaced")
	}
}

func TestA8_AHeadThatCannotStartSaysWhy(t *testing.T) {
	h := newHead(t, 0)
	h.aws.SetCapacity(0)
	heard := make(chan interpret.Wait, 100)
	ctx, cancel := context.WithCancel(h.ctx())
	done := make(chan error, 1)
	go func() {
		_, _, err := h.cluster(nil).Runner(ctx, func(n interpret.Wait) { heard <- n })
		done <- err
	}()
	hears(t, heard, "AWS has no capacity for it at the moment; it is asked again and again")
	h.aws.SetCapacity(-1)
	must(t, <-done)
	cancel()
	wrong := h.cluster(func(cfg *ecs.ClusterConfig) {
		cfg.Token = func(context.Context) (string, error) { return "wrong", nil }
	})
	if _, _, err := wrong.Runner(h.ctx(), deaf); !fault.Is(err, fault.Internal) {
		t.Errorf("a token that the head does not know: %v", err)
	}
	missing := h.cluster(func(cfg *ecs.ClusterConfig) { cfg.Service = "nothing" })
	if _, _, err := missing.Runner(h.ctx(), deaf); !fault.Is(err, fault.Internal) {
		t.Errorf("a missing service: %v", err)
	}
}

// The reaper decides to stop the head in the moment in which somebody wants it: whoever wants it gets one.
func TestA8_IdleNeverWinsOverUse(t *testing.T) {
	h := newHead(t, 1)
	for range 10 {
		h.clock.pass(time.Hour)
		stopped := make(chan error, 1)
		go func() { stopped <- h.cluster(nil).Idle(h.ctx()) }()
		_, _, err := h.cluster(nil).Runner(h.ctx(), deaf)
		must(t, err)
		must(t, <-stopped)
	}
}
