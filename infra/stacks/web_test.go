package stacks_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/orcray/orcray/shared/topology"
)

// behaviour is what CloudFront does below a path.
type behaviour struct {
	path    string
	r       resource
	at      []any
	headers map[string]string
}

func behaviours(t *testing.T, w *world) []behaviour {
	t.Helper()
	r := w.of("AWS::CloudFront::Distribution")[0]
	all := []behaviour{{path: "*", at: []any{"DistributionConfig", "DefaultCacheBehavior"}}}
	for i := range r.list("DistributionConfig", "CacheBehaviors") {
		at := []any{"DistributionConfig", "CacheBehaviors", i}
		all = append(all, behaviour{path: r.text(append(at, "PathPattern")...), at: at})
	}
	for i := range all {
		all[i].r = r
		all[i].headers = headersOf(w, r.at(append(all[i].at, "ResponseHeadersPolicyId", "Ref")...))
	}
	return all
}

func (b behaviour) text(path ...any) string { return b.r.text(append(b.at, path...)...) }

// origin gives the host that answers below the path.
func (b behaviour) origin() string {
	for i := range b.r.list("DistributionConfig", "Origins") {
		if b.r.text("DistributionConfig", "Origins", i, "Id") == b.text("TargetOriginId") {
			domain := b.r.at("DistributionConfig", "Origins", i, "DomainName")
			if split := walk(domain, "Fn::Select", 1, "Fn::Split", 1); split != nil {
				domain = split
			}
			return b.r.world.say(domain)
		}
	}
	return ""
}

func headersOf(w *world, policy any) map[string]string {
	found := map[string]string{}
	for _, r := range w.of("AWS::CloudFront::ResponseHeadersPolicy") {
		if r.id != policy {
			continue
		}
		security := []any{"ResponseHeadersPolicyConfig", "SecurityHeadersConfig"}
		found["content-security-policy"] = r.text(append(security, "ContentSecurityPolicy", "ContentSecurityPolicy")...)
		found["referrer-policy"] = r.text(append(security, "ReferrerPolicy", "ReferrerPolicy")...)
		found["strict-transport-security"] = r.text(append(security, "StrictTransportSecurity", "AccessControlMaxAgeSec")...)
		if r.text(append(security, "ContentTypeOptions", "Override")...) == "true" {
			found["x-content-type-options"] = "nosniff"
		}
		for i := range r.list("ResponseHeadersPolicyConfig", "CustomHeadersConfig", "Items") {
			item := []any{"ResponseHeadersPolicyConfig", "CustomHeadersConfig", "Items", i}
			found[strings.ToLower(r.text(append(item, "Header")...))] = r.text(append(item, "Value")...)
		}
	}
	return found
}

func TestA9_OneOriginServesPageAPIEventsAndObjects(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		const page, http, live, objects = "PageBucket.RegionalDomainName", "Http.ApiEndpoint", "https://Live.execute-api.", "DataBucket.RegionalDomainName"
		want := [][2]string{{"*", page}, {"/assets/*", page}, {"/sandbox/*", page}, {"/api/v1/jobs/*/events", live}, {"/api/*", http},
			{"/.well-known/*", http}, {"/openapi.json", http}, {"/health", http}, {"/claude-models", http}, {"/ray/*", http}, {"/objects/*", objects}}
		have := behaviours(t, w)
		if len(have) != len(want) {
			t.Fatalf("there are %d paths, not %d", len(have), len(want))
		}
		for i, b := range have {
			if b.path != want[i][0] || !strings.HasPrefix(b.origin(), want[i][1]) {
				t.Errorf("path %d is %s from %s, and should be %v", i, b.path, b.origin(), want[i])
			}
			if policy := b.text("ViewerProtocolPolicy"); policy != "https-only" && policy != "redirect-to-https" {
				t.Errorf("%s is answered without TLS", b.path)
			}
		}
		events := have[3]
		same(t, "compression of live events", events.text("Compress"), "false")
		const never = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad" // CloudFront's own policy CachingDisabled
		for _, b := range have[3:] {
			same(t, "the cache of "+b.path, b.text("CachePolicyId"), never)
		}
	})
}

func TestA9_DocumentsComeWithTheirPolicies(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		want := map[string]string{"*": topology.PolicyPage, "/assets/*": topology.PolicyPage, "/sandbox/*": topology.PolicyFrame, "/objects/*": topology.PolicyData}
		for _, b := range behaviours(t, w) {
			if want[b.path] == "" {
				continue // the API sends its own
			}
			same(t, "the policy of "+b.path, b.headers["content-security-policy"], want[b.path])
			same(t, "nosniff of "+b.path, b.headers["x-content-type-options"], "nosniff")
			same(t, "the referrer of "+b.path, b.headers["referrer-policy"], "no-referrer")
			same(t, "the opener of "+b.path, b.headers["cross-origin-opener-policy"], "same-origin")
			same(t, "the readers of "+b.path, b.headers["cross-origin-resource-policy"], "same-origin")
			same(t, "TLS of "+b.path, b.headers["strict-transport-security"], 365*24*3600)
		}
	})
}

