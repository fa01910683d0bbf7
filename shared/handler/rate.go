package handler

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/orcray/orcray/shared/job"
	"github.com/orcray/orcray/shared/telemetry"
)

// rateLimit writes what is left of a user's pace as draft-ietf-httpapi-ratelimit-headers has it; empty where nothing was counted.
func rateLimit(p job.Allowance) (policy, left string) {
	if p.Limit <= 0 {
		return "", ""
	}
	return fmt.Sprintf(`"jobs";q=%d;w=60`, p.Limit), fmt.Sprintf(`"jobs";r=%d;t=%d`, p.Left, wholeSeconds(p.Full))
}

func wholeSeconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }

// limited gives a refusal the headers that its success would have.
func limited(ctx context.Context, err error, p job.Allowance) error {
	policy, left := rateLimit(p)
	if policy == "" {
		return err
	}
	problem := problemOf(err, telemetry.TraceID(ctx))
	problem.policy, problem.left = policy, left
	return problem
}
