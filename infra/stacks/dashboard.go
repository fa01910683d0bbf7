package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/interfaces/interfacesawscloudwatch"
	"github.com/aws/jsii-runtime-go"

	"github.com/orcray/orcray/shared/topology"
)

// dashboard is the one page to look at first: are people served, do jobs end, what waits, what does it cost.
func (o *operations) dashboard(c Config, table topology.App, a *service, w *web) {
	sum, most := awscloudwatch.Stats_SUM(), awscloudwatch.Stats_MAXIMUM()
	percentile := func(p float64) *string { return awscloudwatch.Stats_P(jsii.Number(p)) }
	var errors, flows []awscloudwatch.IMetric
	for _, f := range table.Functions {
		errors = append(errors, a.functions[f.Name].MetricErrors(per(5, sum)))
	}
	for _, m := range table.Machines {
		flows = append(flows, a.machines[m.Name].MetricStarted(per(5, sum)), a.machines[m.Name].MetricFailed(per(5, sum)))
	}
	rows := [][]awscloudwatch.IWidget{
		{awscloudwatch.NewAlarmStatusWidget(&awscloudwatch.AlarmStatusWidgetProps{Title: jsii.String("Alarms"), Alarms: alarmRefs(o.alarms),
			Width: jsii.Number(24), Height: jsii.Number(4)})},
		{graph("Requests", a.http.MetricCount(per(5, sum)), a.http.MetricClientError(per(5, sum)), a.http.MetricServerError(per(5, sum))),
			graph("Time to answer (ms)", a.http.MetricLatency(per(5, percentile(50))), a.http.MetricLatency(per(5, percentile(95))), a.http.MetricLatency(per(5, percentile(99))))},
		{graph("Jobs that ended", o.hourly(c, topology.MetricJobs), o.hourly(c, topology.MetricJobFailed)),
			graph("Time of a job (s)", o.metric(c, topology.MetricJobTime, percentile(50)), o.metric(c, topology.MetricJobTime, percentile(95)))},
		{graph("Open and stuck jobs", o.metric(c, topology.MetricOpen, most), o.metric(c, topology.MetricStuck, most)), graph("Queue and dead letters", o.metric(c, topology.MetricQueue, most), o.metric(c, topology.MetricDead, most))},
		{graph("Cells", o.metric(c, topology.MetricCells, most), o.metric(c, topology.MetricLeased, most)), graph("Models (dollars an hour)", o.hourly(c, topology.MetricJobCost))},
		{graph("Workflows", flows...), graph("Errors of functions", errors...)},
		{graph("Page", w.distribution.MetricRequests(per(5, sum)), w.distribution.Metric5xxErrorRate(per(5, awscloudwatch.Stats_AVERAGE())))},
	}
	var widgets []*[]awscloudwatch.IWidget
	for _, row := range rows {
		widgets = append(widgets, &row)
	}
	awscloudwatch.NewDashboard(o.stack, jsii.String("Dashboard"), &awscloudwatch.DashboardProps{DashboardName: jsii.String(c.name("overview")), Widgets: &widgets})
}

func (o *operations) hourly(c Config, name string) awscloudwatch.IMetric {
	return o.metric(c, name, awscloudwatch.Stats_SUM()).With(&awscloudwatch.MetricOptions{Period: awscdk.Duration_Hours(jsii.Number(1))})
}

func graph(name string, metrics ...awscloudwatch.IMetric) awscloudwatch.IWidget {
	return awscloudwatch.NewGraphWidget(&awscloudwatch.GraphWidgetProps{Title: jsii.String(name), Left: &metrics, Width: jsii.Number(12), Height: jsii.Number(6)})
}

func alarmRefs(alarms []awscloudwatch.IAlarm) *[]interfacesawscloudwatch.IAlarmRef {
	refs := make([]interfacesawscloudwatch.IAlarmRef, len(alarms))
	for i, a := range alarms {
		refs[i] = a
	}
	return &refs
}
