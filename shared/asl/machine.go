package asl

import (
	"slices"
	"time"
)

// Machine is a definition that passed validation and is ready to run. It is never changed and may be shared.
type Machine struct {
	definition []byte
	root       *flow
	timeout    time.Duration // 0: none
}

// Definition gives the text the machine was made from.
func (m *Machine) Definition() []byte { return slices.Clone(m.definition) }

// flow is a set of states with a first one: the machine, a branch of a Parallel, the processor of a Map.
type flow struct {
	startAt string
	states  map[string]*state
}

type stateKind string

const (
	kindPass     stateKind = "Pass"
	kindTask     stateKind = "Task"
	kindChoice   stateKind = "Choice"
	kindWait     stateKind = "Wait"
	kindSucceed  stateKind = "Succeed"
	kindFail     stateKind = "Fail"
	kindParallel stateKind = "Parallel"
	kindMap      stateKind = "Map"
)

// state is one compiled state; which fields are set depends on its kind.
type state struct {
	name string
	kind stateKind
	next string // "": the end of the flow

	inputPath, outputPath *selector // nil: everything
	parameters            expression
	resultSelector        expression
	resultPath            *selector
	assign                expression

	result  expression // Pass
	choices []rule     // Choice; next is its Default
	wait    waitSpec
	failure failSpec
	task    taskSpec
	spread  mapSpec
	flows   []*flow // Parallel: the branches; Map: the one processor

	retry []retrier
	catch []catcher
}

// selector is a path field that may be null.
type selector struct {
	null bool
	path *path
}

type rule struct {
	when   condition
	next   string
	assign expression
}

type waitSpec struct {
	seconds, timestamp expression // the literal or the path; one of them is set
}

type failSpec struct {
	name, cause expression // nil: none
}

type taskSpec struct {
	function  string     // the function's name, or "" with lambda:invoke, whose Parameters name it
	timeout   expression // seconds; nil: none
	heartbeat expression
}

// wrapped reports whether the task is a lambda:invoke, whose request and result have an envelope.
func (t taskSpec) wrapped() bool { return t.function == "" }

type mapSpec struct {
	distributed   bool
	items         *path // nil: the whole input
	selector      expression
	concurrency   expression // 0 or nil: no limit of its own
	toleratedN    expression
	toleratedPart expression
}

type retrier struct {
	errors   []string
	interval float64 // seconds
	backoff  float64
	attempts int
	maxDelay float64 // seconds; 0: none
	jitter   bool
}

type catcher struct {
	errors     []string
	next       string
	resultPath *selector
	assign     expression
}

// terminal reports whether a flow ends in the state.
func (s *state) terminal() bool { return s.next == "" }
