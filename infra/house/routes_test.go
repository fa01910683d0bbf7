package house_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/orcray/orcray/shared/handler"
	"github.com/orcray/orcray/shared/identity"
	"github.com/orcray/orcray/shared/topology"
)

// operation is one thing that the API does.
type operation struct{ id, method, path string }

// operationsOf reads them from the API's own document.
func operationsOf(t *testing.T, api *handler.API) []operation {
	t.Helper()
	text, err := api.OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	var document struct {
		Paths map[string]map[string]struct {
			ID string `json:"operationId"`
		} `json:"paths"`
	}
	if err := json.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	var all []operation
	for path, methods := range document.Paths {
		for method, op := range methods {
			all = append(all, operation{op.ID, strings.ToUpper(method), path})
		}
	}
	return all
}

// specific tells how exactly a route names a request, as API Gateway has it: words before names before {proxy+}, which stands for at
// least one part. Below zero: not at all.
func specific(r topology.Route, o operation) int {
	rank := 1
	switch r.Method {
	case o.method:
	case "ANY":
		rank = 0
	default:
		return -1
	}
	asked, parts := strings.Split(o.path, "/"), strings.Split(r.Path, "/")
	for i, part := range parts {
		switch {
		case strings.HasSuffix(part, "+}"):
			if strings.Join(asked[min(i, len(asked)):], "") == "" {
				return -1
			}
			return rank
		case i >= len(asked), !strings.HasPrefix(part, "{") && part != asked[i]:
			return -1
		case strings.HasPrefix(part, "{"):
			rank += 10
		default:
			rank += 100
		}
	}
	if len(parts) != len(asked) {
		return -1
	}
	return rank
}

// functionOf is where the routes lead a request; empty: nowhere.
func functionOf(routes []topology.Route, o operation) string {
	best, function := -1, ""
	for _, r := range routes {
		if rank := specific(r, o); rank > best {
			best, function = rank, r.Function
		}
	}
	return function
}

// On AWS the routes decide which function answers: it must have what is asked of it, at the page's address and at the API's own,
// which has no entrance for live events.
func TestA2_EveryOperationIsServedByTheFunctionItsRouteLeadsTo(t *testing.T) {
	t.Parallel()
	d := handler.Deps{Policy: identity.DefaultPolicy()}
	serves := map[string][]string{topology.FnAPI: handler.NewMost(d).Operations(), topology.FnUploads: handler.NewUploads(d).Operations(),
		topology.FnCluster: handler.NewRay(d).Operations(), topology.FnStream: handler.NewEvents(d).Operations()}
	page := topology.Orcray().Routes
	own := slices.DeleteFunc(slices.Clone(page), func(r topology.Route) bool { return r.Streams })
	all := operationsOf(t, handler.New(d))
	if len(all) < 40 {
		t.Fatalf("only %d operations were found", len(all))
	}
	var wrong []string
	for _, o := range all {
		for _, routes := range [][]topology.Route{page, own} {
			if function := functionOf(routes, o); !slices.Contains(serves[function], o.id) {
				wrong = append(wrong, o.method+" "+o.path+" ("+o.id+") is led to the function "+function+", which does not have it")
			}
		}
	}
	none(t, "routes that lead astray", wrong)
}

func TestA2_RoutesThatLeadAstrayAreFound(t *testing.T) {
	t.Parallel()
	routes := []topology.Route{{Method: "GET", Path: "/a/{x}/events", Function: "live"}, {Method: "ANY", Path: "/a/b/{proxy+}", Function: "b"},
		{Method: "ANY", Path: "/{proxy+}", Function: "rest"}}
	for asked, want := range map[string]string{"GET /a/1/events": "live", "POST /a/1/events": "rest", "GET /a/b/c/d": "b", "GET /a/b": "rest", "GET /": "",
		"GET /a/b/events": "live", "GET /a/1/events/2": "rest"} {
		method, path, _ := strings.Cut(asked, " ")
		if got := functionOf(routes, operation{"o", method, path}); got != want {
			t.Errorf("%s is led to %q, want %q", asked, got, want)
		}
	}
}
