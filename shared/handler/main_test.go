// Package handler_test speaks to the whole application over HTTP.
package handler_test

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/orcray/orcray/infra/local/localtest"
	"github.com/orcray/orcray/shared/handler"
	"github.com/orcray/orcray/shared/ray"
	"github.com/orcray/orcray/shared/ray/raytest"
)

var (
	shared localtest.Shared
	folder string // of this package: the object store changes the working directory
)

func TestMain(m *testing.M) {
	var err error
	if folder, err = os.Getwd(); err != nil {
		panic(err)
	}
	os.Exit(localtest.Main(m, shared.Close))
}

func newCase(t *testing.T) *localtest.Case {
	t.Helper()
	return shared.NewCase(t)
}

// fixture is what paths and bodies of requests can name.
type fixture struct {
	*localtest.Case
	job string
}

func newFixture(t *testing.T, w *localtest.World) fixture {
	t.Helper()
	c := w.NewCase(t)
	table := ray.Output{Kind: "table", Table: &ray.Table{Columns: []ray.TableColumn{{Name: "n", Type: "int"}}, Rows: [][]json.RawMessage{{json.RawMessage("1")}},
		Total: 1, File: "t.parquet"}}
	c.Runs(raytest.Succeeds(), raytest.Behaviour{Events: []raytest.Event{raytest.Shows(table), raytest.Log("line")}, End: ray.Succeeded})
	j := c.Ask()
	if j.Failure != nil {
		t.Fatalf("the job of the fixture: %+v", j.Failure)
	}
	return fixture{c, j.ID}
}

func (f fixture) path(path string) string {
	return strings.NewReplacer("{session}", f.Session, "{source}", f.Source.ID, "{job}", f.job, "{upload}", f.Source.ID, "{output}", "0", "{id}", "raysubmit_1").Replace(path)
}

// missing is the same path with ids that nobody has.
func missing(path string) string {
	const none = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
	return strings.NewReplacer("{session}", none, "{source}", none, "{job}", none, "{upload}", none, "{output}", "0", "{id}", "raysubmit_1").Replace(path)
}

// body is a good body of an operation that takes one.
func (f fixture) body(op string) any {
	switch op {
	case "create-session":
		return map[string]any{"name": "n"}
	case "update-session":
		return map[string]any{"name": "n"}
	case "create-upload":
		return map[string]any{"session_id": f.Session, "name": "a.csv", "size": 3}
	case "update-source":
		return map[string]any{"selected": true}
	case "create-job":
		return map[string]any{"kind": "execute", "session_id": f.Session, "code": f.Program(1)}
	case "alias-generate":
		return map[string]any{"session_id": f.Session, "prompt": "how many? " + f.Tag}
	case "alias-execute":
		return map[string]any{"session_id": f.Session, "code": f.Program(1)}
	case "update-settings":
		return map[string]any{"execute_seconds": 300}
	case "change-password":
		return map[string]any{"current": "wrong horse", "new": "another horse"}
	case "register-user":
		return map[string]any{"email": "not an address", "password": "12345678"}
	case "create-token":
		return "username=a&password=b"
	}
	return nil
}

// operation is one row of the document.
type operation struct {
	id, method, path string
	body             map[string]any // its schema; nil: it takes none
	query            []string
}

// operations reads the document that the server itself gives.
func operations(t *testing.T, c *localtest.Client) []operation {
	t.Helper()
	a := c.Do(http.MethodGet, "/openapi.json", nil)
	var doc struct {
		OpenAPI string `json:"openapi"`
		Paths   map[string]map[string]struct {
			ID         string `json:"operationId"`
			Parameters []struct{ Name, In string }
			Body       *struct {
				Content map[string]struct{ Schema map[string]any }
			} `json:"requestBody"`
		} `json:"paths"`
		Components struct{ Schemas map[string]map[string]any } `json:"components"`
	}
	if err := a.Into(&doc); err != nil || !strings.HasPrefix(doc.OpenAPI, "3.1") {
		t.Fatalf("%d %v %q", a.Code, err, doc.OpenAPI)
	}
	var all []operation
	for path, methods := range doc.Paths {
		for method, o := range methods {
			op := operation{id: o.ID, method: strings.ToUpper(method), path: path}
			for _, p := range o.Parameters {
				if p.In == "query" {
					op.query = append(op.query, p.Name)
				}
			}
			if o.Body != nil {
				for _, content := range o.Body.Content {
					op.body = content.Schema
					if ref, ok := op.body["$ref"].(string); ok {
						op.body = doc.Components.Schemas[ref[strings.LastIndex(ref, "/")+1:]]
					}
				}
			}
			all = append(all, op)
		}
	}
	if len(all) < 40 {
		t.Fatalf("only %d operations", len(all))
	}
	return all
}

// problem checks that an answer is a whole problem.
func problem(t *testing.T, what string, a localtest.Answer) handler.Problem {
	t.Helper()
	var p handler.Problem
	err := a.Into(&p)
	if err != nil || a.Header.Get("Content-Type") != "application/problem+json" || p.Status != a.Code || p.Code == "" || len(p.TraceID) != 32 ||
		p.TraceID != a.Header.Get("X-Trace-Id") || p.Title == "" || len(p.Detail) < 8 {
		t.Errorf("%s: %d is not a whole problem (%v): %s %.300s", what, a.Code, err, a.Header.Get("Content-Type"), a.Body)
	}
	return p
}
