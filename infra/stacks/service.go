package stacks

import (
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscognito"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awseventstargets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambdaeventsources"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsstepfunctions"
	"github.com/aws/jsii-runtime-go"

	"github.com/orcray/orcray/shared/topology"
	"github.com/orcray/orcray/statemachines"
)

// service is the application itself: everything that answers, and everything that works.
type service struct {
	stack     awscdk.Stack
	data      *data
	cluster   *cluster
	users     awscognito.UserPool
	client    awscognito.UserPoolClient
	queue     awssqs.Queue // of jobs
	dead      awssqs.Queue
	bus       awsevents.EventBus
	runs      awsiam.Role
	roles     map[string]awsiam.Role
	functions map[string]awslambda.Function
	machines  map[string]awsstepfunctions.StateMachine
	entrances
}

func newService(s awscdk.Stack, c Config, table topology.App, d *data, k *cluster) *service {
	a := &service{stack: s, data: d, cluster: k, roles: map[string]awsiam.Role{}, functions: map[string]awslambda.Function{},
		machines: map[string]awsstepfunctions.StateMachine{}}
	a.newUsers(c)
	for _, q := range table.Queues {
		a.newQueue(c, q)
	}
	for _, name := range table.Buses {
		a.bus = awsevents.NewEventBus(s, jsii.String(title(name)+"Bus"), &awsevents.EventBusProps{EventBusName: jsii.String(c.name(name))})
	}
	a.newRoles(table.Functions)
	a.newRunRole(table.Functions)
	for _, f := range table.Functions {
		a.functions[f.Name] = a.newFunction(c, f)
	}
	for _, q := range table.Queues {
		a.functions[q.Consumer].AddEventSource(awslambdaeventsources.NewSqsEventSource(a.queue, &awslambdaeventsources.SqsEventSourceProps{
			BatchSize: jsii.Number(q.Batch), ReportBatchItemFailures: jsii.Bool(true)}))
	}
	for _, m := range table.Machines {
		a.newMachine(c, m)
	}
	for _, schedule := range table.Schedules {
		a.newSchedule(c, schedule)
	}
	a.newEntrances(c, table.Routes)
	output(s, "UserPool", a.users.UserPoolId(), "id of the user pool")
	return a
}

// newQueue makes a queue with its dead letters. A job that waited longer than the queue keeps it is found by the reaper.
func (a *service) newQueue(c Config, q topology.Queue) {
	a.dead = awssqs.NewQueue(a.stack, jsii.String(title(q.Name)+"Dead"), &awssqs.QueueProps{QueueName: jsii.String(c.name(q.Name + "-dead")),
		EnforceSSL: jsii.Bool(true), Encryption: awssqs.QueueEncryption_SQS_MANAGED, RetentionPeriod: awscdk.Duration_Days(jsii.Number(14))})
	a.queue = awssqs.NewQueue(a.stack, jsii.String(title(q.Name)+"Queue"), &awssqs.QueueProps{QueueName: jsii.String(c.name(q.Name)),
		EnforceSSL: jsii.Bool(true), Encryption: awssqs.QueueEncryption_SQS_MANAGED,
		VisibilityTimeout: seconds(q.Visibility), RetentionPeriod: seconds(q.MaxAge),
		DeadLetterQueue: &awssqs.DeadLetterQueue{Queue: a.dead, MaxReceiveCount: jsii.Number(q.MaxReceive)}})
}

// newMachine puts the file into the template itself, where it is checked with the rest.
func (a *service) newMachine(c Config, m topology.Machine) {
	text, err := statemachines.Files.ReadFile(m.File)
	if err != nil {
		panic("the topology names the state machine " + m.File + ", which statemachines does not have")
	}
	role := awsiam.NewRole(a.stack, jsii.String(title(m.Name)+"MachineRole"), &awsiam.RoleProps{Description: jsii.String("state machine " + m.Name),
		AssumedBy: awsiam.NewServicePrincipal(jsii.String("states.amazonaws.com"), nil)})
	names := map[string]*string{}
	var functions []*string
	for _, name := range m.Functions {
		names[name] = a.functions[name].FunctionArn()
		functions = append(functions, a.functions[name].FunctionArn())
	}
	allow(role, []string{"lambda:InvokeFunction"}, functions...)
	a.machines[m.Name] = awsstepfunctions.NewStateMachine(a.stack, jsii.String(title(m.Name)+"Machine"), &awsstepfunctions.StateMachineProps{
		StateMachineName: jsii.String(c.name(m.Name)), Role: role, TracingEnabled: jsii.Bool(true),
		DefinitionBody: awsstepfunctions.DefinitionBody_FromString(jsii.String(string(text))), DefinitionSubstitutions: &names,
		Logs: &awsstepfunctions.LogOptions{Level: awsstepfunctions.LogLevel_ALL, IncludeExecutionData: jsii.Bool(false),
			Destination: awslogs.NewLogGroup(a.stack, jsii.String(title(m.Name)+"MachineLogs"), &awslogs.LogGroupProps{
				LogGroupName: jsii.String("/aws/vendedlogs/states/" + c.name(m.Name)), // elsewhere, a resource policy of limited size grows
				Retention:    days(c.LogDays), RemovalPolicy: c.removal()})}})
}

func (a *service) newSchedule(c Config, schedule topology.Schedule) {
	awsevents.NewRule(a.stack, jsii.String(title(schedule.Name)+"Schedule"), &awsevents.RuleProps{
		RuleName: jsii.String(c.name(schedule.Name)), Schedule: awsevents.Schedule_Rate(seconds(max(schedule.Every, time.Minute))),
		Targets: &[]awsevents.IRuleTarget{awseventstargets.NewLambdaFunction(a.functions[schedule.Function], &awseventstargets.LambdaFunctionProps{
			RetryAttempts: jsii.Number(0)})}}) // it comes again by itself
}

func seconds(d time.Duration) awscdk.Duration {
	return awscdk.Duration_Seconds(jsii.Number(d.Seconds()))
}
