package localtest

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orcray/orcray/shared/codegen/modeltest"
	"github.com/orcray/orcray/shared/handler"
	"github.com/orcray/orcray/shared/ray"
	"github.com/orcray/orcray/shared/ray/raytest"
)

// Case is one test's part of a world that it shares with others: a tag in its questions and programs leads the scripted
// servers to its own scripts. It is also a user with a session and a file.
type Case struct {
	*Client
	T       testing.TB
	World   *World
	Tag     string
	Session string
	Source  handlerSource

	mu      sync.Mutex
	replies []modeltest.Behaviour
	runs    []raytest.Behaviour
	asked   []modeltest.Request
	ran     []ray.Run
}

type handlerSource struct {
	ID  string `json:"id"`
	URI string `json:"uri"`
}

// NewCase makes a case with a new user, a session and a small file.
func (w *World) NewCase(t testing.TB) *Case {
	t.Helper()
	user, err := w.NewUser()
	if err != nil {
		t.Fatal(err)
	}
	c := &Case{Client: user, T: t, World: w, Tag: "tag" + rand.Text()}
	w.cases.Store(c.Tag, c)
	c.Session = c.NewSession()
	c.Source = c.Upload(c.Session, "sales.csv", "region,amount\nnorth,1\nsouth,2\neast,3\n")
	return c
}

// Replies adds what the model answers next.
func (c *Case) Replies(behaviours ...modeltest.Behaviour) *Case {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.replies = append(c.replies, behaviours...)
	return c
}

// Runs adds what the runner does with the next runs.
func (c *Case) Runs(behaviours ...raytest.Behaviour) *Case {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.runs = append(c.runs, behaviours...)
	return c
}

// Asked gives the requests that the model got.
func (c *Case) Asked() []modeltest.Request {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]modeltest.Request(nil), c.asked...)
}

// Ran gives the runs that the runner took.
func (c *Case) Ran() []ray.Run {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]ray.Run(nil), c.ran...)
}

// Program is a program of this case; the number makes it another one.
func (c *Case) Program(n int) string {
	return fmt.Sprintf("import ray\nds = ray.data.read_csv(%q)  # %s\nds.count() + %d\n", c.Source.URI, c.Tag, n)
}

// reply is the model of all cases: a case without a script gets a program that was not written before.
func (w *World) reply(r modeltest.Request) modeltest.Behaviour {
	found := modeltest.Refuses(http.StatusTeapot)
	w.each(r.User, func(c *Case) {
		c.asked = append(c.asked, r)
		found = modeltest.Says("```python\n", c.Program(len(c.asked)), "```\n")
		if len(c.replies) > 0 {
			found, c.replies = c.replies[0], c.replies[1:]
		}
	})
	return found
}

func (w *World) behave(r ray.Run) raytest.Behaviour {
	found := raytest.Succeeds("done")
	w.each(r.Code, func(c *Case) {
		c.ran = append(c.ran, r)
		if len(c.runs) > 0 {
			found, c.runs = c.runs[0], c.runs[1:]
		}
	})
	return found
}

func (w *World) each(text string, use func(*Case)) {
	w.cases.Range(func(tag, v any) bool {
		c := v.(*Case)
		if !strings.Contains(text, tag.(string)) {
			return true
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		use(c)
		return false
	})
}

// Must sends a request that has to succeed, and decodes the answer into out unless it is nil.
func (c *Case) Must(out any, method, path string, body any, headers ...string) Answer {
	c.T.Helper()
	a := c.Do(method, path, body, headers...)
	if a.Code < 200 || a.Code > 299 {
		c.T.Fatalf("%s %s: %d %s", method, path, a.Code, a.Body)
	}
	if out != nil {
		if err := a.Into(out); err != nil {
			c.T.Fatalf("%s %s: %v: %.300s", method, path, err, a.Body)
		}
	}
	return a
}

// NewSession makes another session of the user.
func (c *Case) NewSession() string {
	c.T.Helper()
	var s handler.SessionView
	c.Must(&s, http.MethodPost, "/api/v1/sessions", map[string]string{"name": "S"})
	return s.ID
}

// Upload sends a file the way a browser does.
func (c *Case) Upload(session, name, content string) (s handlerSource) {
	c.T.Helper()
	var u handler.UploadView
	c.Must(&u, http.MethodPost, "/api/v1/uploads", map[string]any{"session_id": session, "name": name, "size": len(content), "content_type": "text/csv"})
	var headers []string
	for k, v := range u.Headers {
		headers = append(headers, k, v)
	}
	sender := &Client{world: c.World} // the signature is the right, not the token
	if a := sender.Do(u.Method, u.URL, content, headers...); a.Code != http.StatusOK {
		c.T.Fatalf("upload: %d %s", a.Code, a.Body)
	}
	c.Must(&s, http.MethodPost, "/api/v1/uploads/"+u.ID+"/complete", nil)
	return s
}

// Ask starts a question in the case's session and waits for its end.
func (c *Case) Ask() handler.JobView {
	c.T.Helper()
	return c.Wait(c.Start(c.Question()))
}

// Question is the body of a question that the scripts of this case answer.
func (c *Case) Question() map[string]any {
	return map[string]any{"kind": "interpret", "session_id": c.Session, "prompt": "How many rows? " + c.Tag}
}

// Start starts a job.
func (c *Case) Start(body map[string]any) handler.JobView {
	c.T.Helper()
	var j handler.JobView
	c.Must(&j, http.MethodPost, "/api/v1/jobs", body)
	return j
}

// Wait follows a job to its end.
func (c *Case) Wait(j handler.JobView) handler.JobView {
	c.T.Helper()
	return c.Until(j.ID, "the end", func(j handler.JobView) bool { return j.Completed != nil })
}

// Until follows a job until it is as it should be.
func (c *Case) Until(id, what string, is func(handler.JobView) bool) handler.JobView {
	c.T.Helper()
	end := time.Now().Add(60 * time.Second)
	after := int64(0)
	for {
		var j handler.JobView
		c.Must(&j, http.MethodGet, "/api/v1/jobs/"+id, nil)
		if is(j) {
			return j
		}
		if time.Now().After(end) || j.Completed != nil {
			c.T.Fatalf("job %s: no %s: %+v %+v", id, what, j, j.Failure)
		}
		var page handler.EventPage
		c.Must(&page, http.MethodGet, fmt.Sprintf("/api/v1/jobs/%s/events?after=%d&wait=1", id, after), nil)
		after = page.Next
	}
}

// Released waits until no job holds the session's cell: a job lets go of it after its end is written.
func (c *Case) Released() {
	c.T.Helper()
	bound := time.NewTimer(10 * time.Second)
	defer bound.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for n := c.World.Pool.Users(c.Session); n != 0; n = c.World.Pool.Users(c.Session) {
		select {
		case <-tick.C:
		case <-bound.C:
			c.T.Fatalf("%d jobs hold the cell after the end", n)
		}
	}
}

// Events gives the whole log of a job.
func (c *Case) Events(id string) handler.EventPage {
	c.T.Helper()
	var page handler.EventPage
	c.Must(&page, http.MethodGet, "/api/v1/jobs/"+id+"/events?limit=1000", nil)
	return page
}

// Rejoin gives a case of an earlier world on the same folder its place in this one.
func (w *World) Rejoin(old *Case) *Case {
	if c, ok := w.cases.Load(old.Tag); ok {
		return c.(*Case)
	}
	c := &Case{Client: &Client{world: w, Token: old.Token, User: old.User}, T: old.T, World: w, Tag: old.Tag, Session: old.Session, Source: old.Source}
	w.cases.Store(c.Tag, c)
	return c
}
