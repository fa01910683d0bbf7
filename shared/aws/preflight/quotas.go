package preflight

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"
)

// quota is a limit of the account that a deployment can run into.
type quota struct {
	name, service, code, what string
	need                      float64
}

func (c *Checker) fargate(ctx context.Context) []Finding {
	return c.quota(ctx, quota{"quota fargate", "fargate", "L-3032A538", "vCPUs of tasks on demand", c.plan.VCPUs})
}

func (c *Checker) lambda(ctx context.Context) []Finding {
	return c.quota(ctx, quota{"quota lambda", "lambda", "L-B99A9384", "invocations at once", c.plan.Lambdas})
}

// quota compares what the account may have with what the plan needs. A quota that was never changed has its default only.
func (c *Checker) quota(ctx context.Context, q quota) []Finding {
	service, code := aws.String(q.service), aws.String(q.code)
	var value *float64
	out, err := c.quotas.GetServiceQuota(ctx, &servicequotas.GetServiceQuotaInput{ServiceCode: service, QuotaCode: code})
	if err == nil && out.Quota != nil {
		value = out.Quota.Value
	}
	if codeOf(err) == "NoSuchResourceException" {
		var fallback *servicequotas.GetAWSDefaultServiceQuotaOutput
		fallback, err = c.quotas.GetAWSDefaultServiceQuota(ctx, &servicequotas.GetAWSDefaultServiceQuotaInput{ServiceCode: service, QuotaCode: code})
		if err == nil && fallback.Quota != nil {
			value = fallback.Quota.Value
		}
	}
	switch {
	case err != nil:
		return []Finding{c.trouble(q.name, "servicequotas:GetServiceQuota", err)}
	case value == nil:
		return []Finding{{q.name, Unclear, "AWS gave no value for " + q.what + ".", c.again()}}
	case *value < q.need:
		return []Finding{{q.name, Missing, fmt.Sprintf("%g %s are allowed; %s can need %g.", *value, q.what, c.plan.Env, q.need),
			fmt.Sprintf("aws service-quotas request-service-quota-increase --service-code %s --quota-code %s --desired-value %g", q.service, q.code, q.need)}}
	}
	return []Finding{{q.name, OK, fmt.Sprintf("%g %s are allowed, %g can be needed.", *value, q.what, q.need), ""}}
}
