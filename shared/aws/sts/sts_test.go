package sts_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssts "github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/orcray/orcray/shared/aws/awsclient"
	"github.com/orcray/orcray/shared/aws/faulttest"
	"github.com/orcray/orcray/shared/aws/mototest"
	"github.com/orcray/orcray/shared/aws/sts"
	"github.com/orcray/orcray/shared/fault"
	port "github.com/orcray/orcray/shared/object"
)

var moto mototest.Server

func TestMain(m *testing.M) { os.Exit(mototest.Main(m, &moto)) }

const (
	role    = "arn:aws:iam::123456789012:role/orcray-run"
	session = "u/ann/s/1/"
	source  = session + "src/data"
	output  = session + "01JOB/a2/"
)

func granterOf(config aws.Config) *sts.Granter {
	return sts.NewGranter(awssts.NewFromConfig(config), role, "orcray-data", "eu-central-1", time.Now)
}

// asked is what STS was asked for, most recent last; refuse makes the first requests answer that the packed policy is too large.
type asked struct {
	forms  []url.Values
	refuse int
}

func (a *asked) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	raw, _ := io.ReadAll(r.Body)
	form, _ := url.ParseQuery(string(raw))
	a.forms = append(a.forms, form)
	w.Header().Set("Content-Type", "text/xml")
	if len(a.forms) <= a.refuse {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `<ErrorResponse><Error><Type>Sender</Type><Code>PackedPolicyTooLarge</Code><Message>x</Message></Error></ErrorResponse>`)
		return
	}
	_, _ = io.WriteString(w, `<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIA1</AccessKeyId><SecretAccessKey>s</SecretAccessKey>`+
		`<SessionToken>t</SessionToken><Expiration>2040-01-02T03:04:05Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`)
}

// policyOf grants at a server that shows what it was asked.
func policyOf(t *testing.T, scope port.Scope, refuse int) (*rights, *asked, error) {
	t.Helper()
	a := &asked{refuse: refuse}
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	config, err := awsclient.Config(mototest.Region, awsclient.Options{Endpoint: server.URL, Credentials: mototest.Keys()})
	if err != nil {
		t.Fatal(err)
	}
	c, err := granterOf(config).Grant(t.Context(), scope, time.Hour)
	if err != nil {
		return nil, a, err
	}
	if c.AccessKeyID != "ASIA1" || c.SecretAccessKey != "s" || c.SessionToken != "t" || c.Region != "eu-central-1" || c.Bucket != "orcray-data" ||
		c.Expires.IsZero() || c.Endpoint != "" {
		t.Errorf("credentials are incomplete: region %s, bucket %s", c.Region, c.Bucket)
	}
	return read(t, a.forms[len(a.forms)-1].Get("Policy")), a, nil
}

func TestN7_STSPolicyIsExactlyTheScope(t *testing.T) {
	t.Parallel()
	r, a, err := policyOf(t, port.Scope{Read: []string{source, session + "odd*key?$"}, Write: output}, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{source, session + "odd*key?$", output + "x", output + "deep/er/part-0.parquet", strings.TrimSuffix(output, "/")} {
		if !r.get(key) {
			t.Errorf("the run cannot read %s", key)
		}
	}
	for _, key := range []string{output + "x", output + "deep/er/part-0.parquet", strings.TrimSuffix(output, "/")} {
		if !r.put(key) || !r.allows("s3:AbortMultipartUpload", object(key), "") {
			t.Errorf("the run cannot write %s", key)
		}
	}
	for _, key := range []string{
		source + "2", source + "/x", session + "src/dat", session, "u/bob/s/1/src/data", session + "oddXkeyY$", session + "01JOB/a1/x",
		session + "01JOB/a2-evil/x", "", "x",
	} {
		if r.get(key) || r.put(key) {
			t.Errorf("the run reaches %q", key)
		}
	}
	if r.put(source) {
		t.Error("the run overwrites its source")
	}
	for _, action := range []string{"s3:DeleteObject", "s3:PutObjectAcl", "s3:GetObjectAcl", "s3:GetObjectVersion", "s3:DeleteObjectVersion"} {
		for _, key := range []string{source, output + "x"} {
			if r.allows(action, object(key), "") {
				t.Errorf("the run may %s on %s", action, key)
			}
		}
	}
	for _, action := range []string{"s3:DeleteBucket", "s3:PutBucketPolicy", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads", "s3:GetBucketPolicy"} {
		if r.allows(action, "arn:aws:s3:::orcray-data", "") {
			t.Errorf("the run may %s", action)
		}
	}
	if !r.list(output) || !r.list(output+"deep/") {
		t.Error("the run cannot list its output")
	}
	for _, prefix := range []string{"", "u/", session, session + "src/", session + "01JOB/a2", session + "01JOB/a2-evil/", "u/bob/"} {
		if r.list(prefix) {
			t.Errorf("the run lists %q", prefix)
		}
	}
	form := a.forms[0]
	if form.Get("RoleArn") != role || form.Get("DurationSeconds") != "3600" || form.Get("RoleSessionName") != "run-01JOB-a2" {
		t.Errorf("asked %v", form)
	}
}

func TestN7_STSEmptyScopeMayNothing(t *testing.T) {
	t.Parallel()
	r, _, err := policyOf(t, port.Scope{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if r.get(source) || r.put("x") || r.list("") || r.allows("sts:AssumeRole", role, "") {
		t.Error("an empty scope allows something")
	}
}

func keys(n int, form string) []string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf(form, i))
	}
	return all
}

