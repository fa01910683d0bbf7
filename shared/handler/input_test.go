package handler_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/orcray/orcray/infra/local/localtest"
)

// Every operation of the document gets every kind of bad input: the answer is a problem that says what is wrong, never a 500.
func TestS7_BadInput(t *testing.T) {
	c := newCase(t)
	f := newFixture(t, c.World)
	refused := func(what string, a localtest.Answer) {
		t.Helper()
		if a.Code < 400 || a.Code > 499 {
			t.Errorf("%s: %d %.200s", what, a.Code, a.Body)
			return
		}
		problem(t, what, a)
	}
	for _, op := range operations(t, c.World.Anonymous()) {
		refused(op.id+" with an unknown query parameter", send(f.Client, op, f.path(op.path)+"?nonsense=1", f.body(op.id)))
		for _, name := range op.query {
			for _, value := range []string{"%ff", "-1", strings.Repeat("x", 5000), "1e99", "%00"} {
				a := send(f.Client, op, f.path(op.path)+"?"+name+"="+value, f.body(op.id))
				if a.Code == 0 || a.Code >= 500 {
					t.Errorf("%s with %s=%.20s: %d %.200s", op.id, name, value, a.Code, a.Body)
				}
			}
		}
		for _, id := range []string{strings.Repeat("x", 3000), "%ff", "%00", "..%2f..%2fetc", "a%23b", "%20", "🐙"} {
			if !strings.Contains(op.path, "{") || op.method == http.MethodDelete {
				break
			}
			path := odd(op.path, id)
			if a := send(f.Client, op, path, f.body(op.id)); a.Code == 0 || a.Code >= 500 && a.Code != 503 {
				t.Errorf("%s %.60s: %d %.200s", op.id, path, a.Code, a.Body)
			}
		}
		if op.body != nil {
			badBodies(f, op, refused)
		}
	}
	next := f.Question()
	next["sources"] = []string{f.Source.ID}
	if j := f.Wait(f.Start(next)); j.Failure != nil {
		t.Errorf("the next job: %+v", j.Failure)
	}
}

func odd(path, id string) string {
	for strings.Contains(path, "{") {
		from, to := strings.Index(path, "{"), strings.Index(path, "}")
		path = path[:from] + id + path[to+1:]
	}
	return path
}

func badBodies(f fixture, op operation, refused func(string, localtest.Answer)) {
	path := f.path(op.path)
	for name, body := range map[string]string{
		"an empty body": "", "no JSON": "{", "an array": "[]", "a number": "7", "null": "null", "huge": `{"x":"` + strings.Repeat("y", 5<<20) + `"}`,
		"deep": strings.Repeat(`{"a":`, 50_000) + "1" + strings.Repeat("}", 50_000), "deep arrays": strings.Repeat("[", 100_000),
		"an unknown field": `{"nonsense":1}`, "two values": `{} {}`, "binary": "\x00\xff\xfe",
	} {
		refused(op.id+": "+name, send(f.Client, op, path, body))
	}
	properties, _ := op.body["properties"].(map[string]any)
	for name := range properties {
		if op.id == "create-token" {
			break
		}
		for what, value := range map[string]any{"an object": map[string]any{}, "a nested list": []any{[]any{}}, "a fraction": 1.5} {
			body := f.body(op.id).(map[string]any)
			body[name] = value
			refused(op.id+": "+name+" is "+what, send(f.Client, op, path, body))
		}
		schema, _ := properties[name].(map[string]any)
		if schema["type"] == "string" {
			refused(op.id+": "+name+" is not UTF-8", send(f.Client, op, path, `{"`+name+`":"`+"\xff\xfe"+`"}`))
		}
	}
}

func TestS7_TheNamedCases(t *testing.T) {
	c := newCase(t)
	for name, body := range map[string]map[string]any{
		"empty question":   {"kind": "interpret", "session_id": c.Session, "prompt": "  "},
		"long question":    {"kind": "interpret", "session_id": c.Session, "prompt": strings.Repeat("x", 16<<10+1)},
		"unknown session":  {"kind": "interpret", "session_id": "nope", "prompt": "how many?"},
		"unknown source":   {"kind": "interpret", "session_id": c.Session, "prompt": "how many?", "sources": []string{"nope"}},
		"unknown model":    {"kind": "interpret", "session_id": c.Session, "prompt": "how many?", "model": "nope"},
		"empty program":    {"kind": "execute", "session_id": c.Session, "code": ""},
		"1 MiB of program": {"kind": "execute", "session_id": c.Session, "code": strings.Repeat("x", 1<<20)},
		"no kind":          {"session_id": c.Session, "code": "1"},
		"unknown kind":     {"kind": "plugin", "session_id": c.Session},
	} {
		a := c.Do(http.MethodPost, "/api/v1/jobs", body)
		if p := problem(t, name, a); a.Code < 400 || a.Code > 499 || p.Retryable || !strings.HasSuffix(p.Detail, ".") && !strings.HasSuffix(p.Detail, "”.") {
			t.Errorf("%s: %d %s", name, a.Code, p.Detail)
		}
	}
	for name, body := range map[string]map[string]any{
		"empty file":    {"session_id": c.Session, "name": "a.csv", "size": 0},
		"huge file":     {"session_id": c.Session, "name": "a.csv", "size": int64(1) << 50},
		"negative size": {"session_id": c.Session, "name": "a.csv", "size": -1},
		"excel":         {"session_id": c.Session, "name": "a.xlsx", "size": 10},
		"control name":  {"session_id": c.Session, "name": "a\n.csv", "size": 10},
	} {
		a := c.Do(http.MethodPost, "/api/v1/uploads", body)
		if problem(t, name, a); a.Code < 400 || a.Code > 499 {
			t.Errorf("%s: %d", name, a.Code)
		}
	}
	if j := c.Ask(); j.Failure != nil {
		t.Errorf("the next job: %+v", j.Failure)
	}
}

func TestO51_AddressesThatAreNotThere(t *testing.T) {
	c := newCase(t)
	for path, want := range map[string]int{"/nothing": 404, "/api/v1/jobs/": 404, "/api/v2": 404, "/openapi.json/x": 404, "/api/v1/jobs/%ff": 400} {
		if a := c.Do(http.MethodGet, path, nil); a.Code != want {
			t.Errorf("%s: %d", path, a.Code)
		} else {
			problem(t, path, a)
		}
	}
	for _, method := range []string{http.MethodPut, http.MethodPatch, http.MethodOptions, "BREW"} {
		a := c.Do(method, "/api/v1/jobs", nil)
		if problem(t, method, a); a.Code != 405 || a.Header.Get("Allow") != "GET, POST" {
			t.Errorf("%s: %d, allowed %q", method, a.Code, a.Header.Get("Allow"))
		}
	}
	for _, host := range []string{"evil.example", "127.0.0.1:1", "localhost"} {
		a := c.Do(http.MethodGet, "/api/v1/health", nil, "Host", host)
		if problem(t, host, a); a.Code != http.StatusMisdirectedRequest {
			t.Errorf("%s: %d", host, a.Code)
		}
	}
	_, port, _ := strings.Cut(c.World.Addr, ":")
	if a := c.Do(http.MethodGet, "/api/v1/health", nil, "Host", "LOCALHOST:"+port); a.Code != 200 {
		t.Errorf("localhost: %d", a.Code)
	}
}
