package functions_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/orcray/orcray/functions/runtimetest"
	"github.com/orcray/orcray/shared/job"
	"github.com/orcray/orcray/shared/topology"
)

// ask sends a request through the function.
func (w *world) ask(p *runtimetest.Process, method, path, body, token string) events.APIGatewayV2HTTPResponse {
	w.t.Helper()
	e := events.APIGatewayV2HTTPRequest{Version: "2.0", RawPath: path, Body: body,
		Headers: map[string]string{"content-type": "application/json", "authorization": "Bearer " + token}}
	e.RequestContext.HTTP.Method, e.RequestContext.HTTP.SourceIP, e.RequestContext.Stage = method, "203.0.113.9", "$default"
	a := p.Invoke(runtimetest.Invocation{Payload: encode(w.t, e)})
	if a.ErrorType != "" || a.Killed {
		w.t.Fatalf("%s %s: %q %s\n%s", method, path, a.ErrorType, a.Message, p.Log())
	}
	return decode[events.APIGatewayV2HTTPResponse](w.t, a.Body)
}

// A question's way in: a token of the pool, a job in the table, a message in the queue; and what stops it there.
func TestA5_TheAPIAcceptsAJobOfASignedInUser(t *testing.T) {
	w := newWorld(t)
	env := append(w.variables(topology.FnAPI), "ORCRAY_JOBS_PER_MINUTE=2") // an operator may set a limit
	p := runtimetest.Start(t, runtimetest.Build(t, topology.FnAPI), env...)
	if a := w.ask(p, "GET", "/api/v1/sessions", "", "eyJhbGciOiJSUzI1NiJ9.e30.c2ln"); a.StatusCode != 401 {
		t.Fatalf("a made-up token: %d %s", a.StatusCode, a.Body)
	}
	token := w.token()
	made := w.ask(p, "POST", "/api/v1/sessions", `{"name":"S"}`, token)
	if made.StatusCode != 201 {
		t.Fatalf("%d %s\n%s", made.StatusCode, made.Body, p.Log())
	}
	id := decode[struct {
		ID string `json:"id"`
	}](t, []byte(made.Body)).ID
	tooLong := `{"kind":"execute","session_id":"` + id + `","code":"x = 1","execute_seconds":3301}`
	if a := w.ask(p, "POST", "/api/v1/jobs", tooLong, token); a.StatusCode != 400 || !strings.Contains(a.Body, "between 1 and 3300 seconds") {
		t.Errorf("a run that outlives its credentials: %d %s", a.StatusCode, a.Body)
	}
	body := `{"kind":"execute","session_id":"` + id + `","code":"x = 1"}`
	for range 2 {
		if a := w.ask(p, "POST", "/api/v1/jobs", body, token); a.StatusCode != 202 || a.Headers["Location"] == "" {
			t.Fatalf("%d %s\n%s", a.StatusCode, a.Body, p.Log())
		}
	}
	if a := w.ask(p, "POST", "/api/v1/jobs", body, token); a.StatusCode != 429 || a.Headers["Retry-After"] == "" {
		t.Errorf("the third job in a minute of two: %d %s", a.StatusCode, a.Body)
	}
	got, err := w.queue.Receive(t.Context(), 10, time.Second)
	w.must(err)
	if len(got) == 0 || decode[job.Message](t, got[0].Body).Owner != w.user {
		t.Errorf("%d messages", len(got))
	}
	if a := w.ask(p, "GET", "/api/v1/jobs", "", token); a.StatusCode != 200 || strings.Count(a.Body, `"status":"queued"`) != 2 {
		t.Errorf("%d %s", a.StatusCode, a.Body)
	}
	// Each row can fail: what is never asked is not on the page.
	if a := w.ask(p, "GET", "/api/v1/health", "", ""); a.StatusCode != 200 || strings.Contains(a.Body, `"model"`) || !strings.Contains(a.Body, `"queue"`) {
		t.Errorf("health: %d %s", a.StatusCode, a.Body)
	}
}