// TestN7_STSManyKeysStayInTheSession: what does not fit is widened step by step, and never beyond the session.
func TestN7_STSManyKeysStayInTheSession(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		read         []string
		refuse       int
		own, session bool // whether the neighbour in the folder, and elsewhere in the session, can be read
	}{
		"few keys":          {keys(3, session+"src/part-%03d"), 0, false, false},
		"few, packed large": {keys(3, session+"src/part-%03d"), 1, true, false},
		"one folder":        {keys(300, session+"src/part-%03d"), 0, true, false},
		"a folder each":     {keys(300, session+"src%03d/data"), 0, true, true},
		"refused twice":     {keys(3, session+"src/part-%03d"), 2, true, true},
	} {
		r, _, err := policyOf(t, port.Scope{Read: c.read, Write: output}, c.refuse)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, key := range c.read {
			if !r.get(key) {
				t.Fatalf("%s: the run cannot read %s", name, key)
			}
		}
		folder := c.read[0][:strings.LastIndex(c.read[0], "/")+1]
		if r.get(folder+"neighbour") != c.own || r.get(session+"other/data") != c.session {
			t.Errorf("%s: neighbour %v, session %v", name, r.get(folder+"neighbour"), r.get(session+"other/data"))
		}
		if r.get("u/ann/s/11/src/data") || r.get("u/ann/s/2/src/data") || r.get("u/bob/s/1/src/data") || r.put(c.read[0]) || r.put(session+"x") {
			t.Errorf("%s: the run reaches beyond its session", name)
		}
	}
	for name, c := range map[string]struct {
		read   []string
		refuse int
	}{
		"keys of two sessions": {append(keys(150, "u/ann/s/1/src%03d/data"), keys(150, "u/ann/s/2/src%03d/data")...), 0},
		"keys of no session":   {keys(300, "catalogue/table/part-%03d"), 0},
		"refused for ever":     {keys(3, session+"src/part-%03d"), 9},
	} {
		if _, _, err := policyOf(t, port.Scope{Read: c.read, Write: output}, c.refuse); !fault.Is(err, fault.TooLarge) {
			t.Errorf("%s: %v, want too_large", name, err)
		}
	}
}

func TestA6_STSGrantsOnTheWire(t *testing.T) {
	g := granterOf(moto.Config(t, awsclient.Options{}))
	began := time.Now()
	c, err := g.Grant(t.Context(), port.Scope{Read: []string{source}, Write: output}, 30*time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	life := c.Expires.Sub(began)
	if !strings.HasPrefix(c.AccessKeyID, "ASIA") || c.SessionToken == "" || life < 29*time.Minute || life > 31*time.Minute {
		t.Errorf("credentials of %s last %s", c.AccessKeyID, life)
	}
	for name, scope := range map[string]port.Scope{
		"prefix without slash": {Write: "u/ann/s/1/out"}, "prefix from the root": {Write: "/"}, "empty key": {Read: []string{""}},
		"odd letters": {Read: []string{session + "日本"}},
	} {
		if _, err := g.Grant(t.Context(), scope, time.Hour); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v, want invalid", name, err)
		}
	}
	for _, ttl := range []time.Duration{0, -time.Second, 61 * time.Minute} {
		if _, err := g.Grant(t.Context(), port.Scope{}, ttl); !fault.Is(err, fault.Invalid) {
			t.Errorf("life of %s: %v, want invalid", ttl, err)
		}
	}
}

func TestN7_STSSessionNameIsAName(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)
	for _, write := range []string{"", "u/ann/s/1/out/run-1/", "x/", "u/a b/ä/", "u/ann/s/1/" + strings.Repeat("x", 200) + "/a1/"} {
		_, a, err := policyOf(t, port.Scope{Write: write}, 0)
		if err != nil || !form.MatchString(a.forms[0].Get("RoleSessionName")) {
			t.Errorf("%q is named %q (%v)", write, a.forms, err)
		}
	}
}

func TestA6_STSCallsEndTyped(t *testing.T) {
	faulttest.Ends(t, func(config aws.Config) map[string]func(context.Context) error {
		g := granterOf(config)
		return map[string]func(context.Context) error{
			"grant": func(ctx context.Context) error {
				_, err := g.Grant(ctx, port.Scope{Write: output}, time.Hour)
				return err
			},
		}
	})
}

func TestA6_STSUnderFaults(t *testing.T) {
	options := faulttest.Patient()
	options.HTTP = faulttest.New(http.DefaultClient, faulttest.Sometimes(3, 0.1, faulttest.All()...))
	g := granterOf(moto.Config(t, options))
	for range 60 {
		if c, err := g.Grant(t.Context(), port.Scope{Write: output}, time.Hour); err != nil || c.SessionToken == "" {
			t.Fatal(err)
		}
	}
}