// The page's policy stands in the page's own build too, where the browser tests run under it.
func TestA9_ThePageIsTestedUnderThePolicyItIsServedWith(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "frontend", "build", "policy.ts"))
	if err != nil {
		t.Fatal(err)
	}
	var parts []string
	for _, m := range regexp.MustCompile(`"([^"]+)",`).FindAllStringSubmatch(string(text), -1) {
		parts = append(parts, m[1])
	}
	same(t, "frontend/build/policy.ts", strings.Join(parts, "; "), topology.PolicyPage)
	for _, forbidden := range []string{"unsafe-inline", "unsafe-eval", "http:", "https:", "*"} {
		if strings.Contains(topology.PolicyPage, forbidden) {
			t.Errorf("the page's policy has %s", forbidden)
		}
	}
	if !strings.HasPrefix(topology.PolicyFrame, "sandbox allow-scripts;") || strings.Contains(topology.PolicyFrame, "allow-same-origin") ||
		strings.Contains(topology.PolicyFrame, "connect-src") {
		t.Errorf("the frame's policy lets out too much: %s", topology.PolicyFrame)
	}
}

// A 404 of the API must stay one: only addresses of the page become the page's document.
func TestA9_OnlyThePageFallsBackToItsDocument(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		r := w.of("AWS::CloudFront::Distribution")[0]
		if r.at("DistributionConfig", "CustomErrorResponses") != nil {
			t.Error("errors of the API would become pages")
		}
		for _, b := range behaviours(t, w) {
			want := map[string]string{"*": "PageEdge.FunctionARN", "/objects/*": "ObjectsEdge.FunctionARN"}[b.path]
			same(t, "what runs at "+b.path, b.text("FunctionAssociations", 0, "FunctionARN"), want)
		}
	})
}

// request is what CloudFront gives a function at the edge.
type request struct {
	URI         string         `json:"uri"`
	Querystring map[string]any `json:"querystring"`
	StatusCode  int            `json:"statusCode,omitempty"`
}

// edge runs the code of a function at the edge.
func edge(t *testing.T, name string, r request) request {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("SKIPPED LOUDLY: there is no node on the PATH, so what runs at the edge was not run")
	}
	code, err := os.ReadFile(filepath.Join("edge", name))
	if err != nil {
		t.Fatal(err)
	}
	event, err := json.Marshal(map[string]any{"request": r})
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), node, "-e", string(code)+"\nconsole.log(JSON.stringify(handler("+string(event)+")))").Output()
	if err != nil {
		t.Fatal(err)
	}
	var answer request
	if err := json.Unmarshal(out, &answer); err != nil {
		t.Fatalf("%s: %v", out, err)
	}
	return answer
}

func TestA9_AddressesOfThePageAreItsDocument(t *testing.T) {
	for from, to := range map[string]string{"/": "/index.html", "/ask": "/index.html", "/ask/01J/01K": "/index.html", "/settings/": "/index.html",
		"/index.html": "/index.html", "/favicon.svg": "/favicon.svg", "/open-sans-1.woff2": "/open-sans-1.woff2"} {
		if got := edge(t, "page.js", request{URI: from}).URI; got != to {
			t.Errorf("%s becomes %s, not %s", from, got, to)
		}
	}
}

func TestA9_OnlySignedRequestsReachTheBucket(t *testing.T) {
	signed := map[string]any{"X-Amz-Signature": map[string]any{"value": "abc"}}
	if got := edge(t, "objects.js", request{URI: "/objects/u/ann/s/1/2/data.csv", Querystring: signed}); got.URI != "/u/ann/s/1/2/data.csv" || got.StatusCode != 0 {
		t.Errorf("a signed request becomes %+v", got)
	}
	if got := edge(t, "objects.js", request{URI: "/objects/u/ann/s/1/2/data.csv", Querystring: map[string]any{}}); got.StatusCode != 403 {
		t.Errorf("a request without a signature becomes %+v", got)
	}
}

// What is kept for ever must have a name that changes; the document that names it is asked for each time.
func TestA9_FilesAreKeptByTheirKind(t *testing.T) {
	w := in(t, "prod")
	have := map[string]string{}
	for _, r := range w.of("Custom::CDKBucketDeployment") {
		have[hash.ReplaceAllString(r.id, "")[:6]] = r.text("SystemMetadata", "cache-control") + " " + r.text("Prune")
	}
	same(t, "the copies", have, map[string]string{"Assets": topology.CacheAlways + " false", "Docume": topology.CacheNever + " false"})
}
