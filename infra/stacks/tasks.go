package stacks

import (
	"maps"
	"slices"
	"strconv"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/jsii-runtime-go"

	"github.com/orcray/orcray/shared/topology"
)

const (
	plasma    = "/ray_shm" // the object store's own memory: a task's /dev/shm is small and cannot be made larger
	mib       = 1 << 20
	tmpfsMore = 64 // MiB beside the object store: Ray keeps a little for itself there
	stopTime  = 30 // seconds that a task may take to end
)

// task is what the definitions of the three kinds of tasks differ in.
type task struct {
	name    string
	size    Size
	starter starterWith
	env     map[string]*string
	ports   []int
	role    awsiam.IRole // nil: the task has no rights at all
}

// starterWith is the role that starts a task, and the secrets that the task begins with by the variables' names.
type starterWith struct {
	role    awsiam.IRole
	secrets map[string]awssecretsmanager.ISecret
}

// with gives ECS the right to read the secrets, which become variables of the task: Ray's token, and the runner's.
func (r *starter) with(secrets ...awssecretsmanager.ISecret) starterWith {
	names := []string{topology.EnvRayToken, topology.EnvRunnerToken}
	w := starterWith{role: r.role, secrets: map[string]awssecretsmanager.ISecret{}}
	for i, secret := range secrets {
		w.secrets[names[i]] = secret
		allow(r.role, []string{"secretsmanager:GetSecretValue"}, secret.SecretArn())
	}
	return w
}

// newTask defines a task of our image. It is made of the resource itself, because the construct would give every task a role, and
// a cell must not have one.
func newTask(s awscdk.Stack, c Config, d *data, logs awslogs.LogGroup, t task) awsecs.CfnTaskDefinition {
	env := map[string]*string{topology.EnvEnvironment: jsii.String(c.Env), topology.EnvRole: jsii.String(t.name),
		topology.EnvTaskCPUs:    whole(t.offered()),
		topology.EnvTaskMemory:  whole((t.size.Memory - t.size.Store) * mib * 9 / 10), // the rest is for Ray's own processes
		topology.EnvObjectStore: whole(t.size.Store * mib), topology.EnvPlasma: jsii.String(plasma)}
	maps.Copy(env, t.env)
	if len(t.ports) > 0 {
		env[topology.EnvPort] = whole(topology.PortRunner)
	}
	props := &awsecs.CfnTaskDefinitionProps{
		Family: jsii.String(c.name(t.name)), Cpu: whole(t.size.CPU), Memory: whole(t.size.Memory), NetworkMode: jsii.String("awsvpc"),
		RequiresCompatibilities: jsii.Strings("FARGATE"), ExecutionRoleArn: t.starter.role.RoleArn(),
		RuntimePlatform: &awsecs.CfnTaskDefinition_RuntimePlatformProperty{
			CpuArchitecture: jsii.String("ARM64"), OperatingSystemFamily: jsii.String("LINUX")},
		ContainerDefinitions: &[]any{t.container(s, c, d, logs, env)},
	}
	if t.role != nil {
		props.TaskRoleArn = t.role.RoleArn()
	}
	return awsecs.NewCfnTaskDefinition(s, jsii.String(title(t.name)+"Task"), props)
}

// offered are the CPUs that programs' tasks may take. The head has none to give: they run on workers, which have no role.
func (t task) offered() int {
	if t.role != nil {
		return 0
	}
	return t.size.CPU / 1024
}

func (t task) container(s awscdk.Stack, c Config, d *data, logs awslogs.LogGroup, env map[string]*string) *awsecs.CfnTaskDefinition_ContainerDefinitionProperty {
	ports := []any{}
	for _, port := range t.ports {
		ports = append(ports, &awsecs.CfnTaskDefinition_PortMappingProperty{ContainerPort: jsii.Number(port), Protocol: jsii.String("tcp")})
	}
	secrets := []any{}
	for _, name := range slices.Sorted(maps.Keys(t.starter.secrets)) {
		secrets = append(secrets, &awsecs.CfnTaskDefinition_SecretProperty{Name: jsii.String(name), ValueFrom: t.starter.secrets[name].SecretArn()})
	}
	return &awsecs.CfnTaskDefinition_ContainerDefinitionProperty{
		Name: jsii.String(t.name), Image: d.image.RepositoryUriForTag(jsii.String(c.Image)), Command: jsii.Strings("orcray-" + t.name),
		Essential: jsii.Bool(true), Environment: pairs(env), Secrets: &secrets, PortMappings: &ports, StopTimeout: jsii.Number(stopTime),
		HealthCheck: &awsecs.CfnTaskDefinition_HealthCheckProperty{Command: jsii.Strings("CMD", "orcray-health"), Interval: jsii.Number(30),
			Timeout: jsii.Number(10), Retries: jsii.Number(3), StartPeriod: jsii.Number(120)},
		// Cells write to their own memory only; head and workers also keep Ray's session and spilled objects on the task's disk.
		ReadonlyRootFilesystem: jsii.Bool(t.name == cell),
		LinuxParameters: &awsecs.CfnTaskDefinition_LinuxParametersProperty{InitProcessEnabled: jsii.Bool(true),
			Capabilities: &awsecs.CfnTaskDefinition_KernelCapabilitiesProperty{Drop: jsii.Strings("ALL")}, Tmpfs: t.tmpfs()},
		LogConfiguration: &awsecs.CfnTaskDefinition_LogConfigurationProperty{LogDriver: jsii.String("awslogs"), Options: map[string]*string{
			"awslogs-group": logs.LogGroupName(), "awslogs-region": s.Region(), "awslogs-stream-prefix": jsii.String(t.name),
			"mode": jsii.String("non-blocking"), "max-buffer-size": jsii.String("4m")}},
	}
}

