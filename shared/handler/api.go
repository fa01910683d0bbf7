// Package handler turns requests into calls of the domain and back: the HTTP API, and the payloads of the workflow's steps. It
// holds the only map from failure codes to HTTP statuses and Lambda error types, and knows no adapter.
package handler

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/orcray/orcray/shared/codegen"
	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/identity"
	"github.com/orcray/orcray/shared/job"
	"github.com/orcray/orcray/shared/object"
	"github.com/orcray/orcray/shared/session"
	"github.com/orcray/orcray/shared/settings"
	"github.com/orcray/orcray/shared/telemetry"
)

// Version of the API document.
const Version = "1.0.0"

// Users is where people sign in and look after their account: identity.Desk, or Cognito's adapter. client names where a
// request comes from, for limits.
type Users interface {
	SignIn(ctx context.Context, email, password, client string) (identity.Token, error)
	Register(ctx context.Context, r identity.Registration, client string) (identity.User, error)
	Me(ctx context.Context, caller identity.Principal) (identity.User, error)
	ChangePassword(ctx context.Context, caller identity.Principal, current, next string) error
}

// Keys publishes the keys that prove our tokens. It is nil where another service issues them, and publishes their keys.
type Keys interface {
	JWKS() identity.JWKS
}

// Ray is what the API shows of Ray.
type Ray interface {
	Status(ctx context.Context) RayStatus
	Jobs(ctx context.Context) (json.RawMessage, error)
	Logs(ctx context.Context, id string) (string, error)
	Stop(ctx context.Context, id string) error
}

// Check asks one part of the system whether it works.
type Check struct {
	Name     string
	Required bool // without it orcray cannot accept work
	Run      func(ctx context.Context) (detail string, err error)
}

// Limits are what clients should know before they send something.
type Limits struct {
	MaxUploadBytes   int64  `json:"max_upload_bytes"`
	MaxQuestionBytes int    `json:"max_question_bytes"`
	MaxProgramBytes  int    `json:"max_program_bytes"`
	JobsPerMinute    int    `json:"jobs_per_minute"`
	ValidateSeconds  int    `json:"validate_seconds"`
	ExecuteSeconds   int    `json:"execute_seconds"`
	MaxExecute       int    `json:"max_execute_seconds"`
	PlaceLimitBytes  int64  `json:"place_limit_bytes" doc:"sources up to this size run in a cell, larger ones on the cluster"`
	DefaultModel     string `json:"default_model" doc:"the model that is asked when a request names none"`
}

// Deps are the parts of the API.
type Deps struct {
	Auth     *identity.Authenticator
	Policy   identity.Policy
	Users    Users
	Keys     Keys
	Sealer   func(context.Context) (*identity.Sealer, error)
	Sessions *session.Service
	Jobs     *job.Service
	Objects  object.Store
	Signer   object.Signer
	Models   func() []codegen.Listed
	Examples func(ctx context.Context, owner, session string) ([]string, error)
	Ray      Ray
	Forget   func(session string) // ends the session's cell, with the job that uses it; nil: cells end by themselves soon
	Checks   []Check
	Limits   Limits
	Settings *settings.Service // what of the limits an admin may change
	// ClosedRegistration lets only admins make accounts.
	ClosedRegistration bool
	Hosts              []string // the Host headers that are answered; empty: all
	Now                func() time.Time
	Random             io.Reader // safe for concurrent use
	Log                *slog.Logger
}

// API is the HTTP API.
type API struct {
	Deps
	huma   huma.API
	mux    *http.ServeMux
	http   http.Handler
	partly bool // there are operations that another process serves
}

// New builds the API.
func New(d Deps) *API {
	return build(d, append(mostRoutes(), (*API).uploadRoutes, (*API).rayRoutes)...)
}

// NewMost builds the API but for what NewUploads and NewRay have, which needs parts of its own: a reader of files, a way to Ray.
func NewMost(d Deps) *API {
	a := build(d, mostRoutes()...)
	a.partly = true
	return a
}

func mostRoutes() []func(*API) {
	return []func(*API){(*API).identityRoutes, (*API).sessionRoutes, (*API).sourceRoutes, (*API).jobRoutes, (*API).eventRoutes, (*API).resultRoutes,
		(*API).systemRoutes, (*API).aliasRoutes}
}

// NewUploads builds the part that looks into files, for a function that has no other: what it does not register, its binary does not
// carry.
func NewUploads(d Deps) *API { return build(d, (*API).uploadRoutes) }

// NewEvents builds the part of events, for the same reason.
func NewEvents(d Deps) *API { return build(d, (*API).eventRoutes) }

// NewRay builds the part of Ray, for the same reason.
func NewRay(d Deps) *API { return build(d, (*API).rayRoutes) }

func build(d Deps, parts ...func(*API)) *API {
	a := &API{Deps: d, mux: http.NewServeMux()}
	config := huma.DefaultConfig("orcray", Version)
	config.Info.Description = "Questions about data, answered by Ray programs that are proven before they run."
	config.OpenAPIPath, config.DocsPath, config.SchemasPath, config.CreateHooks = "", "", "", nil
	config.RejectUnknownQueryParameters = true
	config.Formats = map[string]huma.Format{"application/json": strictJSON(), "json": strictJSON()}
	// huma's own errors become problems here and not by its package variables, which all APIs of a process would share.
	config.Transformers = append(config.Transformers, asProblem)
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"bearer": {Type: "http", Scheme: "bearer", BearerFormat: "JWT"}}
	a.huma = humago.New(a.mux, config)
	a.huma.UseMiddleware(a.authorize)
	for _, register := range parts {
		register(a)
	}
	paths := a.huma.OpenAPI().Paths
	if root, ok := paths[rootPath]; ok {
		paths["/"] = root // the router's own spelling is nobody else's business
		delete(paths, rootPath)
	}
	for _, unused := range []string{"ErrorModel", "ErrorDetail"} {
		delete(a.huma.OpenAPI().Components.Schemas.Map(), unused)
	}
	a.mux.HandleFunc("/", a.unknown)
	a.http = a.around(a.mux)
	return a
}

