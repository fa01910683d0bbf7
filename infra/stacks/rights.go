package stacks

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"

	"github.com/orcray/orcray/shared/topology"
)

// objectsOf is where all objects of people lie in the data bucket.
const objectsOf = "u/*"

// grant gives a role the rights of one use. What is not here, no function may do.
func (a *service) grant(c Config, role awsiam.IRole, use topology.Use) {
	d := a.data
	read := []string{"dynamodb:GetItem", "dynamodb:Query"}
	switch use {
	case topology.UseTable:
		allow(role, append(read, "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:ConditionCheckItem"), d.table.TableArn())
	case topology.UseTableRead:
		allow(role, read, d.table.TableArn())
	case topology.UseData:
		allow(role, []string{"s3:GetObject", "s3:PutObject", "s3:DeleteObject"}, d.bucket.ArnForObjects(jsii.String(objectsOf)))
		allow(role, []string{"s3:ListBucket"}, d.bucket.BucketArn())
	case topology.UseRemove:
		allow(role, []string{"s3:DeleteObject"}, d.bucket.ArnForObjects(jsii.String(objectsOf)))
	case topology.UseQueue:
		allow(role, []string{"sqs:SendMessage", "sqs:GetQueueAttributes"}, a.queue.QueueArn())
		allow(role, []string{"sqs:GetQueueAttributes"}, a.dead.QueueArn())
	case topology.UseConsume:
		allow(role, []string{"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}, a.queue.QueueArn())
	case topology.UseStart:
		allow(role, []string{"states:StartExecution"}, arn(a.stack, "states", "stateMachine:"+c.name(topology.MachineInterp)))
		a.look(c, role)
	case topology.UseLook:
		a.look(c, role)
	case topology.UseBus:
		allow(role, []string{"events:PutEvents"}, a.bus.EventBusArn())
	case topology.UseModels:
		allow(role, []string{"bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"}, modelARNs(c)...)
	case topology.UseTokens:
		allow(role, []string{"cognito-idp:AdminGetUser", "cognito-idp:AdminListGroupsForUser"}, a.users.UserPoolArn())
	case topology.UseUsers:
		a.grantUsers(role)
	case topology.UseSeal:
		allow(role, []string{"secretsmanager:GetSecretValue"}, d.seal.SecretArn())
	case topology.UseKeepKeys:
		allow(role, []string{"s3:GetObject", "s3:PutObject"}, d.bucket.ArnForObjects(jsii.String(topology.ObjectIssuerKeys)))
	case topology.UseKeptKeys:
		allow(role, []string{"s3:GetObject"}, d.bucket.ArnForObjects(jsii.String(topology.ObjectIssuerKeys)))
	default:
		a.grantPlaces(c, role, use)
	}
}

func (a *service) look(c Config, role awsiam.IRole) {
	allow(role, []string{"states:DescribeExecution"}, arn(a.stack, "states", "execution:"+c.name(topology.MachineInterp)+":*"))
}

// grantUsers covers what the API offers: registering and changing one's password. Signing in and up need no right: the pool takes them
// from anybody who knows its client.
func (a *service) grantUsers(role awsiam.IRole) {
	allow(role, []string{"cognito-idp:AdminGetUser", "cognito-idp:AdminConfirmSignUp", "cognito-idp:AdminSetUserPassword",
		"cognito-idp:AdminUpdateUserAttributes", "cognito-idp:AdminUserGlobalSignOut"}, a.users.UserPoolArn())
}

// grantPlaces covers cells, the head and the credentials of runs.
func (a *service) grantPlaces(c Config, role awsiam.IRole, use topology.Use) {
	cluster := c.name("ray")
	mine := map[string]any{"ArnEquals": map[string]any{"ecs:cluster": a.cluster.ecs.ClusterArn()}}
	tasks := arn(a.stack, "ecs", "task/"+cluster+"/*")
	named := func(service string) *string { return arn(a.stack, "ecs", "service/"+cluster+"/"+service) }
	scale := []string{"ecs:DescribeServices", "ecs:UpdateService"}
	switch use {
	case topology.UseCells:
		allow(role, scale, named(cells))
		allowWhere(role, mine, []string{"ecs:ListTasks"}, jsii.String("*"))
		allowWhere(role, mine, []string{"ecs:DescribeTasks", "ecs:StopTask", "ecs:UpdateTaskProtection"}, tasks)
	case topology.UseEndCells:
		allowWhere(role, mine, []string{"ecs:StopTask"}, tasks)
	case topology.UseCluster:
		allow(role, scale, named(head))
		allowWhere(role, mine, []string{"ecs:ListTasks"}, jsii.String("*"))
		allowWhere(role, mine, []string{"ecs:DescribeTasks"}, tasks)
		allow(role, []string{"secretsmanager:GetSecretValue"}, a.data.runner.SecretArn())
	case topology.UseHead:
		allow(role, []string{"secretsmanager:GetSecretValue"}, a.data.runner.SecretArn(), a.data.ray.SecretArn())
	case topology.UseIdle:
		allow(role, scale, named(cells), named(head))
		allowWhere(role, mine, []string{"ecs:ListTasks"}, jsii.String("*"))
		allowWhere(role, mine, []string{"ecs:DescribeTasks", "ecs:StopTask"}, tasks)
	case topology.UseRunRole:
		allow(role, []string{"sts:AssumeRole"}, a.runs.RoleArn())
	case topology.UseModelNames: // a list that the function already has
	default:
		panic("the stacks give no rights to the use " + string(use) + ": add it to rights.go")
	}
}

// newRunRole makes the role whose credentials a cluster run gets, narrowed to its own sources and output by whoever hands it out.
func (a *service) newRunRole(functions []topology.Function) {
	var trusted []awsiam.IPrincipal
	for _, f := range functions {
		if f.Does(topology.UseRunRole) {
			trusted = append(trusted, awsiam.NewArnPrincipal(a.roles[f.Name].RoleArn()))
		}
	}
	a.runs = awsiam.NewRole(a.stack, jsii.String("RunRole"), &awsiam.RoleProps{
		Description: jsii.String("cluster runs: each gets a part of it"), AssumedBy: awsiam.NewCompositePrincipal(trusted...)})
	d := a.data
	allow(a.runs, []string{"s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"}, d.bucket.ArnForObjects(jsii.String(objectsOf)))
	allow(a.runs, []string{"s3:ListBucket"}, d.bucket.BucketArn())
}

// modelARNs are the models that may be asked: those that the environment names, else the family that orcray knows. An inference
// profile asks the same model in several regions, so its model has no region here.
func modelARNs(c Config) []*string {
	var resources []*string
	add := func(profile, model string) {
		resources = append(resources,
			awscdk.Fn_Sub(jsii.String("arn:${AWS::Partition}:bedrock:${AWS::Region}:${AWS::AccountId}:inference-profile/"+profile), nil),
			awscdk.Fn_Sub(jsii.String("arn:${AWS::Partition}:bedrock:*::foundation-model/"+model), nil))
	}
	for _, id := range c.Models {
		_, model, ok := strings.Cut(id, ".")
		if !ok || !strings.Contains(model, ".") {
			model = id // no profile: the model itself
		}
		add(id, model)
	}
	if len(c.Models) == 0 {
		add("*.anthropic.claude-*", "anthropic.claude-*")
	}
	return resources
}
