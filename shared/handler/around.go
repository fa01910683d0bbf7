package handler

import (
	"context"
	"io"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/telemetry"
)

// around puts what every request gets around the routes: a trace id, security headers, the Host check, recovery from a
// panic, and one log line.
func (a *API) around(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := a.traced(r)
		r = r.WithContext(ctx)
		rec := &recorder{ResponseWriter: w, status: http.StatusOK}
		started := a.Now()
		secure(rec.Header(), telemetry.TraceID(ctx))
		defer func() {
			if cause := recover(); cause != nil {
				telemetry.Logger(ctx).ErrorContext(ctx, "panic", "cause", cause, "stack", string(debug.Stack()))
				if !rec.wrote {
					writeProblem(rec, newProblem(http.StatusInternalServerError, fault.Internal, fault.MessageOf(errPanic), telemetry.TraceID(ctx)))
				}
			}
			telemetry.Logger(ctx).InfoContext(ctx, "request", "method", r.Method, "path", r.URL.Path, "status", rec.status,
				"seconds", a.Now().Sub(started).Seconds())
		}()
		if !a.knownHost(r.Host) {
			writeProblem(rec, newProblem(http.StatusMisdirectedRequest, fault.Invalid, "This server does not answer for that host name.", telemetry.TraceID(ctx)))
			return
		}
		if !utf8.ValidString(r.URL.Path) {
			writeProblem(rec, newProblem(http.StatusBadRequest, fault.Invalid, "The address is not valid UTF-8.", telemetry.TraceID(ctx)))
			return
		}
		body := r.Body
		r.Body = io.NopCloser(body) // the framework closes it early
		next.ServeHTTP(rec, r)
		a.drain(rec, body)
	})
}

// drain reads what a refused request still sends, for a while: a connection that is closed under a client which is still
// writing loses the answer that says why.
func (a *API) drain(rec *recorder, body io.Reader) {
	if rec.status < 400 || body == nil {
		return
	}
	_ = http.NewResponseController(rec).SetReadDeadline(a.Now().Add(drainTime)) // a writer without deadlines is a test's
	_, _ = io.CopyN(io.Discard, body, drainBytes)
}

const (
	drainTime  = 2 * time.Second
	drainBytes = 16 << 20
)

// traced goes on with the caller's trace, or begins one.
func (a *API) traced(r *http.Request) context.Context {
	trace, ok := telemetry.ParseTraceparent(r.Header.Get("Traceparent"))
	var err error
	if ok {
		trace, err = trace.Child(a.Random)
	} else {
		trace, err = telemetry.NewTrace(a.Random)
	}
	ctx := telemetry.WithLogger(r.Context(), a.Log)
	if err != nil {
		return ctx // no randomness: a request without a trace is better than none
	}
	return telemetry.WithTrace(ctx, trace)
}

var errPanic = fault.New(fault.Internal, "Something went wrong on our side. Try again; if it stays, give the trace id to your operator.")

// knownHost keeps pages of other names, which resolve to this machine, from talking to us.
func (a *API) knownHost(host string) bool {
	return len(a.Hosts) == 0 || slices.Contains(a.Hosts, strings.ToLower(host))
}

func secure(h http.Header, traceID string) {
	h.Set("X-Trace-Id", traceID)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
}

// recorder remembers the status for the log line; Flush keeps live events live.
type recorder struct {
	http.ResponseWriter
	status int
	wrote  bool
}

func (r *recorder) WriteHeader(status int) {
	if !r.wrote {
		r.status, r.wrote = status, true
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(p []byte) (int, error) {
	r.wrote = true
	return r.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController find the real writer.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
