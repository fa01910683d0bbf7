package stacks

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/jsii-runtime-go"
)

// title makes a name of the topology the beginning of a resource's: dead-jobs is DeadJobs.
func title(name string) string {
	var b strings.Builder
	for _, part := range strings.Split(name, "-") {
		b.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	return b.String()
}

// allow gives a role actions on resources.
func allow(role awsiam.IRole, actions []string, resources ...*string) {
	role.AddToPrincipalPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{Actions: jsii.Strings(actions...), Resources: &resources}))
}

// allowWhere is allow under conditions, which is how actions without resources of their own are held.
func allowWhere(role awsiam.IRole, conditions map[string]any, actions []string, resources ...*string) {
	role.AddToPrincipalPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{Actions: jsii.Strings(actions...), Resources: &resources,
		Conditions: &conditions}))
}

// streams are the streams of a group of logs, which is what the group's own ARN means.
func streams(group awslogs.ILogGroup) *string { return group.LogGroupArn() }

// arn makes the ARN of something of this account and region.
func arn(s awscdk.Stack, service, resource string) *string {
	return awscdk.Fn_Sub(jsii.String("arn:${AWS::Partition}:"+service+":${AWS::Region}:${AWS::AccountId}:"+resource), nil)
}

// days are the retention times that CloudWatch knows.
func days(n int) awslogs.RetentionDays {
	switch {
	case n <= 7:
		return awslogs.RetentionDays_ONE_WEEK
	case n <= 30:
		return awslogs.RetentionDays_ONE_MONTH
	}
	return awslogs.RetentionDays_THREE_MONTHS
}