// tmpfs are folders in memory: the object store's, and all that a cell can write to. They count as the task's memory.
func (t task) tmpfs() *[]any {
	mount := func(path string, size int) any {
		return &awsecs.CfnTaskDefinition_TmpfsProperty{ContainerPath: jsii.String(path), Size: jsii.Number(size),
			MountOptions: jsii.Strings("rw", "nosuid", "nodev")}
	}
	mounts := []any{mount(plasma, t.size.Store+tmpfsMore)}
	if t.name == cell {
		mounts = append(mounts, mount("/tmp", t.size.Memory/4))
	}
	return &mounts
}

func pairs(env map[string]*string) *[]any {
	list := []any{}
	for _, name := range slices.Sorted(maps.Keys(env)) {
		list = append(list, &awsecs.CfnTaskDefinition_KeyValuePairProperty{Name: jsii.String(name), Value: env[name]})
	}
	return &list
}

func whole(n int) *string { return jsii.String(strconv.Itoa(n)) }

// rayEnv is what head and workers share.
func (k *cluster) rayEnv() map[string]*string {
	return map[string]*string{topology.EnvRayAuth: jsii.String("token"), topology.EnvHeadHost: jsii.String(k.host)}
}

// headEnv tells the head's autoscaler what a worker is.
func (k *cluster) headEnv(c Config, w awsecs.CfnTaskDefinition) map[string]*string {
	env := k.rayEnv()
	maps.Copy(env, map[string]*string{
		topology.EnvECSCluster: jsii.String(c.name("ray")), topology.EnvWorkerTask: w.Ref(), topology.EnvWorkersMax: whole(c.Workers), topology.EnvWorkerCPUs: whole(c.Worker.CPU / 1024),
		topology.EnvWorkerMemory:  whole((c.Worker.Memory - c.Worker.Store) * mib * 9 / 10),
		topology.EnvWorkerIdle:    jsii.String(c.WorkerGo.String()),
		topology.EnvWorkerSubnets: awscdk.Fn_Join(jsii.String(","), k.subnets()),
		topology.EnvWorkerGroup:   k.network.ray.SecurityGroupId(),
	})
	return env
}

// headRole lets the autoscaler start workers of one definition and stop tasks of one cluster. Programs run on workers, which have
// no role.
func (k *cluster) headRole(c Config, w awsecs.CfnTaskDefinition, r *starter) awsiam.IRole {
	role := awsiam.NewRole(k.stack, jsii.String("HeadRole"), &awsiam.RoleProps{Description: jsii.String("Ray's head starts and stops workers"),
		AssumedBy: awsiam.NewServicePrincipal(jsii.String("ecs-tasks.amazonaws.com"), nil)})
	mine := map[string]any{"ArnEquals": map[string]any{"ecs:cluster": k.ecs.ClusterArn()}}
	tasks := arn(k.stack, "ecs", "task/"+c.name("ray")+"/*")
	allowWhere(role, mine, []string{"ecs:RunTask"}, w.Ref())
	allowWhere(role, mine, []string{"ecs:StopTask", "ecs:DescribeTasks"}, tasks)
	allowWhere(role, mine, []string{"ecs:ListTasks"}, jsii.String("*"))
	allowWhere(role, map[string]any{"StringEquals": map[string]any{"ecs:CreateAction": "RunTask"}}, []string{"ecs:TagResource"}, tasks)
	allowWhere(role, map[string]any{"StringEquals": map[string]any{"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
		[]string{"iam:PassRole"}, r.role.RoleArn())
	return role
}
