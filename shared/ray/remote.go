package ray

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/orcray/orcray/shared/fault"
)

// maxResult is the largest output that is read back from a cell, in bytes.
const maxResult = int64(512) << 20

// Claim makes the client's token the only one that a cell on the network obeys. The same token again is fine; fault.Conflict says
// that somebody else was first, fault.Unavailable that the cell is still starting or gone.
func (c *Client) Claim(ctx context.Context) error {
	body, err := json.Marshal(map[string]string{"token": c.web.token})
	if err != nil {
		return fmt.Errorf("runner: %w", err)
	}
	var answer struct {
		Claimed bool `json:"claimed"`
	}
	if _, err := c.web.do(ctx, http.MethodPost, "/claim", body, &answer); err != nil {
		return err
	}
	if !answer.Claimed {
		return violation("a claim that is neither granted nor refused")
	}
	return nil
}

// Fetch tells a cell on the network to fetch a file of exactly size bytes into its inbox, and returns when it is there. The same name
// and size again costs nothing. fault.NotFound says that the store does not have it.
func (c *Client) Fetch(ctx context.Context, name, address string, size int64) error {
	body, err := json.Marshal(map[string]any{"name": name, "url": address, "size": size})
	if err != nil {
		return fmt.Errorf("runner: %w", err)
	}
	for {
		complete, err := c.fetchOnce(ctx, body)
		if complete || err != nil {
			return err
		}
		if err := pause(ctx, 1); err != nil { // the runner waits itself; this is for one that does not
			return err
		}
	}
}

func (c *Client) fetchOnce(ctx context.Context, body []byte) (bool, error) {
	res, err := c.web.send(ctx, http.MethodPost, "/inbox", body)
	if err != nil {
		return false, err
	}
	defer res.Body.Close()
	text, err := readBounded(res.Body, maxAnswer)
	if err != nil {
		return false, err
	}
	switch res.StatusCode {
	case http.StatusOK, http.StatusAccepted:
		return res.StatusCode == http.StatusOK, nil
	case http.StatusFailedDependency:
		return false, storeFault(text)
	case http.StatusRequestEntityTooLarge:
		return false, fault.New(fault.TooLarge, "The files of this session are too large for a cell. Remove some, or run on the cluster.")
	}
	return false, statusFault(res.StatusCode, text)
}

// storeFault says what the object store answered to the cell.
func storeFault(text []byte) error {
	var answer struct {
		Error string `json:"error"`
		Store int    `json:"store"`
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return violation("a failed fetch that is not JSON: %v", err)
	}
	cause := fmt.Errorf("the cell's fetch: %s", clip(answer.Error, 500))
	if answer.Store == http.StatusNotFound {
		return fault.Wrap(cause, fault.NotFound, "A file of the session was removed.")
	}
	return fault.Wrap(cause, fault.Unavailable, "A file could not be brought to the place where the program runs. Try again in a moment.")
}

// Output opens a file that a run left in its cell. The reader gives exactly size bytes or an error.
func (c *Client) Output(ctx context.Context, runID, name string) (io.ReadCloser, int64, error) {
	res, err := c.web.send(ctx, http.MethodGet, "/runs/"+url.PathEscape(runID)+"/outputs/"+url.PathEscape(name), nil)
	if err != nil {
		return nil, 0, err
	}
	size, err := outputSize(res)
	if err != nil {
		_ = res.Body.Close()
		return nil, 0, err
	}
	return &whole{body: res.Body, left: size}, size, nil
}

func outputSize(res *http.Response) (int64, error) {
	if res.StatusCode != http.StatusOK {
		text, err := readBounded(res.Body, maxAnswer)
		if err != nil {
			return 0, err
		}
		return 0, outputFault(res.StatusCode, text)
	}
	size, err := strconv.ParseInt(res.Header.Get("Content-Length"), 10, 64)
	switch {
	case err != nil || size < 0:
		return 0, violation("a result without a length")
	case size > maxResult:
		return 0, fault.New(fault.TooLarge, "A result of the program has %d bytes; %d are allowed.", size, maxResult)
	}
	return size, nil
}

func outputFault(status int, text []byte) error {
	cause := fmt.Errorf("HTTP %d: %s", status, clip(string(text), 500))
	switch status {
	case http.StatusForbidden:
		return fault.Wrap(cause, fault.Forbidden, "A result of the program is not an ordinary file.")
	case http.StatusNotFound:
		return fault.Wrap(cause, fault.NotFound, "The program did not leave that result.")
	case http.StatusRequestEntityTooLarge:
		return fault.Wrap(cause, fault.TooLarge, "A result of the program is too large.")
	}
	return statusFault(status, text)
}

// End tells a cell on the network that its lease is over; it ends, with everything in it.
func (c *Client) End(ctx context.Context) error {
	var answer json.RawMessage
	_, err := c.web.do(ctx, http.MethodPost, "/end", []byte("{}"), &answer)
	return err
}

// whole reads the size that was promised; a connection that breaks earlier is an error, never a shorter file.
type whole struct {
	body io.ReadCloser
	left int64
}

// Read gives the next bytes.
func (w *whole) Read(p []byte) (int, error) {
	if w.left == 0 {
		return 0, io.EOF
	}
	n, err := w.body.Read(p[:min(int64(len(p)), w.left)])
	w.left -= int64(n)
	switch {
	case w.left == 0:
		return n, nil
	case errors.Is(err, io.EOF):
		return n, networkFault(io.ErrUnexpectedEOF)
	case err != nil:
		return n, networkFault(err)
	}
	return n, nil
}

// Close ends the reading.
func (w *whole) Close() error { return w.body.Close() }
