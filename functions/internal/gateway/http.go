package gateway

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"mime"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"

	"github.com/orcray/orcray/functions/internal/invoke"
	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/handler"
	"github.com/orcray/orcray/shared/telemetry"
)

// MaxAnswer is the most that a function may answer, in bytes of JSON: a little under Lambda's own limit of 6 MB.
const MaxAnswer = 6<<20 - 4<<10

// early is how long before the function's own deadline a client is told that it took too long: a problem with a code reads
// better than the gateway's own error.
const early = 500 * time.Millisecond

// HTTP makes a function of a handler: an event of an HTTP API in payload format 2.0 in, its answer out.
func HTTP(h http.Handler) invoke.Function {
	return func(ctx context.Context, payload []byte) ([]byte, error) {
		var e events.APIGatewayV2HTTPRequest
		if err := json.Unmarshal(payload, &e); err != nil {
			return nil, fault.Wrap(err, fault.Invalid, "the event is not a request of API Gateway")
		}
		ctx, cancel := invoke.Within(ctx, early)
		defer cancel()
		r, err := ofHTTP(e).request(ctx)
		if err != nil {
			return nil, err
		}
		out, err := json.Marshal(serve(h, r).answer())
		if err == nil && len(out) > MaxAnswer {
			out, err = json.Marshal(problem(ctx, fault.New(fault.TooLarge,
				"The answer is larger than the 6 MB that one request may give. Ask for less at once, or download the whole as a file.")).answer())
		}
		return out, err
	}
}

// serve calls the handler until the context ends; then the client is told so, and what the handler still writes goes nowhere.
func serve(h http.Handler, r *http.Request) *buffer {
	w := newBuffer()
	done := make(chan error, 1)
	go func() {
		_, err := invoke.Recovered(r.Context(), func() ([]byte, error) { h.ServeHTTP(w, r); return nil, nil })
		done <- err
	}()
	var err error
	select {
	case err = <-done:
	case <-r.Context().Done():
		err = fault.Wrap(r.Context().Err(), fault.Timeout, "It took too long. What was begun may still be done: look before you try again.")
	}
	if err != nil {
		return problem(r.Context(), err)
	}
	return w
}

func problem(ctx context.Context, err error) *buffer {
	w := newBuffer()
	handler.WriteProblem(w, err, telemetry.TraceID(ctx))
	return w
}

// buffer is a ResponseWriter that keeps everything.
type buffer struct {
	header http.Header
	sent   http.Header // as it was when the status was written
	status int
	body   bytes.Buffer
}

func newBuffer() *buffer { return &buffer{header: http.Header{}} }

// Header implements http.ResponseWriter.
func (b *buffer) Header() http.Header { return b.header }

// WriteHeader implements http.ResponseWriter.
func (b *buffer) WriteHeader(status int) {
	if b.sent == nil {
		b.status, b.sent = status, b.header.Clone()
	}
}

// Write implements http.ResponseWriter.
func (b *buffer) Write(p []byte) (int, error) {
	sniff(b.header, b.sent == nil, p)
	b.WriteHeader(http.StatusOK)
	return b.body.Write(p)
}

// sniff sets the type of a body that names none, as net/http does.
func sniff(h http.Header, first bool, body []byte) {
	if first && h.Get("Content-Type") == "" {
		h.Set("Content-Type", http.DetectContentType(body))
	}
}

func (b *buffer) answer() events.APIGatewayV2HTTPResponse {
	b.WriteHeader(http.StatusOK) // a handler that wrote nothing
	out := events.APIGatewayV2HTTPResponse{StatusCode: b.status, Headers: map[string]string{}, Cookies: b.sent["Set-Cookie"]}
	for name, values := range b.sent {
		if name != "Set-Cookie" {
			out.Headers[name] = strings.Join(values, ", ") // this format has one value a name
		}
	}
	out.Body = b.body.String()
	if !textual(b.sent, b.body.Bytes()) {
		out.Body, out.IsBase64Encoded = base64.StdEncoding.EncodeToString(b.body.Bytes()), true
	}
	return out
}

// textual reports whether a body survives as the string of a JSON document.
func textual(h http.Header, body []byte) bool {
	kind, _, _ := mime.ParseMediaType(h.Get("Content-Type"))
	text := len(body) == 0 || strings.HasPrefix(kind, "text/") || kind == "application/json" || strings.HasSuffix(kind, "+json")
	return text && h.Get("Content-Encoding") == "" && utf8.Valid(body)
}
