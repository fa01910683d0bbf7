package stacks

import (
	"path/filepath"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/jsii-runtime-go"

	"github.com/orcray/orcray/shared/topology"
)

// newFunction makes a function of the table: its own role with the rights of its uses, its own group of logs, its variables.
func (a *service) newFunction(c Config, f topology.Function) awslambda.Function {
	logs := awslogs.NewLogGroup(a.stack, jsii.String(title(f.Name)+"Logs"), &awslogs.LogGroupProps{
		LogGroupName: jsii.String("/orcray/" + c.Env + "/functions/" + f.Name), Retention: days(c.LogDays), RemovalPolicy: c.removal()})
	role := a.roles[f.Name]
	allow(role, []string{"logs:CreateLogStream", "logs:PutLogEvents"}, streams(logs))
	allow(role, []string{"xray:PutTraceSegments", "xray:PutTelemetryRecords"}, jsii.String("*"))
	env := map[string]*string{topology.EnvEnvironment: jsii.String(c.Env)}
	for _, u := range f.Uses {
		a.grant(c, role, u)
	}
	for _, name := range f.Env() {
		env[name] = a.value(c, name)
	}
	props := &awslambda.FunctionProps{
		FunctionName: jsii.String(c.name(f.Name)), Description: jsii.String(f.Purpose), Role: role, LogGroup: logs,
		Runtime: awslambda.Runtime_PROVIDED_AL2023(), Architecture: awslambda.Architecture_ARM_64(), Handler: jsii.String("bootstrap"),
		Code:    awslambda.Code_FromAsset(jsii.String(filepath.Join(c.Functions, f.Name)), nil),
		Timeout: seconds(f.Timeout), MemorySize: jsii.Number(f.Memory), Environment: &env,
		LoggingFormat: awslambda.LoggingFormat_JSON, Tracing: awslambda.Tracing_ACTIVE}
	if f.InVPC {
		network := a.cluster.network
		props.Vpc, props.SecurityGroups = network.vpc, &[]awsec2.ISecurityGroup{network.functions}
		// A network interface exists only after it is made, and none carries the function's name.
		allow(role, []string{"ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:DeleteNetworkInterface",
			"ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses"}, jsii.String("*"))
	}
	return awslambda.NewFunction(a.stack, jsii.String(title(f.Name)+"Function"), props)
}

// newRoles makes all roles before the functions: the run role trusts some of them.
func (a *service) newRoles(functions []topology.Function) {
	for _, f := range functions {
		a.roles[f.Name] = awsiam.NewRole(a.stack, jsii.String(title(f.Name)+"Role"), &awsiam.RoleProps{
			Description: jsii.String("function " + f.Name + ": " + f.Purpose),
			AssumedBy:   awsiam.NewServicePrincipal(jsii.String("lambda.amazonaws.com"), nil)})
	}
}

// value gives what a variable is on AWS.
func (a *service) value(c Config, name string) *string {
	switch name {
	case topology.EnvEnvironment:
		return jsii.String(c.Env)
	case topology.EnvTable:
		return a.data.table.TableName()
	case topology.EnvBucket:
		return a.data.bucket.BucketName()
	case topology.EnvQueueURL:
		return a.queue.QueueUrl()
	case topology.EnvDeadURL:
		return a.dead.QueueUrl()
	case topology.EnvMachineARN:
		return arn(a.stack, "states", "stateMachine:"+c.name(topology.MachineInterp))
	case topology.EnvBus:
		return a.bus.EventBusName()
	case topology.EnvSealSecret:
		return a.data.seal.SecretArn()
	case topology.EnvRunnerSecret:
		return a.data.runner.SecretArn()
	case topology.EnvRaySecret:
		return a.data.ray.SecretArn()
	case topology.EnvRunRole:
		return a.runs.RoleArn()
	case topology.EnvModels:
		return jsii.String(strings.Join(c.Models, ","))
	}
	if v := a.userValue(name); v != nil {
		return v
	}
	return a.placeValue(c, name)
}

func (a *service) userValue(name string) *string {
	switch name {
	case topology.EnvUserPool:
		return a.users.UserPoolId()
	case topology.EnvUserClient, topology.EnvAudience:
		return a.client.UserPoolClientId()
	case topology.EnvIssuer:
		return a.users.UserPoolProviderUrl()
	}
	return nil
}

func (a *service) placeValue(c Config, name string) *string {
	switch name {
	case topology.EnvECSCluster:
		return jsii.String(c.name("ray"))
	case topology.EnvHeadService:
		return jsii.String(head)
	case topology.EnvHeadHost:
		return jsii.String(a.cluster.host)
	case topology.EnvCellService:
		return jsii.String(cells)
	case topology.EnvCellsWarm:
		return whole(c.CellsWarm)
	case topology.EnvCellsMax:
		return whole(c.CellsMax)
	case topology.EnvIdleStop:
		return jsii.String(c.IdleStop.String())
	}
	panic("the stacks give no value to " + name + ": add it to value in functions.go")
}
