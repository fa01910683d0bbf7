// Package openaitest is a server that speaks the OpenAI chat-completions wire format and behaves as a script says. Tests
// point the openai client, or a whole deployment, at it.
package openaitest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/orcray/orcray/shared/codegen/modeltest"
)

// Server is the server; its script says what it does, and holds what it was asked.
type Server struct {
	modeltest.Host
	Models []string // what /models lists
}

// NewServer starts a server on a free loopback port. Close it.
func NewServer(behaviours ...modeltest.Behaviour) *Server {
	s := &Server{Models: []string{"scripted-model"}}
	s.Push(behaviours...)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/models", s.models)
	mux.HandleFunc("POST /v1/chat/completions", s.complete)
	s.Serve(mux)
	return s
}

// URL is the base URL for openai.Config.
func (s *Server) URL() string { return s.Root() + "/v1" }

func (s *Server) models(w http.ResponseWriter, _ *http.Request) {
	type entry struct {
		ID     string `json:"id"`
		Object string `json:"object"`
	}
	page := struct {
		Object string  `json:"object"`
		Data   []entry `json:"data"`
	}{Object: "list"}
	for _, id := range s.Models {
		page.Data = append(page.Data, entry{id, "model"})
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(page) // a client that left is no error of the test
}

func (s *Server) complete(w http.ResponseWriter, r *http.Request) {
	data, err := io.ReadAll(io.LimitReader(r.Body, 4<<20))
	if err != nil {
		return
	}
	var in struct {
		Model     string `json:"model"`
		MaxTokens int    `json:"max_tokens"`
		NewTokens int    `json:"max_completion_tokens"`
		Stream    bool   `json:"stream"`
		Messages  []struct{ Role, Content string }
	}
	if err := json.Unmarshal(data, &in); err != nil {
		fail(w, modeltest.Behaviour{Status: http.StatusBadRequest, Message: "not JSON"})
		return
	}
	asked := modeltest.Request{Model: in.Model, MaxTokens: in.MaxTokens + in.NewTokens, Stream: in.Stream, Header: r.Header.Clone(), Body: data}
	for _, m := range in.Messages {
		if m.Role == "system" {
			asked.System = m.Content
		} else {
			asked.User = m.Content
		}
	}
	b := s.Next(asked)
	switch {
	case b.Status != 0:
		fail(w, b)
	case in.Stream:
		s.stream(w, r, b)
	default:
		document(w, b)
	}
}

func fail(w http.ResponseWriter, b modeltest.Behaviour) {
	w.Header().Set("Content-Type", "application/json")
	if b.RetryAfter != "" {
		w.Header().Set("Retry-After", b.RetryAfter)
	}
	w.WriteHeader(b.Status)
	_, _ = fmt.Fprintf(w, `{"error": {"message": %s, "type": %s, "code": null}}`, modeltest.RawJSON(b.Message), modeltest.RawJSON(b.Kind))
}

// stream writes the reply as server-sent events.
func (s *Server) stream(w http.ResponseWriter, r *http.Request, b modeltest.Behaviour) {
	w.Header().Set("Content-Type", "text/event-stream")
	event(w, `{"model": "scripted-model", "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": null}]}`)
	whole := s.Pieces(r.Context(), b, func(piece string) {
		event(w, fmt.Sprintf(`{"choices": [{"index": 0, "delta": {"content": %s}, "finish_reason": null}]}`, modeltest.RawJSON(piece)))
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
		event(w, `{"error": {"message": "the engine died", "type": "server_error"}}`)
		return
	case modeltest.Unmarked:
		return
	}
	event(w, fmt.Sprintf(`{"choices": [{"index": 0, "delta": {}, "finish_reason": %q}]}`, finish(b.Stop)))
	event(w, `{"choices": [], "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}}`)
	event(w, "[DONE]")
}

func document(w http.ResponseWriter, b modeltest.Behaviour) {
	if b.Stop == modeltest.Cut {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = fmt.Fprintf(w, `{"model": "scripted-model", "choices": [{"index": 0, "message": {"role": "assistant", "content": %s}, "finish_reason": %q}], "usage": {"prompt_tokens": 11, "completion_tokens": 7}}`,
		modeltest.RawJSON(strings.Join(b.Pieces, "")), finish(b.Stop))
}

func event(w http.ResponseWriter, data string) {
	_, _ = io.WriteString(w, "data: "+data+"\n\n")
	w.(http.Flusher).Flush()
}

func finish(s modeltest.Stop) string {
	switch s {
	case modeltest.OutOfRoom:
		return "length"
	case modeltest.Declines:
		return "content_filter"
	}
	return "stop"
}
