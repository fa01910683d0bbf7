// Package torture_test kills orcray, its cells and their runners at random moments while jobs run, and then looks at the whole
// history: nothing that was accepted may be lost, done twice, or stuck.
package torture_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/orcray/orcray/infra/local"
	"github.com/orcray/orcray/infra/local/localtest"
	"github.com/orcray/orcray/shared/config"
	"github.com/orcray/orcray/shared/handler"
)

const childEnv = "ORCRAY_TORTURE_CHILD"

// TestMain lets this binary be the server that is killed.
func TestMain(m *testing.M) {
	if os.Getenv(childEnv) == "" {
		os.Exit(localtest.Main(m, nil))
	}
	if err := serve(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve() error {
	cfg, err := config.FromEnvironment()
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", cfg.Server.Addr)
	if err != nil {
		return err
	}
	var options local.Options
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: cfg.Log.Level}))
	if err := localtest.Parts(&options, cfg.Data.Dir, 0, log); err != nil {
		return err
	}
	app, err := local.Open(context.Background(), cfg, log, options)
	if err != nil {
		return err
	}
	return errors.Join(app.Serve(context.Background(), listener), app.Close())
}

// world is a server that can be killed and started again on the same data and address, and a signed-in client.
type world struct {
	t      *testing.T
	addr   string
	env    []string
	server *exec.Cmd
	log    *os.File
	token  string
	http   http.Client
}

func repo(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// newWorld uses the light runner: real sandboxes and the real protocol around plain Python, so that a cell is there in a moment
// and many kills fit into a test.
func newWorld(t *testing.T) *world {
	t.Helper()
	root := repo(t)
	python := filepath.Join(root, ".venv", "bin", "python")
	for _, need := range []string{python, "/usr/bin/bwrap"} {
		if _, err := os.Stat(need); err != nil {
			t.Skipf("SKIPPED: %s is missing: make setup", need)
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := listener.Addr().String()
	_ = listener.Close()
	dir := t.TempDir()
	log, err := os.Create(filepath.Join(dir, "server.log"))
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, addr: addr, log: log, env: append(os.Environ(), childEnv+"=1", "ORCRAY_ADDR="+addr, "ORCRAY_DATA="+filepath.Join(dir, "var"),
		"ORCRAY_PYTHON="+python, "ORCRAY_RUNNER="+filepath.Join(root, "shared", "embedded", "cells", "testdata", "light"),
		"ORCRAY_CLUSTER=off", "ORCRAY_JOBS_PER_MINUTE=100000", "ORCRAY_CELLS_MAX=3", "ORCRAY_LOG_LEVEL=warn")}
	doubles, err := localtest.Doubles() // they are not killed, as AWS is not
	if err != nil {
		t.Fatal(err)
	}
	w.env = append(w.env, doubles...)
	w.http.Timeout = 30 * time.Second
	w.start()
	t.Cleanup(func() {
		w.stop()
		if t.Failed() {
			text, _ := os.ReadFile(log.Name())
			t.Logf("the end of the server's log:\n%s", text[max(0, len(text)-8000):])
		}
		_ = log.Close()
	})
	w.signUp()
	return w
}

func (w *world) start() {
	w.t.Helper()
	self, err := os.Executable()
	if err != nil {
		w.t.Fatal(err)
	}
	w.server = exec.Command(self)
	w.server.Env, w.server.Stdout, w.server.Stderr = w.env, w.log, w.log
	w.server.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := w.server.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.await("the server", 60*time.Second, func() bool {
		res, err := w.http.Get("http://" + w.addr + "/api/v1/health")
		if err != nil {
			return false
		}
		res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
}

// kill ends the server as a power cut would, and gives how long it took to answer again.
func (w *world) kill() time.Duration {
	w.t.Helper()
	_ = w.server.Process.Kill()
	_ = w.server.Wait()
	began := time.Now()
	w.start()
	return time.Since(began)
}

func (w *world) stop() {
	_ = w.server.Process.Signal(syscall.SIGTERM)
	ended := make(chan error, 1)
	go func() { ended <- w.server.Wait() }()
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		_ = w.server.Process.Kill()
		<-ended
		w.t.Error("the server did not stop when it was told to")
	}
}

// await waits for a condition that another process brings about.
func (w *world) await(what string, limit time.Duration, ok func() bool) {
	w.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(limit); time.Now().Before(end); <-tick.C {
		if ok() {
			return
		}
	}
	w.t.Fatalf("%s did not come within %v", what, limit)
}

// try sends a request once; an error means that nobody knows whether it was done.
func (w *world) try(method, path string, header map[string]string, in, out any) (int, error) {
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return 0, err
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequest(method, "http://"+w.addr+path, body)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+w.token)
	for k, v := range header {
		req.Header.Set(k, v)
	}
	res, err := w.http.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, err
	}
	if out != nil && res.StatusCode < 300 {
		return res.StatusCode, json.Unmarshal(text, out)
	}
	if res.StatusCode >= 400 && res.StatusCode < 500 {
		w.t.Logf("%s %s: %s", method, path, text)
	}
	return res.StatusCode, nil
}

// must sends a request until it is answered with success; the request must be one that can be repeated.
func (w *world) must(method, path string, header map[string]string, in, out any) {
	w.t.Helper()
	status := 0
	w.await(method+" "+path, 60*time.Second, func() bool {
		var err error
		status, err = w.try(method, path, header, in, out)
		return err == nil && status < 300
	})
}

func (w *world) signUp() {
	w.t.Helper()
	w.must("POST", "/api/v1/users", nil, map[string]any{"email": "ann@example.com", "password": "correct horse", "full_name": "Ann"}, nil)
	form := url.Values{"username": {"ann@example.com"}, "password": {"correct horse"}}
	res, err := http.Post("http://"+w.addr+"/api/v1/auth/token", "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	var token struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(res.Body).Decode(&token); err != nil {
		w.t.Fatal(err)
	}
	w.token = token.AccessToken
}

func (w *world) session() string {
	w.t.Helper()
	var s handler.SessionView
	w.must("POST", "/api/v1/sessions", nil, map[string]any{"name": "torture"}, &s)
	return s.ID
}
