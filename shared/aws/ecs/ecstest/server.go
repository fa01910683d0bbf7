// Package ecstest is ECS on loopback, for tests: services that keep their number of tasks, and tasks that are true processes or servers,
// each with an address of its own. It speaks the wire format, and misbehaves when it is told to.
package ecstest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
)

// Process is what runs in a task.
type Process interface {
	Done() <-chan struct{}
	Kill() // returns when it is gone
}

// Launch starts what a task does, reachable under an address of its own on loopback.
type Launch func(ctx context.Context, address string) (Process, error)

// Fault is how one call goes wrong.
type Fault struct {
	Code  string        // of the error; empty: only slow
	Text  string        // its message
	Delay time.Duration // before the answer
	After bool          // the thing is done all the same
}

// Server is ECS with one cluster.
type Server struct {
	http   *httptest.Server
	launch Launch
	work   sync.WaitGroup
	ctx    context.Context
	stop   context.CancelFunc

	mu       sync.Mutex
	services map[string]*service
	tasks    map[string]*task
	tokens   map[string][]string // RunTask's client tokens
	calls    map[string]int
	fault    func(action string, n int) *Fault
	capacity int
	count    int
}

type service struct {
	name    string
	desired int
	events  []string
}

type task struct {
	arn       string
	address   string
	group     string // service, or empty
	last      string
	desired   string
	reason    string
	protected bool
	process   Process
}

// cluster is the name of the only cluster.
const cluster = "orcray-test"

// Cluster is the name of the cluster that the server has.
func Cluster() string { return cluster }

// New starts the server. Close ends it with all its tasks.
func New(launch Launch) *Server {
	ctx, stop := context.WithCancel(context.Background())
	s := &Server{launch: launch, ctx: ctx, stop: stop, services: map[string]*service{}, tasks: map[string]*task{}, tokens: map[string][]string{},
		calls: map[string]int{}, capacity: -1}
	s.http = httptest.NewServer(http.HandlerFunc(s.serve))
	return s
}

// Close ends everything.
func (s *Server) Close() {
	s.mu.Lock()
	s.stop()
	for _, v := range s.services {
		v.desired = 0
	}
	s.reconcile()
	for _, t := range s.tasks {
		s.end(t, "the test is over")
	}
	s.mu.Unlock()
	s.work.Wait()
	s.http.Close()
}

