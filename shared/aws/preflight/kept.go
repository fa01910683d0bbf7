package preflight

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"github.com/orcray/orcray/shared/fault"
)

// Resource is something that a stack owns.
type Resource struct {
	Stack string
	Type  string // such as AWS::S3::Bucket
	Name  string // its name on AWS
}

// Kept lists what stays behind when the plan's stacks are removed. The deployed templates say so, not what this version would make.
func (c *Checker) Kept(ctx context.Context) ([]Resource, error) {
	var kept []Resource
	for _, name := range c.plan.Stacks {
		there, err := c.find(ctx, name)
		if err != nil {
			return nil, c.failed(describe, err)
		}
		if there == nil {
			continue
		}
		retained, err := c.retained(ctx, name)
		if err != nil {
			return nil, err
		}
		out, err := c.stacks.DescribeStackResources(ctx, &cloudformation.DescribeStackResourcesInput{StackName: aws.String(name)})
		if err != nil {
			return nil, c.failed("cloudformation:DescribeStackResources", err)
		}
		for _, r := range out.StackResources {
			if retained[aws.ToString(r.LogicalResourceId)] {
				kept = append(kept, Resource{name, aws.ToString(r.ResourceType), aws.ToString(r.PhysicalResourceId)})
			}
		}
	}
	return kept, nil
}

// retained reads the logical ids of what a stack leaves behind.
func (c *Checker) retained(ctx context.Context, name string) (map[string]bool, error) {
	out, err := c.stacks.GetTemplate(ctx, &cloudformation.GetTemplateInput{StackName: aws.String(name)})
	if err != nil {
		return nil, c.failed("cloudformation:GetTemplate", err)
	}
	var template struct {
		Resources map[string]struct{ DeletionPolicy string }
	}
	if err := json.Unmarshal([]byte(aws.ToString(out.TemplateBody)), &template); err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "The template of %s cannot be read.", name)
	}
	ids := map[string]bool{}
	for id, r := range template.Resources {
		ids[id] = strings.HasPrefix(r.DeletionPolicy, "Retain")
	}
	return ids, nil
}

// Unprotect lets the plan's stacks be removed.
func (c *Checker) Unprotect(ctx context.Context) error {
	for _, name := range c.plan.Stacks {
		there, err := c.find(ctx, name)
		if err != nil {
			return c.failed(describe, err)
		}
		if there == nil || !aws.ToBool(there.EnableTerminationProtection) {
			continue
		}
		_, err = c.stacks.UpdateTerminationProtection(ctx, &cloudformation.UpdateTerminationProtectionInput{StackName: aws.String(name),
			EnableTerminationProtection: aws.Bool(false)})
		if err != nil {
			return c.failed("cloudformation:UpdateTerminationProtection", err)
		}
	}
	return nil
}
