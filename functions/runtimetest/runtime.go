// Package runtimetest is Lambda for tests: it builds the real bootstrap of a function for this machine, starts it as a process of
// its own, and drives it by the Lambda Runtime API (2018-06-01).
package runtimetest

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	startBound = 30 * time.Second
	prefix     = "/2018-06-01/runtime/"
)

// Process is a running function.
type Process struct {
	t      testing.TB
	cmd    *exec.Cmd
	ended  chan struct{}
	calls  chan *call
	polled chan struct{} // a value for each GET /next
	log    string        // the file of what it writes
	began  time.Time
	init   time.Duration
	once   sync.Once
	server *http.Server

	mu      sync.Mutex
	current map[string]*call
	lastID  int
}

// Invocation is one call of a function.
type Invocation struct {
	Payload []byte
	Timeout time.Duration // 0: 20 s
	Trace   string        // of X-Ray
}

// Chunk is a piece of an answer as it came.
type Chunk struct {
	After time.Duration // since the invocation
	Data  []byte
}

// Answer is what a function answered.
type Answer struct {
	Body        []byte
	ContentType string
	Chunks      []Chunk
	Took        time.Duration
	ErrorType   string // empty: no error
	Message     string
	Killed      bool // no answer before the deadline: Lambda would have killed it
}

type call struct {
	id      string
	in      Invocation
	began   time.Time
	due     time.Time
	answer  chan Answer
	watcher func(Chunk)
}

// Start starts a binary with exactly these variables, and waits until it asks for its first invocation.
func Start(t testing.TB, binary string, env ...string) *Process {
	t.Helper()
	p := Launch(t, binary, env...)
	select {
	case <-p.polled:
	case <-p.ended:
		t.Fatalf("the function ended before its first invocation:\n%s", p.Log())
	case <-time.After(startBound):
		t.Fatalf("the function did not ask for an invocation:\n%s", p.Log())
	}
	return p
}

// Launch starts a binary without waiting for it.
func Launch(t testing.TB, binary string, env ...string) *Process {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Process{t: t, ended: make(chan struct{}), calls: make(chan *call, 1), polled: make(chan struct{}, 64), current: map[string]*call{}}
	server := &http.Server{Handler: http.HandlerFunc(p.serve), ReadHeaderTimeout: startBound}
	go func() { _ = server.Serve(listener) }()
	// A file, not a pipe: what the function wrote before it answered is there when its answer is.
	p.log = filepath.Join(t.TempDir(), "log")
	output, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer output.Close()
	p.cmd = exec.Command(binary)
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = t.TempDir(), output, output
	p.cmd.Env = append([]string{"AWS_LAMBDA_RUNTIME_API=" + listener.Addr().String(), "TMPDIR=" + t.TempDir(), "PATH=/usr/bin:/bin"}, env...)
	p.began, p.server = time.Now(), server
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = p.cmd.Wait(); close(p.ended) }()
	t.Cleanup(p.Stop)
	return p
}

// Stop ends the process at once, as Lambda does. Stopping it twice does no harm.
func (p *Process) Stop() {
	_ = p.cmd.Process.Kill()
	<-p.ended
	_ = p.server.Close()
}

// Init is the time from exec to the first GET /next.
func (p *Process) Init() time.Duration { return p.init }

// serve is the Runtime API.
func (p *Process) serve(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, prefix)
	switch id, verb := cut(path); {
	case r.Method == http.MethodGet && path == "invocation/next":
		p.next(w, r)
	case r.Method == http.MethodPost && verb == "response":
		p.respond(w, r, id)
	case r.Method == http.MethodPost && verb == "error":
		p.fail(w, r, id)
	default:
		http.NotFound(w, r)
	}
}

func cut(path string) (id, verb string) {
	id, verb, _ = strings.Cut(strings.TrimPrefix(path, "invocation/"), "/")
	return id, verb
}

func (p *Process) next(w http.ResponseWriter, r *http.Request) {
	p.once.Do(func() { p.init = time.Since(p.began) })
	p.polled <- struct{}{}
	select {
	case <-r.Context().Done():
	case c := <-p.calls:
		h := w.Header()
		h.Set("Lambda-Runtime-Aws-Request-Id", c.id)
		h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(c.due.UnixMilli(), 10))
		h.Set("Lambda-Runtime-Trace-Id", c.in.Trace)
		h.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:000000000000:function:test")
		h.Set("Content-Type", "application/json")
		_, _ = w.Write(c.in.Payload)
	}
}

func (p *Process) call(id string) *call {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.current[id]
}

