// Package localtest runs the whole application for tests: the real store, queue, object store, workflow engine and API, with
// scripted servers where a model and Ray would be. One world can be open in a process at a time, because of its object store.
//
// With ORCRAY_TEST_WIRE=aws in the environment the store, the queue and the engine are the adapters of AWS, against doubles on the wire.
package localtest

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/orcray/orcray/infra/local"
	"github.com/orcray/orcray/shared/config"
	"github.com/orcray/orcray/shared/embedded/users"
	"github.com/orcray/orcray/shared/identity"
	"github.com/orcray/orcray/shared/interpret"
	"github.com/orcray/orcray/shared/openai/openaitest"
	"github.com/orcray/orcray/shared/ray/raytest"
)

// Setup is what a world is to be like. The zero value has its own folder and room for many cells.
type Setup struct {
	Dir        string            // the folder of an earlier world, to go on with; empty: a new one
	Env        map[string]string // settings, by their names
	Cells      int               // that may be leased at once; 0: 64
	QueueDepth int
	Steps      interpret.Settings
	Poll       time.Duration // of the scripted runners; 0: 200 ms
	Log        *slog.Logger  // nil: none
	Before     []*Case       // of the earlier world: their scripts are there when its jobs go on
}

// World is a running application and its scripts.
type World struct {
	App    *local.App
	Addr   string // host:port
	Dir    string
	Model  *openaitest.Server
	Script *raytest.Script
	Pool   *Pool

	config config.Config
	owned  bool // the folder goes with the world
	serve  context.CancelFunc
	served chan error
	users  atomic.Int64
	once   sync.Once
	cases  sync.Map // tag → *Case
}

// Open starts a world. Close it.
func Open(s Setup) (*World, error) {
	w := &World{Dir: s.Dir, Script: &raytest.Script{Poll: 200 * time.Millisecond}, served: make(chan error, 1)}
	if s.Poll > 0 {
		w.Script.Poll = s.Poll
	}
	if w.Dir == "" {
		dir, err := os.MkdirTemp("", "orcray-world-")
		if err != nil {
			return nil, fmt.Errorf("localtest: %w", err)
		}
		w.Dir, w.owned = dir, true
	}
	w.Model = openaitest.NewServer()
	w.Model.Otherwise(w.reply)
	w.Script.Otherwise(w.behave)
	w.Pool = newPool(filepath.Join(w.Dir, "sockets"), w.Script, s.Cells)
	for _, c := range s.Before {
		w.Rejoin(c)
	}
	if err := w.start(s); err != nil {
		return nil, err
	}
	return w, nil
}

func (w *World) start(s Setup) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("localtest: %w", err)
	}
	w.Addr = listener.Addr().String()
	env := map[string]string{"ORCRAY_ADDR": w.Addr, "ORCRAY_DATA": filepath.Join(w.Dir, "var"), "ORCRAY_MODEL": "openai",
		"ORCRAY_OPENAI_URL": w.Model.URL(), "ORCRAY_OPENAI_MODEL": "scripted-model", "ORCRAY_JOBS_PER_MINUTE": "100000"}
	for k, v := range s.Env {
		env[k] = v
	}
	if w.config, err = config.Load(func(name string) string { return env[name] }, nil); err != nil {
		return err
	}
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	if s.Steps.StepBudget == 0 {
		s.Steps.StepBudget = 2 * time.Second
	}
	options, err := w.options(s)
	if err != nil {
		return err
	}
	if w.App, err = local.Open(context.Background(), w.config, s.Log, options); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	w.serve = cancel
	go func() { w.served <- w.App.Serve(ctx, listener) }()
	return nil
}

// options are scripted places, quick hashes, no pauses, and the parts that the variable asks for.
func (w *World) options(s Setup) (local.Options, error) {
	o := local.Options{Pool: w.Pool, QueueDepth: s.QueueDepth, Steps: s.Steps, HashParams: identity.HashParams{MemoryKiB: 64, Passes: 1, Threads: 1},
		Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }}
	err := Parts(&o, w.Dir, s.QueueDepth, s.Log)
	return o, err
}

// Close ends the world; its folder stays when it was given.
func (w *World) Close() error {
	var err error
	w.once.Do(func() {
		w.serve()
		<-w.served
		err = w.App.Close()
		w.Pool.close()
		w.Model.Close()
		if w.owned {
			_ = os.RemoveAll(w.Dir)
		}
	})
	return err
}

// NewUser registers a user and signs in.
func (w *World) NewUser() (*Client, error) {
	n := w.users.Add(1)
	email, password := fmt.Sprintf("user%d-%s@example.com", n, strings.ToLower(rand.Text()[:6])), "correct horse"
	// Each from an address of its own: the limit on registrations counts addresses.
	status, err := w.direct(n, "/api/v1/users", "application/json", fmt.Sprintf(`{"email":%q,"password":%q,"full_name":"U"}`, email, password))
	if err != nil || status.Code != http.StatusCreated {
		return nil, fmt.Errorf("register: %d %s %w", status.Code, status.Body, err)
	}
	return w.SignIn(email, password)
}

// Admin signs the machine's owner in.
func (w *World) Admin() (*Client, error) {
	owner, err := local.ReadOwner(filepath.Join(w.Dir, "var"))
	if err != nil {
		return nil, err
	}
	return w.SignIn(owner.Email, owner.Password)
}

// Anonymous is a client without a token.
func (w *World) Anonymous() *Client { return &Client{world: w} }

// Expired gives a token of a user that was good until an hour ago, made with the world's own key.
func (w *World) Expired(user identity.User) (string, error) {
	keys, err := users.NewKeyFiles(filepath.Join(w.Dir, "var", "keys"))
	if err != nil {
		return "", err
	}
	past := func() time.Time { return time.Now().Add(-2 * time.Hour) }
	issuer, err := identity.NewIssuer(context.Background(), identity.IssuerConfig{Name: w.config.Auth.Issuer, Audience: w.config.Auth.Audience,
		Keys: keys, Now: past, Random: rand.Reader})
	if err != nil {
		return "", err
	}
	t, err := issuer.Issue(user)
	return t.AccessToken, err
}

func remote(n int64) string {
	return "10.1." + strconv.FormatInt(n/250, 10) + "." + strconv.FormatInt(1+n%250, 10) + ":40000"
}
