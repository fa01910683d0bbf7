package modeltest

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/orcray/orcray/shared/codegen"
	"github.com/orcray/orcray/shared/fault"
)

// Server is the misbehaving server of an adapter's own wire format.
type Server interface {
	Push(...Behaviour)
	Requests() []Request
}

// Setup is what a test wants of the adapter. Dial, if set, replaces how it connects.
type Setup struct {
	Patience codegen.Patience
	Connect  time.Duration
	Dial     func(ctx context.Context, network, address string) (net.Conn, error)
}

// Start makes a fresh adapter and its server, and ends both with the test.
type Start func(t *testing.T, setup Setup) (codegen.Model, Server)

// Run is the suite: what every codegen.Model promises, whatever its server does.
func Run(t *testing.T, start Start) {
	t.Run("R1 a proper reply arrives whole and in order", func(t *testing.T) { t.Parallel(); proper(t, start) })
	t.Run("R58 errors of the server have their codes", func(t *testing.T) { t.Parallel(); codes(t, start) })
	t.Run("R58 every wait ends", func(t *testing.T) { t.Parallel(); waits(t, start) })
	t.Run("R58 a reply that ends early is never done", func(t *testing.T) { t.Parallel(); early(t, start) })
	t.Run("R7 what is no program is a typed error", func(t *testing.T) { t.Parallel(); unusable(t, start) })
	t.Run("R58 slow tokens are no failure", func(t *testing.T) { t.Parallel(); slow(t, start) })
	t.Run("R58 the caller can leave", func(t *testing.T) { t.Parallel(); leave(t, start) })
	t.Run("R58 no request without a limit of tokens", func(t *testing.T) { t.Parallel(); unlimited(t, start) })
}

// brief is the patience of tests that wait for its end.
const brief = 500 * time.Millisecond

func request() codegen.Request {
	return codegen.Request{
		Model: "scripted-model", MaxTokens: 4096, Question: "Total?",
		Prompt: codegen.Prompt{System: "the rules", User: "a \"quoted\" question,\nwith ünïcödé"},
	}
}

func bounded(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func proper(t *testing.T, start Start) {
	model, server := start(t, Setup{})
	server.Push(Says("```python\nimport", " ray\n", "print(\"größe:\", 1)", "\n```"))
	var pieces []string
	reply, err := model.Generate(bounded(t), request(), func(p string) { pieces = append(pieces, p) })
	if err != nil {
		t.Fatal(err)
	}
	if reply.Text != strings.Join(pieces, "") || len(pieces) != 4 || reply.Stop != codegen.Done {
		t.Errorf("got %+v from the pieces %q", reply, pieces)
	}
	if reply.Usage.InputTokens != 11 || reply.Usage.OutputTokens != 7 || reply.Model == "" {
		t.Errorf("usage %+v of %q", reply.Usage, reply.Model)
	}
	if code, err := codegen.Extract(reply); err != nil || code != "import ray\nprint(\"größe:\", 1)\n" {
		t.Errorf("%q, %v", code, err)
	}
	asked := server.Requests()[0]
	want := request()
	if asked.System != want.Prompt.System || asked.User != want.Prompt.User || asked.Model != want.Model || asked.MaxTokens != want.MaxTokens {
		t.Errorf("the server was asked %+v", asked)
	}
}

func codes(t *testing.T, start Start) {
	for status, want := range map[int]fault.Code{
		http.StatusBadRequest:          fault.Invalid,
		http.StatusForbidden:           fault.Forbidden,
		http.StatusNotFound:            fault.NotFound,
		http.StatusRequestTimeout:      fault.Timeout,
		http.StatusTooManyRequests:     fault.Throttled,
		http.StatusInternalServerError: fault.Unavailable,
		http.StatusServiceUnavailable:  fault.Unavailable,
	} {
		model, server := start(t, Setup{})
		b := Refuses(status)
		b.RetryAfter = "7"
		server.Push(b)
		_, err := model.Generate(bounded(t), request(), nil)
		var coded *fault.Error
		if !errors.As(err, &coded) || coded.Code != want {
			t.Errorf("%d: %v, want %s", status, err, want)
			continue
		}
		if strings.Contains(coded.Message, "scripted:") || !strings.HasSuffix(coded.Message, ".") {
			t.Errorf("%d: the person reads %q", status, coded.Message)
		}
		if want == fault.Throttled && coded.RetryAfter != 7*time.Second {
			t.Errorf("RetryAfter is %v", coded.RetryAfter)
		}
		if n := len(server.Requests()); n != 1 {
			t.Errorf("%d: asked %d times; asking again is Retrying's work", status, n)
		}
	}
}

func waits(t *testing.T, start Start) {
	hang := func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	refuse := func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("connection refused")
	}
	for name, c := range map[string]struct {
		setup Setup
		does  Behaviour
		want  fault.Code
	}{
		"connect":     {Setup{Connect: brief, Dial: hang}, Says("x = 1"), fault.Timeout},
		"refused":     {Setup{Dial: refuse}, Says("x = 1"), fault.Unavailable},
		"first token": {Setup{Patience: codegen.Patience{First: brief}}, Behaviour{Stop: Stalls}, fault.Timeout},
		"total":       {Setup{Patience: codegen.Patience{Total: brief}}, Behaviour{Stop: Stalls}, fault.Timeout},
	} {
		model, server := start(t, c.setup)
		server.Push(c.does)
		reply, err := model.Generate(bounded(t), request(), nil)
		if fault.CodeOf(err) != c.want || reply.Text != "" {
			t.Errorf("%s: %+v, %v; want %s", name, reply, err, c.want)
		}
	}
}

