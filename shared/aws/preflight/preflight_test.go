package preflight_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/orcray/orcray/shared/aws/preflight"
)

func TestA12_AnAccountThatLacksNothing(t *testing.T) {
	t.Parallel()
	found := newDouble(t).run(t, plan())
	for _, name := range []string{"region", "credentials", "account", "cdk bootstrap", "stacks", "image", "quota fargate", "quota lambda", "model"} {
		if f, ok := found[name]; !ok || f.Verdict != preflight.OK {
			t.Errorf("%s: %+v", name, f)
		}
	}
	if len(found) != 9 {
		t.Errorf("%d findings: %+v", len(found), found)
	}
}

// Each thing that can be missing has its sentence, and the command that mends it.
func TestA12_EachMissingThingIsNamedWithWhatToDo(t *testing.T) {
	t.Parallel()
	pinned := plan()
	pinned.Account = "444455556666"
	for name, c := range map[string]struct {
		action    string
		answer    answer
		finding   string
		says, cmd string
		plan      preflight.Plan
	}{
		"account":         {"", answer{}, "account", "111122223333, and dev is pinned to 444455556666", "AWS_PROFILE", pinned},
		"bootstrap":       {"cloudformation DescribeStacks CDKToolkit", noStack("CDKToolkit"), "cdk bootstrap", "never been bootstrapped in us-east-1", "cdk bootstrap aws://111122223333/us-east-1", plan()},
		"old bootstrap":   {"cloudformation DescribeStacks CDKToolkit", stack("CDKToolkit", "UPDATE_COMPLETE", "9"), "cdk bootstrap", "version 9", "cdk bootstrap aws://111122223333/us-east-1", plan()},
		"failed first":    {"cloudformation DescribeStacks orcray-dev-app", stack("orcray-dev-app", "ROLLBACK_COMPLETE", ""), "orcray-dev-app", "holds nothing", "aws cloudformation delete-stack --stack-name orcray-dev-app", plan()},
		"failed rollback": {"cloudformation DescribeStacks orcray-dev-data", stack("orcray-dev-data", "UPDATE_ROLLBACK_FAILED", ""), "orcray-dev-data", "so did the way back", "continue-update-rollback", plan()},
		"somebody else":   {"cloudformation DescribeStacks orcray-dev-data", stack("orcray-dev-data", "UPDATE_IN_PROGRESS", ""), "orcray-dev-data", "at this moment", "describe-stacks", plan()},
		"being removed":   {"cloudformation DescribeStacks orcray-dev-data", stack("orcray-dev-data", "DELETE_FAILED", ""), "orcray-dev-data", "not be removed whole", "delete-stack", plan()},
		"never begun":     {"cloudformation DescribeStacks orcray-dev-data", stack("orcray-dev-data", "REVIEW_IN_PROGRESS", ""), "orcray-dev-data", "never begun", "delete-stack", plan()},
		"a taken name":    {"cloudformation DescribeStacks orcray-dev-data", noStack("orcray-dev-data"), "image", "without its stack orcray-dev-data", "cdk import", plan()},
		"fargate":         {"servicequotas GetServiceQuota L-3032A538", answer{status: 200, body: `{"Quota":{"Value":6}}`}, "quota fargate", "6 vCPUs of tasks on demand are allowed; dev can need 30", "--quota-code L-3032A538 --desired-value 30", plan()},
		"lambda":          {"servicequotas GetServiceQuota L-B99A9384", answer{status: 200, body: `{"Quota":{"Value":10}}`}, "quota lambda", "10 invocations at once", "--desired-value 100", plan()},
		"no access":       {"bedrock converse", jsonError(403, "AccessDeniedException", "You don't have access to the model with the specified model ID."), "model", "no access to us.some.model-v1:0", "Model access", plan()},
		"no right":        {"bedrock converse", jsonError(403, "AccessDeniedException", "User: x is not authorized to perform: bedrock:InvokeModel"), "model", "may not ask", "bedrock:InvokeModel", plan()},
		"no form":         {"bedrock converse", jsonError(404, "ResourceNotFoundException", "Model use case details have not been submitted for this account."), "model", "form", "Model access", plan()},
		"other region":    {"bedrock converse", jsonError(400, "ValidationException", "The provided model identifier is invalid."), "model", "cannot be asked in us-east-1", "MODELS=", plan()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, ok := newDouble(t).on(c.action, c.answer).run(t, c.plan)[c.finding]
			if !ok || f.Verdict != preflight.Missing || !strings.Contains(f.Detail, c.says) || !strings.Contains(f.Next, c.cmd) {
				t.Errorf("%+v", f)
			}
		})
	}
}

