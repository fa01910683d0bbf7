package local_test

import (
	"context"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orcray/orcray/infra/local/localtest"
	"github.com/orcray/orcray/shared/codegen/modeltest"
	"github.com/orcray/orcray/shared/embedded/bus"
	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/handler"
	"github.com/orcray/orcray/shared/interpret"
	"github.com/orcray/orcray/shared/job"
	"github.com/orcray/orcray/shared/queue"
	"github.com/orcray/orcray/shared/ray"
	"github.com/orcray/orcray/shared/ray/raytest"
	"github.com/orcray/orcray/shared/session"
)

func TestMain(m *testing.M) { os.Exit(localtest.Main(m, nil)) }

// Worlds are opened one after the other: an object store is one to a process.
func open(t *testing.T, s localtest.Setup) *localtest.World {
	t.Helper()
	w, err := localtest.Open(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func given(c *localtest.Case, n int) map[string]any {
	return map[string]any{"kind": "execute", "session_id": c.Session, "code": c.Program(n)}
}

func TestR39_HistorySurvivesARestart(t *testing.T) {
	dir := t.TempDir()
	before := open(t, localtest.Setup{Dir: dir})
	c := before.NewCase(t)
	first := c.Ask()
	c.Replies(modeltest.Behaviour{Pieces: []string{"import"}, Stop: modeltest.Stalls})
	next := c.Question()
	next["sources"] = []string{c.Source.ID}
	generating := c.Start(next)
	c.Until(generating.ID, "model call", func(handler.JobView) bool { return len(c.Asked()) == 2 })
	other := before.NewCase(t)
	other.Runs(raytest.Hangs())
	running := other.Start(given(other, 1))
	other.Until(running.ID, "run", func(handler.JobView) bool { return len(other.Ran()) == 1 })
	if err := before.Close(); err != nil {
		t.Fatal(err)
	}

	after := open(t, localtest.Setup{Dir: dir, Before: []*localtest.Case{c, other}})
	c, other = after.Rejoin(c), after.Rejoin(other)
	if j := c.Wait(generating); j.Status != job.Completed {
		t.Errorf("a question that was being answered: %s %+v", j.Status, j.Failure)
	}
	if j := other.Wait(running); j.Status != job.Completed {
		t.Errorf("a program that was running: %s in attempt %d: %+v", j.Status, j.Attempt, j.Failure)
	}
	var page handler.Page[handler.HistoryEntry]
	c.Must(&page, http.MethodGet, "/api/v1/sessions/"+c.Session+"/history", nil)
	if len(page.Items) != 2 || page.Items[1].ID != first.ID || page.Items[1].Program == "" || page.Items[1].Iterations != 1 {
		t.Errorf("history: %+v", page.Items)
	}
	if a := other.Do(http.MethodGet, "/api/v1/jobs/"+first.ID, nil); a.Code != 404 {
		t.Errorf("somebody else's job: %d", a.Code)
	}
}

// Many jobs at once, of one session and of several: each gets its own answer, one job of a session at a time.
func TestR59_ConcurrentJobsDoNotCross(t *testing.T) {
	w := open(t, localtest.Setup{Cells: 3})
	var wg sync.WaitGroup
	for range 5 {
		c := w.NewCase(t)
		for i := range 4 {
			wg.Go(func() {
				j := c.Wait(c.Start(given(c, i)))
				var program struct{ Code string }
				c.Must(&program, http.MethodGet, "/api/v1/jobs/"+j.ID+"/program", nil)
				if j.Status != job.Completed || program.Code != c.Program(i) {
					t.Errorf("%s: %+v", j.Status, j.Failure)
				}
			})
		}
	}
	wg.Wait()
	if s := w.Pool.Stats(); s.Leased > 3 {
		t.Errorf("%d cells", s.Leased)
	}
}

// The jobs of one session have its cell in the order in which they asked.
func TestR59_OneSessionOneJobAtATime(t *testing.T) {
	w := open(t, localtest.Setup{Steps: interpret.Settings{StepBudget: 30 * time.Second}})
	c := w.NewCase(t)
	gate := make(chan struct{})
	c.Runs(raytest.Behaviour{Gate: gate, End: ray.Succeeded})
	var jobs []handler.JobView
	for i := range 4 {
		j := c.Start(given(c, i))
		jobs = append(jobs, c.Until(j.ID, "its place in the line", func(j handler.JobView) bool {
			return i == 0 && len(c.Ran()) == 1 || slices.ContainsFunc(c.Events(j.ID).Events, func(e job.Event) bool { return e.Type == "status" && len(e.Data) > 80 })
		}))
	}
	close(gate)
	for _, j := range jobs {
		if j = c.Wait(j); j.Status != job.Completed {
			t.Errorf("%s %+v", j.Status, j.Failure)
		}
	}
	var order []string
	for _, r := range c.Ran() {
		if r.Mode == ray.Validate {
			order = append(order, r.Code)
		}
	}
	for i, code := range order {
		if code != c.Program(i) {
			t.Errorf("the run number %d is another one's", i)
		}
	}
	c.Released()
}

func TestO29_AFullQueueAnswers429(t *testing.T) {
	w := open(t, localtest.Setup{QueueDepth: 1, Cells: 1})
	c := w.NewCase(t)
	w.Script.Otherwise(func(ray.Run) raytest.Behaviour { return raytest.Hangs() })
	full := 0
	for i := range 60 { // 32 at work, one or two on the way, one in the queue
		a := c.Do(http.MethodPost, "/api/v1/jobs", given(c, i), "Idempotency-Key", "k"+string(rune('a'+i%26))+string(rune('a'+i/26)))
		switch a.Code {
		case http.StatusAccepted:
		case http.StatusTooManyRequests:
			full++
		default:
			t.Errorf("%d %s", a.Code, a.Body)
		}
	}
	if full == 0 {
		t.Error("the queue was never full")
	}
	var page handler.Page[handler.JobView]
	c.Must(&page, http.MethodGet, "/api/v1/jobs?limit=200", nil)
	if len(page.Items) != 60-full {
		t.Errorf("%d jobs of %d accepted", len(page.Items), 60-full)
	}
	done := make(chan error, 1)
	go func() { done <- w.Close() }() // also while every workflow waits and the consumers wait for room
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(40 * time.Second):
		t.Error("the server does not stop")
	}
}

// An upload is signed for one name and size, and asks nobody for a token.
func TestR26_UploadsAreSigned(t *testing.T) {
	w := open(t, localtest.Setup{})
	c := w.NewCase(t)
	var u handler.UploadView
	c.Must(&u, http.MethodPost, "/api/v1/uploads", map[string]any{"session_id": c.Session, "name": "../../../etc/passwd.csv", "size": 4})
	if a := c.Do(http.MethodPost, "/api/v1/uploads/"+u.ID+"/complete", nil); a.Code != http.StatusConflict {
		t.Errorf("a file that did not arrive: %d", a.Code)
	}
	var headers []string
	for k, v := range u.Headers {
		headers = append(headers, k, v)
	}
	anyone := w.Anonymous()
	if a := anyone.Do(u.Method, u.URL, "a,b,c,d,e", headers...); a.Code < 400 {
		t.Errorf("another size: %d", a.Code)
	}
	for _, path := range []string{"/objects/orcray/", "/objects/orcray/u", "/objects/../api/v1/jobs"} {
		if a := anyone.Do(http.MethodGet, path, nil); a.Code < 300 {
			t.Errorf("%s: %d", path, a.Code)
		}
	}
	if a := anyone.Do(u.Method, u.URL, "a\n1\n", headers...); a.Code != 200 {
		t.Fatalf("the upload: %d %s", a.Code, a.Body)
	}
	c.Must(nil, http.MethodPost, "/api/v1/uploads/"+u.ID+"/complete", nil)
	c.Must(nil, http.MethodPost, "/api/v1/uploads/"+u.ID+"/complete", nil) // can be repeated
}

// Two thousand columns with long examples: the file can be used, and a job on it runs.
func TestR27_WideFiles(t *testing.T) {
	w := open(t, localtest.Setup{})
	c := w.NewCase(t)
	var names, values []string
	for i := range 2000 {
		names = append(names, "measure_of_station_"+strconv.Itoa(i))
		values = append(values, strings.Repeat("long value ", 15)+strconv.Itoa(i))
	}
	row := strings.Join(values, ",") + "\n"
	var ids []string
	for range 3 {
		ids = append(ids, c.Upload(c.Session, "wide.csv", strings.Join(names, ",")+"\n"+row+row).ID)
	}
	body := given(c, 1)
	body["sources"] = ids
	if j := c.Wait(c.Start(body)); j.Status != job.Completed || len(c.Ran()) != 2 || len(c.Ran()[1].Sources[2].Columns) != 2000 {
		t.Errorf("%s %+v", j.Status, j.Failure)
	}
	for i := range names {
		names[i] = strings.Repeat("n", 120) + strconv.Itoa(i)
	}
	var u handler.UploadView
	content := strings.Join(names, ",") + "\n" + row
	c.Must(&u, http.MethodPost, "/api/v1/uploads", map[string]any{"session_id": c.Session, "name": "names.csv", "size": len(content)})
	var headers []string
	for k, v := range u.Headers {
		headers = append(headers, k, v)
	}
	if a := w.Anonymous().Do(u.Method, u.URL, content, headers...); a.Code != 200 {
		t.Fatalf("the upload: %d %s", a.Code, a.Body)
	}
	if a := c.Do(http.MethodPost, "/api/v1/uploads/"+u.ID+"/complete", nil); a.Code != http.StatusUnprocessableEntity || !strings.Contains(a.Body, "too long altogether") {
		t.Errorf("names that are too much: %d %.300s", a.Code, a.Body)
	}
}

// The job was stored, but its message was never sent: the next look for stuck jobs sends it.
func TestN7_AJobWithoutAMessageIsSentLater(t *testing.T) {
	dir := t.TempDir()
	before := open(t, localtest.Setup{Dir: dir})
	c := before.NewCase(t)
	if err := before.Close(); err != nil {
		t.Fatal(err)
	}
	var id string
	t.Run("accepted", func(t *testing.T) { id = orphan(t, dir, c) })
	after := open(t, localtest.Setup{Dir: dir, Before: []*localtest.Case{c}})
	c = after.Rejoin(c)
	if j := c.Wait(handler.JobView{ID: id}); j.Status != job.Completed {
		t.Errorf("%s %+v", j.Status, j.Failure)
	}
}

// orphan accepts a job a minute ago, with a queue that does not answer.
func orphan(t *testing.T, dir string, c *localtest.Case) string {
	t.Helper()
	past := func() time.Time { return time.Now().Add(-time.Minute) }
	items, _ := localtest.Store(t, dir, past)
	unsent := 0
	jobs := job.NewService(job.Deps{Store: job.NewStore(items, past), Log: job.NewLog(items, past, &bus.Bus{}), Table: items, Queue: away{},
		Sessions: session.NewService(session.Deps{Table: items, Now: past}), Pace: bus.NewPace(past), Now: past,
		NewID: func() string { return "01ARZ3NDEKTSV4RRFFQ69G5FAV" }, OnSend: func(error) { unsent++ },
		Rules: job.Rules{MaxPrompt: 1000, MaxCode: 1000, ValidateSeconds: 10, ExecuteSeconds: 10, MaxExecute: 10}})
	done, err := jobs.Create(t.Context(), c.User.ID, job.Request{Kind: job.Execute, SessionID: c.Session, Code: c.Program(1)})
	if err != nil || unsent != 1 {
		t.Fatalf("%v, %d messages that were not sent", err, unsent)
	}
	return done.Job.ID
}

// away is a queue that does not answer.
type away struct{ queue.Queue }

func (away) Send(context.Context, []byte) error {
	return fault.New(fault.Unavailable, "The queue does not answer.")
}

// What was removed is in no cell any more when the next job comes; a job that uses the cell ends first.
func TestR29_ARemovedSourceLeavesTheCell(t *testing.T) {
	w := open(t, localtest.Setup{})
	c := w.NewCase(t)
	if j := c.Wait(c.Start(given(c, 1))); j.Status != job.Completed {
		t.Fatalf("%s", j.Status)
	}
	before := w.Pool.Cell(c.Session)
	if before == nil {
		t.Fatal("the session has no cell to begin with")
	}
	if a := c.Do(http.MethodDelete, "/api/v1/sessions/"+c.Session+"/sources/"+c.Source.ID, nil); a.Code != http.StatusNoContent {
		t.Fatalf("%d %s", a.Code, a.Body)
	}
	select {
	case <-before.Done():
	case <-time.After(10 * time.Second):
		t.Error("the cell is still there")
	}
}
