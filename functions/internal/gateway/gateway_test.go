package gateway_test

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/orcray/orcray/functions/internal/gateway"
	"github.com/orcray/orcray/shared/fault"
)

// samples are the events that AWS's own library ships with its tests.
func samples(t *testing.T, pattern string) map[string][]byte {
	t.Helper()
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/aws/aws-lambda-go").Output()
	if err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), "events", "testdata", pattern))
	if err != nil || len(names) == 0 {
		t.Fatalf("no samples %s: %v", pattern, err)
	}
	all := map[string][]byte{}
	for _, name := range names {
		if all[filepath.Base(name)], err = os.ReadFile(name); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func call(t *testing.T, h http.HandlerFunc, payload []byte) events.APIGatewayV2HTTPResponse {
	t.Helper()
	out, err := gateway.HTTP(h)(t.Context(), payload)
	if err != nil {
		t.Fatal(err)
	}
	var a events.APIGatewayV2HTTPResponse
	if err := json.Unmarshal(out, &a); err != nil {
		t.Fatal(err)
	}
	return a
}

func event(t *testing.T, change func(*events.APIGatewayV2HTTPRequest)) []byte {
	t.Helper()
	e := events.APIGatewayV2HTTPRequest{Version: "2.0", RawPath: "/"}
	e.RequestContext.HTTP.Method, e.RequestContext.Stage = "GET", "$default"
	change(&e)
	body, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func TestA5_AWSSamplesBecomeRequests(t *testing.T) {
	t.Parallel()
	for name, payload := range samples(t, "apigw-v2-request-*.json") {
		var seen *http.Request
		var body []byte
		call(t, func(_ http.ResponseWriter, r *http.Request) {
			seen = r
			body, _ = io.ReadAll(r.Body)
		}, payload)
		var want events.APIGatewayV2HTTPRequest
		if err := json.Unmarshal(payload, &want); err != nil {
			t.Fatal(err)
		}
		if seen.Method != want.RequestContext.HTTP.Method || seen.URL.Path != want.RawPath || seen.URL.RawQuery != want.RawQueryString || string(body) != want.Body {
			t.Errorf("%s: %s %s %q", name, seen.Method, seen.URL, body)
		}
		if seen.Header.Get("Cookie") != strings.Join(want.Cookies, "; ") || seen.Host != cmp.Or(want.Headers["host"], want.RequestContext.DomainName) {
			t.Errorf("%s: cookie %q, host %q", name, seen.Header.Get("Cookie"), seen.Host)
		}
		for header, value := range want.Headers {
			if !strings.EqualFold(header, "Host") && seen.Header.Get(header) != value {
				t.Errorf("%s: %s is %q", name, header, seen.Header.Get(header))
			}
		}
		if got := seen.URL.Query()["parameter1"]; len(want.QueryStringParameters) > 0 && len(got) != 2 {
			t.Errorf("%s: parameter1 %v", name, got)
		}
	}
}

func TestA5_PathsQueriesAndBodiesArriveAsTheyWereSent(t *testing.T) {
	t.Parallel()
	var seen *http.Request
	var body []byte
	call(t, func(_ http.ResponseWriter, r *http.Request) {
		seen = r
		body, _ = io.ReadAll(r.Body)
	}, event(t, func(e *events.APIGatewayV2HTTPRequest) {
		e.RawPath, e.RawQueryString, e.RequestContext.Stage = "/live/a%2Fb/c%20d", "x=1&x=%26&y", "live"
		e.Body, e.IsBase64Encoded = base64.StdEncoding.EncodeToString([]byte("\x00\xff")), true
		e.Headers, e.RequestContext.HTTP.SourceIP = map[string]string{"host": "api.example.com"}, "203.0.113.9"
	}))
	if seen.URL.Path != "/a/b/c d" || seen.URL.EscapedPath() != "/a%2Fb/c%20d" || seen.RequestURI != "/a%2Fb/c%20d?x=1&x=%26&y" {
		t.Errorf("%q %q %q", seen.URL.Path, seen.URL.EscapedPath(), seen.RequestURI)
	}
	if string(body) != "\x00\xff" || seen.ContentLength != 2 || seen.Host != "api.example.com" || seen.RemoteAddr != "203.0.113.9:0" {
		t.Errorf("%q %d %q %q", body, seen.ContentLength, seen.Host, seen.RemoteAddr)
	}
}

func TestA5_AnswersKeepHeadersCookiesAndBytes(t *testing.T) {
	t.Parallel()
	a := call(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Add("Vary", "A")
		w.Header().Add("Vary", "B")
		w.Header().Add("Set-Cookie", "a=1, Path=/")
		w.Header().Add("Set-Cookie", "b=2")
		w.Header().Set("Content-Type", "image/png")
		w.WriteHeader(http.StatusCreated)
		w.Header().Set("Late", "x")
		_, _ = w.Write([]byte{0x89, 'P', 'N', 'G'})
	}, event(t, func(*events.APIGatewayV2HTTPRequest) {}))
	raw, err := base64.StdEncoding.DecodeString(a.Body)
	if err != nil || string(raw) != "\x89PNG" || !a.IsBase64Encoded || a.StatusCode != 201 || a.Headers["Vary"] != "A, B" || len(a.Cookies) != 2 || a.Headers["Late"] != "" || a.Headers["Set-Cookie"] != "" {
		t.Errorf("%+v", a)
	}
	text := call(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json; charset=utf-8")
		_, _ = io.WriteString(w, `{"ü":1}`)
	}, event(t, func(*events.APIGatewayV2HTTPRequest) {}))
	if text.IsBase64Encoded || text.Body != `{"ü":1}` || text.StatusCode != 200 {
		t.Errorf("%+v", text)
	}
}

