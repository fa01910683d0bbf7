package asl

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// phase says what a frame is doing in its state.
type phase string

const (
	phaseEnter  phase = "enter"  // about to enter the state
	phaseRun    phase = "run"    // entered; about to do the state's work, or to do it again
	phaseTask   phase = "task"   // a function was or will be called
	phaseWait   phase = "wait"   // a Wait, until Until
	phaseRetry  phase = "retry"  // failed; runs again at Until
	phaseSpread phase = "spread" // branches or iterations are running
	phaseDone   phase = "done"   // its flow ended, with Output or Failure
)

// frame is one running flow: the machine itself, a branch, or an iteration. The exported fields are what the journal keeps.
type frame struct {
	State   string                     `json:"state"`
	Phase   phase                      `json:"phase"`
	Input   json.RawMessage            `json:"input"` // of the state, before InputPath
	Vars    map[string]json.RawMessage `json:"vars,omitempty"`
	Entered time.Time                  `json:"entered,omitzero"`
	Until   time.Time                  `json:"until,omitzero"`
	Tries   []int                      `json:"tries,omitempty"` // retries used, one number for each retrier
	Item    *item                      `json:"item,omitempty"`
	Call    *pendingCall               `json:"call,omitempty"`
	Output  json.RawMessage            `json:"output,omitempty"`
	Failure *TaskError                 `json:"failure,omitempty"`
	Hidden  int                        `json:"hidden,omitempty"` // events of a distributed iteration, which are not in the history

	path   string
	flow   *flow
	parent *frame
	kids   []*frame
	plan   *spreadPlan // of a Map or Parallel in phaseSpread
	dead   bool
	cancel context.CancelFunc // of the call in flight
}

// item is what $$.Map.Item shows in an iteration.
type item struct {
	Index int             `json:"index"`
	Value json.RawMessage `json:"value"`
}

// pendingCall is a task's request. It is kept, so that a repeated call has the same payload to the byte.
type pendingCall struct {
	Function  string          `json:"function"`
	Payload   json.RawMessage `json:"payload"`
	Timeout   float64         `json:"timeout,omitempty"` // seconds; 0: none
	Heartbeat float64         `json:"heartbeat,omitempty"`
}

const rootPath = "r"

func (f *frame) state() *state { return f.flow.states[f.State] }

func (f *frame) kidPath(index int) string { return f.path + "/" + strconv.Itoa(index) }

func (f *frame) index() int {
	n, _ := strconv.Atoi(f.path[strings.LastIndexByte(f.path, '/')+1:])
	return n
}

func (f *frame) retries() int {
	n := 0
	for _, t := range f.Tries {
		n += t
	}
	return n
}

// iteration gives the distributed iteration the frame is part of; nil: none, and its events are in the history.
func (f *frame) iteration() *frame {
	for ; f.parent != nil; f = f.parent {
		if f.parent.state().spread.distributed {
			return f
		}
	}
	return nil
}

// variable looks a variable up here and further out; a distributed iteration sees nothing of the outside.
func (f *frame) variable(name string) (any, bool) {
	for g := f; g != nil; g = g.parent {
		if raw, ok := g.Vars[name]; ok {
			v, err := decode(raw)
			return v, err == nil
		}
		if g.parent != nil && g.parent.state().spread.distributed {
			break
		}
	}
	return nil, false
}

// innermost gives the nearest iteration's item, for $$.Map.Item.
func (f *frame) innermost() *item {
	for ; f != nil; f = f.parent {
		if f.Item != nil {
			return f.Item
		}
	}
	return nil
}

// restore builds the frame tree of a running execution.
func restore(m *Machine, stored map[string][]byte) (*frame, error) {
	type named struct {
		path  string
		depth int
	}
	var order []named
	for p := range stored {
		order = append(order, named{p, strings.Count(p, "/")})
	}
	slices.SortFunc(order, func(a, b named) int { return cmp.Compare(a.depth, b.depth) })
	frames := map[string]*frame{}
	for _, n := range order {
		f := &frame{path: n.path, flow: m.root}
		if err := json.Unmarshal(stored[n.path], f); err != nil {
			return nil, fmt.Errorf("frame %s: %w", n.path, err)
		}
		if n.path != rootPath {
			parent := frames[n.path[:strings.LastIndexByte(n.path, '/')]]
			if parent == nil {
				return nil, fmt.Errorf("frame %s has no parent", n.path)
			}
			f.parent, f.flow = parent, parent.state().flowOf(f.index())
			parent.kids = append(parent.kids, f)
		}
		if f.flow == nil || f.state() == nil {
			return nil, fmt.Errorf("frame %s is in no state of the machine", n.path)
		}
		frames[n.path] = f
	}
	for _, f := range frames {
		slices.SortFunc(f.kids, func(a, b *frame) int { return cmp.Compare(a.index(), b.index()) })
	}
	if frames[rootPath] == nil {
		return nil, fmt.Errorf("the root frame is missing")
	}
	return frames[rootPath], nil
}

// flowOf gives the flow that a branch or iteration of the state runs; nil when there is none.
func (s *state) flowOf(index int) *flow {
	if s.kind == kindMap {
		index = 0
	}
	if index < 0 || index >= len(s.flows) {
		return nil
	}
	return s.flows[index]
}

// each visits the frame and everything below it.
func (f *frame) each(visit func(*frame)) {
	visit(f)
	for _, k := range f.kids {
		k.each(visit)
	}
}
