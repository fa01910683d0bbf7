package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/customresources"
	"github.com/aws/jsii-runtime-go"

	"github.com/orcray/orcray/shared/topology"
)

// network has no way to the internet and none from it. AWS is reached through endpoints, in two groups: cells reach only those that
// a task needs to start.
type network struct {
	vpc       awsec2.Vpc
	functions awsec2.SecurityGroup // of the functions that speak to cells and the head
	ray       awsec2.SecurityGroup // of head and workers
	cells     awsec2.SecurityGroup
}

func newNetwork(s awscdk.Stack, c Config, d *data) *network {
	n := &network{}
	n.vpc = awsec2.NewVpc(s, jsii.String("Vpc"), &awsec2.VpcProps{
		IpAddresses: awsec2.IpAddresses_Cidr(jsii.String("10.20.0.0/16")), MaxAzs: jsii.Number(c.Zones), NatGateways: jsii.Number(0),
		RestrictDefaultSecurityGroup: jsii.Bool(false), // it would need a function of its own; nothing is in that group
		SubnetConfiguration: &[]*awsec2.SubnetConfiguration{
			{Name: jsii.String("inside"), SubnetType: awsec2.SubnetType_PRIVATE_ISOLATED, CidrMask: jsii.Number(20)}},
		FlowLogs: &map[string]*awsec2.FlowLogOptions{"refused": {TrafficType: awsec2.FlowLogTrafficType_REJECT,
			Destination: awsec2.FlowLogDestination_ToS3(d.logs, jsii.String("vpc"), nil)}},
	})
	n.functions = n.group(s, "Functions", "functions that speak to cells and to the head", true)
	n.ray = n.group(s, "Ray", "head and workers of Ray", true)
	n.cells = n.group(s, "Cells", "cells: no way to each other, none out but for their start and signed objects", false)
	n.gateways(d)
	tcp := func(port float64) awsec2.Port { return awsec2.Port_Tcp(jsii.Number(port)) }
	n.ray.AddIngressRule(n.ray, awsec2.Port_AllTcp(), jsii.String("processes of Ray use many ports among themselves"), nil)
	n.ray.AddIngressRule(n.functions, tcp(topology.PortRunner), jsii.String("runner of the head"), nil)
	n.ray.AddIngressRule(n.functions, tcp(topology.PortDashboard), jsii.String("dashboard and Jobs API of the head"), nil)
	n.cells.AddIngressRule(n.functions, tcp(topology.PortRunner), jsii.String("runner of a cell"), nil)
	n.cells.AddEgressRule(awsec2.Peer_PrefixList(s3PrefixList(s, c)), tcp(443), jsii.String("signed objects, and the layers of the image"), nil)
	start := n.group(s, "StartEndpoints", "what a task needs to start: its image, its log", false)
	start.AddIngressRule(n.ray, tcp(443), jsii.String("head and workers"), nil)
	start.AddIngressRule(n.cells, tcp(443), jsii.String("cells"), nil)
	n.cells.AddEgressRule(start, tcp(443), jsii.String("image and log"), nil)
	for _, name := range startEndpoints() {
		n.endpoint(name, start)
	}
	control := n.group(s, "ControlEndpoints", "what our own code asks of AWS from inside", false)
	control.AddIngressRule(n.functions, tcp(443), jsii.String("functions"), nil)
	control.AddIngressRule(n.ray, tcp(443), jsii.String("the head starts workers; tasks read their secrets as they start"), nil)
	for _, name := range controlEndpoints() {
		n.endpoint(name, control)
	}
	return n
}

// Endpoints are the interface endpoints, each of which costs by the hour in every zone.
func Endpoints() []string { return append(startEndpoints(), controlEndpoints()...) }

func startEndpoints() []string { return []string{"EcrApi", "EcrDocker", "Logs"} }

// controlEndpoints has Users because functions inside prove tokens too.
func controlEndpoints() []string { return []string{"Ecs", "Secrets", "Users", "Sts"} }

