package ray

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/telemetry"
)

// Dialer makes one connection to a runner or a dashboard.
type Dialer func(ctx context.Context) (net.Conn, error)

// Unix dials a unix socket.
func Unix(path string) Dialer { return dialer("unix", path) }

// TCP dials host:port.
func TCP(address string) Dialer { return dialer("tcp", address) }

func dialer(network, address string) Dialer {
	return func(ctx context.Context) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, address)
	}
}

// ErrProtocol is in the chain of every error that says: what came was not the protocol. A cell's runner shares its sandbox with user
// code, so this is what an attack looks like; the cell must not be used again.
var ErrProtocol = errors.New("the runner broke the protocol")

// ErrAway is in the chain of every error that says: there was no answer, or a server's failure instead of one. With the context still in
// time it means that the place is lost.
var ErrAway = errors.New("the runner does not answer")

// Options are a client's settings.
type Options struct {
	Token      string // bearer token; empty: none
	ObjectKeys bool   // files of outputs are object keys (cluster) instead of names in the outbox (cell)
}

// Client speaks the runner protocol. Everything that comes back is treated as hostile: sizes are bounded, types are checked, and what
// is not of the protocol is ErrProtocol. Errors carry a fault code: no connection is Unavailable, time over is Timeout, a
// runner that is busy or knows the run differently is Conflict. It is safe for concurrent use.
type Client struct {
	web  web
	keys bool
}

// NewClient makes a client. It connects for each request, so there is nothing to close.
func NewClient(dial Dialer, o Options) *Client {
	return &Client{web: newWeb(dial, o.Token), keys: o.ObjectKeys}
}

// The bounds of one answer.
const (
	maxAnswer = 256 << 10
	maxLine   = 16 << 20 // one event: a table of 1,000 wide rows or a chart with its data
	maxEvents = 20_100   // of one run; a runner stops at 20,000 and says so
	maxRun    = 96 << 20 // bytes of all events of one run
	pollTime  = 35 * time.Second
)

// Submit hands a run over. The same id again gives the run that exists, with existed true, and starts nothing.
func (c *Client) Submit(ctx context.Context, run Run) (status Status, existed bool, err error) {
	body, err := json.Marshal(run)
	if err != nil {
		return Status{}, false, fmt.Errorf("runner: %w", err)
	}
	code, err := c.web.do(ctx, http.MethodPost, "/runs", body, &status)
	if err != nil {
		return Status{}, false, err
	}
	return status, code == http.StatusOK, checkStatus(status, run.RunID)
}

// Get gives the state of a run.
func (c *Client) Get(ctx context.Context, runID string) (Status, error) {
	var status Status
	if _, err := c.web.do(ctx, http.MethodGet, "/runs/"+url.PathEscape(runID), nil, &status); err != nil {
		return Status{}, err
	}
	return status, checkStatus(status, runID)
}

// Stop ends a run and gives its state then; stopping what has ended changes nothing.
func (c *Client) Stop(ctx context.Context, runID string) (Status, error) {
	var status Status
	if _, err := c.web.do(ctx, http.MethodPost, "/runs/"+url.PathEscape(runID)+"/stop", nil, &status); err != nil {
		return Status{}, err
	}
	return status, checkStatus(status, runID)
}

func checkStatus(s Status, runID string) error {
	if s.RunID != runID || !s.State.valid() {
		return violation("a status of run %.80q in state %.20q", s.RunID, s.State)
	}
	return nil
}

func (s RunState) valid() bool {
	switch s {
	case Running, Succeeded, Failed, Stopped, TimedOut:
		return true
	}
	return false
}

// Health asks whether the runner is ready.
func (c *Client) Health(ctx context.Context) (Health, error) {
	var h Health
	_, err := c.web.do(ctx, http.MethodGet, "/health", nil, &h)
	h.Ray, h.Python, h.Isolation = clip(h.Ray, 100), clip(h.Python, 100), clip(h.Isolation, 100)
	return h, err
}

// Check looks at a program without running it: nil when nothing is wrong with it.
func (c *Client) Check(ctx context.Context, code string) (*Failure, error) {
	body, err := json.Marshal(map[string]string{"code": code})
	if err != nil {
		return nil, fmt.Errorf("runner: %w", err)
	}
	var answer struct {
		OK      bool     `json:"ok"`
		Failure *Failure `json:"failure"`
	}
	if _, err := c.web.do(ctx, http.MethodPost, "/check", body, &answer); err != nil {
		return nil, err
	}
	if answer.OK != (answer.Failure == nil) {
		return nil, violation("a check that is both right and wrong")
	}
	if answer.Failure != nil {
		answer.Failure.bound()
	}
	return answer.Failure, nil
}

