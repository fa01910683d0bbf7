package handler

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/telemetry"
)

// Problem is every answer that is not a success: RFC 9457 problem details.
type Problem struct {
	Type      string         `json:"type" doc:"what kind of problem; a stable name" example:"about:blank"`
	Title     string         `json:"title" doc:"the HTTP status in words"`
	Status    int            `json:"status" doc:"the HTTP status"`
	Detail    string         `json:"detail" doc:"what happened, and what to do"`
	Code      fault.Code     `json:"code" doc:"orcray's own closed list of failures"`
	Errors    []ProblemField `json:"errors,omitempty" doc:"the parts of the request that are wrong"`
	TraceID   string         `json:"trace_id" doc:"names this request in the logs"`
	Retryable bool           `json:"retryable" doc:"the same request can succeed later"`

	retryAfter   int // seconds
	policy, left string
}

// ProblemField is one wrong part of a request.
type ProblemField struct {
	Pointer   string `json:"pointer,omitempty" doc:"JSON pointer into the body"`
	Parameter string `json:"parameter,omitempty" doc:"name of a query, path or header parameter"`
	Detail    string `json:"detail"`
}

// Error is for the log.
func (p *Problem) Error() string { return string(p.Code) + ": " + p.Detail }

// GetStatus tells huma the status.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType makes JSON problem+json.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// GetHeaders adds Retry-After where it is known.
func (p *Problem) GetHeaders() http.Header {
	h := http.Header{}
	if p.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(p.retryAfter))
	}
	if p.policy != "" {
		h.Set("RateLimit-Policy", p.policy)
		h.Set("RateLimit", p.left)
	}
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="orcray"`)
	}
	return h
}

// StatusOf is the one map from failures to HTTP.
func StatusOf(c fault.Code) int {
	switch c {
	case fault.Invalid:
		return http.StatusBadRequest
	case fault.Unauthenticated:
		return http.StatusUnauthorized
	case fault.Forbidden:
		return http.StatusForbidden
	case fault.NotFound:
		return http.StatusNotFound
	case fault.Conflict:
		return http.StatusConflict
	case fault.TooLarge:
		return http.StatusRequestEntityTooLarge
	case fault.Unprocessable:
		return http.StatusUnprocessableEntity
	case fault.Throttled:
		return http.StatusTooManyRequests
	case fault.Unavailable:
		return http.StatusServiceUnavailable
	case fault.Timeout:
		return http.StatusGatewayTimeout
	default:
		return http.StatusInternalServerError
	}
}

// codeOf is the way back, for answers that the framework makes.
func codeOf(status int) fault.Code {
	for _, c := range []fault.Code{fault.Invalid, fault.Unauthenticated, fault.Forbidden, fault.NotFound, fault.Conflict, fault.TooLarge,
		fault.Unprocessable, fault.Throttled, fault.Unavailable, fault.Timeout} {
		if StatusOf(c) == status {
			return c
		}
	}
	if status >= 400 && status < 500 {
		return fault.Invalid
	}
	return fault.Internal
}

// problemOf makes the answer to an error. What is inside the house stays there.
func problemOf(err error, traceID string) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	code := fault.CodeOf(err)
	p = newProblem(StatusOf(code), code, fault.MessageOf(err), traceID)
	var f *fault.Error
	if errors.As(err, &f) {
		for _, field := range f.Fields {
			p.Errors = append(p.Errors, ProblemField{Pointer: field.Pointer, Detail: field.Detail})
		}
		if f.RetryAfter > 0 {
			p.retryAfter = int(f.RetryAfter.Seconds()) + 1
		}
	}
	return p
}

func newProblem(status int, code fault.Code, detail, traceID string) *Problem {
	return &Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail, Code: code,
		TraceID: traceID, Retryable: code.Retryable()}
}

// asProblem makes problems of what huma finds wrong by itself.
func asProblem(ctx huma.Context, _ string, v any) (any, error) {
	model, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	traceID := telemetry.TraceID(ctx.Context())
	if model.Status >= 500 {
		return newProblem(model.Status, fault.Internal, fault.MessageOf(errPanic), traceID), nil
	}
	p := newProblem(model.Status, codeOf(model.Status), sentence(model.Status, model.Detail), traceID)
	for _, detail := range model.Errors {
		p.Errors = append(p.Errors, fieldOf(detail))
	}
	return p, nil
}

// strictJSON refuses bytes that are not text, which encoding/json would silently exchange.
func strictJSON() huma.Format {
	f := huma.DefaultJSONFormat
	decode := f.Unmarshal
	f.Unmarshal = func(data []byte, v any) error {
		if !utf8.Valid(data) {
			return errors.New("the body is not valid UTF-8")
		}
		return decode(data, v)
	}
	return f
}

func sentence(status int, msg string) string {
	switch status {
	case http.StatusUnprocessableEntity:
		return "The request does not have the form that this operation takes; errors says where. The form is described in /openapi.json."
	case http.StatusRequestEntityTooLarge:
		return "The request is too large."
	case http.StatusUnsupportedMediaType:
		return "Send the body as application/json."
	case http.StatusNotAcceptable:
		return "The answer can be had as application/json only."
	case http.StatusBadRequest:
		return "The request cannot be read: " + msg + "."
	default:
		return msg
	}
}

func fieldOf(detail *huma.ErrorDetail) ProblemField {
	where, name, _ := strings.Cut(detail.Location, ".")
	if where != "body" {
		return ProblemField{Parameter: name, Detail: detail.Message}
	}
	pointer := strings.NewReplacer(".", "/", "[", "/", "]", "").Replace(name)
	if pointer != "" {
		pointer = "/" + pointer
	}
	return ProblemField{Pointer: pointer, Detail: detail.Message}
}

// writeProblem answers outside of huma: middleware and unknown routes.
func writeProblem(w http.ResponseWriter, p *Problem) {
	for k, v := range p.GetHeaders() {
		w.Header()[k] = v
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the client is gone
}

// WriteProblem answers with the problem of an error, for what stands in front of the API.
func WriteProblem(w http.ResponseWriter, err error, traceID string) {
	writeProblem(w, problemOf(err, traceID))
}