func early(t *testing.T, start Start) {
	const half = "```python\nimport ray\nds = ray.da"
	for name, c := range map[string]struct {
		setup Setup
		does  Behaviour
	}{
		"cut":        {Setup{}, Behaviour{Pieces: []string{half[:12], half[12:]}, Stop: Cut}},
		"no end":     {Setup{}, Behaviour{Pieces: []string{half}, Stop: Unmarked}},
		"error":      {Setup{}, Behaviour{Pieces: []string{half}, Stop: Fails}},
		"max tokens": {Setup{}, Behaviour{Pieces: []string{half}, Stop: OutOfRoom}},
		"whole code": {Setup{}, Behaviour{Pieces: []string{"print(\"rows:\", 1)\n"}, Stop: Cut}},
		"idle":       {Setup{Patience: codegen.Patience{Idle: brief}}, Behaviour{Pieces: []string{half}, Stop: Stalls}},
		"too long":   {Setup{Patience: codegen.Patience{Idle: time.Minute, Total: 3 * brief}}, Behaviour{Pieces: []string{half}, Stop: Stalls}},
	} {
		model, server := start(t, c.setup)
		server.Push(c.does)
		reply, err := model.Generate(bounded(t), request(), nil)
		if err != nil || reply.Stop != codegen.Truncated || !strings.HasPrefix(strings.Join(c.does.Pieces, ""), reply.Text) {
			t.Errorf("%s: %+v, %v", name, reply, err)
		}
		isReason(t, name, reply, codegen.ReplyTruncated)
	}
	for name, stop := range map[string]Stop{"cut": Cut, "error": Fails} {
		model, server := start(t, Setup{})
		server.Push(Behaviour{Stop: stop})
		if _, err := model.Generate(bounded(t), request(), nil); fault.CodeOf(err) != fault.Unavailable {
			t.Errorf("%s before the first token: %v", name, err)
		}
	}
}

func isReason(t *testing.T, name string, reply codegen.Reply, want codegen.Reason) {
	t.Helper()
	code, err := codegen.Extract(reply)
	var typed *codegen.ReplyError
	if !errors.As(err, &typed) || typed.Reason != want || code != "" {
		t.Errorf("%s: extracted %q, %v; want %s", name, code, err, want)
	}
}