// web is HTTP to one place: bounded, without redirects, cookies, proxies or compression.
type web struct {
	client *http.Client
	token  string
}

func newWeb(dial Dialer, token string) web {
	transport := &http.Transport{
		DialContext:            func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
		DisableKeepAlives:      true, // a frozen cell would hold half-dead connections; a new one costs 0.1 ms
		DisableCompression:     true,
		MaxResponseHeaderBytes: 16 << 10,
		ResponseHeaderTimeout:  pollTime,
	}
	noRedirect := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return web{client: &http.Client{Transport: transport, CheckRedirect: noRedirect}, token: token}
}

func (w web) send(ctx context.Context, method, path string, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://ray"+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("runner: %w", err)
	}
	req.Header.Set("User-Agent", "orcray")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if trace := telemetry.TraceOf(ctx); trace.Valid() {
		req.Header.Set("Traceparent", trace.String()) // the runner's log names it
	}
	if w.token != "" {
		req.Header.Set("Authorization", "Bearer "+w.token)
	}
	res, err := w.client.Do(req)
	if err != nil {
		return nil, networkFault(err)
	}
	return res, nil
}

// do sends a request and decodes a bounded JSON answer into out.
func (w web) do(ctx context.Context, method, path string, body []byte, out any) (int, error) {
	res, err := w.send(ctx, method, path, body)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	text, err := readBounded(res.Body, maxAnswer)
	if err != nil {
		return 0, err
	}
	if res.StatusCode != http.StatusOK && res.StatusCode != http.StatusAccepted {
		return 0, statusFault(res.StatusCode, text)
	}
	if err := json.Unmarshal(text, out); err != nil {
		return 0, violation("an answer to %s %s that is not JSON: %v", method, path, err)
	}
	return res.StatusCode, nil
}

func readBounded(r io.Reader, limit int64) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, networkFault(err)
	}
	if int64(len(text)) > limit {
		return nil, violation("an answer of more than %d bytes", limit)
	}
	return bytes.ToValidUTF8(text, []byte("\uFFFD")), nil
}

func violation(format string, args ...any) error {
	return fault.Wrap(fmt.Errorf("%w: %s", ErrProtocol, fmt.Sprintf(format, args...)), fault.Internal,
		"The place where the program ran gave an answer that makes no sense; it was stopped. Try again.")
}

func networkFault(err error) error {
	switch {
	case errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		return fault.Wrap(fmt.Errorf("%w: %w", ErrAway, err), fault.Timeout, "Ray did not answer in time. Try again.")
	case errors.Is(err, context.Canceled):
		return fault.Wrap(err, fault.Unavailable, "The request to Ray was given up.")
	}
	return fault.Wrap(fmt.Errorf("%w: %w", ErrAway, err), fault.Unavailable, "Ray does not answer. Try again in a moment.")
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

// statusFault maps an HTTP status; what the other side wrote is for the log only.
func statusFault(status int, text []byte) error {
	cause := fmt.Errorf("HTTP %d: %s", status, clip(strings.TrimSpace(string(text)), 500))
	switch status {
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		return fault.Wrap(cause, fault.Invalid, "Ray refused the request as wrong.")
	case http.StatusUnauthorized, http.StatusForbidden:
		return fault.Wrap(cause, fault.Internal, "Ray does not accept our token. Tell your operator.")
	case http.StatusNotFound:
		return fault.Wrap(cause, fault.NotFound, "Ray does not know this run.")
	case http.StatusConflict:
		return fault.Wrap(cause, fault.Conflict, "Another run is active in this place. Stop it or wait for its end.")
	case http.StatusRequestEntityTooLarge:
		return fault.Wrap(cause, fault.TooLarge, "The program with its sources is too large for Ray: at most 4 MiB.")
	case http.StatusTooManyRequests:
		return fault.Wrap(cause, fault.Throttled, "Ray has too much to do. Try again in a moment.")
	}
	if status >= 500 {
		return fault.Wrap(fmt.Errorf("%w: %w", ErrAway, cause), fault.Unavailable, "Ray failed to answer. Try again in a moment.")
	}
	return fault.Wrap(cause, fault.Internal, "Ray gave an answer that makes no sense.")
}

// clip cuts a text to n bytes at a character's end.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "")
}
