package preflight

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

const (
	toolkit        = "CDKToolkit"
	leastBootstrap = 14 // what the stacks' synthesizer asks for
	describe       = "cloudformation:DescribeStacks"
	cdk            = "npm --prefix infra ci && infra/node_modules/.bin/cdk "
)

// find gives a stack, or none when there is none of that name.
func (c *Checker) find(ctx context.Context, name string) (*types.Stack, error) {
	out, err := c.stacks.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: aws.String(name)})
	if codeOf(err) == "ValidationError" && strings.Contains(err.Error(), "does not exist") {
		return nil, nil
	}
	if err != nil || len(out.Stacks) == 0 {
		return nil, err
	}
	if s := out.Stacks[0]; s.StackStatus != types.StackStatusDeleteComplete {
		return &s, nil
	}
	return nil, nil
}

// bootstrap looks for what the CDK deploys through.
func (c *Checker) bootstrap(ctx context.Context) []Finding {
	const name = "cdk bootstrap"
	// The CDK of the lock: another one that npm finds may be of a line of its own.
	next := cdk + "bootstrap aws://" + c.account + "/" + c.region + "   (once, with an administrator's rights)"
	s, err := c.find(ctx, toolkit)
	switch {
	case err != nil:
		return []Finding{c.trouble(name, describe, err)}
	case s == nil:
		return []Finding{{name, Missing, "The CDK has never been bootstrapped in " + c.region + ".", next}}
	}
	for _, o := range s.Outputs {
		if aws.ToString(o.OutputKey) != "BootstrapVersion" {
			continue
		}
		if version, err := strconv.Atoi(aws.ToString(o.OutputValue)); err == nil && version < leastBootstrap {
			return []Finding{{name, Missing, fmt.Sprintf("The bootstrap is of version %d; the stacks need %d.", version, leastBootstrap), next}}
		}
		return []Finding{{name, OK, "Version " + aws.ToString(o.OutputValue) + ".", ""}}
	}
	if state := stateOf(toolkit, s); state.Verdict != OK {
		state.Name = name
		return []Finding{state}
	}
	return []Finding{{name, Unclear, "The stack " + toolkit + " does not say its version.", next}}
}

// deployed looks at what is there of the stacks: a deployment on top of half a one fails in ways that name the wrong thing.
func (c *Checker) deployed(ctx context.Context) []Finding {
	var found []Finding
	there := 0
	for _, name := range c.plan.Stacks {
		s, err := c.find(ctx, name)
		if err != nil {
			return append(found, c.trouble("stacks", describe, err))
		}
		if s == nil {
			continue
		}
		there++
		if state := stateOf(name, s); state.Verdict != OK {
			found = append(found, state)
		}
	}
	switch {
	case len(found) > 0:
		return found
	case there == 0:
		return []Finding{{"stacks", OK, "None yet: this is the first deployment of " + c.plan.Env + ".", ""}}
	}
	return []Finding{{"stacks", OK, fmt.Sprintf("%d of %d are there, and whole.", there, len(c.plan.Stacks)), ""}}
}

// stateOf says whether a stack can be deployed on, and what to do when it cannot.
func stateOf(name string, s *types.Stack) Finding {
	status := string(s.StackStatus)
	command := func(verb string) string { return "aws cloudformation " + verb + " --stack-name " + name }
	stuck := func(why, next string) Finding { return Finding{name, Missing, status + ": " + why, next} }
	switch {
	case status == "REVIEW_IN_PROGRESS":
		return stuck("a first deployment was prepared and never begun.", command("delete-stack"))
	case status == "UPDATE_ROLLBACK_FAILED":
		return stuck("an update failed, and so did the way back. The console's events say at which resource.", command("continue-update-rollback"))
	case status == "ROLLBACK_COMPLETE" || status == "ROLLBACK_FAILED" || status == "CREATE_FAILED":
		return stuck("its first deployment failed. It holds nothing, and must go before it can be made again.", command("delete-stack"))
	case status == "DELETE_FAILED":
		return stuck("it could not be removed whole. The console's events say which resource would not go.", command("delete-stack"))
	case strings.HasSuffix(status, "_IN_PROGRESS"):
		return stuck("somebody is deploying or removing it at this moment.", command("describe-stacks")+"   until it has ended")
	case strings.HasSuffix(status, "_FAILED"):
		return stuck("its last change failed.", command("describe-stack-events"))
	}
	return Finding{name, OK, status, ""}
}
