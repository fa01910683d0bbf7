package sfn

import (
	"strings"

	"github.com/orcray/orcray/shared/aws/awsclient"
	"github.com/orcray/orcray/shared/fault"
)

func (e *Engine) machine(machine, name string) (string, error) {
	arn, known := e.arns[machine]
	if !known {
		return "", fault.New(fault.Internal, "There is no state machine of this name.")
	}
	if !usable(name) {
		return "", fault.New(fault.Invalid, "The name of an execution is 1 to %d letters, digits, dashes and underscores.", maxName)
	}
	return arn, nil
}

// execution is the execution's ARN, which follows from the machine's and the name.
func (e *Engine) execution(machine, name string) (string, error) {
	arn, err := e.machine(machine, name)
	return strings.Replace(arn, ":stateMachine:", ":execution:", 1) + ":" + name, err
}

// usable is narrower than what Step Functions takes: the letters of ids.
func usable(name string) bool {
	return name != "" && len(name) <= maxName && !strings.ContainsFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
	})
}

func failed(err error) error {
	return awsclient.Service{Part: "The workflow engine", Meanings: map[string]awsclient.Meaning{
		"ExecutionDoesNotExist":         {Code: fault.NotFound, Message: "There is no such execution."},
		"StateMachineDoesNotExist":      {Code: fault.Internal, Message: "The state machine is not set up."},
		"InvalidExecutionInput":         {Code: fault.Invalid, Message: "The workflow engine does not take this input."},
		"ExecutionLimitExceeded":        {Code: fault.Throttled, Message: "Too much work is running. Try again shortly."},
		"StateMachineDeleting":          {Code: fault.Unavailable, Message: "The state machine is being replaced. Try again shortly."},
		"KmsThrottlingException":        {Code: fault.Throttled, Message: "The workflow engine is busy. Try again shortly."},
		"KmsAccessDeniedException":      {Code: fault.Internal, Message: "The workflow engine's key is not set up."},
		"KmsInvalidStateException":      {Code: fault.Internal, Message: "The workflow engine's key is not set up."},
		"ServiceQuotaExceededException": {Code: fault.Throttled, Message: "Too much work is running. Try again shortly."},
	}}.Failed(err)
}
