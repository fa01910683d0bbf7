package gateway_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/orcray/orcray/functions/internal/gateway"
	"github.com/orcray/orcray/functions/internal/invoke"
)

func streaming(limit time.Duration) gateway.Streaming {
	return gateway.Streaming{Around: invoke.Around{Name: "s", Log: slog.New(slog.DiscardHandler), Random: rand.Reader, Now: time.Now}, Cap: limit, Margin: time.Second}
}

func restEvent(t *testing.T) events.APIGatewayProxyRequest {
	t.Helper()
	var e events.APIGatewayProxyRequest
	if err := json.Unmarshal(samples(t, "apigw-request.json")["apigw-request.json"], &e); err != nil {
		t.Fatal(err)
	}
	return e
}

func TestA9_ARequestOfARESTAPIArrivesWhole(t *testing.T) {
	t.Parallel()
	e := restEvent(t)
	var seen *http.Request
	out, err := streaming(time.Minute).Handle(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = r
		w.WriteHeader(http.StatusTeapot)
	}))(t.Context(), e)
	if err != nil || out.StatusCode != http.StatusTeapot {
		t.Fatalf("%+v, %v", out, err)
	}
	if seen.Method != e.HTTPMethod || seen.URL.Path != e.Path || seen.URL.Query().Get("name") != e.QueryStringParameters["name"] {
		t.Errorf("%s %s", seen.Method, seen.URL)
	}
	for name, value := range e.Headers {
		if !strings.EqualFold(name, "Host") && seen.Header.Get(name) != value {
			t.Errorf("%s is %q, not %q", name, seen.Header.Get(name), value)
		}
	}
}

// Each piece is read before the next one is written.
func TestA9_PiecesAreReadWhileTheHandlerWrites(t *testing.T) {
	t.Parallel()
	next := make(chan string)
	out, err := streaming(time.Minute).Handle(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Add("Set-Cookie", "a=1")
		w.Header().Add("Set-Cookie", "b=2")
		w.WriteHeader(http.StatusOK)
		for text := range next {
			_, _ = io.WriteString(w, text)
			_ = http.NewResponseController(w).Flush()
		}
	}))(t.Context(), restEvent(t))
	if err != nil || out.MultiValueHeaders["Content-Type"][0] != "text/event-stream" || len(out.MultiValueHeaders["Set-Cookie"]) != 2 {
		t.Fatalf("%+v, %v", out, err)
	}
	buffer := make([]byte, 64)
	for _, text := range []string{"one", "two", "three"} {
		next <- text
		if n, err := out.Body.Read(buffer); err != nil || string(buffer[:n]) != text {
			t.Fatalf("%q, %v", buffer[:n], err)
		}
	}
	close(next)
	if rest, err := io.ReadAll(out.Body); err != nil || len(rest) > 0 {
		t.Errorf("%q, %v", rest, err)
	}
}

func TestA9_AStreamEndsWholeBeforeTheFunctionDoes(t *testing.T) {
	t.Parallel()
	endless := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, ": hello\n\n")
		<-r.Context().Done()
	})
	event := restEvent(t)
	for name, run := range map[string]struct{ function, limit time.Duration }{
		"by the function's time": {4 * time.Second, time.Minute},
		"by the cap":             {time.Minute, time.Second},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), run.function)
		streams := streaming(run.limit)
		streams.Margin = 3 * time.Second
		out, err := streams.Handle(endless)(ctx, event)
		if err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(out.Body); err != nil || string(body) != ": hello\n\n" || ctx.Err() != nil {
			t.Errorf("%s: %q, %v, %v", name, body, err, ctx.Err())
		}
		cancel()
	}
}

// Nothing is written after the body's end, at which the process may be frozen; and a stream that never began is an error, whatever its
// handler does.
func TestA9_AStreamIsReportedBeforeItsBodyEnds(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	event := restEvent(t)
	for name, run := range map[string]struct {
		limit   time.Duration
		handler http.HandlerFunc
		want    string
		status  int
	}{
		"whole":     {time.Minute, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "whole") }, "msg=invocation ", 200},
		"obedient":  {time.Second, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, `msg="invocation failed"`, 504},
		"late":      {time.Second, func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done(); w.WriteHeader(500) }, "msg=", 0},
		"unheeding": {time.Second, func(w http.ResponseWriter, _ *http.Request) { <-release; _, _ = io.WriteString(w, "more") }, `msg="invocation failed"`, 504},
	} {
		var log strings.Builder
		streams := streaming(run.limit)
		streams.Around.Log = slog.New(slog.NewTextHandler(&log, nil))
		done := make(chan struct{})
		out, err := streams.Handle(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { defer close(done); run.handler(w, r) }))(t.Context(), event)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(out.Body)
		if err != nil || run.status != 0 && out.StatusCode != run.status || strings.Contains(string(body), "more") || strings.Count(log.String(), run.want) != 1 {
			t.Errorf("%s: %d %q, %v; %q", name, out.StatusCode, body, err, log.String())
		}
		if name == "unheeding" {
			close(release)
		}
		<-done
	}
}

func TestA9_AHandlerThatFailsLeavesAProblemOrABrokenBody(t *testing.T) {
	t.Parallel()
	early := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("planted") })
	out, err := streaming(time.Minute).Handle(early)(t.Context(), restEvent(t))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(out.Body)
	if err != nil || out.StatusCode != 500 || !strings.Contains(string(body), `"code":"internal"`) || strings.Contains(string(body), "planted") {
		t.Errorf("%d %s, %v", out.StatusCode, body, err)
	}
	late := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "begun")
		panic("planted")
	})
	if out, err = streaming(time.Minute).Handle(late)(t.Context(), restEvent(t)); err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(out.Body); err == nil || string(body) != "begun" {
		t.Errorf("%q, %v", body, err)
	}
}

// A reader that goes away ends the handler with its next write.
func TestA9_AClientThatLeavesEndsTheHandler(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 1)
	out, err := streaming(time.Minute).Handle(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		var err error
		for err == nil {
			_, err = io.WriteString(w, "more")
		}
		ended <- err
	}))(t.Context(), restEvent(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("%v", err)
	}
}
