package preflight_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"

	"github.com/orcray/orcray/shared/aws/preflight"
)

// answer is what the double says to one action.
type answer struct {
	status int
	body   string
	wait   bool // until the caller gives up
	cut    bool // the connection
}

// double speaks the wire protocols of the services that the checks ask. Actions without a script answer as an account does that
// lacks nothing.
type double struct {
	*httptest.Server
	mu     sync.Mutex
	script map[string]answer // "service action" or "service action name"
	asked  []string
}

func newDouble(t *testing.T) *double {
	d := &double{script: map[string]answer{}}
	d.Server = httptest.NewServer(http.HandlerFunc(d.serve))
	t.Cleanup(d.Close)
	return d
}

func (d *double) on(action string, a answer) *double {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.script[action] = a
	return d
}

var scope = regexp.MustCompile(`Credential=[^/]+/\d+/[^/]+/([a-z-]+)/aws4_request`)

func (d *double) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	m := scope.FindStringSubmatch(r.Header.Get("Authorization"))
	if m == nil {
		http.Error(w, "unsigned", http.StatusForbidden)
		return
	}
	action, subject := actionOf(r, body)
	d.mu.Lock()
	d.asked = append(d.asked, m[1]+" "+action)
	a, ok := d.script[m[1]+" "+action+" "+subject]
	if !ok {
		a, ok = d.script[m[1]+" "+action]
	}
	d.mu.Unlock()
	if !ok {
		a = usual(m[1]+" "+action, subject)
	}
	switch {
	case a.wait:
		<-r.Context().Done()
	case a.cut:
		panic(http.ErrAbortHandler)
	}
	if strings.HasPrefix(a.body, "{") {
		w.Header().Set("Content-Type", "application/json")
		if code := regexp.MustCompile(`"__type":"(\w+)"`).FindStringSubmatch(a.body); code != nil {
			w.Header().Set("X-Amzn-ErrorType", code[1])
		}
	}
	w.WriteHeader(a.status)
	_, _ = io.WriteString(w, a.body)
}

// actionOf reads the three protocols: query, JSON and REST.
func actionOf(r *http.Request, body []byte) (action, subject string) {
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		code := regexp.MustCompile(`"QuotaCode":"([^"]+)"`).FindSubmatch(body)
		if code != nil {
			subject = string(code[1])
		}
		return target[strings.LastIndex(target, ".")+1:], subject
	}
	if form, err := url.ParseQuery(string(body)); err == nil && form.Get("Action") != "" {
		return form.Get("Action"), form.Get("StackName")
	}
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	return parts[len(parts)-1], ""
}

func usual(action, subject string) answer {
	switch action {
	case "sts GetCallerIdentity":
		return answer{status: 200, body: `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>` +
			`<Arn>arn:aws:iam::111122223333:user/deployer</Arn><UserId>U</UserId><Account>111122223333</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`}
	case "cloudformation DescribeStacks":
		if subject == "CDKToolkit" {
			return stack(subject, "CREATE_COMPLETE", "30")
		}
		return stack(subject, "UPDATE_COMPLETE", "")
	case "ecr DescribeImages":
		return answer{status: 200, body: `{"imageDetails":[{"imageDigest":"sha256:00","imageTags":["t1"]}]}`}
	case "servicequotas GetServiceQuota":
		return answer{status: 200, body: `{"Quota":{"Value":1000}}`}
	case "bedrock converse":
		return answer{status: 200, body: `{"output":{"message":{"role":"assistant","content":[{"text":"Y"}]}},"stopReason":"max_tokens","usage":{"inputTokens":9,"outputTokens":1,"totalTokens":10},"metrics":{"latencyMs":5}}`}
	}
	return answer{status: 500, body: "no script for " + action}
}

func stack(name, status, version string) answer {
	return answer{status: 200, body: fmt.Sprintf(`<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><DescribeStacksResult><Stacks><member>`+
		`<StackName>%s</StackName><CreationTime>2026-11-01T00:00:00Z</CreationTime><StackStatus>%s</StackStatus><Outputs><member><OutputKey>BootstrapVersion</OutputKey>`+
		`<OutputValue>%s</OutputValue></member></Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>`, name, status, version)}
}

// refusals in the two spellings of AWS.
func xmlError(status int, code, message string) answer {
	return answer{status: status, body: `<ErrorResponse><Error><Type>Sender</Type><Code>` + code + `</Code><Message>` + message + `</Message></Error><RequestId>r</RequestId></ErrorResponse>`}
}

func jsonError(status int, code, message string) answer {
	return answer{status: status, body: fmt.Sprintf(`{"__type":"%s","message":"%s"}`, code, message)}
}

func noStack(name string) answer {
	return xmlError(400, "ValidationError", "Stack with id "+name+" does not exist")
}

// plan of dev, as the deployment's own.
func plan() preflight.Plan {
	return preflight.Plan{Env: "dev", Stacks: []string{"orcray-dev-data", "orcray-dev-app"}, Data: "orcray-dev-data", Images: "orcray-dev-ray", Tag: "t1",
		Models: []string{"us.some.model-v1:0"}, VCPUs: 30, Lambdas: 100, Bound: 5 * time.Second}
}

func (d *double) config() aws.Config {
	return aws.Config{Region: "us-east-1", BaseEndpoint: aws.String(d.URL), Credentials: keys("testing"),
		Retryer: func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts = 1 })
		}}
}

func keys(id string) aws.CredentialsProvider {
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: id, SecretAccessKey: "secret"}, nil
	})
}

func (d *double) run(t *testing.T, p preflight.Plan) map[string]preflight.Finding {
	t.Helper()
	return named(t, preflight.New(d.config(), p).Run(t.Context()))
}

// named checks what every finding must be, and gives them by name.
func named(t *testing.T, found []preflight.Finding) map[string]preflight.Finding {
	t.Helper()
	all := map[string]preflight.Finding{}
	for _, f := range found {
		if _, twice := all[f.Name]; twice {
			t.Errorf("%s is reported twice", f.Name)
		}
		all[f.Name] = f
		if !strings.HasSuffix(f.Detail, ".") || len(f.Detail) > 300 {
			t.Errorf("%s: not a sentence: %q", f.Name, f.Detail)
		}
		if (f.Verdict == preflight.OK) != (f.Next == "") {
			t.Errorf("%s is %s, and what comes next is %q", f.Name, f.Verdict, f.Next)
		}
		for _, leak := range []string{"RequestID", "operation error", "goroutine", "127.0.0.1", "0x", "secret"} {
			if strings.Contains(f.Detail+f.Next, leak) {
				t.Errorf("%s lets out %q: %+v", f.Name, leak, f)
			}
		}
	}
	return all
}
