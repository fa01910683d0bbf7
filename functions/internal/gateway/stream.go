package gateway

import (
	"context"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/orcray/orcray/functions/internal/invoke"
	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/handler"
	"github.com/orcray/orcray/shared/telemetry"
)

// Streaming says how long a stream may last.
type Streaming struct {
	Around invoke.Around
	Cap    time.Duration // of one stream: a client that went away is not noticed, and is paid for until then
	Margin time.Duration // before the function's time is up
}

// Handle answers requests of a REST API whose integration streams. The stream ends before the function does, so that the client
// sees a whole answer and comes back with Last-Event-ID.
func (s Streaming) Handle(h http.Handler) func(context.Context, events.APIGatewayProxyRequest) (*events.APIGatewayProxyStreamingResponse, error) {
	return func(ctx context.Context, e events.APIGatewayProxyRequest) (*events.APIGatewayProxyStreamingResponse, error) {
		ctx = s.Around.Traced(ctx, nil)
		began := s.Around.Now()
		bounded, cancel := s.bound(ctx)
		r, err := ofREST(e).request(bounded)
		if err != nil {
			cancel()
			s.Around.Report(ctx, began, err)
			return nil, invoke.Typed(err)
		}
		w := newPipe()
		var once sync.Once
		report := func(err error) { once.Do(func() { s.Around.Report(ctx, began, err) }) }
		go func() {
			_, err := invoke.Recovered(bounded, func() ([]byte, error) { h.ServeHTTP(w, r); return nil, nil })
			if err == nil && bounded.Err() != nil && !w.begun() {
				err = late(bounded)
			}
			report(err) // before the end of the body: the process may be frozen from then on
			w.finish(bounded, err)
			cancel()
		}()
		select {
		case <-w.ready:
		case <-bounded.Done():
			if err := late(bounded); w.abandon(bounded, err) {
				report(err)
			}
			<-w.ready
		}
		return &events.APIGatewayProxyStreamingResponse{StatusCode: w.status, MultiValueHeaders: w.sent, Body: w.from}, nil
	}
}

func late(ctx context.Context) error {
	return fault.Wrap(ctx.Err(), fault.Timeout, "It took too long. Try again.")
}

func (s Streaming) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	limited, cancelCap := context.WithTimeout(ctx, s.Cap)
	bounded, cancel := invoke.Within(ctx, s.Margin)
	stop := context.AfterFunc(limited, cancel)
	return bounded, func() { stop(); cancel(); cancelCap() }
}

// pipe is a ResponseWriter whose body is read while it is written: every write is a piece on its way.
type pipe struct {
	header http.Header
	from   *io.PipeReader
	to     *io.PipeWriter
	ready  chan struct{} // closed when status and sent are known

	mu        sync.Mutex
	status    int
	sent      http.Header
	abandoned bool // before it began: what the handler says later is lost
}

func newPipe() *pipe {
	p := &pipe{header: http.Header{}, ready: make(chan struct{})}
	p.from, p.to = io.Pipe()
	return p
}

// Header implements http.ResponseWriter.
func (p *pipe) Header() http.Header { return p.header }

// WriteHeader implements http.ResponseWriter.
func (p *pipe) WriteHeader(status int) { p.begin(status, p.header) }

// begin fixes status and headers, once. It reports whether this was the first call, and whether the stream was abandoned before.
func (p *pipe) begin(status int, h http.Header) (first, over bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sent != nil {
		return false, p.abandoned
	}
	p.status, p.sent = status, h.Clone()
	close(p.ready)
	return true, false
}

func (p *pipe) begun() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sent != nil
}

// Write implements http.ResponseWriter. It returns when the piece was taken, or when nobody takes pieces any more.
func (p *pipe) Write(b []byte) (int, error) {
	sniff(p.header, !p.begun(), b)
	if _, over := p.begin(http.StatusOK, p.header); over {
		return 0, io.ErrClosedPipe
	}
	return p.to.Write(b)
}

// Flush implements http.Flusher: nothing is kept back anyway.
func (p *pipe) Flush() { p.WriteHeader(http.StatusOK) }

// finish ends the body. A handler that failed before it wrote anything leaves a problem; one that failed later, a broken body.
func (p *pipe) finish(ctx context.Context, err error) {
	w := newBuffer()
	if err == nil {
		w.status, w.sent = http.StatusOK, p.header
	} else {
		handler.WriteProblem(w, err, telemetry.TraceID(ctx))
	}
	switch first, over := p.begin(w.status, w.sent); {
	case over:
	case err == nil:
		_ = p.to.Close()
	case first:
		p.end(w)
	default:
		_ = p.to.CloseWithError(err)
	}
}

// abandon ends a stream that has not begun with a problem, and reports whether it had not.
func (p *pipe) abandon(ctx context.Context, err error) bool {
	w := newBuffer()
	handler.WriteProblem(w, err, telemetry.TraceID(ctx))
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sent != nil {
		return false
	}
	p.status, p.sent, p.abandoned = w.status, w.sent, true
	close(p.ready)
	p.end(w)
	return true
}

// end gives the body of a problem, and nothing after it.
func (p *pipe) end(w *buffer) {
	go func() { // read only after the answer is returned
		_, _ = p.to.Write(w.body.Bytes())
		_ = p.to.Close()
	}()
}
