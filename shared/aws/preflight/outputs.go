package preflight

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/orcray/orcray/shared/fault"
)

// Output is what a stack says of itself.
type Output struct{ Key, Value, Description string }

// Outputs gives what the plan's stacks say of themselves, in their order.
func (c *Checker) Outputs(ctx context.Context) ([]Output, error) {
	var all []Output
	for _, name := range c.plan.Stacks {
		s, err := c.find(ctx, name)
		if err != nil {
			return nil, c.failed(describe, err)
		}
		if s == nil {
			continue
		}
		for _, o := range s.Outputs {
			all = append(all, Output{aws.ToString(o.OutputKey), aws.ToString(o.OutputValue), aws.ToString(o.Description)})
		}
	}
	return all, nil
}

// Named gives the outputs of these keys; one that is missing means that the environment is not deployed.
func (c *Checker) Named(ctx context.Context, keys ...string) ([]string, error) {
	all, err := c.Outputs(ctx)
	if err != nil {
		return nil, err
	}
	values := make([]string, len(keys))
	for i, key := range keys {
		for _, o := range all {
			if o.Key == key {
				values[i] = o.Value
			}
		}
		if values[i] == "" {
			return nil, fault.New(fault.NotFound, "%s is not deployed in %s: no stack of it says its %s. Next: make deploy ENV=%s", c.plan.Env, c.region, key, c.plan.Env)
		}
	}
	return values, nil
}
