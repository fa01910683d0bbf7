package handler

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orcray/orcray/shared/codegen"
	"github.com/orcray/orcray/shared/fault"
)

// Health says how the parts of the system are.
type Health struct {
	Status string      `json:"status" enum:"ok,degraded,down"`
	Time   time.Time   `json:"time"`
	Checks []CheckView `json:"checks" nullable:"false"`
}

// CheckView is the answer of one part.
type CheckView struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail,omitempty"`
}

// Index lists what there is.
type Index struct {
	Name       string            `json:"name"`
	Version    string            `json:"version"`
	OpenAPI    string            `json:"openapi"`
	Operations map[string]string `json:"operations" doc:"operation id → method and path"`
}

// rootPath is "/" and nothing below it, as net/http spells it.
const rootPath = "/{$}"

const checkTime = 3 * time.Second

func (a *API) systemRoutes() {
	health := func(ctx context.Context, _ *struct{}) (*struct {
		Status int
		Body   Health
	}, error) {
		h := a.health(ctx)
		out := &struct {
			Status int
			Body   Health
		}{http.StatusOK, h}
		if h.Status == "down" {
			out.Status = http.StatusServiceUnavailable
		}
		return out, nil
	}
	register(a, route("get-health", http.MethodGet, "/api/v1/health", "system", "Whether every part works"), health)
	register(a, route("alias-health", http.MethodGet, "/health", "aliases", "Whether every part works"), health)
	register(a, route("list-models", http.MethodGet, "/api/v1/models", "models", "The models that can be chosen"),
		func(ctx context.Context, _ *struct{}) (*struct{ Body Page[codegen.Listed] }, error) {
			return &struct{ Body Page[codegen.Listed] }{Page[codegen.Listed]{Items: a.models(ctx)}}, nil
		})
	a.settingsRoutes()
	register(a, route("get-index", http.MethodGet, "/api/v1", "system", "What there is"), a.index)
	register(a, route("alias-index", http.MethodGet, rootPath, "aliases", "What there is"), a.index)
	register(a, route("get-openapi", http.MethodGet, "/openapi.json", "system", "This API's description, OpenAPI 3.1"),
		func(context.Context, *struct{}) (*struct {
			ContentType string `header:"Content-Type"`
			Body        []byte
		}, error) {
			body, err := a.whole().OpenAPI()
			return &struct {
				ContentType string `header:"Content-Type"`
				Body        []byte
			}{"application/json", body}, err
		})
}

// health asks all parts at once, each for a bounded time.
func (a *API) health(ctx context.Context) Health {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	h := Health{Status: "ok", Time: a.Now().UTC(), Checks: make([]CheckView, len(a.Checks))}
	var wg sync.WaitGroup
	for i, c := range a.Checks {
		wg.Go(func() {
			detail, err := c.Run(ctx)
			if err != nil {
				detail = fault.MessageOf(err)
			}
			h.Checks[i] = CheckView{Name: c.Name, OK: err == nil, Detail: detail}
		})
	}
	wg.Wait()
	for i, c := range a.Checks {
		switch {
		case h.Checks[i].OK:
		case c.Required:
			h.Status = "down"
		case h.Status == "ok":
			h.Status = "degraded"
		}
	}
	return h
}

func (a *API) index(context.Context, *struct{}) (*struct{ Body Index }, error) {
	v := Index{Name: "orcray", Version: Version, OpenAPI: "/openapi.json", Operations: map[string]string{}}
	for path, item := range a.whole().huma.OpenAPI().Paths {
		for method, op := range methods(item) {
			v.Operations[op.OperationID] = method + " " + path
		}
	}
	return &struct{ Body Index }{v}, nil
}

// whole is the API with every operation, for what describes it: several functions may serve it in parts. It is made when somebody
// asks, because registering costs milliseconds.
func (a *API) whole() *API {
	if !a.partly {
		return a
	}
	return New(Deps{Policy: a.Policy, Keys: noKeys{}})
}

