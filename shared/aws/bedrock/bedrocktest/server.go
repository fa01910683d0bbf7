// Package bedrocktest is a server that speaks Bedrock's Converse and ConverseStream wire formats and behaves as a script
// says.
package bedrocktest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"

	"github.com/orcray/orcray/shared/codegen/modeltest"
)

// Server is the server; its script says what it does, and holds what it was asked.
type Server struct{ modeltest.Host }

// NewServer starts a server on a free loopback port. Close it.
func NewServer(behaviours ...modeltest.Behaviour) *Server {
	s := &Server{}
	s.Push(behaviours...)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /model/{id}/converse-stream", func(w http.ResponseWriter, r *http.Request) { s.converse(w, r, true) })
	mux.HandleFunc("POST /model/{id}/converse", func(w http.ResponseWriter, r *http.Request) { s.converse(w, r, false) })
	s.Serve(mux)
	return s
}

func (s *Server) converse(w http.ResponseWriter, r *http.Request, stream bool) {
	data, err := io.ReadAll(io.LimitReader(r.Body, 4<<20))
	if err != nil {
		return
	}
	var in struct {
		System          []struct{ Text string }
		Messages        []struct{ Content []struct{ Text string } }
		InferenceConfig struct{ MaxTokens int }
	}
	if err := json.Unmarshal(data, &in); err != nil {
		fail(w, modeltest.Behaviour{Status: http.StatusBadRequest, Message: "not JSON"})
		return
	}
	asked := modeltest.Request{Model: r.PathValue("id"), MaxTokens: in.InferenceConfig.MaxTokens, Stream: stream, Header: r.Header.Clone(), Body: data}
	for _, part := range in.System {
		asked.System += part.Text
	}
	for _, m := range in.Messages {
		for _, part := range m.Content {
			asked.User += part.Text
		}
	}
	b := s.Next(asked)
	switch {
	case b.Status != 0:
		fail(w, b)
	case stream:
		s.stream(w, r, b)
	default:
		document(w, b)
	}
}

// fail writes an error as Bedrock does: its name in a header, its message in the body.
func fail(w http.ResponseWriter, b modeltest.Behaviour) {
	kind := b.Kind
	if kind == "" {
		kind = map[int]string{
			http.StatusBadRequest:         "ValidationException",
			http.StatusForbidden:          "AccessDeniedException",
			http.StatusNotFound:           "ResourceNotFoundException",
			http.StatusRequestTimeout:     "ModelTimeoutException",
			http.StatusFailedDependency:   "ModelErrorException",
			http.StatusTooManyRequests:    "ThrottlingException",
			http.StatusServiceUnavailable: "ServiceUnavailableException",
		}[b.Status]
	}
	if kind == "" {
		kind = "InternalServerException"
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Amzn-ErrorType", kind)
	if b.RetryAfter != "" {
		w.Header().Set("Retry-After", b.RetryAfter)
	}
	w.WriteHeader(b.Status)
	_, _ = fmt.Fprintf(w, `{"message": %s}`, modeltest.RawJSON(b.Message)) // a client that left is no error of the test
}

func (s *Server) stream(w http.ResponseWriter, r *http.Request, b modeltest.Behaviour) {
	w.Header().Set("Content-Type", "application/vnd.amazon.eventstream")
	event(w, "event", "messageStart", `{"role": "assistant"}`)
	whole := s.Pieces(r.Context(), b, func(piece string) {
		event(w, "event", "contentBlockDelta", fmt.Sprintf(`{"contentBlockIndex": 0, "delta": {"text": %s}}`, modeltest.RawJSON(piece)))
	})
	if !whole {
		return
	}
	switch b.Stop {
	case modeltest.Cut:
		panic(http.ErrAbortHandler)
	case modeltest.Stalls:
		s.Wait(r.Context(), nil)
		return
	case modeltest.Fails:
		kind := b.Kind
		if kind == "" {
			kind = "modelStreamErrorException"
		}
		event(w, "exception", kind, `{"message": "the engine died"}`)
		return
	case modeltest.Unmarked:
		return
	}
	event(w, "event", "contentBlockStop", `{"contentBlockIndex": 0}`)
	event(w, "event", "messageStop", fmt.Sprintf(`{"stopReason": %q}`, reason(b.Stop)))
	event(w, "event", "metadata", `{"usage": {"inputTokens": 11, "outputTokens": 7, "totalTokens": 18}, "metrics": {"latencyMs": 1}}`)
}

func document(w http.ResponseWriter, b modeltest.Behaviour) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = fmt.Fprintf(w, `{"output": {"message": {"role": "assistant", "content": [{"text": %s}]}}, "stopReason": %q, "usage": {"inputTokens": 11, "outputTokens": 7, "totalTokens": 18}, "metrics": {"latencyMs": 1}}`,
		modeltest.RawJSON(strings.Join(b.Pieces, "")), reason(b.Stop))
}

// event writes one message of the stream with the SDK's own encoder, and sends it off.
func event(w http.ResponseWriter, kind, name, payload string) {
	m := eventstream.Message{Payload: []byte(payload)}
	m.Headers.Set(":message-type", eventstream.StringValue(kind))
	m.Headers.Set(":"+kind+"-type", eventstream.StringValue(name))
	m.Headers.Set(":content-type", eventstream.StringValue("application/json"))
	if err := eventstream.NewEncoder().Encode(w, m); err != nil {
		panic(http.ErrAbortHandler)
	}
	w.(http.Flusher).Flush()
}

func reason(s modeltest.Stop) string {
	switch s {
	case modeltest.OutOfRoom:
		return "max_tokens"
	case modeltest.Declines:
		return "guardrail_intervened"
	}
	return "end_turn"
}