// Every kind of failure of every question is told apart; none of them is a reason to stop what may work.
func TestA12_EachFailureOfAWSIsToldApart(t *testing.T) {
	t.Parallel()
	questions := map[string]string{"cloudformation DescribeStacks CDKToolkit": "cdk bootstrap", "cloudformation DescribeStacks orcray-dev-app": "stacks",
		"ecr DescribeImages": "image", "servicequotas GetServiceQuota L-3032A538": "quota fargate", "bedrock converse": "model"}
	for question, finding := range questions {
		refusal := func(status int, code string) answer {
			if strings.HasPrefix(question, "cloudformation") {
				return xmlError(status, code, "no")
			}
			return jsonError(status, code, "no")
		}
		failures := map[string]answer{"busy": refusal(400, "ThrottlingException"), "no answer within": {wait: true}, "refused the question": refusal(500, "InternalFailure"),
			"could not be understood": {status: 502, body: "<html>bad gateway"}, "does not take these credentials": refusal(403, "ExpiredTokenException")}
		if finding != "model" { // whose denial is a finding of its own
			failures["may not ask"] = refusal(403, "AccessDeniedException")
		}
		for says, a := range failures {
			t.Run(finding+" "+says, func(t *testing.T) {
				t.Parallel()
				p := plan()
				if a.wait {
					p.Bound = 300 * time.Millisecond
				}
				f := newDouble(t).on(question, a).run(t, p)[finding]
				if f.Verdict != preflight.Unclear || !strings.Contains(f.Detail, says) {
					t.Errorf("%+v", f)
				}
			})
		}
	}
}

// Without credentials that work nothing else is asked.
func TestA12_CredentialsComeFirst(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer answer
		says   string
	}{
		"expired":   {xmlError(403, "ExpiredToken", "no"), "does not take these credentials: ExpiredToken"},
		"invalid":   {xmlError(403, "InvalidClientTokenId", "no"), "does not take these credentials"},
		"throttled": {xmlError(400, "Throttling", "no"), "busy"},
		"cut":       {answer{cut: true}, "cannot be reached"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDouble(t).on("sts GetCallerIdentity", c.answer)
			found := d.run(t, plan())
			if f := found["credentials"]; f.Verdict != preflight.Missing || !strings.Contains(f.Detail, c.says) || len(found) != 2 {
				t.Errorf("%+v", found)
			}
			if len(d.asked) != 1 {
				t.Errorf("asked %v", d.asked)
			}
		})
	}
}

func TestA12_NoRegionNoCredentialsNoNetwork(t *testing.T) {
	t.Parallel()
	d := newDouble(t)
	config := d.config()
	config.Region = ""
	if f := named(t, preflight.New(config, plan()).Run(t.Context())); len(f) != 1 || f["region"].Verdict != preflight.Missing {
		t.Errorf("no region: %+v", f)
	}
	config = d.config()
	config.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{}, errors.New("no EC2 IMDS role found, 0x00")
	})
	if f := named(t, preflight.New(config, plan()).Run(t.Context())); f["credentials"].Verdict != preflight.Missing || len(f) != 2 {
		t.Errorf("no credentials: %+v", f)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	config = d.config()
	config.BaseEndpoint = aws.String("http://" + listener.Addr().String())
	listener.Close() // nobody listens there any more
	f := named(t, preflight.New(config, plan()).Run(t.Context()))["credentials"]
	if f.Verdict != preflight.Missing || !strings.Contains(f.Detail, "cannot be reached from here") {
		t.Errorf("no network: %+v", f)
	}
	if len(d.asked) != 0 {
		t.Errorf("asked %v", d.asked)
	}
}

// An account that is new to everything is ready all the same: what a deployment makes is not missing.
func TestA12_TheFirstDeployment(t *testing.T) {
	t.Parallel()
	d := newDouble(t).on("ecr DescribeImages", jsonError(400, "RepositoryNotFoundException", "no")).
		on("cloudformation DescribeStacks orcray-dev-data", noStack("orcray-dev-data")).
		on("cloudformation DescribeStacks orcray-dev-app", noStack("orcray-dev-app")).
		on("servicequotas GetServiceQuota", jsonError(400, "NoSuchResourceException", "no")).
		on("servicequotas GetAWSDefaultServiceQuota", answer{status: 200, body: `{"Quota":{"Value":140}}`})
	found := d.run(t, plan())
	for name, says := range map[string]string{"stacks": "first deployment", "image": "no repository yet", "quota fargate": "140 vCPUs"} {
		if f := found[name]; f.Verdict != preflight.OK || !strings.Contains(f.Detail, says) {
			t.Errorf("%+v", f)
		}
	}
	d.on("ecr DescribeImages", jsonError(400, "ImageNotFoundException", "no")).on("cloudformation DescribeStacks orcray-dev-data", stack("x", "CREATE_COMPLETE", ""))
	if f := d.run(t, plan())["image"]; f.Verdict != preflight.OK || !strings.Contains(f.Detail, "not there yet") {
		t.Errorf("%+v", f)
	}
}
