// Package preflight looks, before anything is deployed, at whether the account, the region and what lies in them are as a
// deployment needs them. It changes nothing, and says of everything that is missing what to do next.
package preflight

import (
	"context"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// Verdict says how a check went.
type Verdict string

// The verdicts.
const (
	OK      Verdict = "ok"
	Missing Verdict = "missing"     // a deployment would fail, or go wrong
	Unclear Verdict = "cannot tell" // AWS did not answer the question; a deployment may work
)

// Finding is what one check found.
type Finding struct {
	Name    string  `json:"name"`
	Verdict Verdict `json:"verdict"`
	Detail  string  `json:"detail"`
	Next    string  `json:"next,omitempty"` // what to do, mostly a command
}

// Plan is what the deployment is going to be.
type Plan struct {
	Env     string
	Account string   // that it must go to; empty: whichever the credentials lead to
	Stacks  []string // in the order of their deployment
	Data    string   // the one of them that owns the repository
	Images  string   // name of the repository of images
	Tag     string   // of the image
	Models  []string // ids that must answer
	VCPUs   float64  // that tasks may have at once
	Lambdas float64  // invocations at once
	Bound   time.Duration
}

// Checker asks AWS.
type Checker struct {
	plan    Plan
	region  string
	account string // once the credentials are proven
	creds   aws.CredentialsProvider
	who     *sts.Client
	stacks  *cloudformation.Client
	quotas  *servicequotas.Client
	images  *ecr.Client
	models  *bedrockruntime.Client
}

// New makes a checker of the account and region that config leads to.
func New(config aws.Config, plan Plan) *Checker {
	if plan.Bound <= 0 {
		plan.Bound = 15 * time.Second
	}
	return &Checker{plan: plan, region: config.Region, creds: config.Credentials, who: sts.NewFromConfig(config),
		stacks: cloudformation.NewFromConfig(config), quotas: servicequotas.NewFromConfig(config), images: ecr.NewFromConfig(config),
		models: bedrockruntime.NewFromConfig(config)}
}

// Run makes every check. Without a region or an account nothing else can be asked, so that only those are reported.
func (c *Checker) Run(ctx context.Context) []Finding {
	if c.region == "" {
		return []Finding{{"region", Missing, "No region is set.", "export AWS_REGION=us-east-1   (or the region you want)"}}
	}
	found := []Finding{{"region", OK, c.region + ".", ""}}
	identity := c.bounded(ctx, c.identity)
	found = append(found, identity...)
	if broken(identity) {
		return found
	}
	checks := []func(context.Context) []Finding{c.bootstrap, c.deployed, c.image, c.fargate, c.lambda, c.access}
	results := make([][]Finding, len(checks))
	var wg sync.WaitGroup
	for i, check := range checks {
		wg.Go(func() { results[i] = c.bounded(ctx, check) })
	}
	wg.Wait()
	for _, r := range results {
		found = append(found, r...)
	}
	return found
}

func (c *Checker) bounded(ctx context.Context, check func(context.Context) []Finding) []Finding {
	ctx, cancel := context.WithTimeout(ctx, c.plan.Bound)
	defer cancel()
	return check(ctx)
}

func broken(found []Finding) bool {
	for _, f := range found {
		if f.Verdict == Missing {
			return true
		}
	}
	return false
}

// again is the command that repeats these checks.
func (c *Checker) again() string { return "make preflight ENV=" + c.plan.Env }
