package openai

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/orcray/orcray/shared/codegen"
	"github.com/orcray/orcray/shared/fault"
)

// errorText reads the start of an error's body, for the log, and closes it. The key is not in it.
func (c *Client) errorText(resp *http.Response) string {
	defer resp.Body.Close()
	data, _ := io.ReadAll(io.LimitReader(resp.Body, 4<<10)) // what could be read is good enough for a log
	return c.config.Key.scrub(strings.ToValidUTF8(string(data), "?"))
}

// refusal maps an HTTP error to the contract of codegen.Model.
func (c *Client) refusal(resp *http.Response, text, model string) error {
	cause := fmt.Errorf("the server answered %d: %.500q", resp.StatusCode, text)
	code, message := fault.Unavailable, "The model server has a problem. Try again in a moment."
	switch status := resp.StatusCode; {
	case status == http.StatusTooManyRequests && strings.Contains(text, "insufficient_quota"):
		code, message = fault.Forbidden, "The account at the model server has no credit left. Ask your operator, or choose another model."
	case status == http.StatusTooManyRequests:
		code, message = fault.Throttled, "The model is busy. Try again in a moment."
	case status == http.StatusUnauthorized || status == http.StatusForbidden || status == http.StatusPaymentRequired:
		code, message = fault.Forbidden, "The model server does not let us in. Ask your operator to check its key."
	case status == http.StatusNotFound:
		code, message = fault.NotFound, fmt.Sprintf("The model server does not know the model %.64q. Choose another one.", model)
	case status == http.StatusRequestTimeout || status == http.StatusGatewayTimeout:
		code, message = fault.Timeout, "The model did not answer in time. Try again, or choose another model."
	case status >= 400 && status < 500 && status != http.StatusConflict && status != http.StatusTooEarly:
		code, message = fault.Invalid, "The model server does not accept the request. Ask for less at once, or choose another model."
	}
	return &fault.Error{Code: code, Message: message, RetryAfter: c.retryAfter(resp.Header.Get("Retry-After")), Err: cause}
}

// retryAfter reads seconds or a date; what it cannot read is 0, unknown.
func (c *Client) retryAfter(header string) time.Duration {
	const longest = time.Hour
	if seconds, err := strconv.ParseFloat(header, 64); err == nil && seconds > 0 {
		return time.Duration(min(seconds, longest.Seconds()) * float64(time.Second))
	}
	if at, err := http.ParseTime(header); err == nil && c.config.Now != nil {
		return min(max(0, at.Sub(c.config.Now())), longest)
	}
	return 0
}

// Models asks the server which models it has, at most 200, sorted by id. Their prices are not known.
func (c *Client) Models(ctx context.Context) ([]codegen.Listed, error) {
	call := c.config.Patience.Start(ctx, nil)
	var listed []codegen.Listed
	_, err := call.End(func() (err error) {
		listed, err = c.models(call.Context())
		return err
	}())
	return listed, err
}

func (c *Client) models(ctx context.Context) ([]codegen.Listed, error) {
	resp, err := c.send(ctx, http.MethodGet, "/models", nil)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, c.refusal(resp, c.errorText(resp), "")
	}
	defer resp.Body.Close()
	var page struct {
		Data []struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&page); err != nil {
		return nil, fault.Wrap(errors.Join(err, ctx.Err()), fault.Unavailable, "The model server's list of models cannot be read. Check that it speaks the OpenAI API.")
	}
	var out []codegen.Listed
	for _, m := range page.Data {
		if m.ID != "" && len(m.ID) <= 256 {
			out = append(out, codegen.Listed{ID: m.ID, Name: m.ID, Provider: codegen.OpenAI})
		}
	}
	slices.SortFunc(out, func(a, b codegen.Listed) int { return strings.Compare(a.ID, b.ID) })
	return out[:min(len(out), 200)], nil
}