func problemOf(t *testing.T, a events.APIGatewayV2HTTPResponse) fault.Code {
	t.Helper()
	var p struct {
		Code   fault.Code `json:"code"`
		Detail string     `json:"detail"`
	}
	if err := json.Unmarshal([]byte(a.Body), &p); err != nil || a.Headers["Content-Type"] != "application/problem+json" || p.Detail == "" {
		t.Fatalf("not a problem: %+v", a)
	}
	return p.Code
}

func TestA5_WhatGoesWrongIsAProblem(t *testing.T) {
	t.Parallel()
	plain := event(t, func(*events.APIGatewayV2HTTPRequest) {})
	large := call(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, strings.Repeat("x", 6<<20))
	}, plain)
	if large.StatusCode != 413 || problemOf(t, large) != fault.TooLarge {
		t.Errorf("an answer of 6 MB: %d", large.StatusCode)
	}
	panics := call(t, func(http.ResponseWriter, *http.Request) { panic("planted") }, plain)
	if panics.StatusCode != 500 || problemOf(t, panics) != fault.Internal || strings.Contains(panics.Body, "planted") {
		t.Errorf("a panic: %+v", panics)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	began := time.Now()
	out, err := gateway.HTTP(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-t.Context().Done() }))(ctx, plain)
	var slow events.APIGatewayV2HTTPResponse
	if err != nil || json.Unmarshal(out, &slow) != nil || slow.StatusCode != 504 || problemOf(t, slow) != fault.Timeout || ctx.Err() != nil {
		t.Errorf("a handler without an end: %v %s after %s", err, out, time.Since(began))
	}
	for _, bad := range []string{`{}`, `[]`, `{"version":"2.0","rawPath":"x"}`, `{"rawPath":"/","requestContext":{"http":{"method":"GET"}},"body":"%","isBase64Encoded":true}`} {
		if out, err := gateway.HTTP(http.NotFoundHandler())(t.Context(), []byte(bad)); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s gives %s, %v", bad, out, err)
		}
	}
}
