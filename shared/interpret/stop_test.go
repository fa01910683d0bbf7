package interpret_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orcray/orcray/infra/local/localtest"
	"github.com/orcray/orcray/shared/codegen/modeltest"
	"github.com/orcray/orcray/shared/handler"
	"github.com/orcray/orcray/shared/interpret"
	"github.com/orcray/orcray/shared/job"
	"github.com/orcray/orcray/shared/ray"
	"github.com/orcray/orcray/shared/ray/raytest"
)

func at(step job.Step) func(handler.JobView) bool {
	return func(j handler.JobView) bool { return j.Step == step }
}

// untilRan waits until the runner has taken so many runs.
func untilRan(c *localtest.Case, id string, n int) {
	c.T.Helper()
	c.Until(id, "run", func(handler.JobView) bool { return len(c.Ran()) >= n })
}

func stop(c *localtest.Case, id string) handler.JobView {
	c.T.Helper()
	var j handler.JobView
	c.Must(&j, http.MethodPost, "/api/v1/jobs/"+id+"/stop", nil)
	return c.Wait(j)
}

func TestR19_StopWhileGenerating(t *testing.T) {
	c := newCase(t)
	c.Replies(modeltest.Behaviour{Pieces: []string{"import"}, Stop: modeltest.Stalls})
	j := c.Start(c.Question())
	c.Until(j.ID, "model call", func(handler.JobView) bool { return len(c.Asked()) == 1 })
	if j = stop(c, j.ID); j.Status != job.Cancelled || len(c.Ran()) != 0 {
		t.Errorf("%s, %d runs", j.Status, len(c.Ran()))
	}
}

func TestR19_StopWhileARunGoesOn(t *testing.T) {
	t.Parallel()
	for step, before := range map[job.Step][]raytest.Behaviour{job.Validate: nil, job.Running: {raytest.Succeeds("s")}} {
		t.Run(string(step), func(t *testing.T) {
			c := newCase(t)
			c.Runs(before...).Runs(raytest.Hangs(raytest.Log("working")))
			j := c.Start(c.Question())
			untilRan(c, j.ID, len(before)+1)
			c.Until(j.ID, string(step), at(step))
			j = stop(c, j.ID)
			run := c.Ran()[len(before)].RunID
			if j.Status != job.Cancelled || !slices.Contains(c.World.Script.Stops(), run) {
				t.Errorf("%s; stopped runs %v", j.Status, c.World.Script.Stops())
			}
			if next := c.Wait(c.Start(map[string]any{"kind": "execute", "session_id": c.Session, "code": c.Program(7)})); next.Status != job.Completed {
				t.Errorf("the next job: %s %+v", next.Status, next.Failure)
			}
		})
	}
}

// The step answers that the run goes on, and the stop comes before it is called again: the run must be stopped all the same.
func TestR19_StopBetweenTwoPolls(t *testing.T) {
	w := own(t, localtest.Setup{Poll: 10 * time.Millisecond, Steps: interpret.Settings{StepBudget: time.Nanosecond}})
	c := w.NewCase(t)
	for range 8 {
		c.Runs(raytest.Hangs())
		j := c.Start(map[string]any{"kind": "execute", "session_id": c.Session, "code": c.Program(1)})
		n := len(c.Ran())
		untilRan(c, j.ID, n)
		if j = stop(c, j.ID); j.Status != job.Cancelled {
			t.Fatalf("%s", j.Status)
		}
		if ran := c.Ran(); len(ran) > 0 && !slices.Contains(w.Script.Stops(), ran[len(ran)-1].RunID) && w.Pool.Cell(c.Session) != nil {
			t.Fatalf("the run %s goes on", ran[len(ran)-1].RunID)
		}
	}
}

func TestR19_StopWhileWaitingForACell(t *testing.T) {
	w := own(t, localtest.Setup{Cells: 1})
	busy, c := w.NewCase(t), w.NewCase(t)
	busy.Runs(raytest.Hangs())
	holder := busy.Start(busy.Question())
	untilRan(busy, holder.ID, 1)
	j := c.Start(c.Question())
	c.Until(j.ID, "note about waiting", func(j handler.JobView) bool {
		return slices.ContainsFunc(c.Events(j.ID).Events, func(e job.Event) bool { return strings.Contains(string(e.Data), "waiting for a cell") })
	})
	if j = stop(c, j.ID); j.Status != job.Cancelled || len(c.Ran()) != 0 {
		t.Errorf("%s, %d runs", j.Status, len(c.Ran()))
	}
	waiting := c.Start(map[string]any{"kind": "execute", "session_id": c.Session, "code": c.Program(1)})
	if got := stop(busy, holder.ID); got.Status != job.Cancelled {
		t.Errorf("the holder: %s", got.Status)
	}
	if waiting = c.Wait(waiting); waiting.Status != job.Completed {
		t.Errorf("who waited longer than one step: %s %+v", waiting.Status, waiting.Failure)
	}
}

func TestR17_TimeLimitsStopTheRun(t *testing.T) {
	w := own(t, localtest.Setup{Env: map[string]string{"ORCRAY_VALIDATE_TIMEOUT": "1s"}, Steps: interpret.Settings{StepBudget: 100 * time.Millisecond}})
	for name, before := range map[string][]raytest.Behaviour{"validate": nil, "execute": {raytest.Succeeds("s")}} {
		for kind, does := range map[string]raytest.Behaviour{"obedient": raytest.Hangs(), "stubborn": {Stubborn: true}} {
			t.Run(name+" "+kind, func(t *testing.T) {
				t.Parallel()
				c := w.NewCase(t)
				c.Runs(before...).Runs(does)
				body := c.Question()
				body["execute_seconds"] = 1
				j := c.Wait(c.Start(body))
				if j.Status != job.TimedOut || j.Failure == nil || j.Failure.Class != "timeout" || !strings.Contains(j.Failure.Message, "1 seconds") {
					t.Errorf("%s %+v", j.Status, j.Failure)
				}
				if kind == "stubborn" && w.Pool.Cell(c.Session) != nil {
					t.Error("the cell of a run that did not stop is used on")
				}
			})
		}
	}
}

func TestN7_ALostPlaceIsReplaced(t *testing.T) {
	t.Parallel()
	for name, does := range map[string]raytest.Behaviour{
		"died": {Events: []raytest.Event{raytest.Log("before")}, Dies: true, End: ray.Failed}, "unknown": {Forgotten: true},
		"broken": {Broken: "nonsense\n"}, "repeats": {Repeats: true}, "busy": {Refuse: http.StatusConflict}, "away": {Refuse: http.StatusBadGateway},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCase(t)
			c.Runs(raytest.Succeeds("s"), does)
			j := c.Ask()
			if j.Status != job.Completed || j.Attempt != 2 || j.Iterations != 1 || len(c.Asked()) != 1 {
				t.Errorf("%s in attempt %d after %d validations: %+v", j.Status, j.Attempt, j.Iterations, j.Failure)
			}
			for range job.MaxLost + 1 {
				c.Runs(does)
			}
			lost := c.Wait(c.Start(map[string]any{"kind": "execute", "session_id": c.Session, "code": c.Program(2)}))
			if lost.Status != job.Failed || lost.Failure.Class != "lost_worker" {
				t.Errorf("a place that is lost each time: %s %+v", lost.Status, lost.Failure)
			}
		})
	}
}
