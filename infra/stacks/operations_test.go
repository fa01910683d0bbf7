package stacks_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/orcray/orcray/infra/stacks"
	"github.com/orcray/orcray/shared/topology"
)

func TestA11_AlarmsRingForEverythingThatPeopleMustLookAt(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		want := []string{"HttpFaults", "LiveFaults", "ReaperQuiet", "StuckJobs", "TableThrottled"}
		for _, f := range topology.Orcray().Functions {
			want = append(want, strings.ToUpper(f.Name[:1])+f.Name[1:]+"Errors")
		}
		for _, q := range topology.Orcray().Queues {
			name := strings.ToUpper(q.Name[:1]) + q.Name[1:]
			want = append(want, name+"Age", name+"Dead")
		}
		for _, m := range topology.Orcray().Machines {
			name := strings.ToUpper(m.Name[:1]) + m.Name[1:]
			want = append(want, name+"Failed", name+"TimedOut")
		}
		var have []string
		for _, r := range w.of("AWS::CloudWatch::Alarm") {
			have = append(have, hash.ReplaceAllString(r.id, ""))
			for _, action := range []string{"AlarmActions", "OKActions"} {
				if !strings.HasPrefix(r.text(action, 0), "Alarms") {
					t.Errorf("nobody hears %s: %v", r.id, r.at(action))
				}
			}
			if len(r.text("AlarmDescription")) < 20 {
				t.Errorf("%s does not say what to do", r.id)
			}
		}
		slices.Sort(have)
		slices.Sort(want)
		same(t, "the alarms", have, want)
	})
}

func TestA11_AlarmsOfOurOwnMetricsLookWhereFunctionsWrite(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		for _, r := range w.of("AWS::CloudWatch::Alarm") {
			if !strings.HasPrefix(r.id, "StuckJobs") {
				continue
			}
			same(t, "its namespace", r.text("Namespace"), topology.MetricSpace)
			same(t, "its metric", r.text("MetricName"), topology.MetricStuck)
			same(t, "its dimension", r.text("Dimensions", 0, "Name")+"="+r.text("Dimensions", 0, "Value"), topology.DimensionEnv+"="+w.config.Env)
		}
	})
}

func TestA11_LogsEndAfterTheTimeOfTheEnvironment(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		groups := map[string]bool{}
		for _, r := range w.of("AWS::Logs::LogGroup") {
			groups[r.id] = true
			if r.text("RetentionInDays") != w.say(float64(w.config.LogDays)) {
				t.Errorf("%s keeps logs for %s days, not %d", r.id, r.text("RetentionInDays"), w.config.LogDays)
			}
		}
		for _, r := range w.of("AWS::Lambda::Function") {
			group, _ := r.at("LoggingConfig", "LogGroup", "Ref").(string)
			if ours(r) && (!groups[group] || r.text("LoggingConfig", "LogFormat") != "JSON") {
				t.Errorf("%s logs to %q, which has no end, or not in JSON", r.id, group)
			}
		}
		if len(groups) < len(topology.Orcray().Functions)+2 {
			t.Errorf("only %d groups of logs", len(groups))
		}
	})
}

func TestA11_RequestsCanBeFollowedThroughEverything(t *testing.T) {
	w := in(t, "prod")
	for _, r := range w.of("AWS::Lambda::Function") {
		if ours(r) {
			same(t, r.id+"'s traces", r.text("TracingConfig", "Mode"), "Active")
		}
	}
	for _, r := range w.of("AWS::StepFunctions::StateMachine") {
		same(t, r.id+"'s traces", r.text("TracingConfiguration", "Enabled"), "true")
		same(t, r.id+"'s log", r.text("LoggingConfiguration", "Level"), "ALL")
		same(t, r.id+"'s data in its log", r.text("LoggingConfiguration", "IncludeExecutionData"), "false")
	}
	for _, r := range w.of("AWS::ApiGateway::Stage") {
		same(t, r.id+"'s traces", r.text("TracingEnabled"), "true")
	}
	for _, r := range w.of("AWS::ApiGatewayV2::Stage") {
		line := r.text("AccessLogSettings", "Format")
		if !strings.Contains(line, `"requestId":"$context.requestId"`) || strings.Contains(line, "authorizer") || strings.Contains(line, "querystring") {
			t.Errorf("the access log is %s", line)
		}
	}
}

func TestA11_MoneyHasABudget(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		r := w.of("AWS::Budgets::Budget")[0]
		same(t, "the budget", r.text("Budget", "BudgetLimit", "Amount"), w.config.Budget)
		for i := range 2 {
			if got := r.text("NotificationsWithSubscribers", i, "Subscribers", 0, "Address"); !strings.HasPrefix(got, "Alarms") {
				t.Errorf("nobody hears of the budget: %s", got)
			}
		}
		if len(w.of("AWS::CloudWatch::Dashboard")) != 1 {
			t.Error("there is no dashboard")
		}
	})
}

func TestA11_AlarmsReachTheAddressThatIsGiven(t *testing.T) {
	c, err := stacks.Load(func(name string) string { return map[string]string{"email": "ann@example.com"}[name] })
	if err != nil {
		t.Fatal(err)
	}
	same(t, "the address", c.Email, "ann@example.com")
	if found := in(t, "dev").of("AWS::SNS::Subscription"); len(found) != 0 {
		t.Errorf("without an address there is %s", found[0].id)
	}
}
