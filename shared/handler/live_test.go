package handler_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/orcray/orcray/infra/local/localtest"
	"github.com/orcray/orcray/shared/handler"
	"github.com/orcray/orcray/shared/identity"
	"github.com/orcray/orcray/shared/job"
	"github.com/orcray/orcray/shared/ray"
	"github.com/orcray/orcray/shared/ray/raytest"
)

// listen opens a stream of server-sent events; next gives the following event, nil at the end of the stream.
func listen(t *testing.T, c *localtest.Case, id string, headers ...string) (next func() *job.Event) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	res, err := c.Send(ctx, http.MethodGet, "/api/v1/jobs/"+id+"/events", nil, append(headers, "Accept", "text/event-stream")...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	if res.StatusCode != 200 || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
		t.Fatalf("%d %s", res.StatusCode, res.Header.Get("Content-Type"))
	}
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, 1<<20)
	return func() *job.Event {
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				var e job.Event
				if err := json.Unmarshal([]byte(data), &e); err != nil {
					t.Fatal(err)
				}
				return &e
			}
		}
		if ctx.Err() != nil {
			t.Error("the stream did not end")
		}
		return nil
	}
}

// The run goes on only after its first line was seen, so a stream that gathers would never end.
func TestR22_EventsComeWhileTheyHappen(t *testing.T) {
	c := newCase(t)
	gate := make(chan struct{})
	c.Runs(raytest.Succeeds(), raytest.Behaviour{Events: []raytest.Event{raytest.Log("one"), raytest.Log("two")}, Gate: gate, End: ray.Succeeded})
	j := c.Start(c.Question())
	next, seen, open := listen(t, c, j.ID), int64(0), true
	for e := next(); e != nil; e = next() {
		if e.Seq != seen+1 {
			t.Fatalf("event %d after %d", e.Seq, seen)
		}
		seen = e.Seq
		if strings.Contains(string(e.Data), `"two"`) && open {
			close(gate)
			open = false
		}
	}
	all := c.Events(j.ID)
	if int(seen) != len(all.Events) || !all.Done {
		t.Errorf("%d events on the stream, %d in the log, done %v", seen, len(all.Events), all.Done)
	}
	resumed := listen(t, c, j.ID, "Last-Event-ID", "3")
	if e := resumed(); e == nil || e.Seq != 4 {
		t.Errorf("resumed with %+v", e)
	}
	if e := listen(t, c, j.ID, "Last-Event-ID", fmt.Sprint(seen))(); e != nil {
		t.Errorf("after the last event: %+v", e)
	}
	var page handler.EventPage
	c.Must(&page, http.MethodGet, fmt.Sprintf("/api/v1/jobs/%s/events?after=%d&wait=20", j.ID, seen), nil)
	if !page.Done || len(page.Events) != 0 {
		t.Errorf("a long poll after the end: %+v", page)
	}
	var lines struct {
		Lines []handler.LogLine
		Done  bool
	}
	c.Must(&lines, http.MethodGet, "/api/v1/jobs/"+j.ID+"/logs?limit=1000", nil)
	if len(lines.Lines) != 2 || lines.Lines[1].Text != "two" || !lines.Done {
		t.Errorf("%+v", lines)
	}
}

func TestR22_LongPollGivesAtMostItsLimit(t *testing.T) {
	c := newCase(t)
	gate := make(chan struct{})
	c.Runs(raytest.Behaviour{Gate: gate, Late: []raytest.Event{raytest.Log("a"), raytest.Log("b"), raytest.Log("c")}, End: ray.Succeeded})
	j := c.Start(map[string]any{"kind": "execute", "session_id": c.Session, "code": c.Program(1)})
	c.Until(j.ID, "validation", func(j handler.JobView) bool { return j.Step == job.Validate })
	polled := make(chan handler.EventPage, 1)
	go func() {
		var page handler.EventPage
		c.Must(&page, http.MethodGet, fmt.Sprintf("/api/v1/jobs/%s/events?after=%d&wait=20&limit=1", j.ID, c.Events(j.ID).Next), nil)
		polled <- page
	}()
	close(gate)
	if page := <-polled; len(page.Events) > 1 {
		t.Errorf("%d events", len(page.Events))
	}
	c.Wait(j)
}

func TestR41_ETagsAndCursors(t *testing.T) {
	c := newCase(t)
	for range 4 {
		c.NewSession()
	}
	path := "/api/v1/sessions/" + c.Session
	read := c.Must(nil, http.MethodGet, path, nil)
	etag := read.Header.Get("ETag")
	c.Must(nil, http.MethodPatch, path, map[string]string{"name": "one"}, "If-Match", etag)
	stale := c.Do(http.MethodPatch, path, map[string]string{"name": "two"}, "If-Match", etag)
	if problem(t, "stale", stale); stale.Code != http.StatusPreconditionFailed {
		t.Errorf("a stale If-Match: %d", stale.Code)
	}
	var page handler.Page[handler.SessionView]
	c.Must(&page, http.MethodGet, "/api/v1/sessions?limit=2", nil)
	ids, cursor := len(page.Items), page.Next
	for page.Next != "" {
		next := page.Next
		page = handler.Page[handler.SessionView]{}
		c.Must(&page, http.MethodGet, "/api/v1/sessions?limit=2&cursor="+next, nil)
		ids += len(page.Items)
	}
	if ids != 5 {
		t.Errorf("%d sessions", ids)
	}
	other := c.World.NewCase(t)
	for what, a := range map[string]localtest.Answer{"another user": other.Do(http.MethodGet, "/api/v1/sessions?cursor="+cursor, nil),
		"another list": c.Do(http.MethodGet, "/api/v1/jobs?cursor="+cursor, nil), "changed": c.Do(http.MethodGet, "/api/v1/sessions?cursor="+cursor[:40]+swapped(cursor[40])+cursor[41:], nil)} {
		if problem(t, what, a); a.Code != 400 {
			t.Errorf("a cursor of %s: %d", what, a.Code)
		}
	}
}

