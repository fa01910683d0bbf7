package torture_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/orcray/orcray/shared/handler"
	"github.com/orcray/orcray/shared/job"
)

// record is everything that can be seen of one job afterwards.
type record struct {
	Key    string // its idempotency key
	Job    handler.JobView
	Events []job.Event
	Result bool
}

// marker is what a program prints when it starts: the same run may say it once only.
const marker = "started "

// check lists what is wrong with a history. accepted are the idempotency keys whose jobs were acknowledged.
func check(accepted map[string]string, history []record) []string {
	var wrong []string
	seen := map[string]int{}
	for _, r := range history {
		seen[r.Key]++
		if id, ok := accepted[r.Key]; ok && id != r.Job.ID {
			wrong = append(wrong, fmt.Sprintf("doubled: the key %s gave the jobs %s and %s", r.Key, id, r.Job.ID))
		}
		wrong = append(wrong, checkJob(r)...)
	}
	for key, id := range accepted {
		switch seen[key] {
		case 0:
			wrong = append(wrong, fmt.Sprintf("lost: job %s was accepted and is gone", id))
		case 1:
		default:
			wrong = append(wrong, fmt.Sprintf("doubled: the key %s has %d jobs", key, seen[key]))
		}
	}
	return wrong
}

func checkJob(r record) []string {
	var wrong []string
	bad := func(format string, args ...any) {
		wrong = append(wrong, fmt.Sprintf(format, args...)+" (job "+r.Job.ID+")")
	}
	if !r.Job.Status.Terminal() {
		bad("stuck: it is %s", r.Job.Status)
	}
	if r.Job.Status == job.Failed && (r.Job.Failure == nil || r.Job.Failure.Class != "lost_worker") {
		bad("lost: it failed for another reason than that its places were killed: %+v", r.Job.Failure)
	}
	if r.Result != (r.Job.Status == job.Completed) {
		bad("lost: completed and with a result must be the same, but it is %s with result=%v", r.Job.Status, r.Result)
	}
	ends := 0
	runs := map[string][]string{}
	for i, e := range r.Events {
		if e.Seq != int64(i+1) {
			bad("gap: event %d has the number %d", i+1, e.Seq)
			break
		}
		if e.Ends() {
			ends++
		}
		if run, token := started(e); token != "" {
			runs[run] = append(runs[run], token)
		}
	}
	if r.Job.Status.Terminal() && ends != 1 {
		bad("doubled: it ended %d times", ends)
	}
	for run, tokens := range runs {
		if slices.Sort(tokens); len(tokens) > 1 {
			bad("doubled: the run %s started %d times", run, len(tokens))
		}
	}
	return wrong
}

// started gives the run that an event says has started.
func started(e job.Event) (run, token string) {
	if e.Type != "log" {
		return "", ""
	}
	var d struct {
		Step    string
		Attempt int
		Text    string
	}
	if json.Unmarshal(e.Data, &d) != nil {
		return "", ""
	}
	token, ok := strings.CutPrefix(strings.TrimSpace(d.Text), marker)
	if !ok {
		return "", ""
	}
	return fmt.Sprintf("%s-%d", d.Step, d.Attempt), token
}

// TestS6_TheCheckerFindsPlantedBugs: a checker that finds nothing proves nothing.
func TestS6_TheCheckerFindsPlantedBugs(t *testing.T) {
	t.Parallel()
	sound := func() (map[string]string, []record) {
		event := func(seq int64, typ string, data any) job.Event {
			text, err := json.Marshal(data)
			if err != nil {
				t.Fatal(err)
			}
			return job.Event{Seq: seq, Type: typ, Data: text}
		}
		r := record{Key: "k1", Job: handler.JobView{ID: "j1", Status: job.Completed}, Result: true, Events: []job.Event{
			event(1, "status", job.StatusData{Status: job.Queued}),
			event(2, "log", map[string]any{"step": "validate", "attempt": 1, "text": marker + "a\n"}),
			event(3, "log", map[string]any{"step": "execute", "attempt": 1, "text": marker + "b\n"}),
			event(4, "status", job.StatusData{Status: job.Completed}),
		}}
		return map[string]string{"k1": "j1"}, []record{r}
	}
	accepted, history := sound()
	if wrong := check(accepted, history); len(wrong) > 0 {
		t.Fatalf("a sound history was refused: %v", wrong)
	}
	for name, plant := range map[string]func(map[string]string, []record) []record{
		"lost":    func(_ map[string]string, _ []record) []record { return nil },
		"doubled": func(_ map[string]string, h []record) []record { return append(h, h[0]) },
		"doubled: it ended": func(_ map[string]string, h []record) []record {
			e := h[0].Events[3]
			e.Seq = 5
			h[0].Events = append(h[0].Events, e)
			return h
		},
		"doubled: the run": func(_ map[string]string, h []record) []record {
			h[0].Events[1] = h[0].Events[2]
			h[0].Events[1].Seq = 2
			return h
		},
		"gap": func(_ map[string]string, h []record) []record {
			h[0].Events = slices.Delete(h[0].Events, 1, 2)
			return h
		},
		"stuck": func(_ map[string]string, h []record) []record {
			h[0].Job.Status = job.Processing
			return h
		},
		"lost: completed": func(_ map[string]string, h []record) []record {
			h[0].Result = false
			return h
		},
		"lost: it failed": func(_ map[string]string, h []record) []record {
			h[0].Job.Status, h[0].Result, h[0].Job.Failure = job.Failed, false, &job.Failure{Class: "internal"}
			return h
		},
	} {
		accepted, history := sound()
		wrong := check(accepted, plant(accepted, history))
		if !slices.ContainsFunc(wrong, func(w string) bool { return strings.HasPrefix(w, name) }) {
			t.Errorf("the planted bug %q was not found: %v", name, wrong)
		}
	}
}
