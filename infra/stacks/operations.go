package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsbudgets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatchactions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssnssubscriptions"
	"github.com/aws/jsii-runtime-go"

	"github.com/orcray/orcray/shared/topology"
)

// operations tells people what they must look at.
type operations struct {
	stack  awscdk.Stack
	topic  awssns.Topic
	alarms []awscloudwatch.IAlarm
}

func newOperations(s awscdk.Stack, c Config, table topology.App, d *data, a *service, w *web) *operations {
	o := &operations{stack: s}
	o.topic = awssns.NewTopic(s, jsii.String("Alarms"), &awssns.TopicProps{TopicName: jsii.String(c.name("alarms")), EnforceSSL: jsii.Bool(true)})
	if c.Email != "" {
		o.topic.AddSubscription(awssnssubscriptions.NewEmailSubscription(jsii.String(c.Email), nil))
	}
	for _, f := range table.Functions {
		o.alarm(title(f.Name)+"Errors", "The function "+f.Name+" fails. Look at its log.", 3, 1, a.functions[f.Name].MetricErrors(per(5, awscloudwatch.Stats_SUM())))
	}
	for _, q := range table.Queues {
		o.alarm(title(q.Name)+"Dead", "A message of the queue "+q.Name+" was given up. Look at the dead letters and at the log of "+q.Consumer+".",
			1, 1, a.dead.MetricApproximateNumberOfMessagesVisible(per(5, awscloudwatch.Stats_MAXIMUM())))
		o.alarm(title(q.Name)+"Age", "Messages of the queue "+q.Name+" wait too long: "+q.Consumer+" does not keep up.",
			q.MaxAge.Seconds()/12, 3, a.queue.MetricApproximateAgeOfOldestMessage(per(1, awscloudwatch.Stats_MAXIMUM())))
	}
	for _, m := range table.Machines {
		machine := a.machines[m.Name]
		o.alarm(title(m.Name)+"Failed", "A workflow "+m.Name+" failed without ending its job; the reaper ends it. Look at the execution.",
			1, 1, machine.MetricFailed(per(5, awscloudwatch.Stats_SUM())))
		o.alarm(title(m.Name)+"TimedOut", "A workflow "+m.Name+" took more than its time.", 1, 1, machine.MetricTimedOut(per(5, awscloudwatch.Stats_SUM())))
	}
	o.alarm("StuckJobs", "Jobs do not move although the reaper sends them again. Look at the log of the reaper.",
		1, 3, o.metric(c, topology.MetricStuck, awscloudwatch.Stats_MAXIMUM()))
	o.alarm("HttpFaults", "The API answers with errors of its own.", 5, 1, a.http.MetricServerError(per(5, awscloudwatch.Stats_SUM())))
	o.alarm("LiveFaults", "Live events end with errors.", 5, 1, a.live.MetricServerError(per(5, awscloudwatch.Stats_SUM())))
	o.alarm("TableThrottled", "The table refuses writes.", 10, 1, d.table.MetricThrottledRequestsForOperations(
		&awsdynamodb.OperationsMetricOptions{Operations: &[]awsdynamodb.Operation{awsdynamodb.Operation_TRANSACT_WRITE_ITEMS,
			awsdynamodb.Operation_UPDATE_ITEM, awsdynamodb.Operation_QUERY}, Period: awscdk.Duration_Minutes(jsii.Number(5))}))
	o.quiet(a)
	o.budget(c)
	o.dashboard(c, table, a, w)
	return o
}

func per(minutes float64, statistic *string) *awscloudwatch.MetricOptions {
	return &awscloudwatch.MetricOptions{Period: awscdk.Duration_Minutes(jsii.Number(minutes)), Statistic: statistic}
}

