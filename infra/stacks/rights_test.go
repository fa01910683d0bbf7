package stacks_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/orcray/orcray/shared/topology"
)

var update = flag.Bool("update", false, "write testdata/rights.txt again; read the difference before you commit it")

// statement is one thing that a role may do.
type statement struct {
	role       string
	actions    []string
	resources  []string
	conditions string
}

// statements are all that stand in the policies of roles; nothing may deny, and nothing is said by exclusion.
func statements(t *testing.T, w *world) []statement {
	t.Helper()
	var all []statement
	add := func(role string, document any) {
		list, ok := walk(document, "Statement").([]any)
		if !ok {
			t.Fatalf("%s has a policy without statements", role)
		}
		for _, s := range list {
			if walk(s, "Effect") != "Allow" || walk(s, "NotAction") != nil || walk(s, "NotResource") != nil {
				t.Errorf("%s: %v", role, s)
			}
			all = append(all, statement{role: role, actions: w.words(walk(s, "Action")), resources: w.words(walk(s, "Resource")),
				conditions: w.conditions(walk(s, "Condition"))})
		}
	}
	for _, r := range w.of("AWS::IAM::Policy") {
		for _, role := range r.list("Roles") {
			add(w.say(role), r.at("PolicyDocument"))
		}
	}
	for _, r := range w.of("AWS::IAM::Role") {
		name := w.say(map[string]any{"Ref": r.id})
		for _, p := range r.list("Policies") {
			add(name, walk(p, "PolicyDocument"))
		}
		for _, p := range r.list("ManagedPolicyArns") {
			policy := p
			if m, ok := p.(map[string]any); ok && m["Fn::Sub"] != nil {
				policy = strings.ReplaceAll(m["Fn::Sub"].(string), "${AWS::Partition}", "aws")
			}
			all = append(all, statement{role: name, actions: []string{"(managed)"}, resources: w.words(policy)})
		}
		for _, s := range walk(r.at("AssumeRolePolicyDocument"), "Statement").([]any) {
			all = append(all, statement{role: name, actions: []string{"(is taken by)"}, resources: w.words(trusted(s))})
		}
	}
	return all
}

func trusted(s any) any {
	if service := walk(s, "Principal", "Service"); service != nil {
		return service
	}
	return walk(s, "Principal", "AWS")
}

// words makes a list of what CloudFormation lets be one or many.
func (w *world) words(v any) []string {
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	var out []string
	for _, item := range list {
		out = append(out, w.say(item))
	}
	slices.Sort(out)
	return out
}

func (w *world) conditions(v any) string {
	var parts []string
	operators, _ := v.(map[string]any)
	for _, operator := range names(operators) {
		keys, _ := operators[operator].(map[string]any)
		for _, key := range names(keys) {
			parts = append(parts, key+" = "+strings.Join(w.words(keys[key]), " | "))
		}
	}
	return strings.Join(parts, ", ")
}

// table writes the rights of an environment as a person reads them.
func table(t *testing.T, w *world) string {
	t.Helper()
	byRole := map[string][]string{}
	for _, s := range statements(t, w) {
		line := fmt.Sprintf("    %s\n        on %s", strings.Join(s.actions, " "), strings.Join(s.resources, "\n           "))
		if s.conditions != "" {
			line += "\n        where " + s.conditions
		}
		byRole[s.role] = append(byRole[s.role], line)
	}
	var b strings.Builder
	for _, role := range names(byRole) {
		lines := byRole[role]
		slices.Sort(lines)
		fmt.Fprintf(&b, "%s\n%s\n\n", role, strings.Join(lines, "\n"))
	}
	return strings.ReplaceAll(b.String(), "orcray-"+w.config.Env+"-", "orcray-ENV-")
}

const rightsFile = "testdata/rights.txt"

func TestA4_RolesHaveTheRightsOfTheTableAndNoOthers(t *testing.T) {
	got := table(t, in(t, "prod"))
	if *update {
		if err := os.WriteFile(rightsFile, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(filepath.FromSlash(rightsFile))
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the rights differ from %s (go test ./infra/stacks -run A4 -args -update writes it; read the difference):\n%s",
			rightsFile, difference(string(want), got))
	}
}

// difference shows the lines that only one text has.
func difference(want, got string) string {
	var b strings.Builder
	wanted, have := strings.Split(want, "\n"), strings.Split(got, "\n")
	for _, line := range wanted {
		if !slices.Contains(have, line) {
			b.WriteString("- " + line + "\n")
		}
	}
	for _, line := range have {
		if !slices.Contains(wanted, line) {
			b.WriteString("+ " + line + "\n")
		}
	}
	return b.String()
}

// Only the environment's data may differ: dev empties its buckets when it goes.
func TestA4_EveryEnvironmentGivesTheSameRights(t *testing.T) {
	emptied := regexp.MustCompile(`(?ms)^CustomS3AutoDelete.*?\n\n`)
	want := table(t, in(t, "prod"))
	for _, env := range []string{"dev", "staging"} {
		got := emptied.ReplaceAllString(table(t, in(t, env)), "")
		if got != want {
			t.Errorf("%s:\n%s", env, difference(want, got))
		}
	}
}

