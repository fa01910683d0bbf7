// Package sfntest is a double of Step Functions: it speaks the service's wire protocol on loopback and really runs the machines, with
// orcray's own interpreter, whose tasks call functions of the test's process.
package sfntest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/orcray/orcray/shared/asl"
	"github.com/orcray/orcray/shared/asl/sqlitejournal"
)

// machines is what the ARNs of all machines begin with; executions is the same of executions.
const (
	machines   = "arn:aws:states:us-east-1:123456789012:stateMachine:"
	executions = "arn:aws:states:us-east-1:123456789012:execution:"
)

// Config is what a server is made from.
type Config struct {
	Dir       string                  // where executions lie: a later server on the same folder goes on with them
	Machines  map[string]*asl.Machine // by their names
	Functions asl.Invoker             // what their tasks call
	Calls     int                     // at the same time; 0: asl's default
	Log       *slog.Logger            // nil: none
}

// Server is a Step Functions on loopback.
type Server struct {
	Endpoint string

	engine   *asl.Engine
	journal  *sqlitejournal.Journal
	machines map[string]*asl.Machine
	inputs   string // the folder of the inputs, as they were sent: the interpreter keeps them in a form of its own
	http     *httptest.Server
	starting sync.Mutex
}

// Start runs a server. Close it.
func Start(ctx context.Context, c Config) (*Server, error) {
	s := &Server{machines: c.Machines, inputs: filepath.Join(c.Dir, "inputs")}
	err := os.MkdirAll(s.inputs, 0o700)
	if err != nil {
		return nil, fmt.Errorf("sfntest: %w", err)
	}
	if s.journal, err = sqlitejournal.Open(ctx, filepath.Join(c.Dir, "executions.db")); err != nil {
		return nil, err
	}
	s.engine, err = asl.Open(ctx, asl.Config{Journal: s.journal, Invoker: c.Functions, Now: time.Now, Logger: c.Log, Calls: c.Calls}, c.Machines)
	if err != nil {
		return nil, errors.Join(err, s.journal.Close())
	}
	s.http = httptest.NewServer(s)
	s.Endpoint = s.http.URL
	return s, nil
}

// Close stops answering and lets go of every execution; it returns when no function is running any more.
func (s *Server) Close(ctx context.Context) error {
	s.http.Close()
	return errors.Join(s.engine.Close(ctx), s.journal.Close())
}

// ARNs gives the machines' ARNs by their names.
func (s *Server) ARNs() map[string]string {
	all := map[string]string{}
	for name := range s.machines {
		all[name] = machines + name
	}
	return all
}

// Done gives a channel that is closed when an execution has ended or the server is closed. On AWS an event of EventBridge tells the end.
func (s *Server) Done(ctx context.Context, machine, name string) (<-chan struct{}, error) {
	return s.engine.Done(ctx, machine, name)
}

// machineOf reads the ARN of a machine.
func (s *Server) machineOf(arn string) (string, error) {
	name, ok := strings.CutPrefix(arn, machines)
	switch {
	case !ok:
		return "", refusal{"InvalidArn", "Invalid Arn: '" + arn + "'"}
	case s.machines[name] == nil:
		return "", refusal{"StateMachineDoesNotExist", "State Machine Does Not Exist: '" + arn + "'"}
	}
	return name, nil
}

// executionOf reads the ARN of an execution.
func (s *Server) executionOf(arn string) (machine, name string, err error) {
	rest, ok := strings.CutPrefix(arn, executions)
	machine, name, named := strings.Cut(rest, ":")
	switch {
	case !ok || !named:
		return "", "", refusal{"InvalidArn", "Invalid Arn: '" + arn + "'"}
	case s.machines[machine] == nil:
		return "", "", noExecution(arn)
	}
	return machine, name, nil
}

func noExecution(arn string) error {
	return refusal{"ExecutionDoesNotExist", "Execution Does Not Exist: '" + arn + "'"}
}

// inputFile is where the input of an execution lies. Names have neither slashes nor colons.
func (s *Server) inputFile(machine, name string) string {
	return filepath.Join(s.inputs, machine+"."+name)
}
