// Package codegen turns a question into a program: the prompt, the port to a model, and what may be taken from its reply.
package codegen

import (
	"context"

	"github.com/orcray/orcray/shared/source"
)

// Request is one call of a model. Prompt is complete for a language model; Question, Sources and Previous are the same facts
// as data, for the offline model, which reads no prose.
type Request struct {
	Model     string
	Prompt    Prompt
	MaxTokens int // always set; 0 is refused

	Question string
	Sources  []source.Source
	Previous *Attempt // nil on the first attempt
}

// Prompt is what a language model is told.
type Prompt struct {
	System string
	User   string
}

// Attempt is an earlier program of the same job and why it failed.
type Attempt struct {
	Number    int
	Code      string
	Class     string
	Traceback string // the user's frames, at most 8 KiB
}

// StopReason says why a model stopped. Only Done may be executed.
type StopReason string

// The reasons.
const (
	Done      StopReason = "done"
	Truncated StopReason = "truncated" // out of tokens, or the stream broke off
	Declined  StopReason = "refused"
)

// Usage counts tokens; zero where the model does not say.
type Usage struct {
	InputTokens  int `json:"input_tokens"`
	OutputTokens int `json:"output_tokens"`
}

// Reply is everything a model said.
type Reply struct {
	Text  string
	Stop  StopReason
	Usage Usage
	Model string // as the server names it
}

// Model writes programs.
//
// Generate calls emit with each piece of text as it arrives, in order, from one goroutine, and returns the whole reply. A
// reply that ended early is not an error: it has Stop == Truncated. Errors: fault.Throttled (with RetryAfter if known),
// fault.Unavailable, fault.Timeout, fault.Invalid for a request the server will never accept, fault.Forbidden for missing
// access, fault.NotFound for an unknown model, fault.Unprocessable when the offline model cannot answer the question: the
// message says what it can do.
type Model interface {
	Generate(ctx context.Context, req Request, emit func(piece string)) (Reply, error)
}

// Listed is a model that a person can choose.
type Listed struct {
	ID              string   `json:"id"`
	Name            string   `json:"name"`
	Provider        string   `json:"provider"` // bedrock, openai, offline
	Default         bool     `json:"default"`
	InputPerMillion *float64 `json:"input_usd_per_million,omitempty"`  // USD for 1,000,000 input tokens; absent: not known here
	OutputPerMil    *float64 `json:"output_usd_per_million,omitempty"` // USD for 1,000,000 output tokens; absent: not known here
}
