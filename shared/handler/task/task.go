// Package task is the part of the handler that needs no HTTP: the payloads of the workflow's steps and of the queue. Functions that
// serve nothing else do not carry the API along.
package task

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda/messages"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/interpret"
	"github.com/orcray/orcray/shared/job"
	"github.com/orcray/orcray/shared/telemetry"
)

// Function is a Lambda function as both worlds call it: a JSON payload in, a JSON payload out.
type Function func(ctx context.Context, payload []byte) ([]byte, error)

// Step makes a function of a workflow step. Its errors carry the fault code as their Lambda error type, because that is the
// name that the state machine's Retry and Catch compare with.
func Step(do func(context.Context, interpret.State) (interpret.State, error)) Function {
	return func(ctx context.Context, payload []byte) ([]byte, error) {
		var st interpret.State
		if err := json.Unmarshal(payload, &st); err != nil {
			return nil, lambdaError(fault.Wrap(err, fault.Invalid, "the step's payload cannot be read"))
		}
		out, err := do(ctx, st)
		if err != nil {
			return nil, lambdaError(err)
		}
		return json.Marshal(out)
	}
}

// lambdaError keeps the code across the process border; a plain error would arrive under the name of its Go type.
func lambdaError(err error) error {
	code := fault.CodeOf(err)
	if errors.Is(err, context.DeadlineExceeded) {
		code = fault.Timeout
	}
	return messages.InvokeResponse_Error{Type: string(code), Message: err.Error()}
}

// Starter starts the workflow of a job. The same job started twice is one workflow.
type Starter interface {
	Start(ctx context.Context, kind job.Kind, name string, input []byte) error
}

// Dispatch takes the messages of the queue: each starts the workflow of its job, named by the job's id, so that a repeated
// message starts nothing.
func Dispatch(start Starter) func(ctx context.Context, body []byte) error {
	return func(ctx context.Context, body []byte) error {
		var m job.Message
		if err := json.Unmarshal(body, &m); err != nil || m.ID == "" || m.Owner == "" {
			return fault.New(fault.Invalid, "a queue message cannot be read")
		}
		input, err := json.Marshal(interpret.State{Owner: m.Owner, JobID: m.ID, Kind: m.Kind, Trace: m.Trace})
		if err != nil {
			return err
		}
		return start.Start(ctx, m.Kind, m.ID, input)
	}
}

// Batch makes a function of what handles one message of a queue. Only the messages that failed come again, and in the end go to
// the dead letters; those that were not looked at before the time was up are among them.
func Batch(handle func(ctx context.Context, body []byte) error) Function {
	return func(ctx context.Context, payload []byte) ([]byte, error) {
		var batch events.SQSEvent
		if err := json.Unmarshal(payload, &batch); err != nil || len(batch.Records) == 0 {
			return nil, lambdaError(fault.Wrap(errors.Join(errNoBatch, err), fault.Invalid, "the queue's event cannot be read"))
		}
		answer := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
		for _, m := range batch.Records {
			err := ctx.Err()
			if err == nil {
				err = handle(ctx, []byte(m.Body))
			}
			if err != nil {
				telemetry.Logger(ctx).ErrorContext(ctx, "a message could not be handled", "message", m.MessageId,
					"received", m.Attributes["ApproximateReceiveCount"], "error", err.Error())
				answer.BatchItemFailures = append(answer.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: m.MessageId})
			}
		}
		return json.Marshal(answer)
	}
}

var errNoBatch = errors.New("not an event of a queue with records")
