package interpret_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/orcray/orcray/infra/local/localtest"
	"github.com/orcray/orcray/shared/codegen/modeltest"
	"github.com/orcray/orcray/shared/handler"
	"github.com/orcray/orcray/shared/job"
	"github.com/orcray/orcray/shared/ray"
	"github.com/orcray/orcray/shared/ray/raytest"
)

func TestR14_AQuestionIsProvenThenRun(t *testing.T) {
	c := newCase(t)
	c.Runs(raytest.Succeeds("sampled"), raytest.Succeeds("3"))
	j := c.Ask()
	if j.Status != job.Completed || j.Iterations != 1 || !j.Validated || j.Attempt != 1 || j.Isolation == "" || j.Cost.ModelCalls != 1 {
		t.Errorf("job: %+v", j)
	}
	ran := c.Ran()
	if modes(ran) != "ve" || ran[0].Code != ran[1].Code || len(ran[1].Sources) != 1 || len(ran[1].Sources[0].Columns) != 2 {
		t.Fatalf("runs: %+v", ran)
	}
	var r handler.ResultView
	c.Must(&r, http.MethodGet, "/api/v1/jobs/"+j.ID+"/result", nil)
	if len(r.Outputs) != 1 || r.Outputs[0]["text"] != "3" {
		t.Errorf("result: %+v", r)
	}
	c.Released()
}

func TestR11_FailFailPass(t *testing.T) {
	c := newCase(t)
	c.Runs(mistake("first"), mistake("second"))
	j := c.Ask()
	if j.Status != job.Completed || j.Iterations != 3 || j.Attempt != 3 || modes(c.Ran()) != "vvve" || len(c.Asked()) != 3 {
		t.Errorf("iterations %d, attempt %d, runs %s, %d model calls: %s", j.Iterations, j.Attempt, modes(c.Ran()), len(c.Asked()), j.Status)
	}
	var list handler.Page[job.Attempt]
	c.Must(&list, http.MethodGet, "/api/v1/jobs/"+j.ID+"/attempts", nil)
	if len(list.Items) != 3 {
		t.Fatalf("%d attempts", len(list.Items))
	}
	for i, a := range list.Items {
		want := map[bool]string{true: "passed", false: "failed"}[i == 2]
		if a.Verdict != want || (i > 0) != (a.Diff != "") || (a.Failure != nil) != (i < 2) {
			t.Errorf("attempt %d: %s, diff %q, failure %+v", a.Number, a.Verdict, a.Diff, a.Failure)
		}
	}
}

func TestR11_ThreeFailuresAreTheEnd(t *testing.T) {
	c := newCase(t)
	c.Runs(mistake("first"), mistake("second"), mistake("third"))
	j := c.Ask()
	if j.Status != job.Failed || j.Iterations != 3 || modes(c.Ran()) != "vvv" || len(c.Asked()) != 3 {
		t.Errorf("%s after %d validations, runs %s", j.Status, j.Iterations, modes(c.Ran()))
	}
	if j.Failure == nil || !strings.Contains(j.Failure.Message, "third") || !strings.Contains(j.Failure.Traceback, "third") || j.Validated {
		t.Errorf("failure: %+v", j.Failure)
	}
}

func TestR3R6_WhatTheModelIsTold(t *testing.T) {
	c := newCase(t)
	c.Runs(mistake("the decimal comma"))
	if j := c.Ask(); j.Status != job.Completed {
		t.Fatalf("%s: %+v", j.Status, j.Failure)
	}
	asked := c.Asked()
	for _, want := range []string{"sales.csv", c.Source.URI, "region,amount", "south,2"} {
		if !strings.Contains(asked[0].User, want) {
			t.Errorf("the first request lacks %q", want)
		}
	}
	for _, want := range []string{"ValueError: the decimal comma", "ds.count() + 1"} {
		if !strings.Contains(asked[1].User, want) {
			t.Errorf("the second request lacks %q", want)
		}
	}
}

