package bedrock

import (
	"context"
	"time"

	"github.com/orcray/orcray/shared/fault"
)

const probeTime = 2 * time.Second

// Probe finds the region and the credentials that a request would be signed with. It asks no model, because that costs money.
func (c *Client) Probe(ctx context.Context) error {
	if c.region == "" {
		return fault.New(fault.Unavailable, "There is no region for Bedrock. Set AWS_REGION.")
	}
	if c.credentials == nil {
		return noCredentials(nil)
	}
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	got, err := c.credentials.Retrieve(ctx)
	if err != nil || !got.HasKeys() {
		return noCredentials(err)
	}
	return nil
}

func noCredentials(err error) error {
	return &fault.Error{Code: fault.Unavailable, Message: "There are no AWS credentials for Bedrock. Give them as every AWS tool finds them: environment, profile or role.", Err: err}
}
