package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsservicediscovery"
	"github.com/aws/jsii-runtime-go"

	"github.com/orcray/orcray/shared/topology"
)

// The services and their tasks.
const (
	head   = "head"
	worker = "worker"
	cell   = "cell"
	cells  = "cells" // the service of cells
)

// cluster is where programs run: Ray's head with the workers that it starts, and cells.
type cluster struct {
	stack   awscdk.Stack
	network *network
	ecs     awsecs.Cluster
	host    string // of the head, inside the network
}

func newCluster(s awscdk.Stack, c Config, d *data) *cluster {
	k := &cluster{stack: s, network: newNetwork(s, c, d), host: head + "." + inside(c)}
	k.ecs = awsecs.NewCluster(s, jsii.String("Cluster"), &awsecs.ClusterProps{Vpc: k.network.vpc, ClusterName: jsii.String(c.name("ray")),
		ContainerInsightsV2: awsecs.ContainerInsights_ENABLED})
	logs := awslogs.NewLogGroup(s, jsii.String("TaskLogs"), &awslogs.LogGroupProps{LogGroupName: jsii.String("/orcray/" + c.Env + "/tasks"),
		Retention: days(c.LogDays), RemovalPolicy: c.removal()})
	starter, plain := newStarter(s, d, logs, "Starter"), newStarter(s, d, logs, "CellStarter")
	w := newTask(s, c, d, logs, task{name: worker, size: c.Worker, starter: starter.with(d.ray), env: k.rayEnv()})
	h := newTask(s, c, d, logs, task{name: head, size: c.Head, starter: starter.with(d.ray, d.runner), env: k.headEnv(c, w),
		ports: []int{topology.PortRunner, topology.PortDashboard}, role: k.headRole(c, w, starter)})
	one := newTask(s, c, d, logs, task{name: cell, size: c.Cell, starter: plain.with(), ports: []int{topology.PortRunner},
		env: map[string]*string{topology.EnvIdleStop: jsii.String(c.IdleStop.String())}})
	k.service(head, h, k.network.ray.SecurityGroupId(), 0, k.register(c))
	k.service(cells, one, k.network.cells.SecurityGroupId(), c.CellsWarm, nil).Node().AddDependency(plain.role)
	output(s, "Cluster", k.ecs.ClusterName(), "name of the ECS cluster")
	return k
}

// inside is the domain that only the network knows.
func inside(c Config) string { return "orcray-" + c.Env + ".internal" }

// register gives the head a name inside the network.
func (k *cluster) register(c Config) awsservicediscovery.Service {
	names := awsservicediscovery.NewPrivateDnsNamespace(k.stack, jsii.String("Inside"), &awsservicediscovery.PrivateDnsNamespaceProps{
		Name: jsii.String(inside(c)), Vpc: k.network.vpc})
	return names.CreateService(jsii.String("HeadName"), &awsservicediscovery.DnsServiceProps{Name: jsii.String(head),
		DnsRecordType: awsservicediscovery.DnsRecordType_A, DnsTtl: awscdk.Duration_Seconds(jsii.Number(10))})
}

// service keeps tasks alive. Functions change the count as there is work: a deployment that changes the tasks sets it back to
// what stands here, and then who waits starts them again.
func (k *cluster) service(name string, t awsecs.CfnTaskDefinition, group *string, count int, names awsservicediscovery.Service) awsecs.CfnService {
	props := &awsecs.CfnServiceProps{
		Cluster: k.ecs.ClusterName(), ServiceName: jsii.String(name), TaskDefinition: t.Ref(), DesiredCount: jsii.Number(count),
		LaunchType: jsii.String("FARGATE"), PlatformVersion: jsii.String("1.4.0"), EnableExecuteCommand: jsii.Bool(false),
		EnableEcsManagedTags: jsii.Bool(true), PropagateTags: jsii.String("SERVICE"),
		NetworkConfiguration: &awsecs.CfnService_NetworkConfigurationProperty{
			AwsvpcConfiguration: &awsecs.CfnService_AwsVpcConfigurationProperty{
				Subnets: k.subnets(), SecurityGroups: &[]*string{group}, AssignPublicIp: jsii.String("DISABLED")}},
		DeploymentConfiguration: &awsecs.CfnService_DeploymentConfigurationProperty{
			MinimumHealthyPercent: jsii.Number(0), MaximumPercent: jsii.Number(headroom(name)),
			DeploymentCircuitBreaker: &awsecs.CfnService_DeploymentCircuitBreakerProperty{Enable: jsii.Bool(true), Rollback: jsii.Bool(true)}},
	}
	if names != nil {
		props.ServiceRegistries = &[]any{&awsecs.CfnService_ServiceRegistryProperty{RegistryArn: names.ServiceArn()}}
	}
	return awsecs.NewCfnService(k.stack, jsii.String(title(name)+"Service"), props)
}

// headroom is the most of a service's tasks while it is deployed, in percent: there is never a second head.
func headroom(service string) int {
	if service == head {
		return 100
	}
	return 200
}

func (k *cluster) subnets() *[]*string { return k.network.vpc.SelectSubnets(nil).SubnetIds }

// starter is the role by which ECS starts tasks: it fetches the image, opens the log and reads the secrets that a task begins
// with. Programs never have it.
type starter struct {
	role awsiam.Role
}

func newStarter(s awscdk.Stack, d *data, logs awslogs.LogGroup, name string) *starter {
	r := &starter{awsiam.NewRole(s, jsii.String(name+"Role"), &awsiam.RoleProps{Description: jsii.String("ECS starts tasks"),
		AssumedBy: awsiam.NewServicePrincipal(jsii.String("ecs-tasks.amazonaws.com"), nil)})}
	allow(r.role, []string{"ecr:GetAuthorizationToken"}, jsii.String("*"))
	allow(r.role, []string{"ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"}, d.image.RepositoryArn())
	allow(r.role, []string{"logs:CreateLogStream", "logs:PutLogEvents"}, streams(logs))
	return r
}