func (p *Process) respond(w http.ResponseWriter, r *http.Request, id string) {
	c := p.call(id)
	if c == nil {
		http.Error(w, "no such invocation", http.StatusBadRequest)
		return
	}
	a := Answer{ContentType: r.Header.Get("Content-Type")}
	buffer := make([]byte, 64<<10)
	for {
		n, err := r.Body.Read(buffer)
		if n > 0 {
			chunk := Chunk{After: time.Since(c.began), Data: append([]byte{}, buffer[:n]...)}
			a.Chunks, a.Body = append(a.Chunks, chunk), append(a.Body, chunk.Data...)
			if c.watcher != nil {
				c.watcher(chunk)
			}
		}
		if err != nil {
			break
		}
	}
	a.Took = time.Since(c.began)
	a.ErrorType = r.Trailer.Get("Lambda-Runtime-Function-Error-Type")
	w.WriteHeader(http.StatusAccepted)
	c.answer <- a
}

func (p *Process) fail(w http.ResponseWriter, r *http.Request, id string) {
	c := p.call(id)
	body, err := io.ReadAll(r.Body)
	var e struct {
		Type    string `json:"errorType"`
		Message string `json:"errorMessage"`
	}
	if c == nil || err != nil || json.Unmarshal(body, &e) != nil {
		http.Error(w, "not an error of an invocation", http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusAccepted)
	c.answer <- Answer{Body: body, ErrorType: e.Type, Message: e.Message, Took: time.Since(c.began)}
}

// Invoke calls the function and waits for its answer, or until Lambda would have killed it.
func (p *Process) Invoke(in Invocation) Answer {
	p.t.Helper()
	return p.Watch(in, nil)
}

// Watch is Invoke that sees the pieces of a streaming answer as they come.
func (p *Process) Watch(in Invocation, watcher func(Chunk)) Answer {
	p.t.Helper()
	if in.Timeout == 0 {
		in.Timeout = 20 * time.Second
	}
	p.mu.Lock()
	p.lastID++
	c := &call{id: "request-" + strconv.Itoa(p.lastID), in: in, began: time.Now(), answer: make(chan Answer, 1), watcher: watcher}
	c.due = c.began.Add(in.Timeout)
	p.current[c.id] = c
	p.mu.Unlock()
	p.calls <- c
	select {
	case a := <-c.answer:
		return a
	case <-p.ended:
		p.t.Fatalf("the function ended:\n%s", p.Log())
	case <-time.After(in.Timeout):
	}
	return Answer{Killed: true, Took: time.Since(c.began)}
}

// Ended waits until the process has ended, and gives its exit code.
func (p *Process) Ended(ctx context.Context) int {
	p.t.Helper()
	select {
	case <-p.ended:
		return p.cmd.ProcessState.ExitCode()
	case <-ctx.Done():
		p.t.Fatalf("the function goes on:\n%s", p.Log())
		return 0
	}
}

// Alive reports whether the process runs.
func (p *Process) Alive() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// Log gives what the function wrote so far; what it wrote before an answer is in it once the answer has come.
func (p *Process) Log() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return "the log is not to be read: " + err.Error()
	}
	return string(text)
}

// PID of the process.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Build builds the bootstrap of a function for this machine, as the stacks build it for theirs, and gives its path.
func Build(t testing.TB, name string) string {
	t.Helper()
	return BuildOf(t, filepath.Join("bootstrap", name), "./functions/"+name)
}

// BuildForAWS is Build for the machines of the stacks.
func BuildForAWS(t testing.TB, name string) string {
	t.Helper()
	return BuildOf(t, filepath.Join("bootstrap-arm64", name), "./functions/"+name, "GOOS=linux", "GOARCH=arm64")
}

// BuildOf builds a command of the module into a folder of build.
func BuildOf(t testing.TB, folder, path string, env ...string) string {
	t.Helper()
	root := ModuleRoot(t)
	out := filepath.Join(root, "build", folder, "bootstrap")
	cmd := exec.Command("go", slices.Concat([]string{"build"}, Flags(), []string{"-o", out, path})...)
	cmd.Dir, cmd.Env = root, append(os.Environ(), append(env, "CGO_ENABLED=0")...)
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s does not build: %v\n%s", path, err, text)
	}
	return out
}

// Flags are those of scripts/functions.sh; a test holds the two together. What mostly waits for the network, or runs
// once at the start, is not inlined: it makes the largest function a tenth smaller. What reads Parquet is, but for
// brotli.
func Flags() []string {
	flags := []string{"-trimpath", "-buildvcs=false", "-tags", "lambda.norpc"}
	for _, waits := range []string{"github.com/aws", "google.golang.org/protobuf", "net", "crypto", "encoding", "vendor", "golang.org",
		"github.com/danielgtaylor", "github.com/andybalholm", "regexp", "log"} {
		flags = append(flags, "-gcflags="+waits+"/...=-l")
	}
	return append(flags, "-ldflags", "-s -w -buildid=")
}

// ModuleRoot is the folder of go.mod, found by where this file lies: a test may have changed its working directory.
func ModuleRoot(t testing.TB) string {
	t.Helper()
	_, file, _, ok := runtime.Caller(0)
	root := filepath.Dir(filepath.Dir(filepath.Dir(file)))
	if _, err := os.Stat(filepath.Join(root, "go.mod")); !ok || err != nil {
		t.Fatalf("no go.mod in %s: %v", root, err)
	}
	return root
}