// nameless are the actions that have no resource to name. None reads or writes anybody's data.
var nameless = []string{"xray:PutTraceSegments", "xray:PutTelemetryRecords", "xray:GetSamplingRules", "xray:GetSamplingTargets",
	"ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:DeleteNetworkInterface", "ec2:AssignPrivateIpAddresses",
	"ec2:UnassignPrivateIpAddresses", "ec2:DescribeManagedPrefixLists", "ecr:GetAuthorizationToken", "logs:CreateLogDelivery",
	"logs:GetLogDelivery", "logs:UpdateLogDelivery", "logs:DeleteLogDelivery", "logs:ListLogDeliveries", "logs:PutResourcePolicy",
	"logs:DescribeResourcePolicies", "logs:DescribeLogGroups", "cloudfront:GetInvalidation", "cloudfront:CreateInvalidation"}

// deployer are the CDK's own functions, which work while a stack is deployed and for nobody else.
var deployer = regexp.MustCompile(`^(CustomCDKBucketDeployment|AWS679f53fac|CustomS3AutoDelete)`)

func TestA4_NoDataActionOnEverything(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		for _, s := range statements(t, w) {
			for _, action := range s.actions {
				if strings.Contains(action, "*") && !deployer.MatchString(s.role) {
					t.Errorf("%s may do %s: name each action", s.role, action)
				}
				held := action == "ecs:ListTasks" && strings.HasPrefix(s.conditions, "ecs:cluster = ")
				if slices.Contains(s.resources, "*") && !slices.Contains(nameless, action) && !held {
					t.Errorf("%s may do %s on everything", s.role, action)
				}
			}
		}
	})
}

// Whoever writes the issuer's keys decides who is signed in: that is the reaper alone.
func TestA4_OnlyTheReaperWritesTheIssuersKeys(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		may := map[string][]string{}
		for _, s := range statements(t, w) {
			reaches := slices.Contains(s.resources, "DataBucket/*") || slices.Contains(s.resources, "DataBucket/"+topology.ObjectIssuerKeys)
			if reaches && !deployer.MatchString(s.role) {
				may[s.role] = append(may[s.role], s.actions...)
			}
		}
		same(t, "who reaches the keys", may, map[string][]string{"ReaperRole": {"s3:GetObject", "s3:PutObject"}, "ClusterRole": {"s3:GetObject"}})
		for _, s := range statements(t, w) {
			if s.role == "ClusterRole" && slices.ContainsFunc(s.actions, func(a string) bool { return strings.HasPrefix(a, "dynamodb:") }) {
				t.Errorf("what shows Ray may do %v on %v", s.actions, s.resources)
			}
		}
	})
}

// The issuer's keys are there as long as somebody keeps them, and nobody removes what people have: only older versions end.
func TestA4_NothingInTheDataBucketExpires(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		for _, r := range w.of("AWS::S3::Bucket") {
			if !strings.HasPrefix(r.id, "DataBucket") {
				continue
			}
			rules := r.list("LifecycleConfiguration", "Rules")
			if len(rules) == 0 {
				t.Error("older versions stay for ever")
			}
			for _, rule := range rules {
				for _, ends := range []string{"ExpirationInDays", "ExpirationDate", "Transitions", "Transition"} {
					if walk(rule, ends) != nil {
						t.Errorf("%s: %v", ends, walk(rule, ends))
					}
				}
			}
		}
	})
}

func TestA4_TasksThatRunProgramsHaveNoRole(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		tasks := byName(w, "AWS::ECS::TaskDefinition", "Family")
		same(t, "the tasks", names(tasks), "[cell head worker]")
		for _, name := range []string{"cell", "worker"} {
			if role := tasks[name].at("TaskRoleArn"); role != nil {
				t.Errorf("a %s has the role %v", name, role)
			}
		}
		same(t, "the head's role", tasks["head"].text("TaskRoleArn"), "HeadRole")
		for _, s := range statements(t, w) {
			for _, action := range s.actions {
				if s.role == "HeadRole" && !strings.HasPrefix(action, "ecs:") && action != "iam:PassRole" && action != "(is taken by)" {
					t.Errorf("the head may do %s", action)
				}
			}
		}
	})
}

// A task definition can be read by whoever may read task definitions: secrets come from Secrets Manager as the task starts, and a
// cell has none at all.
func TestA4_TasksCarryNoSecretsInTheOpen(t *testing.T) {
	w := in(t, "prod")
	want := map[string]string{"head": "ORCRAY_RUNNER_TOKEN RAY_AUTH_TOKEN", "worker": "RAY_AUTH_TOKEN", "cell": ""}
	for name, r := range byName(w, "AWS::ECS::TaskDefinition", "Family") {
		var secrets []string
		for _, s := range r.list("ContainerDefinitions", 0, "Secrets") {
			secrets = append(secrets, walk(s, "Name").(string))
		}
		same(t, "the secrets of a "+name, strings.Join(secrets, " "), want[name])
		for _, v := range r.list("ContainerDefinitions", 0, "Environment") {
			if variable := walk(v, "Name").(string); strings.Contains(variable, "TOKEN") || strings.Contains(w.say(walk(v, "Value")), "resolve:") {
				t.Errorf("%s carries %s in the open", name, variable)
			}
		}
	}
}
