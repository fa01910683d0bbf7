// Package mototest runs moto, which answers for AWS on loopback, for tests: one server a test binary.
package mototest

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/orcray/orcray/shared/aws/awsclient"
)

// startBound is how long moto may take to answer; it imports much, and the machine may be busy.
const startBound = 2 * time.Minute

//go:embed server.py
var program []byte

// Region is the one that everything of the tests is in.
const Region = "us-east-1"

// ErrMissing says that moto cannot run here.
var ErrMissing = errors.New("moto is not installed; run scripts/aws-tools.sh")

// Server is a moto that runs. The zero value is one that does not; Start makes it run.
type Server struct {
	Endpoint string
	dir      string
	process  *exec.Cmd
	ended    chan error
	log      *os.File

	mu    sync.Mutex
	moved time.Duration
}

// Main runs the tests of a binary with a server, and gives the code to exit with: func TestMain(m *testing.M) { os.Exit(mototest.Main(m, &server)) }
func Main(m *testing.M, server *Server) int {
	if err := server.Start(); err != nil && !errors.Is(err, ErrMissing) { // Config says what is missing, and skips
		_, _ = os.Stderr.WriteString("moto: " + err.Error() + "\n")
		return 1
	}
	defer server.Stop()
	return m.Run()
}

// Config is what clients of the server are made from. It skips the test, and says so, where moto is missing.
func (s *Server) Config(t testing.TB, options awsclient.Options) aws.Config {
	t.Helper()
	if s.Endpoint == "" {
		t.Skip("SKIPPED, NOT PROVEN: " + ErrMissing.Error())
	}
	config, err := s.Settings(options)
	if err != nil {
		t.Fatal(err)
	}
	return config
}

// Settings is Config where no test can be skipped.
func (s *Server) Settings(options awsclient.Options) (aws.Config, error) {
	options.Endpoint, options.Credentials = s.Endpoint, Keys()
	return awsclient.Config(Region, options)
}

// Keys are credentials that moto takes, as it takes any.
func Keys() aws.CredentialsProvider {
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "testing", SecretAccessKey: "testing"}, nil
	})
}

// Set changes moto's own settings, below /moto-api.
func (s *Server) Set(t testing.TB, path string, value any) {
	t.Helper()
	body, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.Post(s.Endpoint+"/moto-api/"+path, "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if answer, _ := io.ReadAll(response.Body); response.StatusCode >= 300 {
		t.Fatalf("moto answered %s: %s", response.Status, answer)
	}
}

// Advance moves the server's clock on. The file is replaced, never half written.
func (s *Server) Advance(t testing.TB, by time.Duration) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.moved += by
	next := s.ahead() + ".next"
	err := os.WriteFile(next, []byte(strconv.FormatFloat(s.moved.Seconds(), 'f', 6, 64)), 0o600)
	if err = errors.Join(err, os.Rename(next, s.ahead())); err != nil {
		t.Fatal(err)
	}
}

func (s *Server) ahead() string { return filepath.Join(s.dir, "ahead") }

func (s *Server) address() string { return filepath.Join(s.dir, "address") }

// Start makes it run until Stop, or until this process ends. ErrMissing where it is not installed.
func (s *Server) Start() error {
	root, err := moduleRoot()
	if err != nil {
		return err
	}
	python := filepath.Join(root, "build", "aws-venv", "bin", "python")
	if _, err := os.Stat(python); err != nil {
		return ErrMissing
	}
	if s.dir, err = os.MkdirTemp("", "orcray-moto-*"); err != nil {
		return err
	}
	if s.log, err = os.Create(filepath.Join(s.dir, "log")); err != nil {
		return err
	}
	script := filepath.Join(s.dir, "server.py")
	if err := os.WriteFile(script, program, 0o600); err != nil {
		return err
	}
	s.ended = make(chan error, 1)
	s.process = exec.Command(python, script, s.address(), s.ahead())
	s.process.Stdout, s.process.Stderr = s.log, s.log
	// A group of its own, which is ended as a whole; the kernel ends it too if this binary is killed.
	s.process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := s.process.Start(); err != nil {
		return err
	}
	go func() { s.ended <- s.process.Wait() }()
	if err := s.await(); err != nil {
		s.Stop()
		return err
	}
	return nil
}

// Stop ends it, with all that it knows.
func (s *Server) Stop() {
	if s.process == nil {
		return
	}
	_ = syscall.Kill(-s.process.Process.Pid, syscall.SIGKILL) // it keeps nothing
	<-s.ended
	_ = s.log.Close()
	_ = os.RemoveAll(s.dir)
	s.process = nil
}

// await waits until it listens, and tells where.
func (s *Server) await() error {
	bound := time.After(startBound)
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		if address, err := os.ReadFile(s.address()); err == nil {
			s.Endpoint = "http://" + string(address)
			return nil
		}
		select {
		case <-again.C:
		case err := <-s.ended:
			s.ended <- err
			return errors.Join(err, errors.New(s.words()))
		case <-bound:
			return errors.New("moto does not listen: " + s.words())
		}
	}
}

func (s *Server) words() string {
	text, _ := io.ReadAll(io.NewSectionReader(s.log, 0, 64<<10))
	return string(text)
}

// moduleRoot is the folder of go.mod above the test's.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	for ; err == nil; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			err = errors.New("no go.mod above the test")
		}
	}
	return "", err
}
