package ray

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/orcray/orcray/shared/fault"
)

// Events does one long poll: it gives the events after seq `after` to fn, in order and without gaps, until the run ends, the
// runner's 20 s are over, or fn fails. It returns the seq to go on from and the terminal state, or Running.
//
// What fn gets is of the protocol: types it does not know are left out (so fn may see a jump in seq), texts are bounded, unknown fields
// are gone, outputs have exactly the content of their kind, and files are plain names.
func (c *Client) Events(ctx context.Context, runID string, after int64, fn func(Event) error) (int64, RunState, error) {
	f := follower{client: c, runID: runID, after: after, state: Running, fn: fn}
	err := f.poll(ctx)
	return f.after, f.state, err
}

// Follow gives all events after `after` until the run ends, and returns its last state. A lost connection is made again, up to 5
// times in a row without an event between; what fn has seen is not repeated.
func (c *Client) Follow(ctx context.Context, runID string, after int64, fn func(Event) error) (RunState, error) {
	f := follower{client: c, runID: runID, after: after, state: Running, fn: fn}
	for failures := 0; ; {
		before := f.after
		err := f.poll(ctx)
		switch {
		case f.state.Terminal() && err == nil:
			return f.state, nil
		case err != nil && (ctx.Err() != nil || !fault.CodeOf(err).Retryable() || f.fnErr != nil):
			return f.state, err
		case f.after > before || err == nil:
			failures = 0
		default:
			failures++
		}
		if failures > 5 {
			return f.state, err
		}
		if err := pause(ctx, failures); err != nil {
			return f.state, err
		}
	}
}

func pause(ctx context.Context, failures int) error {
	if failures == 0 {
		return nil
	}
	timer := time.NewTimer(100 * time.Millisecond << failures)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return networkFault(ctx.Err())
	}
}

type follower struct {
	client *Client
	runID  string
	after  int64
	bytes  int64
	state  RunState
	fn     func(Event) error
	fnErr  error
}

func (f *follower) poll(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, pollTime)
	defer cancel()
	path := "/runs/" + url.PathEscape(f.runID) + "/events?after=" + strconv.FormatInt(f.after, 10)
	res, err := f.client.web.send(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		text, err := readBounded(res.Body, maxAnswer)
		if err != nil {
			return err
		}
		return statusFault(res.StatusCode, text)
	}
	lines := bufio.NewReaderSize(res.Body, 64<<10)
	for {
		line, err := readLine(lines, maxLine)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = f.take(line)
		}
		if err != nil {
			return err
		}
	}
}

// readLine gives the next whole line without its end. A last line that was cut off is not given: it comes again with the next poll.
func readLine(r *bufio.Reader, limit int) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > limit:
			return nil, violation("an event of more than %d bytes", limit)
		case err == nil:
			return line[:len(line)-1], nil
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF):
			return nil, io.EOF
		default:
			return nil, networkFault(err)
		}
	}
}

// take checks one line and hands it on.
func (f *follower) take(line []byte) error {
	f.bytes += int64(len(line))
	var e Event
	if err := json.Unmarshal(bytes.ToValidUTF8(line, []byte("\uFFFD")), &e); err != nil {
		return violation("an event that is not JSON: %v", err)
	}
	switch {
	case e.Seq != f.after+1:
		return violation("event %d after event %d", e.Seq, f.after)
	case f.bytes > maxRun || e.Seq > maxEvents:
		return violation("more than %d bytes or %d events", maxRun, maxEvents)
	case f.state.Terminal():
		return violation("an event after the end")
	}
	known, err := f.client.clean(f.runID, &e)
	if err != nil {
		return err
	}
	if known {
		if f.fnErr = f.fn(e); f.fnErr != nil {
			return f.fnErr
		}
	}
	// Only now: an event whose handling failed must come again.
	f.after = e.Seq
	if e.Type == "status" {
		var s struct {
			State RunState `json:"state"`
		}
		if err := json.Unmarshal(e.Data, &s); err != nil {
			return fmt.Errorf("runner: %w", err)
		}
		f.state = s.State
	}
	return nil
}