func endpointService(name string) awsec2.InterfaceVpcEndpointAwsService {
	switch name {
	case "EcrApi":
		return awsec2.InterfaceVpcEndpointAwsService_ECR()
	case "EcrDocker":
		return awsec2.InterfaceVpcEndpointAwsService_ECR_DOCKER()
	case "Logs":
		return awsec2.InterfaceVpcEndpointAwsService_CLOUDWATCH_LOGS()
	case "Ecs":
		return awsec2.InterfaceVpcEndpointAwsService_ECS()
	case "Secrets":
		return awsec2.InterfaceVpcEndpointAwsService_SECRETS_MANAGER()
	case "Users":
		return awsec2.InterfaceVpcEndpointAwsService_COGNITO_IDP()
	case "Sts":
		return awsec2.InterfaceVpcEndpointAwsService_STS()
	}
	panic("the network knows no endpoint " + name + ": add it to endpointService")
}

func (n *network) group(s awscdk.Stack, name, purpose string, out bool) awsec2.SecurityGroup {
	return awsec2.NewSecurityGroup(s, jsii.String(name+"Group"), &awsec2.SecurityGroupProps{Vpc: n.vpc,
		Description: jsii.String(purpose), AllowAllOutbound: jsii.Bool(out), DisableInlineRules: jsii.Bool(true)})
}

func (n *network) endpoint(name string, group awsec2.ISecurityGroup) {
	n.vpc.AddInterfaceEndpoint(jsii.String(name), &awsec2.InterfaceVpcEndpointOptions{Service: endpointService(name), Open: jsii.Bool(false),
		SecurityGroups: &[]awsec2.ISecurityGroup{group}})
}

// gateways lead to our own bucket and table only. A signed address of somebody else's bucket is of no use inside: what a program
// reads cannot leave that way.
func (n *network) gateways(d *data) {
	anyone := func(resources []*string, actions ...string) awsiam.PolicyStatement {
		return awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{Principals: &[]awsiam.IPrincipal{awsiam.NewAnyPrincipal()},
			Actions: jsii.Strings(actions...), Resources: &resources})
	}
	objects := n.vpc.AddGatewayEndpoint(jsii.String("S3"), &awsec2.GatewayVpcEndpointOptions{Service: awsec2.GatewayVpcEndpointAwsService_S3()})
	objects.AddToPolicy(anyone([]*string{d.bucket.BucketArn(), d.bucket.ArnForObjects(jsii.String("*"))},
		"s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"))
	objects.AddToPolicy(anyone([]*string{awscdk.Fn_Sub(jsii.String("arn:${AWS::Partition}:s3:::prod-${AWS::Region}-starport-layer-bucket/*"), nil)},
		"s3:GetObject")) // where the registry of images keeps its layers
	items := n.vpc.AddGatewayEndpoint(jsii.String("DynamoDb"), &awsec2.GatewayVpcEndpointOptions{Service: awsec2.GatewayVpcEndpointAwsService_DYNAMODB()})
	items.AddToPolicy(anyone([]*string{d.table.TableArn()}, "dynamodb:*"))
}

// s3PrefixList asks for the id of the list of S3's addresses, which differs by region and which CloudFormation does not know.
func s3PrefixList(s awscdk.Stack, c Config) *string {
	call := &customresources.AwsSdkCall{Service: jsii.String("EC2"), Action: jsii.String("describeManagedPrefixLists"),
		Parameters: map[string]any{"Filters": []any{map[string]any{"Name": "prefix-list-name",
			"Values": []any{awscdk.Fn_Sub(jsii.String("com.amazonaws.${AWS::Region}.s3"), nil)}}}},
		PhysicalResourceId: customresources.PhysicalResourceId_Of(jsii.String("s3-prefix-list"))}
	list := customresources.NewAwsCustomResource(s, jsii.String("S3PrefixList"), &customresources.AwsCustomResourceProps{
		LogGroup: awslogs.NewLogGroup(s, jsii.String("DeployLogs"), &awslogs.LogGroupProps{LogGroupName: jsii.String("/orcray/" + c.Env + "/deploy-network"),
			Retention: days(c.LogDays), RemovalPolicy: awscdk.RemovalPolicy_DESTROY}),
		OnUpdate: call, InstallLatestAwsSdk: jsii.Bool(false), ResourceType: jsii.String("Custom::S3PrefixList"),
		Policy: customresources.AwsCustomResourcePolicy_FromStatements(&[]awsiam.PolicyStatement{
			awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{Actions: jsii.Strings("ec2:DescribeManagedPrefixLists"), Resources: jsii.Strings("*")})})})
	return list.GetResponseField(jsii.String("PrefixLists.0.PrefixListId"))
}
