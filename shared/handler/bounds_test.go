package handler_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/orcray/orcray/shared/handler"
	"github.com/orcray/orcray/shared/job"
	"github.com/orcray/orcray/shared/ray/raytest"
)

// An admin stops anybody's open job and is not shown the question; for everybody else it is as if there were none.
func TestR19_AnAdminStopsAnybodysJob(t *testing.T) {
	c := newCase(t)
	admin, err := c.World.Admin()
	if err != nil {
		t.Fatal(err)
	}
	other := c.World.NewCase(t)
	c.Runs(raytest.Hangs())
	j := c.Start(c.Question())
	c.Until(j.ID, "run", func(handler.JobView) bool { return len(c.Ran()) == 1 })
	stop := "/api/v1/jobs/" + j.ID + "/stop"
	none := other.Do(http.MethodPost, missing("/api/v1/jobs/{job}/stop"), nil)
	if got := other.Do(http.MethodPost, stop, nil); got.Code != http.StatusNotFound || faceless(got) != faceless(none) {
		t.Fatalf("somebody else: %d %s", got.Code, got.Body)
	}
	got := admin.Do(http.MethodPost, stop, nil)
	var shown handler.JobView
	if err := got.Into(&shown); err != nil || got.Code != http.StatusOK || !shown.Stopping || strings.Contains(got.Body, c.Tag) || len(shown.Sources) > 0 {
		t.Fatalf("%d %s", got.Code, got.Body)
	}
	if j := c.Wait(j); j.Status != job.Cancelled {
		t.Fatalf("%s", j.Status)
	}
	if got := admin.Do(http.MethodPost, stop, nil); got.Code != http.StatusNotFound || faceless(got) != faceless(none) {
		t.Fatalf("a job that has ended is its owner's business: %d %s", got.Code, got.Body)
	}
}

var left = regexp.MustCompile(`^"jobs";r=\d+;t=\d+$`)

// Whoever starts a job is told how many more they may start.
func TestO29_AJobsAnswerTellsTheRate(t *testing.T) {
	c := newCase(t)
	a := c.Must(nil, http.MethodPost, "/api/v1/jobs", c.Question())
	if policy := a.Header.Get("RateLimit-Policy"); policy != `"jobs";q=100000;w=60` {
		t.Errorf("policy %q", policy)
	}
	if now := a.Header.Get("RateLimit"); !left.MatchString(now) {
		t.Errorf("left %q", now)
	}
}

// The same key and body give the same session, upload and answer; another body under the key is refused.
func TestN7_AKeyGivesTheSameAnswer(t *testing.T) {
	c := newCase(t)
	for path, bodies := range map[string][2]map[string]any{
		"/api/v1/sessions": {{"name": "A"}, {"name": "B"}},
		"/api/v1/uploads":  {{"session_id": c.Session, "name": "a.csv", "size": 3}, {"session_id": c.Session, "name": "a.csv", "size": 4}},
	} {
		var first, second struct{ ID string }
		key := []string{"Idempotency-Key", "k"}
		c.Must(&first, http.MethodPost, path, bodies[0], key...)
		again := c.Must(&second, http.MethodPost, path, bodies[0], key...)
		if first.ID == "" || first.ID != second.ID || again.Header.Get("Idempotent-Replayed") != "true" {
			t.Errorf("%s: %s, then %s (replayed %q)", path, first.ID, second.ID, again.Header.Get("Idempotent-Replayed"))
		}
		if other := c.Do(http.MethodPost, path, bodies[1], key...); other.Code != http.StatusUnprocessableEntity {
			t.Errorf("%s: another body: %d", path, other.Code)
		}
	}
	var first, second handler.AliasReply
	body := map[string]any{"session_id": c.Session, "code": c.Program(1)}
	c.Must(&first, http.MethodPost, "/execute", body, "Idempotency-Key", "alias")
	c.Must(&second, http.MethodPost, "/execute", body, "Idempotency-Key", "alias")
	if first.JobID == "" || first != second {
		t.Errorf("%+v, then %+v", first, second)
	}
}

// The short path's history goes on where an answer ends; nothing is cut silently.
func TestR38_TheShortHistoryHasEveryJob(t *testing.T) {
	c := newCase(t)
	const jobs = 205 // a page of the store has 200
	for i := range jobs {
		q := c.Question()
		q["prompt"], q["sources"] = fmt.Sprintf("question %d %s", i, c.Tag), []string{c.Source.ID}
		j := c.Start(q)
		c.Must(nil, http.MethodPost, "/api/v1/jobs/"+j.ID+"/stop", nil)
	}
	seen := map[string]bool{}
	for cursor := ""; ; {
		var h handler.AliasHistory
		c.Must(&h, http.MethodGet, fmt.Sprintf("/history/%s?cursor=%s", c.Session, cursor), nil)
		for _, e := range h.Conversation {
			seen[e.Prompt] = true
		}
		if cursor = h.Next; cursor == "" {
			break
		}
	}
	if len(seen) != jobs {
		t.Fatalf("%d of %d questions", len(seen), jobs)
	}
}
