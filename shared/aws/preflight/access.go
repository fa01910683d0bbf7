package preflight

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"
)

// access asks each model for one token: the one test that sees rights, agreements, forms, regions and profiles alike. It costs
// a few tokens.
func (c *Checker) access(ctx context.Context) []Finding {
	var found []Finding
	for _, model := range c.plan.Models {
		found = append(found, c.model(ctx, model))
	}
	return found
}

func (c *Checker) model(ctx context.Context, model string) Finding {
	name := "model"
	_, err := c.models.Converse(ctx, &bedrockruntime.ConverseInput{ModelId: aws.String(model),
		Messages:        []types.Message{{Role: types.ConversationRoleUser, Content: []types.ContentBlock{&types.ContentBlockMemberText{Value: "Say yes."}}}},
		InferenceConfig: &types.InferenceConfiguration{MaxTokens: aws.Int32(1)}})
	if err == nil {
		return Finding{name, OK, model + " answers.", ""}
	}
	code, said := codeOf(err), err.Error()
	console := "console of Amazon Bedrock, " + c.region + ", Model access; then " + c.again()
	switch {
	case code == "AccessDeniedException" && strings.Contains(said, "not authorized to perform"):
		return Finding{name, Missing, "These credentials may not ask " + model + ".", "allow bedrock:InvokeModel on it, and on its inference profile, to whoever deploys"}
	case code == "AccessDeniedException":
		return Finding{name, Missing, "This account has no access to " + model + ".", "ask for it: " + console}
	case code == "ResourceNotFoundException" && strings.Contains(said, "use case"):
		return Finding{name, Missing, "The form that the maker of " + model + " asks for was never sent from this account.", "fill it in: " + console}
	case code == "ResourceNotFoundException", code == "ValidationException":
		return Finding{name, Missing, model + " cannot be asked in " + c.region + ": it is not there, or by an inference profile of another area only.",
			"deploy elsewhere (export AWS_REGION=us-east-1), or choose others: make deploy ENV=" + c.plan.Env + " MODELS=id,id"}
	}
	f := c.trouble(name, "bedrock:InvokeModel of "+model, err)
	return f
}
