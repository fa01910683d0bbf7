package preflight

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
)

// image looks for the image of Ray. It is not missing when it is not there: a deployment builds it, once the stack that owns the
// repository is there.
func (c *Checker) image(ctx context.Context) []Finding {
	const name = "image"
	there, err := c.HasImage(ctx)
	switch code := codeOf(err); {
	case code == "RepositoryNotFoundException":
		return []Finding{{name, OK, "There is no repository yet; the deployment makes it, and then builds the image.", ""}}
	case err != nil:
		return []Finding{c.trouble(name, "ecr:DescribeImages", err)}
	}
	if owner, err := c.find(ctx, c.plan.Data); err == nil && owner == nil {
		return []Finding{{name, Missing, "The repository " + c.plan.Images + " is there without its stack " + c.plan.Data +
			", which stays behind when data is kept. A new stack cannot take a name that is taken.",
			cdk + "import " + c.plan.Data + " -c env=" + c.plan.Env + "   or, if nothing of it is needed: aws ecr delete-repository --force --repository-name " + c.plan.Images}}
	}
	if !there {
		return []Finding{{name, OK, c.plan.Images + ":" + c.plan.Tag + " is not there yet; the deployment builds it.", ""}}
	}
	return []Finding{{name, OK, c.plan.Images + ":" + c.plan.Tag + " is there.", ""}}
}

// HasImage reports whether the plan's image is in its repository.
func (c *Checker) HasImage(ctx context.Context) (bool, error) {
	out, err := c.images.DescribeImages(ctx, &ecr.DescribeImagesInput{RepositoryName: aws.String(c.plan.Images),
		ImageIds: []types.ImageIdentifier{{ImageTag: aws.String(c.plan.Tag)}}})
	if codeOf(err) == "ImageNotFoundException" {
		return false, nil
	}
	return err == nil && len(out.ImageDetails) > 0, err
}
