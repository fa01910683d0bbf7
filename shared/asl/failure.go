package asl

import "fmt"

// The error names of the language that the engine itself raises.
const (
	errAll          = "States.ALL"
	errTaskFailed   = "States.TaskFailed"
	errTimeout      = "States.Timeout"
	errHeartbeat    = "States.HeartbeatTimeout"
	errRuntime      = "States.Runtime"
	errDataLimit    = "States.DataLimitExceeded"
	errIntrinsic    = "States.IntrinsicFailure"
	errNoChoice     = "States.NoChoiceMatched"
	errResultPath   = "States.ResultPathMatchFailure"
	errTooManyFails = "States.ExceedToleratedFailureThreshold"
)

// TaskError is a failure by its name in the states language. An Invoker returns one to say which error a Retry or a Catch
// will see; the engine uses it for its own failures too.
type TaskError struct {
	Name  string // such as "States.TaskFailed", or the function's own error type
	Cause string // for people; on Lambda the JSON of errorType and errorMessage
}

// Error gives name and cause.
func (e *TaskError) Error() string { return e.Name + ": " + e.Cause }

func fail(name, format string, args ...any) *TaskError {
	return &TaskError{Name: name, Cause: fmt.Sprintf(format, args...)}
}

// matches reports whether an ErrorEquals list sees the error.
func (e *TaskError) matches(names []string) bool {
	if e.Name == errRuntime {
		return false // always the end of the execution
	}
	for _, n := range names {
		switch {
		case n == e.Name:
			return true
		case n == errAll && e.Name != errDataLimit:
			return true
		case n == errTimeout && e.Name == errHeartbeat:
			return true
		case n == errTaskFailed && e.task():
			return true
		}
	}
	return false
}

// task reports whether States.TaskFailed stands for the error: every failure of a task but its timeouts.
func (e *TaskError) task() bool {
	switch e.Name {
	case errTimeout, errHeartbeat, errDataLimit, errRuntime:
		return false
	}
	return true
}