func TestN6_WrongNamesAreMendedWithoutAModel(t *testing.T) {
	c := newCase(t)
	c.Replies(modeltest.Says("import ray\n# " + c.Tag + "\nds = ray.data.read_csv(\"" + c.Source.URI + "\")\nds.sum(\"amuont\")\n"))
	c.Runs(raytest.Fails(ray.Failure{Class: "unknown_column", Name: "KeyError", Value: "amuont", Wrong: "amuont", Nearest: []string{"amount"}, Line: 4}))
	j := c.Ask()
	ran := c.Ran()
	if j.Status != job.Completed || len(c.Asked()) != 1 || modes(ran) != "vve" || !strings.Contains(ran[1].Code, `"amount"`) {
		t.Errorf("%s, %d model calls, runs %s: %+v", j.Status, len(c.Asked()), modes(ran), j.Failure)
	}
}

// Only a mistake in the program costs a model call.
func TestN6_EveryFailureClass(t *testing.T) {
	t.Parallel()
	for class, calls := range map[string]int{"code": 2, "unknown_column": 2, "unknown_name": 2, "denied": 1, "missing_data": 1, "out_of_memory": 1,
		"lost_worker": 1, "throttled": 1, "timeout": 1, "policy": 1, "internal": 1} {
		t.Run(class, func(t *testing.T) {
			c := newCase(t)
			c.Runs(raytest.Fails(ray.Failure{Class: class, Name: "E", Value: "why it failed"}))
			j := c.Ask()
			if len(c.Asked()) != calls || (j.Status == job.Completed) != (calls == 2) {
				t.Errorf("%d model calls, want %d; %s", len(c.Asked()), calls, j.Status)
			}
			if calls == 1 && (j.Failure == nil || j.Failure.Class != class || len(j.Failure.Message) < 10 || modes(c.Ran()) != "v") {
				t.Errorf("failure %+v, runs %s", j.Failure, modes(c.Ran()))
			}
		})
	}
}

func TestR7_RepliesWithoutAProgramAreNeverRun(t *testing.T) {
	t.Parallel()
	for name, does := range map[string]modeltest.Behaviour{
		"truncated": {Pieces: []string{"import ray\n", "x = ray."}, Stop: modeltest.OutOfRoom},
		"cut":       {Pieces: []string{"import ray\n"}, Stop: modeltest.Cut},
		"refused":   {Pieces: []string{"I "}, Stop: modeltest.Declines},
		"empty":     modeltest.Says(""),
		"endless":   modeltest.Says("import ray\n", strings.Repeat("x = 1 < 2\n", 20_000)),
		"escaped":   modeltest.Says("import ray\n", "x = '"+strings.Repeat("<", 90<<10)+"'\n"),
		"prose":     modeltest.Says("First you read the file, then you add up the column."),
	} {
		t.Run(name, func(t *testing.T) {
			c := newCase(t)
			c.Replies(does)
			j := c.Ask()
			if j.Status != job.Failed || len(c.Ran()) != 0 || j.Failure == nil || len(j.Failure.Message) < 10 {
				t.Errorf("%s, %d runs, %+v", j.Status, len(c.Ran()), j.Failure)
			}
		})
	}
}

func TestR58_AThrottledModelIsAskedAgain(t *testing.T) {
	c := newCase(t)
	c.Replies(modeltest.Refuses(http.StatusTooManyRequests), modeltest.Refuses(http.StatusServiceUnavailable))
	if j := c.Ask(); j.Status != job.Completed || len(c.Asked()) != 3 {
		t.Errorf("%s after %d requests: %+v", j.Status, len(c.Asked()), j.Failure)
	}
	d := newCaseIn(t, c)
	for range 4 {
		d.Replies(modeltest.Refuses(http.StatusTooManyRequests))
	}
	if j := d.Ask(); j.Status != job.Failed || j.Failure.Class != "throttled" || len(d.Ran()) != 0 {
		t.Errorf("%s after %d requests: %+v", j.Status, len(d.Asked()), j.Failure)
	}
}

// newCaseIn makes a second user in the world of a case.
func newCaseIn(t *testing.T, c *localtest.Case) *localtest.Case { return c.World.NewCase(t) }

func TestR36_TheSelectionEndsWithTheJob(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]raytest.Behaviour{"success": raytest.Succeeds("1"), "failure": raytest.Fails(ray.Failure{Class: "policy", Value: "no"})} {
		t.Run(name, func(t *testing.T) {
			c := newCase(t)
			pinned := c.Upload(c.Session, "pinned.csv", "a,b\n1,2\n")
			c.Must(nil, http.MethodPatch, "/api/v1/sessions/"+c.Session+"/sources/"+pinned.ID, map[string]bool{"pinned": true})
			c.Runs(end)
			if j := c.Ask(); len(j.Sources) != 2 {
				t.Errorf("bound %+v", j.Sources)
			}
			again := c.Wait(c.Start(c.Question()))
			if len(again.Sources) != 1 || again.Sources[0].ID != pinned.ID {
				t.Errorf("the next question bound %+v", again.Sources)
			}
		})
	}
}

