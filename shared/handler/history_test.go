package handler_test

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
	"github.com/orcray/orcray/shared/source"
)

func history(c *localtest.Case) []handler.HistoryEntry {
	var page handler.Page[handler.HistoryEntry]
	c.Must(&page, http.MethodGet, "/api/v1/sessions/"+c.Session+"/history", nil)
	return page.Items
}

// The second program passes: two validations, said in the reply and in the history, with the question, program and time.
func TestR12_TheNumberOfValidationsIsTrue(t *testing.T) {
	c := newCase(t)
	c.Replies(modeltest.Says(c.Program(1)), modeltest.Says(c.Program(2)))
	c.Runs(raytest.Fails(ray.Failure{Class: "code", Name: "ValueError", Value: "no", Traceback: "ValueError: no"}), raytest.Succeeds(), raytest.Succeeds("42"))
	j := c.Wait(c.Start(c.Question()))
	if j.Status != job.Completed || j.Iterations != 2 {
		t.Fatalf("%s after %d validations: %+v", j.Status, j.Iterations, j.Failure)
	}
	if got := history(c); len(got) != 1 || got[0].Iterations != 2 {
		t.Fatalf("the history says %+v", got)
	}
}

func TestR37_TheHistoryHasQuestionProgramAndTime(t *testing.T) {
	c := newCase(t)
	c.Replies(modeltest.Says(c.Program(1)))
	c.Runs(raytest.Succeeds(), raytest.Succeeds("42"))
	j := c.Wait(c.Start(c.Question()))
	got := history(c)
	if len(got) != 1 {
		t.Fatalf("%d entries", len(got))
	}
	e := got[0]
	if e.ID != j.ID || e.Prompt != j.Prompt || e.Prompt == "" || !strings.Contains(e.Program, c.Tag) || e.Created.IsZero() || e.Completed == nil {
		t.Fatalf("%+v", e)
	}
}

// A failed run stands in the history beside one that was completed, newest first, each with its program, status and reason.
func TestR38_TheHistoryHasExecutionsAndFailures(t *testing.T) {
	c := newCase(t)
	c.Runs(raytest.Succeeds(), raytest.Succeeds("42"))
	good := c.Wait(c.Start(map[string]any{"kind": "execute", "session_id": c.Session, "code": c.Program(1)}))
	c.Runs(raytest.Fails(ray.Failure{Class: "code", Name: "ValueError", Value: "no", Line: 3}))
	bad := c.Wait(c.Start(map[string]any{"kind": "execute", "session_id": c.Session, "code": c.Program(2)}))
	got := history(c)
	if len(got) != 2 || got[0].ID != bad.ID || got[1].ID != good.ID {
		t.Fatalf("%+v", got)
	}
	if got[0].Status != job.Failed || got[0].Failure == nil || !strings.Contains(got[0].Failure.Message, "line 3") || got[1].Status != job.Completed {
		t.Fatalf("%s %+v, %s", got[0].Status, got[0].Failure, got[1].Status)
	}
	if got[0].Program == got[1].Program || got[0].Program == "" {
		t.Fatal("each entry has its own program")
	}
	var result handler.ResultView
	c.Must(&result, http.MethodGet, "/api/v1/jobs/"+good.ID+"/result", nil)
	if len(result.Outputs) != 1 || result.Outputs[0]["text"] != "42" {
		t.Fatalf("%+v", result)
	}
}

// Removing a source removes it on the server: the list, its file, and what the next question may read.
func TestR29_ARemovedSourceIsGone(t *testing.T) {
	c := newCase(t)
	path := "/api/v1/sessions/" + c.Session + "/sources"
	c.Must(nil, http.MethodDelete, path+"/"+c.Source.ID, nil)
	var page handler.Page[source.Source]
	c.Must(&page, http.MethodGet, path, nil)
	if len(page.Items) != 0 {
		t.Fatalf("%+v", page.Items)
	}
	if got := c.Do(http.MethodGet, path+"/"+c.Source.ID, nil); got.Code != http.StatusNotFound {
		t.Fatalf("the source: %d", got.Code)
	}
	if got := c.Do(http.MethodPost, "/api/v1/jobs", c.Question()); got.Code != http.StatusBadRequest {
		t.Fatalf("a question about nothing: %d", got.Code)
	}
}

// Health names every part and how it is; a part that only some jobs need makes it degraded, not down.
func TestR49_O50_HealthAsksEveryPart(t *testing.T) {
	c := newCase(t)
	var h handler.Health
	c.Must(&h, http.MethodGet, "/api/v1/health", nil)
	parts := map[string]bool{}
	for _, check := range h.Checks {
		parts[check.Name] = check.OK
	}
	for _, name := range []string{"store", "objects", "queue", "model"} {
		if ok, there := parts[name]; !ok || !there {
			t.Errorf("%s: %v of %v", name, ok, h.Checks)
		}
	}
	for _, name := range []string{"cells", "ray"} {
		if _, there := parts[name]; !there {
			t.Errorf("nothing is said of %s", name)
		}
	}
}