func swapped(c byte) string {
	if c == 'A' {
		return "B"
	}
	return "A"
}

func TestR41_ResetAndDelete(t *testing.T) {
	c := newCase(t)
	j := c.Ask()
	c.Must(nil, http.MethodPost, "/api/v1/sessions/"+c.Session+"/reset", nil)
	var sources handler.Page[any]
	c.Must(&sources, http.MethodGet, "/api/v1/sessions/"+c.Session+"/sources", nil)
	if len(sources.Items) != 0 {
		t.Errorf("sources %+v", sources.Items)
	}
	again := c.Wait(c.Start(map[string]any{"kind": "execute", "from_job": j.ID}))
	if again.Failure == nil || again.Failure.Class != "missing_data" {
		t.Errorf("a job whose files are gone: %s %+v", again.Status, again.Failure)
	}
	c.Must(nil, http.MethodDelete, "/api/v1/sessions/"+c.Session, nil)
	if a := c.Do(http.MethodPost, "/api/v1/jobs", map[string]any{"kind": "execute", "from_job": j.ID}); a.Code != 404 {
		t.Errorf("a job in a deleted session: %d", a.Code)
	}
	c.Must(nil, http.MethodGet, "/api/v1/jobs/"+j.ID+"/result", nil)
	c.Must(nil, http.MethodDelete, "/api/v1/jobs/"+j.ID, nil)
	if a := c.Do(http.MethodGet, "/api/v1/jobs/"+j.ID, nil); a.Code != 404 {
		t.Errorf("a deleted job: %d", a.Code)
	}
}

func TestR40_HistoryOfAnUnknownSessionIsEmpty(t *testing.T) {
	c := newCase(t)
	var page handler.Page[handler.HistoryEntry]
	c.Must(&page, http.MethodGet, "/api/v1/sessions/nobody-knows-it/history", nil)
	var old handler.AliasHistory
	c.Must(&old, http.MethodGet, "/history/nobody-knows-it", nil)
	if page.Items == nil || len(page.Items) != 0 || !old.Success || old.Conversation == nil || old.Executions == nil {
		t.Errorf("%+v %+v", page, old)
	}
}

func TestR14_ShortPathsKeepTheirFields(t *testing.T) {
	c := newCase(t)
	c.Runs(raytest.Succeeds(), raytest.Succeeds("42"))
	var r handler.AliasReply
	c.Must(&r, http.MethodPost, "/generate", map[string]string{"prompt": "how many? " + c.Tag, "session_id": c.Session})
	if !r.Success || r.Output != "42\n" || r.Iterations != 1 || r.JobID == "" || r.SessionID != c.Session || !strings.Contains(r.Code, c.Tag) {
		t.Errorf("generate: %+v", r)
	}
	c.Runs(raytest.Succeeds(), raytest.Behaviour{End: ray.Succeeded})
	c.Must(&r, http.MethodPost, "/execute", map[string]string{"code": c.Program(1), "session_id": c.Session})
	if !r.Success || r.Output != "(no output)" {
		t.Errorf("R24: %+v", r)
	}
	c.Runs(raytest.Fails(ray.Failure{Class: "code", Name: "ValueError", Value: "bad", Line: 1, Traceback: "Traceback\nValueError: bad"}))
	c.Must(&r, http.MethodPost, "/execute", map[string]string{"code": c.Program(2), "session_id": c.Session})
	if r.Success || !strings.Contains(r.Error, "Traceback\nValueError: bad") || r.JobID == "" {
		t.Errorf("R25: %+v", r)
	}
	c.Runs(raytest.Hangs())
	a := c.Must(&r, http.MethodPost, "/execute", map[string]string{"code": c.Program(3), "session_id": c.Session}, "Prefer", "respond-async")
	if a.Code != 202 || a.Header.Get("Location") == "" || r.Success {
		t.Errorf("without waiting: %d %+v", a.Code, r)
	}
	c.Must(nil, http.MethodPost, a.Header.Get("Location")+"/stop", nil)
	c.Wait(handler.JobView{ID: r.JobID})
	var h handler.AliasHistory
	c.Must(&h, http.MethodGet, "/history/"+c.Session, nil)
	if len(h.Conversation) != 1 || len(h.Executions) != 4 || h.Executions[1].Success || !strings.Contains(h.Executions[1].Result, "ValueError") {
		t.Errorf("history: %+v", h)
	}
}

func TestR50_TheIndexNamesEveryOperation(t *testing.T) {
	c := newCase(t)
	for _, path := range []string{"/", "/api/v1"} {
		var index handler.Index
		c.Must(&index, http.MethodGet, path, nil)
		if len(index.Operations) != len(operations(t, c.Client)) || index.Operations["alias-index"] != "GET /" {
			t.Errorf("%s: %d operations", path, len(index.Operations))
		}
	}
	var health handler.Health
	c.Must(&health, http.MethodGet, "/health", nil)
	if len(health.Checks) < 5 || health.Status != "ok" {
		t.Errorf("%+v", health)
	}
}

func TestO51_TheCommittedDocumentIsTheRoutersOwn(t *testing.T) {
	t.Parallel()
	want, err := handler.Document(identity.DefaultPolicy())
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(folder, "../../docs/openapi.json"))
	if err != nil || string(got) != string(want) {
		t.Errorf("docs/openapi.json is not what the router says (%v): orcray openapi > docs/openapi.json", err)
	}
}
