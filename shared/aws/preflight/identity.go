package preflight

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

const signIn = "aws sso login   (or export AWS_PROFILE=…, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY)"

// identity proves the credentials. Without them nothing can be deployed, so that here whatever goes wrong is missing.
func (c *Checker) identity(ctx context.Context) []Finding {
	const name = "credentials"
	if c.creds == nil {
		return []Finding{{name, Missing, "There are no credentials of AWS.", signIn}}
	}
	if _, err := c.creds.Retrieve(ctx); err != nil {
		return []Finding{{name, Missing, "There are no credentials of AWS, or they could not be renewed.", signIn}}
	}
	who, err := c.who.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		f := c.trouble(name, "sts:GetCallerIdentity", err)
		f.Verdict = Missing
		return []Finding{f}
	}
	found := []Finding{{name, OK, "Valid.", ""}}
	account := aws.ToString(who.Account)
	c.account = account
	switch {
	case c.plan.Account == "":
		found = append(found, Finding{"account", OK, account + ". None is pinned for " + c.plan.Env + ".", ""})
	case c.plan.Account != account:
		found = append(found, Finding{"account", Missing,
			"These credentials lead to account " + account + ", and " + c.plan.Env + " is pinned to " + c.plan.Account + ".",
			"AWS_PROFILE=… " + c.again() + "   with a profile of that account"})
	default:
		found = append(found, Finding{"account", OK, account + ", as pinned for " + c.plan.Env + ".", ""})
	}
	return found
}
