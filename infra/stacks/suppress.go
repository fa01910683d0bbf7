package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
)

// excuse is a finding of the checks that we leave as it is, and why. Findings about rights name what they are about, so that
// another wildcard is a finding again.
type excuse struct {
	rule   string
	reason string
	about  []string
}

// suppress gives the checks our reasons.
func suppress(c Config, d *data, k *cluster, a *service, w *web) {
	tasks := "Resource::arn:<AWS::Partition>:ecs:<AWS::Region>:<AWS::AccountId>:task/" + c.name("ray") + "/*"
	excuseIn(d.stack,
		excuse{rule: "AwsSolutions-SMG4", reason: "Tokens of our own processes and a sealing key: nobody knows them, they are made anew by replacing " +
			"the secret, and a rotation while tasks run would cut those off."})
	excuseIn(k.stack,
		excuse{rule: "AwsSolutions-IAM5", about: []string{"Resource::*"}, reason: "The sign-in at the registry of images, the list of S3's addresses " +
			"and the listing of tasks have no resource to name; listing is held to our cluster by a condition."},
		excuse{rule: "AwsSolutions-IAM5", about: []string{tasks}, reason: "Tasks get their ids when they start; these are those of our cluster."},
		excuse{rule: "AwsSolutions-IAM4", about: []string{"Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"},
			reason: "The CDK's own function, which asks for the list of S3's addresses while the stack is deployed."},
		excuse{rule: "AwsSolutions-ECS2", reason: "The variables are names, sizes and addresses; what is secret comes out of Secrets Manager."})
	excuseIn(a.stack, serviceExcuses(c, tasks)...)
	excuseIn(w.stack,
		excuse{rule: "AwsSolutions-IAM4", about: []string{"Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"},
			reason: "The CDK's own function, which copies the page while the stack is deployed."},
		excuse{rule: "AwsSolutions-IAM5", about: []string{"Resource::*", "Action::s3:GetBucket*", "Action::s3:GetObject*", "Action::s3:List*",
			"Action::s3:Abort*", "Action::s3:DeleteObject*", "Resource::<PageBucket5D37958D.Arn>/*",
			"Resource::arn:<AWS::Partition>:s3:::cdk-hnb659fds-assets-<AWS::AccountId>-<AWS::Region>/*"},
			reason: "The CDK's own function reads the bucket of assets, writes the bucket of the page and empties CloudFront's cache, which has no resource."},
		excuse{rule: "AwsSolutions-L1", reason: "The CDK's own function; its release chooses the runtime."},
		excuse{rule: "AwsSolutions-CFR1", reason: "People may ask from anywhere."},
		excuse{rule: "AwsSolutions-CFR2", reason: "Every route but the public ones wants a token, requests are throttled at the API, and a firewall " +
			"would cost more than the rest of an idle environment."},
		excuse{rule: "AwsSolutions-CFR4", reason: "With CloudFront's own certificate the least version of TLS cannot be chosen; it can with a domain of one's own."})
}

func serviceExcuses(c Config, tasks string) []excuse {
	own := ":<AWS::Region>:<AWS::AccountId>:"
	return []excuse{
		{rule: "AwsSolutions-IAM5", about: []string{"Resource::*"}, reason: "Traces, deliveries of logs, network interfaces and the listing of tasks have " +
			"no resource to name; listing is held to our cluster by a condition."},
		{rule: "AwsSolutions-IAM5", about: []string{tasks}, reason: "Tasks get their ids when they start; these are those of our cluster."},
		{rule: "AwsSolutions-IAM5", about: []string{"Resource::<DataBucketE3889A50.Arn>/u/*"}, reason: "The functions work for all users; whose object " +
			"it is, is decided by the key, which has its owner in it. A run gets a part of this right only."},
		{rule: "AwsSolutions-IAM5", about: []string{"Resource::arn:<AWS::Partition>:states" + own + "execution:" + c.name("interpret") + ":*"},
			reason: "Executions are named by their jobs."},
		{rule: "AwsSolutions-IAM5", about: []string{"Resource::arn:<AWS::Partition>:bedrock" + own + "inference-profile/*.anthropic.claude-*",
			"Resource::arn:<AWS::Partition>:bedrock:*::foundation-model/anthropic.claude-*"},
			reason: "The family of models that orcray offers; an environment that names its models has only those. A profile asks in several regions."},
		{rule: "AwsSolutions-COG2", reason: "People sign in through the API with a password; it does not ask for a second factor yet."},
		{rule: "AwsSolutions-COG8", reason: "What the plus plan adds to sign-ins costs by the user, and the API limits attempts itself."},
		{rule: "AwsSolutions-APIG1", reason: "Access logs of a REST API need a role that belongs to the whole account. CloudFront's logs and the function's " +
			"own name each request; the HTTP API has access logs."},
		{rule: "AwsSolutions-APIG6", reason: "Logs of a REST API need a role that belongs to the whole account; the function logs each request."},
		{rule: "AwsSolutions-APIG2", reason: "The function checks requests, by the same rules as on one machine."},
		{rule: "AwsSolutions-APIG3", reason: "See AwsSolutions-CFR2: tokens and throttling stand before everything that costs."},
		{rule: "AwsSolutions-APIG4", reason: "Every function proves the token itself, by one table of routes and permissions in which each route must stand; " +
			"public routes stay public."},
		{rule: "AwsSolutions-COG4", reason: "See AwsSolutions-APIG4: the handler proves Cognito's tokens."},
	}
}

// excuseIn writes the reasons where cdk-nag looks for them: into the template, beside what they are about.
func excuseIn(s awscdk.Stack, excuses ...excuse) {
	rules := []any{}
	for _, e := range excuses {
		rule := map[string]any{"id": e.rule, "reason": e.reason}
		if len(e.about) > 0 {
			rule["applies_to"] = e.about
		}
		rules = append(rules, rule)
	}
	s.AddMetadata(jsii.String("cdk_nag"), map[string]any{"rules_to_suppress": rules})
}
