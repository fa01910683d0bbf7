package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/orcray/orcray/shared/topology"
)

// Stacks are the stacks of one environment, each after those that it needs.
type Stacks struct {
	Data, Cluster, App, Web, Operations awscdk.Stack
}

// All gives the stacks in the order of their deployment.
func (s Stacks) All() []awscdk.Stack {
	return []awscdk.Stack{s.Data, s.Cluster, s.App, s.Web, s.Operations}
}

// Build makes the stacks of an environment. They name no account and no region: the same templates go wherever the credentials of
// who deploys them lead, and need none to be made.
func Build(app awscdk.App, c Config) Stacks {
	table := topology.Orcray()
	data := newData(stack(app, c, "data", "What orcray keeps: table, buckets, secrets, the image of Ray"), c, table)
	cluster := newCluster(stack(app, c, "cluster", "Where programs run: network, Ray's head and workers, cells"), c, data)
	service := newService(stack(app, c, "app", "The API, the functions and the workflows"), c, table, data, cluster)
	web := newWeb(stack(app, c, "web", "The page, and everything under its origin"), c, data, service)
	operations := newOperations(stack(app, c, "operations", "Alarms, dashboard and budget"), c, table, data, service, web)
	suppress(c, data, cluster, service, web)
	// A dashboard takes no tags in its schema.
	tags := &awscdk.TagProps{ExcludeResourceTypes: jsii.Strings("AWS::CloudWatch::Dashboard")}
	awscdk.Tags_Of(app).Add(jsii.String("orcray"), jsii.String(c.Env), tags)
	return Stacks{Data: data.stack, Cluster: cluster.stack, App: service.stack, Web: web.stack, Operations: operations.stack}
}

func stack(app awscdk.App, c Config, name, description string) awscdk.Stack {
	return awscdk.NewStack(app, jsii.String(c.name(name)), &awscdk.StackProps{
		Description: jsii.String(description + " (" + c.Env + ")"), TerminationProtection: jsii.Bool(c.Keep)})
}

// name gives the name of a thing of this environment: environments may share an account.
func (c Config) name(part string) string { return "orcray-" + c.Env + "-" + part }

// removal says what becomes of data whose stack goes.
func (c Config) removal() awscdk.RemovalPolicy {
	if c.Keep {
		return awscdk.RemovalPolicy_RETAIN
	}
	return awscdk.RemovalPolicy_DESTROY
}

func output(s awscdk.Stack, name string, value *string, description string) {
	awscdk.NewCfnOutput(s, jsii.String(name+"Output"), &awscdk.CfnOutputProps{Value: value, Description: jsii.String(description)})
}
