package preflight

import (
	"context"
	"encoding/base64"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"

	"github.com/orcray/orcray/shared/fault"
)

// Repository gives where images of the plan are pushed.
func (c *Checker) Repository(ctx context.Context) (string, error) {
	out, err := c.images.DescribeRepositories(ctx, &ecr.DescribeRepositoriesInput{RepositoryNames: []string{c.plan.Images}})
	if err != nil || len(out.Repositories) == 0 {
		return "", c.failed("ecr:DescribeRepositories", err)
	}
	return aws.ToString(out.Repositories[0].RepositoryUri), nil
}

// Password gives what the registry takes from the user AWS, for some hours.
func (c *Checker) Password(ctx context.Context) (string, error) {
	out, err := c.images.GetAuthorizationToken(ctx, &ecr.GetAuthorizationTokenInput{})
	if err != nil || len(out.AuthorizationData) == 0 {
		return "", c.failed("ecr:GetAuthorizationToken", err)
	}
	pair, err := base64.StdEncoding.DecodeString(aws.ToString(out.AuthorizationData[0].AuthorizationToken))
	_, password, found := strings.Cut(string(pair), ":")
	if err != nil || !found {
		return "", fault.New(fault.Unavailable, "The registry gave a token that cannot be read. Try again.")
	}
	return password, nil
}

// failed is trouble as an error, for commands that need the answer.
func (c *Checker) failed(action string, err error) error {
	f := c.trouble("", action, err)
	return fault.New(fault.Unavailable, "%s Next: %s", f.Detail, f.Next)
}
