package openai_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/orcray/orcray/shared/codegen"
	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/openai"
)

// against makes a client of a server that answers every request with the handler.
func against(t testing.TB, handler http.HandlerFunc) *openai.Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	client, err := openai.New(openai.Config{BaseURL: server.URL + "/v1/", Key: openai.NewSecret(canary)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func answer(contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		_, _ = io.WriteString(w, body)
	}
}

func TestR58_WhatServersReallySend(t *testing.T) {
	t.Parallel()
	const sse = "text/event-stream; charset=utf-8"
	const said = `data: {"choices":[{"delta":{"content":"x = 1\n"}}]}` + "\n\n"
	const stopped = `data: {"choices":[{"delta":{},"finish_reason":"stop"}]}` + "\n\n"
	const end = "data: [DONE]\n\n"
	for name, c := range map[string]struct {
		kind, body string
		text       string
		stop       codegen.StopReason
		code       fault.Code
	}{
		"plain":                   {sse, said + stopped + end, "x = 1\n", codegen.Done, ""},
		"comments and names":      {sse, ": ping\n\nevent: x\nid: 1\n" + said + "retry: 9\n\n" + stopped + end, "x = 1\n", codegen.Done, ""},
		"no space, CRLF":          {sse, strings.ReplaceAll(strings.ReplaceAll(said+stopped+end, "data: ", "data:"), "\n\n", "\r\n\r\n"), "x = 1\n", codegen.Done, ""},
		"thinking":                {sse, `data: {"choices":[{"delta":{"reasoning_content":"hm","content":null}}]}` + "\n\n" + said + stopped + end, "x = 1\n", codegen.Done, ""},
		"one document":            {"application/json", `{"choices":[{"message":{"content":"x = 1\n"},"finish_reason":"stop"}]}`, "x = 1\n", codegen.Done, ""},
		"one document, cut":       {"application/json", `{"choices":[{"message":{"content":"x = 1\n"},"finish_reason":"length"}]}`, "x = 1\n", codegen.Truncated, ""},
		"no reason to stop":       {sse, said + end, "x = 1\n", codegen.Truncated, ""},
		"reason, but no end":      {sse, said + stopped, "x = 1\n", codegen.Truncated, ""},
		"wants a tool":            {sse, said + strings.Replace(stopped, "stop", "tool_calls", 1) + end, "x = 1\n", codegen.Truncated, ""},
		"refusal in its own part": {sse, said + `data: {"choices":[{"delta":{"refusal":"No."}}]}` + "\n\n" + stopped + end, "x = 1\n", codegen.Declined, ""},
		"not JSON":                {sse, "data: <html>\n\n", "", "", fault.Unavailable},
		"not JSON, later":         {sse, said + "data: {\"cho", "x = 1\n", codegen.Truncated, ""},
		"a page":                  {"text/html", "<html>Welcome</html>", "", "", fault.Unavailable},
		"nothing":                 {sse, "", "", "", fault.Unavailable},
		"no choices":              {"application/json", `{}`, "", codegen.Truncated, ""},
		"an error with 200":       {"application/json", `{"error":{"message":"overloaded"}}`, "", "", fault.Unavailable},
		"an endless line":         {sse, "data: {\"x\":\"" + strings.Repeat("a", 9<<20) + "\"}\n\n" + said + stopped + end, "", "", fault.Unprocessable},
	} {
		reply, err := ask(t, against(t, answer(c.kind, c.body)), codegen.Input{})
		if fault.CodeOf(err) != c.code || reply.Text != c.text || reply.Stop != c.stop {
			t.Errorf("%s: %+v, %v", name, reply, err)
		}
	}
}

func TestS8_ARedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	var elsewhere atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	t.Cleanup(other.Close)
	client := against(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
	})
	if _, err := ask(t, client, codegen.Input{}); fault.CodeOf(err) != fault.Unavailable || elsewhere.Load() != 0 {
		t.Errorf("%v; %d requests went elsewhere", err, elsewhere.Load())
	}
}

// FuzzStream feeds the client whatever a server may send. Only a stream with its end mark may be done.
func FuzzStream(f *testing.F) {
	f.Add("data: {\"choices\":[{\"delta\":{\"content\":\"x\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n", true)
	f.Add("{\"choices\":[{\"message\":{\"content\":\"\xff\"}}]}", false)
	f.Add("data: {\"error\":{}}\n\n", true)
	var body atomic.Pointer[string]
	var kind atomic.Pointer[string]
	client := against(f, func(w http.ResponseWriter, r *http.Request) { answer(*kind.Load(), *body.Load())(w, r) })
	f.Fuzz(func(t *testing.T, sent string, stream bool) {
		contentType := "application/json"
		if stream {
			contentType = "text/event-stream"
		}
		body.Store(&sent)
		kind.Store(&contentType)
		var seen strings.Builder
		reply, err := client.Generate(t.Context(), codegen.Request{Model: "m", MaxTokens: 1}, func(p string) { seen.WriteString(p) })
		if err == nil && reply.Text != seen.String() {
			t.Fatalf("emitted %q, replied %q", seen.String(), reply.Text)
		}
		if reply.Stop == codegen.Done && stream && !strings.Contains(sent, "[DONE]") {
			t.Fatalf("done without an end mark: %q", sent)
		}
		if reply.Stop == codegen.Done && err != nil {
			t.Fatalf("done and failed: %v", err)
		}
	})
}
