// Package raytest is a runner that speaks the runner protocol over a unix socket and behaves as a script says. It runs no
// program: tests use it where the product has a cell or the cluster, through the real client.
package raytest

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/orcray/orcray/shared/ray"
)

// Server is one runner: one run at a time, each id once.
type Server struct {
	script *Script
	http   http.Server
	socket string
	dead   chan struct{}
	once   sync.Once

	mu   sync.Mutex
	runs map[string]*run
}

// run is a run as its runner knows it.
type run struct {
	ray.Run
	does    Behaviour
	state   ray.RunState
	events  []ray.Event
	changed chan struct{} // closed and replaced at each change
	stop    chan struct{} // closed when somebody asked
	asked   bool
}

// NewServer starts a runner on a unix socket; its script may be shared with other runners. Close it.
func NewServer(socket string, script *Script) (*Server, error) {
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return nil, fmt.Errorf("raytest: %w", err)
	}
	s := &Server{script: script, socket: socket, dead: make(chan struct{}), runs: map[string]*run{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, ray.Health{Ready: true, Ray: "2.60.0", Python: "3.11", Isolation: "scripted"})
	})
	mux.HandleFunc("POST /check", func(w http.ResponseWriter, _ *http.Request) { reply(w, http.StatusOK, map[string]bool{"ok": true}) })
	mux.HandleFunc("POST /runs", s.submit)
	mux.HandleFunc("GET /runs/{id}", s.known(s.get))
	mux.HandleFunc("POST /runs/{id}/stop", s.known(s.stop))
	mux.HandleFunc("GET /runs/{id}/events", s.known(s.events))
	s.http.Handler = mux
	go func() { _ = s.http.Serve(listener) }() // ends with Close
	return s, nil
}

// Client is a client of this runner.
func (s *Server) Client() *ray.Client { return ray.NewClient(ray.Unix(s.socket), ray.Options{}) }

// Done is closed when the runner has died or was closed.
func (s *Server) Done() <-chan struct{} { return s.dead }

// Close kills the runner: connections break, and nobody answers any more. A second call does nothing.
func (s *Server) Close() {
	s.once.Do(func() {
		close(s.dead)
		_ = s.http.Close()
	})
}

// State gives the state of a run, "" for one that never came here.
func (s *Server) State(id string) ray.RunState {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.runs[id]; r != nil {
		return r.state
	}
	return ""
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // a client that left is no error of the test
}

func refuse(w http.ResponseWriter, status int) {
	reply(w, status, map[string]string{"error": http.StatusText(status)})
}

func (s *Server) known(serve func(http.ResponseWriter, *http.Request, *run)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		found := s.runs[r.PathValue("id")]
		s.mu.Unlock()
		if found == nil || found.does.Forgotten {
			refuse(w, http.StatusNotFound)
			return
		}
		serve(w, r, found)
	}
}

func (s *Server) get(w http.ResponseWriter, _ *http.Request, r *run) {
	reply(w, http.StatusOK, s.status(r))
}

func (s *Server) status(r *run) ray.Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return ray.Status{RunID: r.RunID, State: r.state}
}

// submit takes a run: 202 for a new one, 200 for one that is known, 409 while another one is active.
func (s *Server) submit(w http.ResponseWriter, req *http.Request) {
	var asked ray.Run
	if json.NewDecoder(req.Body).Decode(&asked) != nil || asked.RunID == "" || asked.Code == "" {
		refuse(w, http.StatusBadRequest)
		return
	}
	if s.script.Heard != nil {
		s.script.Heard(req.Header)
	}
	s.mu.Lock()
	if old := s.runs[asked.RunID]; old != nil {
		s.mu.Unlock()
		if old.Code != asked.Code {
			refuse(w, http.StatusConflict)
			return
		}
		reply(w, http.StatusOK, s.status(old))
		return
	}
	for _, r := range s.runs {
		if !r.state.Terminal() {
			s.mu.Unlock()
			refuse(w, http.StatusConflict)
			return
		}
	}
	r := &run{Run: asked, state: ray.Running, changed: make(chan struct{}), stop: make(chan struct{})}
	r.does = s.script.next(asked)
	if r.does.Refuse != 0 {
		s.mu.Unlock()
		refuse(w, r.does.Refuse)
		return
	}
	s.runs[asked.RunID] = r
	s.mu.Unlock()
	go s.carry(r)
	reply(w, http.StatusAccepted, s.status(r))
}