// metric is one that our functions write themselves.
func (o *operations) metric(c Config, name string, statistic *string) awscloudwatch.Metric {
	return awscloudwatch.NewMetric(&awscloudwatch.MetricProps{Namespace: jsii.String(topology.MetricSpace), MetricName: jsii.String(name),
		DimensionsMap: &map[string]*string{topology.DimensionEnv: jsii.String(c.Env)}, Statistic: statistic,
		Period: awscdk.Duration_Minutes(jsii.Number(5))})
}

// alarm rings when the metric reaches the threshold in each of so many periods.
func (o *operations) alarm(name, description string, threshold, periods float64, metric awscloudwatch.IMetric) {
	o.ring(awscloudwatch.NewAlarm(o.stack, jsii.String(name), &awscloudwatch.AlarmProps{Metric: metric, AlarmDescription: jsii.String(description),
		Threshold: jsii.Number(threshold), EvaluationPeriods: jsii.Number(periods), TreatMissingData: awscloudwatch.TreatMissingData_NOT_BREACHING,
		ComparisonOperator: awscloudwatch.ComparisonOperator_GREATER_THAN_OR_EQUAL_TO_THRESHOLD}))
}

func (o *operations) ring(a awscloudwatch.Alarm) {
	action := awscloudwatchactions.NewSnsAction(o.topic)
	a.AddAlarmAction(action)
	a.AddOkAction(action)
	o.alarms = append(o.alarms, a)
}

// quiet rings when the reaper does not run: without it, lost jobs and idle tasks are nobody's business, and nothing else would say so.
func (o *operations) quiet(a *service) {
	o.ring(awscloudwatch.NewAlarm(o.stack, jsii.String("ReaperQuiet"), &awscloudwatch.AlarmProps{
		Metric:           a.functions[topology.FnReaper].MetricInvocations(per(5, awscloudwatch.Stats_SUM())),
		AlarmDescription: jsii.String("The reaper does not run. Look at its schedule."), Threshold: jsii.Number(1), EvaluationPeriods: jsii.Number(2),
		TreatMissingData:   awscloudwatch.TreatMissingData_BREACHING,
		ComparisonOperator: awscloudwatch.ComparisonOperator_LESS_THAN_THRESHOLD}))
}

// budget rings at 80 % of the month's money, and when the month is going to take more than all of it. It counts the whole account:
// a filter by tag sees nothing until somebody activates the tag for billing, and would never ring.
func (o *operations) budget(c Config) {
	o.topic.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{Sid: jsii.String("Budgets"),
		Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(jsii.String("budgets.amazonaws.com"), nil)},
		Actions:    jsii.Strings("sns:Publish"), Resources: &[]*string{o.topic.TopicArn()},
		Conditions: &map[string]any{"StringEquals": map[string]any{"aws:SourceAccount": o.stack.Account()}}}))
	notice := func(kind string, percent float64) any {
		return &awsbudgets.CfnBudget_NotificationWithSubscribersProperty{
			Notification: &awsbudgets.CfnBudget_NotificationProperty{NotificationType: jsii.String(kind), Threshold: jsii.Number(percent),
				ThresholdType: jsii.String("PERCENTAGE"), ComparisonOperator: jsii.String("GREATER_THAN")},
			Subscribers: &[]any{&awsbudgets.CfnBudget_SubscriberProperty{SubscriptionType: jsii.String("SNS"), Address: o.topic.TopicArn()}}}
	}
	awsbudgets.NewCfnBudget(o.stack, jsii.String("Budget"), &awsbudgets.CfnBudgetProps{
		Budget: &awsbudgets.CfnBudget_BudgetDataProperty{BudgetName: jsii.String(c.name("month")), BudgetType: jsii.String("COST"),
			TimeUnit:    jsii.String("MONTHLY"),
			BudgetLimit: &awsbudgets.CfnBudget_SpendProperty{Amount: jsii.Number(c.Budget), Unit: jsii.String("USD")}},
		NotificationsWithSubscribers: &[]any{notice("ACTUAL", 80), notice("FORECASTED", 100)}})
}