// Client makes a client; it tries each call up to 3 times.
func (s *Server) Client() *awsecs.Client {
	return awsecs.New(awsecs.Options{Region: "eu-central-1", BaseEndpoint: aws.String(s.http.URL), RetryMaxAttempts: 3,
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", "")})
}

// URL is where the server listens.
func (s *Server) URL() string { return s.http.URL }

// AddService makes a service; its tasks start at once.
func (s *Server) AddService(name string, desired int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.services[name] = &service{name: name, desired: desired}
	s.reconcile()
}

// Misbehave decides about each call of an action, n from 1, how it goes wrong; nil: it does not.
func (s *Server) Misbehave(fault func(action string, n int) *Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = fault
}

// SetCapacity bounds how many tasks run at once; negative: no bound.
func (s *Server) SetCapacity(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.capacity = n
	s.reconcile()
}

// Calls counts the calls of an action.
func (s *Server) Calls(action string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[action]
}

// Desired is how many tasks a service shall have.
func (s *Server) Desired(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.services[name].desired
}

// Running lists the tasks of a service that run.
func (s *Server) Running(name string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var arns []string
	for _, t := range s.tasks {
		if t.group == name && t.last == "RUNNING" && t.desired == "RUNNING" {
			arns = append(arns, t.arn)
		}
	}
	slices.Sort(arns)
	return arns
}

// Address is where a task is.
func (s *Server) Address(arn string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tasks[arn].address
}

// Kill ends what runs in a task, as a crash would; the service replaces it.
func (s *Server) Kill(arn string) {
	s.mu.Lock()
	process := s.tasks[arn].process
	s.mu.Unlock()
	process.Kill()
}

// reconcile gives every service its number of tasks. The caller holds the lock.
func (s *Server) reconcile() {
	for _, v := range s.services {
		var mine []*task
		for _, t := range s.tasks {
			if t.group == v.name && t.desired == "RUNNING" {
				mine = append(mine, t)
			}
		}
		slices.SortFunc(mine, func(a, b *task) int { return strings.Compare(a.arn, b.arn) })
		for len(mine) < v.desired && s.ctx.Err() == nil {
			t := s.start(v.name)
			if t == nil {
				v.events = append(v.events, "(service "+v.name+") was unable to place a task. Reason: Capacity is unavailable at this time.")
				break
			}
			mine = append(mine, t)
		}
		for _, t := range mine { // the oldest first: those are likely to be in use
			if len(mine) <= v.desired {
				break
			}
			if !t.protected {
				s.end(t, "Scaling activity initiated")
				mine = mine[:len(mine)-1]
			}
		}
	}
}

// start begins a task, unless there is no capacity. The caller holds the lock.
func (s *Server) start(group string) *task {
	alive := 0
	for _, t := range s.tasks {
		if t.last != "STOPPED" {
			alive++
		}
	}
	if s.capacity >= 0 && alive >= s.capacity {
		return nil
	}
	s.count++
	t := &task{arn: fmt.Sprintf("arn:aws:ecs:eu-central-1:000000000000:task/%s/%032x", cluster, s.count), group: group,
		address: fmt.Sprintf("127.%d.%d.%d", 64+s.count>>14, s.count>>7&127, 1+s.count&127), last: "PROVISIONING", desired: "RUNNING"}
	s.tasks[t.arn] = t
	s.work.Go(func() { s.run(t) })
	return t
}

// run is a task's life.
func (s *Server) run(t *task) {
	process, err := s.launch(s.ctx, t.address)
	s.mu.Lock()
	if err != nil || t.desired == "STOPPED" {
		s.stopped(t, fmt.Sprintf("%s %v", t.reason, err))
		s.mu.Unlock()
		if process != nil {
			process.Kill()
		}
		return
	}
	t.process, t.last = process, "RUNNING"
	s.mu.Unlock()
	<-process.Done()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped(t, "Essential container in task exited")
}

func (s *Server) stopped(t *task, reason string) {
	t.last, t.desired = "STOPPED", "STOPPED"
	if t.reason == "" {
		t.reason = reason
	}
	s.reconcile()
}

// end tells a task to stop. The caller holds the lock.
func (s *Server) end(t *task, reason string) {
	if t.desired == "STOPPED" {
		return
	}
	t.desired, t.reason = "STOPPED", reason
	if t.process != nil {
		s.work.Go(t.process.Kill)
	}
}

// serve answers one call of the JSON 1.1 protocol.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	_, action, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	var in input
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		refuse(w, "SerializationException", err.Error())
		return
	}
	s.mu.Lock()
	s.calls[action]++
	var f *Fault
	if s.fault != nil {
		f = s.fault(action, s.calls[action])
	}
	s.mu.Unlock()
	if f != nil && f.Delay > 0 {
		delay := time.NewTimer(f.Delay)
		defer delay.Stop()
		select {
		case <-delay.C:
		case <-r.Context().Done():
		}
	}
	if f != nil && f.Code != "" && !f.After {
		refuse(w, f.Code, f.Text)
		return
	}
	out, refusal := s.answer(action, in)
	switch {
	case f != nil && f.Code != "":
		refuse(w, f.Code, f.Text)
	case refusal != "":
		code, text, _ := strings.Cut(refusal, ": ")
		refuse(w, code, text)
	default:
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_ = json.NewEncoder(w).Encode(out)
	}
}

func refuse(w http.ResponseWriter, code, text string) {
	status := http.StatusBadRequest
	if code == "ServerException" {
		status = http.StatusInternalServerError
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"__type": code, "message": text})
}
