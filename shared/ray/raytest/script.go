package raytest

import (
	"encoding/json"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/orcray/orcray/shared/ray"
)

// Event is an event of a scripted run; the server gives it number and time. Data is a JSON object.
type Event struct {
	Type string
	Data map[string]any
}

// Behaviour is what a runner does with one run. The zero value hangs until it is stopped or its time limit is over.
type Behaviour struct {
	Events []Event         // given at once
	Gate   <-chan struct{} // if set, the run goes on when it opens
	Late   []Event         // given after the gate
	End    ray.RunState    // "" never ends by itself

	Refuse    int    // if set, POST /runs is answered with this HTTP status
	Broken    string // if set, what is sent in place of events
	Stubborn  bool   // it does not obey a stop and has no time limit
	Dies      bool   // the whole runner dies in place of the end
	Forgotten bool   // the runner says that it does not know the run
	Repeats   bool   // events that were given come again with each poll
}

// Succeeds shows texts and ends well.
func Succeeds(texts ...string) Behaviour {
	b := Behaviour{End: ray.Succeeded}
	for _, text := range texts {
		b.Events = append(b.Events, Text(text))
	}
	return b
}

// Fails ends with a failure.
func Fails(f ray.Failure) Behaviour {
	return Behaviour{Events: []Event{{Type: "failure", Data: object(f)}}, End: ray.Failed}
}

// Hangs gives events and then waits to be stopped.
func Hangs(events ...Event) Behaviour { return Behaviour{Events: events} }

// Text is a text output.
func Text(text string) Event {
	return Event{Type: "output", Data: object(ray.Output{Kind: "text", Text: text})}
}

// Log is a printed line.
func Log(text string) Event {
	return Event{Type: "log", Data: map[string]any{"stream": "stdout", "text": text}}
}

// Read is the report that a source was read.
func Read(uri string, rows int64, columns ...string) Event {
	return Event{Type: "read", Data: object(ray.Read{URI: uri, Rows: rows, Columns: columns})}
}

// Shows is any output.
func Shows(o ray.Output) Event { return Event{Type: "output", Data: object(o)} }

func object(v any) map[string]any {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err) // a test's own value
	}
	out := map[string]any{}
	if err := json.Unmarshal(raw, &out); err != nil {
		panic(err)
	}
	return out
}

// Script says what runners do with the runs that come, and holds what they were asked. Several runners may share one; it is
// safe for concurrent use.
type Script struct {
	Poll  time.Duration     // how long one poll for events may last; 0: 20 s
	Heard func(http.Header) // of each run that is handed over; set before the first one

	mu        sync.Mutex
	queue     []Behaviour
	otherwise func(ray.Run) Behaviour
	runs      []ray.Run
	stops     []string
}

// Push adds behaviours, one a run.
func (s *Script) Push(behaviours ...Behaviour) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue = append(s.queue, behaviours...)
}

// Otherwise decides about runs that come when the queue is empty; without it they succeed with the text "done".
func (s *Script) Otherwise(decide func(ray.Run) Behaviour) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.otherwise = decide
}

// Runs gives the runs that were taken, in order.
func (s *Script) Runs() []ray.Run {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.runs)
}

// Stops gives the ids of runs that somebody asked to stop, in order.
func (s *Script) Stops() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.stops)
}

func (s *Script) next(r ray.Run) Behaviour {
	s.mu.Lock()
	s.runs = append(s.runs, r)
	if len(s.queue) > 0 {
		b := s.queue[0]
		s.queue = s.queue[1:]
		s.mu.Unlock()
		return b
	}
	decide := s.otherwise
	s.mu.Unlock()
	if decide != nil {
		return decide(r)
	}
	return Succeeds("done")
}

func (s *Script) noteStop(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stops = append(s.stops, id)
}

func (s *Script) pollTime() time.Duration {
	if s.Poll > 0 {
		return s.Poll
	}
	return 20 * time.Second
}