// carry is the life of a run.
func (s *Server) carry(r *run) {
	s.add(r, "status", map[string]any{"state": ray.Running})
	for _, e := range r.does.Events {
		s.add(r, e.Type, e.Data)
	}
	state := r.does.End
	if r.does.Gate != nil || state == "" {
		select {
		case <-r.does.Gate: // a nil gate never opens
		case <-s.stopped(r):
			state = ray.Stopped
		case <-s.limit(r):
			state = ray.TimedOut
		case <-s.dead:
			return
		}
	}
	if r.does.Dies {
		s.Close()
		return
	}
	for _, e := range r.does.Late {
		s.add(r, e.Type, e.Data)
	}
	s.add(r, "status", map[string]any{"state": state})
}

// limit is the runner's own clock on a run; a stubborn run has none.
func (s *Server) limit(r *run) <-chan time.Time {
	if r.does.Stubborn || r.Limits.WallSeconds <= 0 {
		return nil
	}
	return time.After(time.Duration(r.Limits.WallSeconds * float64(time.Second)))
}

func (s *Server) stopped(r *run) <-chan struct{} {
	if r.does.Stubborn {
		return nil
	}
	return r.stop
}

func (s *Server) add(r *run, typ string, data any) {
	raw, err := json.Marshal(data)
	if err != nil {
		panic(fmt.Sprintf("raytest: an event of the script cannot be written: %v", err))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r.events = append(r.events, ray.Event{Seq: int64(len(r.events) + 1), Time: time.Now().UTC(), Type: typ, Data: raw})
	if state, ok := data.(map[string]any)["state"].(ray.RunState); ok && typ == "status" {
		r.state = state
	}
	close(r.changed)
	r.changed = make(chan struct{})
}

// stop ends a run, unless it is stubborn.
func (s *Server) stop(w http.ResponseWriter, req *http.Request, r *run) {
	s.script.noteStop(r.RunID)
	s.mu.Lock()
	if !r.asked {
		r.asked = true
		close(r.stop)
	}
	changed, over := r.changed, r.state.Terminal()
	s.mu.Unlock()
	if !over && !r.does.Stubborn {
		select {
		case <-changed:
		case <-req.Context().Done():
		}
	}
	reply(w, http.StatusOK, s.status(r))
}

// events is a long poll of NDJSON: what there is, then what comes, until the run is terminal or the poll's time is up.
func (s *Server) events(w http.ResponseWriter, req *http.Request, r *run) {
	after, err := strconv.ParseInt(req.URL.Query().Get("after"), 10, 64)
	if err != nil || after < 0 {
		refuse(w, http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.WriteHeader(http.StatusOK)
	_ = http.NewResponseController(w).Flush()
	if r.does.Broken != "" {
		_, _ = w.Write([]byte(r.does.Broken))
		return
	}
	if r.does.Repeats {
		after = max(0, after-1)
	}
	timer := time.NewTimer(s.script.pollTime())
	defer timer.Stop()
	for {
		s.mu.Lock()
		fresh := slices.Clone(r.events[min(int(after), len(r.events)):])
		changed, over := r.changed, r.state.Terminal()
		s.mu.Unlock()
		for _, e := range fresh {
			_ = json.NewEncoder(w).Encode(e)
			after = e.Seq
		}
		_ = http.NewResponseController(w).Flush()
		if over {
			return
		}
		select {
		case <-changed:
		case <-timer.C:
			return
		case <-req.Context().Done():
			return
		case <-s.dead:
			return
		}
	}
}
