// Package sfn starts and watches executions of the state machines on Step Functions.
package sfn

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssfn "github.com/aws/aws-sdk-go-v2/service/sfn"

	"github.com/orcray/orcray/shared/aws/awsclient"
	"github.com/orcray/orcray/shared/fault"
)

// MaxInput is the largest input of an execution in bytes.
const MaxInput = 256 << 10

// maxName is the longest name of an execution that Step Functions takes.
const maxName = 80

// Status of an execution, as Step Functions spells it.
type Status string

// The statuses.
const (
	Running   Status = "RUNNING"
	Succeeded Status = "SUCCEEDED"
	Failed    Status = "FAILED"
	TimedOut  Status = "TIMED_OUT"
	Aborted   Status = "ABORTED"
)

// Execution is what Step Functions knows of one execution.
type Execution struct {
	Status  Status
	Input   []byte
	Output  []byte // of one that succeeded
	Error   string // of one that did not
	Cause   string
	Started time.Time
	Stopped time.Time // zero while it runs
}

// Ended reports whether the execution is over.
func (e Execution) Ended() bool { return e.Status != Running }

// Engine starts executions of the machines it knows.
type Engine struct {
	client *awssfn.Client
	arns   map[string]string
}

// New makes an engine of the machines by their names; arns are those that the stacks made.
func New(client *awssfn.Client, arns map[string]string) *Engine {
	return &Engine{client: client, arns: arns}
}

// Start starts an execution. The name makes it happen once: started again with the same input, also after it has ended,
// it is a success and starts nothing; with another input it is fault.Conflict. Step Functions keeps names for 90 days.
func (e *Engine) Start(ctx context.Context, machine, name string, input []byte) error {
	arn, err := e.machine(machine, name)
	if err != nil {
		return err
	}
	if len(input) > MaxInput {
		return fault.New(fault.TooLarge, "The input of an execution has at most %d bytes.", MaxInput)
	}
	if !json.Valid(input) {
		return fault.New(fault.Invalid, "The input of an execution is JSON.")
	}
	_, err = e.client.StartExecution(ctx, &awssfn.StartExecutionInput{
		StateMachineArn: &arn, Name: &name, Input: aws.String(string(input)),
	})
	if awsclient.CodeOf(err) != "ExecutionAlreadyExists" {
		return failed(err)
	}
	return e.same(ctx, machine, name, input, err)
}

// same tells whether the execution that exists is the one that was to be started: an earlier attempt of the very call may
// have started it, and its answer been lost.
func (e *Engine) same(ctx context.Context, machine, name string, input []byte, exists error) error {
	known, err := e.Describe(ctx, machine, name)
	if err != nil {
		return err
	}
	if bytes.Equal(compact(known.Input), compact(input)) {
		return nil
	}
	return fault.Wrap(exists, fault.Conflict, "This work was already started with another input.")
}

// compact makes two spellings of the same JSON comparable.
func compact(raw []byte) []byte {
	var out bytes.Buffer
	if json.Compact(&out, raw) != nil {
		return raw
	}
	return out.Bytes()
}

// Describe tells how an execution stands; one that was never started, or is forgotten, is fault.NotFound.
func (e *Engine) Describe(ctx context.Context, machine, name string) (Execution, error) {
	arn, err := e.execution(machine, name)
	if err != nil {
		return Execution{}, err
	}
	out, err := e.client.DescribeExecution(ctx, &awssfn.DescribeExecutionInput{ExecutionArn: &arn})
	if err != nil {
		return Execution{}, failed(err)
	}
	return Execution{
		Status: Status(out.Status), Input: []byte(aws.ToString(out.Input)), Output: []byte(aws.ToString(out.Output)),
		Error: aws.ToString(out.Error), Cause: aws.ToString(out.Cause),
		Started: aws.ToTime(out.StartDate), Stopped: aws.ToTime(out.StopDate),
	}, nil
}

// Stop ends an execution. One that has ended stays as it is.
func (e *Engine) Stop(ctx context.Context, machine, name, reason string) error {
	arn, err := e.execution(machine, name)
	if err != nil {
		return err
	}
	_, err = e.client.StopExecution(ctx, &awssfn.StopExecutionInput{ExecutionArn: &arn, Error: aws.String("Cancelled"), Cause: &reason})
	return failed(err)
}
