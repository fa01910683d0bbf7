package stacks_test

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orcray/orcray/shared/topology"
	"github.com/orcray/orcray/statemachines"
)

// byName gives resources by what they are called in the topology.
func byName(w *world, kind, property string) map[string]resource {
	found := map[string]resource{}
	for _, r := range w.of(kind) {
		found[strings.TrimPrefix(r.text(property), "orcray-"+w.config.Env+"-")] = r
	}
	return found
}

func names[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func TestA2_FunctionsOfTopologyAndTemplatesAgree(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		have, want := map[string]resource{}, map[string]topology.Function{}
		for name, r := range byName(w, "AWS::Lambda::Function", "FunctionName") {
			if ours(r) {
				have[name] = r
			}
		}
		for _, f := range topology.Orcray().Functions {
			want[f.Name] = f
		}
		same(t, "the functions", names(have), names(want))
		for name, f := range want {
			r := have[name]
			same(t, name+"'s timeout", r.text("Timeout"), int(f.Timeout.Seconds()))
			same(t, name+"'s memory", r.text("MemorySize"), f.Memory)
			same(t, name+"'s architecture", r.at("Architectures"), "[arm64]")
			same(t, name+" in the VPC", r.at("VpcConfig") != nil, f.InVPC)
			variables, _ := r.at("Environment", "Variables").(map[string]any)
			same(t, name+"'s variables", names(variables), f.Env())
		}
	})
}

func TestA2_RoutesOfTopologyAndTemplatesAgree(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		var have, want []string
		integrations := map[string]string{}
		for _, r := range w.of("AWS::ApiGatewayV2::Integration") {
			integrations[r.id] = r.text("IntegrationUri")
			same(t, r.id+"'s format", r.at("PayloadFormatVersion"), "2.0")
		}
		for _, r := range w.of("AWS::ApiGatewayV2::Route") {
			target, _ := r.at("Target").(map[string]any)
			id := walk(target, "Fn::Join", 1, 1, "Ref").(string)
			have = append(have, r.text("RouteKey")+" → "+integrations[id])
		}
		for _, r := range w.of("AWS::ApiGateway::Method") {
			if r.at("Integration", "ResponseTransferMode") != "STREAM" {
				t.Errorf("%s does not stream", r.id)
			}
			uri := r.text("Integration", "Uri")
			_, function, _ := strings.Cut(uri, "/functions/")
			have = append(have, r.text("HttpMethod")+" "+pathOf(w, r.at("ResourceId"))+" → "+strings.Split(function, "/")[0])
		}
		for _, route := range topology.Orcray().Routes {
			name := strings.ToUpper(route.Function[:1]) + route.Function[1:] + "Function"
			want = append(want, route.Method+" "+route.Path+" → "+name)
		}
		slices.Sort(have)
		slices.Sort(want)
		same(t, "the routes", strings.Join(have, "\n"), strings.Join(want, "\n"))
	})
}

// pathOf walks up the resources of the REST API.
func pathOf(w *world, ref any) string {
	for _, r := range w.of("AWS::ApiGateway::Resource") {
		if walk(ref, "Ref") == r.id {
			return pathOf(w, r.at("ParentId")) + "/" + r.text("PathPart")
		}
	}
	return ""
}

func TestA2_QueuesOfTopologyAndTemplatesAgree(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		have := byName(w, "AWS::SQS::Queue", "QueueName")
		var want []string
		for _, q := range topology.Orcray().Queues {
			want = append(want, q.Name, q.Name+"-dead")
			r := have[q.Name]
			same(t, "visibility", r.text("VisibilityTimeout"), q.Visibility.Seconds())
			same(t, "age", r.text("MessageRetentionPeriod"), q.MaxAge.Seconds())
			same(t, "receives", r.text("RedrivePolicy", "maxReceiveCount"), q.MaxReceive)
			same(t, "dead letters", r.text("RedrivePolicy", "deadLetterTargetArn"), "JobsDead")
			sources := w.of("AWS::Lambda::EventSourceMapping")
			if len(sources) != len(topology.Orcray().Queues) {
				t.Fatalf("%d queues have a consumer", len(sources))
			}
			same(t, "batch", sources[0].text("BatchSize"), q.Batch)
			same(t, "consumer", sources[0].text("FunctionName"), "DispatchFunction")
			same(t, "partial failures", sources[0].at("FunctionResponseTypes"), "[ReportBatchItemFailures]")
			if timeout := byName(w, "AWS::Lambda::Function", "FunctionName")[q.Consumer].at("Timeout").(float64); 6*timeout > q.Visibility.Seconds() {
				t.Errorf("a message of %s comes again while %s still works on it", q.Name, q.Consumer)
			}
		}
		same(t, "the queues", names(have), slices.Sorted(slices.Values(want)))
	})
}

