// Package openai is the client of models behind an OpenAI-compatible API: Ollama, vLLM, llama.cpp, and any other server
// with /chat/completions.
package openai

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/orcray/orcray/shared/codegen"
	"github.com/orcray/orcray/shared/fault"
)

// Config says where the server is. Zero values of the last four mean the default.
type Config struct {
	BaseURL string // e.g. http://127.0.0.1:11434/v1, without a user and without a query
	Key     Secret // sent as a bearer token if set
	Model   string // used when a request names none

	Connect  time.Duration    // until a connection stands; 10 s
	Patience codegen.Patience // for the reply
	Dial     func(ctx context.Context, network, address string) (net.Conn, error)
	Now      func() time.Time // for dates in Retry-After; without it only seconds are understood
}

// Client implements codegen.Model.
type Client struct {
	config Config
	base   string
	http   *http.Client

	mu      sync.Mutex
	manners map[string]manners // by model, learned from the server's refusals
}

var _ codegen.Model = (*Client)(nil)

// New makes a client; nothing is sent yet. Errors: fault.Invalid for a base URL that cannot be used.
func New(config Config) (*Client, error) {
	base, err := url.Parse(config.BaseURL)
	if err != nil || (base.Scheme != "http" && base.Scheme != "https") || base.Host == "" || base.User != nil || base.RawQuery != "" {
		return nil, fault.New(fault.Invalid, "The model server's address must be like http://host:port/v1, without a user or a query.")
	}
	if config.Connect <= 0 {
		config.Connect = 10 * time.Second
	}
	if config.Dial == nil {
		config.Dial = (&net.Dialer{}).DialContext
	}
	c := &Client{config: config, base: strings.TrimRight(base.String(), "/"), manners: map[string]manners{}}
	c.http = &http.Client{
		Transport: &http.Transport{
			DialContext:            c.dial,
			TLSHandshakeTimeout:    config.Connect,
			MaxResponseHeaderBytes: 64 << 10,
			MaxIdleConnsPerHost:    8,
			IdleConnTimeout:        90 * time.Second,
			ForceAttemptHTTP2:      true,
		},
		// A redirect could carry the prompt elsewhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return c, nil
}

// Close ends idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

func (c *Client) dial(ctx context.Context, network, address string) (net.Conn, error) {
	bounded, cancel := context.WithTimeout(ctx, c.config.Connect)
	defer cancel()
	conn, err := c.config.Dial(bounded, network, address)
	if err != nil && errors.Is(bounded.Err(), context.DeadlineExceeded) && ctx.Err() == nil {
		return nil, fault.Wrap(err, fault.Timeout, "The model server cannot be reached: it does not take a connection. Check its address, and that it runs.")
	}
	return conn, err
}

// Generate implements codegen.Model: a stream if the server can, one piece if it cannot.
func (c *Client) Generate(ctx context.Context, req codegen.Request, emit func(string)) (codegen.Reply, error) {
	if err := req.Check(); err != nil {
		return codegen.Reply{}, err
	}
	if req.Model == "" {
		req.Model = c.config.Model
	}
	call := c.config.Patience.Start(ctx, emit)
	return call.End(c.ask(call, req))
}

// ask sends the request, and again without what the server says it does not understand.
func (c *Client) ask(call *codegen.Call, req codegen.Request) error {
	m := c.mannersOf(req.Model)
	for {
		resp, err := c.post(call.Context(), body(req, m))
		if err != nil {
			return err
		}
		if resp.StatusCode == http.StatusOK {
			defer resp.Body.Close()
			c.learn(req.Model, m)
			return receive(call, resp)
		}
		text := c.errorText(resp)
		next, adapted := m.adapt(resp.StatusCode, text)
		if !adapted {
			return c.refusal(resp, text, req.Model)
		}
		m = next
	}
}

func (c *Client) post(ctx context.Context, payload map[string]any) (*http.Response, error) {
	data, err := json.Marshal(payload)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "The request to the model cannot be written.")
	}
	return c.send(ctx, http.MethodPost, "/chat/completions", data)
}

func (c *Client) send(ctx context.Context, method, path string, data []byte) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(data))
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "The request to the model cannot be written.")
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "text/event-stream, application/json")
	if c.config.Key.value != "" {
		r.Header.Set("Authorization", "Bearer "+c.config.Key.value)
	}
	return c.http.Do(r)
}

func (c *Client) mannersOf(model string) manners {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.manners[model]
}

// learn keeps what a model's server understands, so that the next request fits at once.
func (c *Client) learn(model string, m manners) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.manners) < 256 {
		c.manners[model] = m
	}
}

// manners is what a server does not understand.
type manners struct {
	noUsage, newLimit, noTemperature, noStream bool
}

// adapt finds in a refusal the one thing to leave out next time.
func (m manners) adapt(status int, text string) (manners, bool) {
	if status != http.StatusBadRequest && status != http.StatusUnprocessableEntity && status != http.StatusNotImplemented {
		return m, false
	}
	text = strings.ToLower(text)
	for _, a := range []struct {
		word string
		flag *bool
	}{{"stream_options", &m.noUsage}, {"max_completion_tokens", &m.newLimit}, {"temperature", &m.noTemperature}, {"stream", &m.noStream}} {
		if strings.Contains(text, a.word) && !*a.flag {
			*a.flag = true
			return m, true
		}
	}
	return m, false
}

func body(req codegen.Request, m manners) map[string]any {
	out := map[string]any{
		"model": req.Model,
		"messages": []map[string]string{
			{"role": "system", "content": req.Prompt.System},
			{"role": "user", "content": req.Prompt.User},
		},
	}
	if m.newLimit {
		out["max_completion_tokens"] = req.MaxTokens
	} else {
		out["max_tokens"] = req.MaxTokens
	}
	if !m.noTemperature {
		out["temperature"] = 0
	}
	if m.noStream {
		return out
	}
	out["stream"] = true
	if !m.noUsage {
		out["stream_options"] = map[string]bool{"include_usage": true}
	}
	return out
}