func TestR15_HistoryRunsAgainOnItsOwnSources(t *testing.T) {
	c := newCase(t)
	first := c.Ask()
	c.Upload(c.Session, "other.csv", "x\n1\n")
	again := c.Wait(c.Start(map[string]any{"kind": "execute", "from_job": first.ID}))
	if again.Status != job.Completed || len(again.Sources) != 1 || again.Sources[0].ID != c.Source.ID || len(c.Asked()) != 1 || modes(c.Ran()) != "veve" {
		t.Errorf("%s bound %+v, runs %s", again.Status, again.Sources, modes(c.Ran()))
	}
	edited := c.Wait(c.Start(map[string]any{"kind": "execute", "from_job": first.ID, "code": c.Program(99)}))
	ran := c.Ran()
	if last := ran[len(ran)-1]; edited.Status != job.Completed || edited.ID == first.ID || last.Code != c.Program(99) || last.Sources[0].URI != c.Source.URI ||
		len(last.Sources[0].Columns) != 2 {
		t.Errorf("the edited program: %s, %+v", edited.Status, last)
	}
	c.Runs(mistake("edited wrongly"))
	if bad := c.Wait(c.Start(map[string]any{"kind": "execute", "from_job": first.ID, "code": c.Program(100)})); bad.Status != job.Failed || len(c.Asked()) != 1 {
		t.Errorf("an edited program that fails: %s, %d model calls", bad.Status, len(c.Asked()))
	}
}

func TestR13_AProgramCanBeCheckedWithoutARun(t *testing.T) {
	c := newCase(t)
	first := c.Ask()
	checked := c.Wait(c.Start(map[string]any{"kind": "execute", "from_job": first.ID, "check_only": true}))
	if checked.Status != job.Completed || !checked.CheckOnly || !checked.Validated || modes(c.Ran()) != "vev" {
		t.Errorf("%s, runs %s", checked.Status, modes(c.Ran()))
	}
	if a := c.Do(http.MethodGet, "/api/v1/jobs/"+checked.ID+"/result", nil); a.Code != http.StatusNotFound || !strings.Contains(a.Body, "did not run it") {
		t.Errorf("its answer: %d %s", a.Code, a.Body)
	}
	c.Runs(mistake("wrong"))
	if bad := c.Wait(c.Start(map[string]any{"kind": "execute", "from_job": first.ID, "check_only": true})); bad.Status != job.Failed || bad.Failure == nil {
		t.Errorf("a program that fails its check: %s", bad.Status)
	}
	if run := c.Wait(c.Start(map[string]any{"kind": "execute", "from_job": checked.ID})); run.Status != job.Completed || run.CheckOnly || !strings.HasSuffix(modes(c.Ran()), "ve") {
		t.Errorf("the checked program, run: %s, runs %s", run.Status, modes(c.Ran()))
	}
}

// A session leads to its cell and to what lies in it: naming somebody else's must not open it, by no door.
func TestR59_NobodyGetsIntoTheCellOfAnotherSession(t *testing.T) {
	c := newCase(t)
	mine := c.Ask()
	other := newCaseIn(t, c)
	theirs := other.Ask()
	for _, body := range []map[string]any{
		{"kind": "execute", "from_job": mine.ID, "session_id": other.Session},
		{"kind": "execute", "from_job": mine.ID, "session_id": "../../x"},
		{"kind": "interpret", "from_job": mine.ID, "session_id": other.Session, "prompt": c.Tag},
		{"kind": "execute", "session_id": other.Session, "code": c.Program(1)},
		{"kind": "execute", "from_job": theirs.ID},
		{"kind": "execute", "session_id": c.Session, "code": c.Program(1), "sources": []string{other.Source.ID}},
	} {
		if a := c.Do(http.MethodPost, "/api/v1/jobs", body); a.Code != http.StatusNotFound {
			t.Errorf("%v: %d %s", body, a.Code, a.Body)
		}
	}
}