func TestA2_MachinesOfTopologyAndTemplatesAgree(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		have := byName(w, "AWS::StepFunctions::StateMachine", "StateMachineName")
		var want []string
		for _, m := range topology.Orcray().Machines {
			want = append(want, m.Name)
			file, err := statemachines.Files.ReadFile(m.File)
			if err != nil {
				t.Fatal(err)
			}
			if have[m.Name].text("DefinitionString") != string(file) {
				t.Errorf("%s is not what %s says", m.Name, m.File)
			}
			substituted, _ := have[m.Name].at("DefinitionSubstitutions").(map[string]any)
			same(t, m.Name+"'s functions", names(substituted), slices.Sorted(slices.Values(m.Functions)))
			for name, value := range substituted {
				same(t, "${"+name+"}", strings.ToLower(w.say(value)), name+"function")
				if !strings.Contains(string(file), `"${`+name+`}"`) {
					t.Errorf("%s never calls %s", m.File, name)
				}
			}
		}
		same(t, "the machines", names(have), want)
		entries, err := statemachines.Files.ReadDir(".")
		if err != nil || len(entries) != len(want) {
			t.Errorf("statemachines has %d files, the topology %d machines (%v)", len(entries), len(want), err)
		}
	})
}

// Every rule of the buses is a schedule of the topology. AWS's clock knows whole minutes only.
func TestA2_SchedulesOfTopologyAndTemplatesAgree(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		have := byName(w, "AWS::Events::Rule", "Name")
		var want []string
		for _, s := range topology.Orcray().Schedules {
			want = append(want, s.Name)
			minutes := max(s.Every, time.Minute).Minutes()
			expression := fmt.Sprintf("rate(%v minutes)", minutes)
			if minutes == 1 {
				expression = "rate(1 minute)"
			}
			same(t, s.Name, have[s.Name].text("ScheduleExpression"), expression)
			same(t, s.Name+"'s target", strings.ToLower(have[s.Name].text("Targets", 0, "Arn")), s.Function+"function")
		}
		same(t, "the rules", names(have), want)
	})
}

func TestA2_TablesBucketsAndBusesOfTopologyAndTemplatesAgree(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		app := topology.Orcray()
		for kind, want := range map[string][]string{"AWS::DynamoDB::GlobalTable": app.Tables, "AWS::S3::Bucket": app.Buckets, "AWS::Events::EventBus": app.Buses} {
			var have []string
			for _, r := range w.of(kind) {
				name := hash.ReplaceAllString(r.id, "")
				for _, end := range []string{"Table", "Bucket", "Bus"} {
					name = strings.TrimSuffix(name, end)
				}
				have = append(have, strings.ToLower(name))
			}
			slices.Sort(have)
			same(t, kind, have, slices.Sorted(slices.Values(want)))
		}
		r := w.of("AWS::DynamoDB::GlobalTable")[0]
		same(t, "partition key", r.text("KeySchema", 0, "AttributeName"), "PK")
		same(t, "sort key", r.text("KeySchema", 1, "AttributeName"), "SK")
		same(t, "expiry", r.text("TimeToLiveSpecification", "AttributeName"), "TTL")
	})
}

// A variable that the templates set and the topology does not name would be read by nobody, and the other way round nobody sets it.
func TestA2_VariablesOfTasksAndFunctionsAreThoseOfTopology(t *testing.T) {
	declared := declaredVariables(t)
	set := map[string]bool{}
	w := in(t, "prod")
	for _, r := range w.of("AWS::Lambda::Function") {
		if variables, _ := r.at("Environment", "Variables").(map[string]any); ours(r) {
			for name := range variables {
				set[name] = true
			}
		}
	}
	for _, r := range w.of("AWS::ECS::TaskDefinition") {
		for _, kind := range []string{"Environment", "Secrets"} {
			for _, v := range r.list("ContainerDefinitions", 0, kind) {
				set[walk(v, "Name").(string)] = true
			}
		}
	}
	same(t, "the variables", names(set), names(declared))
}

// declaredVariables reads the constants of shared/topology/env.go.
func declaredVariables(t *testing.T) map[string]bool {
	t.Helper()
	tree, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, "shared", "topology", "env.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	ast.Inspect(tree, func(n ast.Node) bool {
		if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
			var name string
			if json.Unmarshal([]byte(l.Value), &name) == nil {
				found[name] = true
			}
		}
		return true
	})
	if len(found) < 20 {
		t.Fatalf("only %d variables were found", len(found))
	}
	return found
}