func methods(item *huma.PathItem) map[string]*huma.Operation {
	all := map[string]*huma.Operation{"GET": item.Get, "PUT": item.Put, "POST": item.Post, "DELETE": item.Delete, "PATCH": item.Patch}
	for method, op := range all {
		if op == nil {
			delete(all, method)
		}
	}
	return all
}

// RayStatus is the state of the cluster.
type RayStatus struct {
	Status  string    `json:"status" enum:"connected,disconnected,starting,stopped,off" doc:"of the cluster"`
	Version string    `json:"ray_version,omitempty" doc:"of the cluster, or else of the cells"`
	Detail  string    `json:"detail,omitempty"`
	Cells   CellStats `json:"cells"`
	Nodes   []RayNode `json:"nodes" nullable:"false" doc:"the machines of the cluster, while it is connected"`
}

// RayNode is one machine of the cluster.
type RayNode struct {
	ID     string  `json:"id"`
	Name   string  `json:"name"`
	State  string  `json:"state" doc:"ALIVE or DEAD, as Ray says it"`
	Head   bool    `json:"head"`
	CPU    float64 `json:"cpu" doc:"cores that Ray may use"`
	GPU    float64 `json:"gpu"`
	Memory float64 `json:"memory_bytes" doc:"memory that Ray may use"`
}

// CellStats counts cells.
type CellStats struct {
	Warm     int `json:"warm"`
	Leased   int `json:"leased"`
	Starting int `json:"starting"`
	Waiting  int `json:"waiting"`
}

// rayRoutes show Ray, and the same under the short paths.
func (a *API) rayRoutes() {
	status := func(ctx context.Context, _ *struct{}) (*struct{ Body RayStatus }, error) {
		s := a.Ray.Status(ctx)
		s.Nodes = append([]RayNode{}, s.Nodes...)
		return &struct{ Body RayStatus }{s}, nil
	}
	jobs := func(ctx context.Context, _ *struct{}) (*struct{ Body RayJobs }, error) {
		raw, err := a.Ray.Jobs(ctx)
		if err != nil {
			return nil, err
		}
		out := &struct{ Body RayJobs }{RayJobs{Success: true, Jobs: []map[string]any{}}}
		return out, fault.Wrap(json.Unmarshal(raw, &out.Body.Jobs), fault.Unavailable, "The cluster's list of jobs cannot be read. Try again.")
	}
	type rayJob struct {
		ID string `path:"id" maxLength:"200" pattern:"^[A-Za-z0-9_-]+$"`
	}
	logs := func(ctx context.Context, in *rayJob) (*struct{ Body RayLogs }, error) {
		text, err := a.Ray.Logs(ctx, in.ID)
		return &struct{ Body RayLogs }{RayLogs{text}}, err
	}
	stop := func(ctx context.Context, in *rayJob) (*struct{ Body Success }, error) {
		err := a.Ray.Stop(ctx, in.ID)
		return &struct{ Body Success }{Success{err == nil}}, err
	}
	for prefix, base := range map[string]string{"": "/api/v1/ray", "alias-": "/ray"} {
		tag := "ray"
		if prefix != "" {
			tag = "aliases"
		}
		register(a, route(prefix+"get-ray-status", http.MethodGet, base+"/status", tag, "Whether the cluster is connected"), status)
		register(a, route(prefix+"list-ray-jobs", http.MethodGet, base+"/jobs", tag, "The cluster's own jobs"), jobs)
		register(a, route(prefix+"get-ray-job-logs", http.MethodGet, base+"/jobs/{id}/logs", tag, "The log of one of the cluster's jobs"), logs)
		register(a, route(prefix+"stop-ray-job", http.MethodPost, base+"/jobs/{id}/stop", tag, "Stop one of the cluster's jobs"), stop)
	}
}

// RayJobs is the cluster's list of jobs, as Ray gives it.
type RayJobs struct {
	Success bool             `json:"success"`
	Jobs    []map[string]any `json:"jobs" nullable:"false"`
}

// RayLogs is the log of one of the cluster's jobs.
type RayLogs struct {
	Logs string `json:"logs"`
}

// Success is the whole answer of some short paths.
type Success struct {
	Success bool `json:"success"`
}
