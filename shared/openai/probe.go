package openai

import (
	"context"
	"net/http"
	"time"

	"github.com/orcray/orcray/shared/fault"
)

const probeTime = 2 * time.Second

// Probe asks the server for its list of models, which costs nothing. A server without such a list lives all the same.
func (c *Client) Probe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	resp, err := c.send(ctx, http.MethodGet, "/models", nil)
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "The model server does not answer. Check that it runs, and its address in ORCRAY_OPENAI_URL.")
	}
	defer resp.Body.Close()
	switch status := resp.StatusCode; {
	case status < 300, status == http.StatusNotFound, status == http.StatusMethodNotAllowed:
		return nil
	default:
		return c.refusal(resp, c.errorText(resp), c.config.Model)
	}
}