// ServeHTTP answers a request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.http.ServeHTTP(w, r) }

// OpenAPI gives the API's description, indented, with a final newline.
func (a *API) OpenAPI() ([]byte, error) {
	body, err := json.MarshalIndent(a.huma.OpenAPI(), "", "  ")
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "the API document cannot be written")
	}
	return append(body, '\n'), nil
}

// Operations lists the ids of all operations.
func (a *API) Operations() []string {
	var ids []string
	for _, item := range a.huma.OpenAPI().Paths {
		for _, op := range []*huma.Operation{item.Get, item.Put, item.Post, item.Delete, item.Patch} {
			if op != nil {
				ids = append(ids, op.OperationID)
			}
		}
	}
	return ids
}

// unknown answers what no route matches, and known paths with another method.
func (a *API) unknown(w http.ResponseWriter, r *http.Request) {
	trace := telemetry.TraceID(r.Context())
	var allowed []string
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodPut, http.MethodDelete} {
		probe := r.Clone(r.Context())
		probe.Method = method
		if _, pattern := a.mux.Handler(probe); pattern != "/" && pattern != "" {
			allowed = append(allowed, method)
		}
	}
	if len(allowed) == 0 {
		writeProblem(w, newProblem(http.StatusNotFound, fault.NotFound, "There is nothing at this address. GET / lists what there is.", trace))
		return
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	writeProblem(w, newProblem(http.StatusMethodNotAllowed, fault.Invalid, "This address takes "+strings.Join(allowed, " or ")+".", trace))
}

type principalKey struct{}

// caller is who sent the request; authorize put it there.
func caller(ctx context.Context) identity.Principal {
	p, _ := ctx.Value(principalKey{}).(identity.Principal)
	return p
}

// authorize proves the caller and asks the policy, before anything of the request is looked at.
func (a *API) authorize(ctx huma.Context, next func(huma.Context)) {
	op := ctx.Operation().OperationID
	var who identity.Principal
	permission, _ := a.Policy.Permission(op)
	if permission != identity.Public {
		var values []string
		ctx.EachHeader(func(name, value string) {
			if strings.EqualFold(name, "Authorization") {
				values = append(values, value)
			}
		})
		var err error
		if who, err = a.Auth.Authenticate(ctx.Context(), values); err != nil {
			a.reject(ctx, err)
			return
		}
	}
	if err := a.Policy.Allow(op, who); err != nil {
		a.reject(ctx, err)
		return
	}
	next(huma.WithValue(ctx, principalKey{}, who))
}

func (a *API) reject(ctx huma.Context, err error) {
	p := problemOf(err, telemetry.TraceID(ctx.Context()))
	for k, v := range p.GetHeaders() {
		ctx.SetHeader(k, v[0])
	}
	ctx.SetHeader("Content-Type", "application/problem+json")
	ctx.SetStatus(p.Status)
	_ = json.NewEncoder(ctx.BodyWriter()).Encode(p)
}

// register adds an operation. Its errors become problems, and its documentation says so.
func register[I, O any](a *API, op huma.Operation, fn func(context.Context, *I) (*O, error)) {
	if permission, ok := a.Policy.Permission(op.OperationID); ok && permission != identity.Public {
		op.Security = []map[string][]string{{"bearer": {}}}
		op.Errors = append(op.Errors, http.StatusUnauthorized, http.StatusForbidden)
	}
	op.Errors = append(op.Errors, http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusInternalServerError)
	a.describeErrors(&op)
	if op.MaxBodyBytes == 0 {
		op.MaxBodyBytes = 1 << 20
	}
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := fn(ctx, in)
		if err != nil {
			p := problemOf(err, telemetry.TraceID(ctx))
			if p.Status >= 500 {
				telemetry.Logger(ctx).ErrorContext(ctx, "request failed", "operation", op.OperationID, "error", err.Error())
			}
			return nil, p
		}
		return out, nil
	})
}

// describeErrors puts the problems of an operation into the document.
func (a *API) describeErrors(op *huma.Operation) {
	schema := a.huma.OpenAPI().Components.Schemas.Schema(typeOf[Problem](), true, "Problem")
	responses := map[string]*huma.Response{}
	for code, response := range op.Responses {
		responses[code] = response
	}
	for _, status := range op.Errors {
		responses[strconv.Itoa(status)] = &huma.Response{Description: http.StatusText(status),
			Content: map[string]*huma.MediaType{"application/problem+json": {Schema: schema}}}
	}
	op.Responses, op.Errors = responses, nil
}

// route makes the usual operation.
func route(id, method, path, tag, summary string) huma.Operation {
	return huma.Operation{OperationID: id, Method: method, Path: path, Tags: []string{tag}, Summary: summary}
}

// answering sets the status of success.
func answering(op huma.Operation, status int) huma.Operation {
	op.DefaultStatus = status
	return op
}

// Document gives the description of the API without anything behind it.
func Document(policy identity.Policy) ([]byte, error) {
	return New(Deps{Policy: policy, Keys: noKeys{}}).OpenAPI()
}

// noKeys stands for the issuer in the document: whether there is one does not change the document's operations.
type noKeys struct{}

func (noKeys) JWKS() identity.JWKS { return identity.JWKS{} }
