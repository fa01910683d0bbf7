package stacks

import (
	_ "embed"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudfront"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudfrontorigins"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3deployment"
	"github.com/aws/jsii-runtime-go"

	"github.com/orcray/orcray/shared/topology"
)

// What runs at the edge.
var (
	//go:embed edge/page.js
	pageCode string
	//go:embed edge/objects.js
	objectsCode string
)

// web is one origin for everything that a browser asks: the page, the API, live events, and signed objects.
type web struct {
	stack        awscdk.Stack
	bucket       awss3.Bucket
	distribution awscloudfront.Distribution
}

func newWeb(s awscdk.Stack, c Config, d *data, a *service) *web {
	w := &web{stack: s}
	w.bucket = newBucket(s, c, topology.BucketPage, d.logs, &[]*awss3.LifecycleRule{{
		NoncurrentVersionExpiration: awscdk.Duration_Days(jsii.Number(backupDays))}})
	files := awscloudfrontorigins.S3BucketOrigin_WithOriginAccessControl(w.bucket, nil)
	w.distribution = awscloudfront.NewDistribution(s, jsii.String("Distribution"), &awscloudfront.DistributionProps{
		Comment: jsii.String(c.name("web")), DefaultRootObject: jsii.String("index.html"), HttpVersion: awscloudfront.HttpVersion_HTTP2_AND_3,
		LogBucket: d.logs, LogFilePrefix: jsii.String("web/"), PriceClass: awscloudfront.PriceClass_PRICE_CLASS_100,
		DefaultBehavior: &awscloudfront.BehaviorOptions{Origin: files, Compress: jsii.Bool(true),
			ViewerProtocolPolicy: awscloudfront.ViewerProtocolPolicy_REDIRECT_TO_HTTPS, CachePolicy: awscloudfront.CachePolicy_CACHING_OPTIMIZED(),
			ResponseHeadersPolicy: w.headers(c, "page", topology.PolicyPage),
			FunctionAssociations:  w.atRequest(c, "page", pageCode)}})
	w.more(topology.PathAssets+"*", files, page(w.headers(c, "assets", topology.PolicyPage)))
	w.more(topology.PathFrame+"*", files, page(w.headers(c, "frame", topology.PolicyFrame)))
	// What is more particular comes first: CloudFront takes the first pattern that fits.
	w.more(strings.ReplaceAll(topology.PathEvents, "{job}", "*"), liveOrigin(a), through(false, nil, nil))
	api := httpOrigin(domainOf(a.http.ApiEndpoint()))
	for _, prefix := range topology.APIPrefixes() {
		w.more(pattern(prefix), api, through(true, nil, nil))
	}
	w.more(topology.PathObjects+"/*", httpOrigin(d.bucket.BucketRegionalDomainName()), w.signed(c))
	w.deploy(c)
	output(s, "Page", awscdk.Fn_Join(jsii.String(""), &[]*string{jsii.String("https://"), w.distribution.DistributionDomainName()}), "address of the page")
	return w
}

func (w *web) more(path string, origin awscloudfront.IOrigin, o *awscloudfront.AddBehaviorOptions) {
	w.distribution.AddBehavior(jsii.String(path), origin, o)
}

// pattern makes CloudFront's pattern of a prefix: a folder's is everything below it.
func pattern(prefix string) string {
	if strings.HasSuffix(prefix, "/") {
		return prefix + "*"
	}
	return prefix
}

func page(headers awscloudfront.ResponseHeadersPolicy) *awscloudfront.AddBehaviorOptions {
	return &awscloudfront.AddBehaviorOptions{Compress: jsii.Bool(true), ResponseHeadersPolicy: headers,
		ViewerProtocolPolicy: awscloudfront.ViewerProtocolPolicy_REDIRECT_TO_HTTPS, CachePolicy: awscloudfront.CachePolicy_CACHING_OPTIMIZED()}
}

// through hands requests on as they are and keeps nothing of the answers. What is compressed is held back, so live events are not.
func through(compress bool, request awscloudfront.OriginRequestPolicy, headers awscloudfront.ResponseHeadersPolicy) *awscloudfront.AddBehaviorOptions {
	o := &awscloudfront.AddBehaviorOptions{Compress: jsii.Bool(compress), AllowedMethods: awscloudfront.AllowedMethods_ALLOW_ALL(),
		ViewerProtocolPolicy: awscloudfront.ViewerProtocolPolicy_HTTPS_ONLY, CachePolicy: awscloudfront.CachePolicy_CACHING_DISABLED()}
	o.OriginRequestPolicy = awscloudfront.OriginRequestPolicy_ALL_VIEWER_EXCEPT_HOST_HEADER()
	if request != nil {
		o.OriginRequestPolicy = request
	}
	if headers != nil {
		o.ResponseHeadersPolicy = headers
	}
	return o
}

// signed are requests that carry their right in the address. Nothing else of the browser goes to the bucket: a token beside a
// signature is an error there.
func (w *web) signed(c Config) *awscloudfront.AddBehaviorOptions {
	request := awscloudfront.NewOriginRequestPolicy(w.stack, jsii.String("ObjectsRequest"), &awscloudfront.OriginRequestPolicyProps{
		OriginRequestPolicyName: jsii.String(c.name("objects")), CookieBehavior: awscloudfront.OriginRequestCookieBehavior_None(),
		HeaderBehavior:      awscloudfront.OriginRequestHeaderBehavior_AllowList(jsii.String("Content-Type"), jsii.String("If-None-Match")), // both are signed
		QueryStringBehavior: awscloudfront.OriginRequestQueryStringBehavior_All()})
	o := through(false, request, w.headers(c, "objects", topology.PolicyData))
	o.FunctionAssociations = w.atRequest(c, "objects", objectsCode)
	return o
}

func (w *web) atRequest(c Config, name, code string) *[]*awscloudfront.FunctionAssociation {
	return &[]*awscloudfront.FunctionAssociation{{EventType: awscloudfront.FunctionEventType_VIEWER_REQUEST,
		Function: awscloudfront.NewFunction(w.stack, jsii.String(title(name)+"Edge"), &awscloudfront.FunctionProps{
			FunctionName: jsii.String(c.name(name)), Runtime: awscloudfront.FunctionRuntime_JS_2_0(),
			Code: awscloudfront.FunctionCode_FromInline(jsii.String(code))})}}
}

// headers are those that the one machine sends too, and that browsers shall come by TLS only.
func (w *web) headers(c Config, name, policy string) awscloudfront.ResponseHeadersPolicy {
	yes := jsii.Bool(true)
	return awscloudfront.NewResponseHeadersPolicy(w.stack, jsii.String(title(name)+"Headers"), &awscloudfront.ResponseHeadersPolicyProps{
		ResponseHeadersPolicyName: jsii.String(c.name(name)),
		SecurityHeadersBehavior: &awscloudfront.ResponseSecurityHeadersBehavior{
			ContentSecurityPolicy:   &awscloudfront.ResponseHeadersContentSecurityPolicy{ContentSecurityPolicy: jsii.String(policy), Override: yes},
			ContentTypeOptions:      &awscloudfront.ResponseHeadersContentTypeOptions{Override: yes},
			ReferrerPolicy:          &awscloudfront.ResponseHeadersReferrerPolicy{ReferrerPolicy: awscloudfront.HeadersReferrerPolicy_NO_REFERRER, Override: yes},
			StrictTransportSecurity: &awscloudfront.ResponseHeadersStrictTransportSecurity{AccessControlMaxAge: awscdk.Duration_Days(jsii.Number(365)), IncludeSubdomains: yes, Override: yes}},
		CustomHeadersBehavior: &awscloudfront.ResponseCustomHeadersBehavior{CustomHeaders: &[]*awscloudfront.ResponseCustomHeader{
			{Header: jsii.String("Cross-Origin-Opener-Policy"), Value: jsii.String("same-origin"), Override: yes},
			{Header: jsii.String("Cross-Origin-Resource-Policy"), Value: jsii.String("same-origin"), Override: yes}}},
		RemoveHeaders: jsii.Strings("Server")})
}

func httpOrigin(domain *string) awscloudfront.IOrigin {
	return awscloudfrontorigins.NewHttpOrigin(domain, &awscloudfrontorigins.HttpOriginProps{
		ProtocolPolicy: awscloudfront.OriginProtocolPolicy_HTTPS_ONLY, ReadTimeout: awscdk.Duration_Seconds(jsii.Number(30)),
		OriginSslProtocols: &[]awscloudfront.OriginSslPolicy{awscloudfront.OriginSslPolicy_TLS_V1_2}})
}

// liveOrigin waits a minute for the next event: the stream sends a sign of life more often than that.
func liveOrigin(a *service) awscloudfront.IOrigin {
	return awscloudfrontorigins.NewHttpOrigin(domainOf(a.live.Url()), &awscloudfrontorigins.HttpOriginProps{
		OriginPath: jsii.String("/live"), ProtocolPolicy: awscloudfront.OriginProtocolPolicy_HTTPS_ONLY,
		ReadTimeout:        awscdk.Duration_Seconds(jsii.Number(60)),
		OriginSslProtocols: &[]awscloudfront.OriginSslPolicy{awscloudfront.OriginSslPolicy_TLS_V1_2}})
}

// deploy copies the built page. Files of earlier pages stay: who has one of those open still loads parts of it.
func (w *web) deploy(c Config) {
	logs := awslogs.NewLogGroup(w.stack, jsii.String("DeployLogs"), &awslogs.LogGroupProps{
		LogGroupName: jsii.String("/orcray/" + c.Env + "/deploy-page"), Retention: days(c.LogDays), RemovalPolicy: awscdk.RemovalPolicy_DESTROY})
	copied := func(name, cache string, include, exclude *[]*string) awss3deployment.BucketDeployment {
		return awss3deployment.NewBucketDeployment(w.stack, jsii.String(name), &awss3deployment.BucketDeploymentProps{
			DestinationBucket: w.bucket, Sources: &[]awss3deployment.ISource{awss3deployment.Source_Asset(jsii.String(c.Page), nil)},
			Include: include, Exclude: exclude, Prune: jsii.Bool(false), LogGroup: logs, MemoryLimit: jsii.Number(256),
			CacheControl: &[]awss3deployment.CacheControl{awss3deployment.CacheControl_FromString(jsii.String(cache))},
			Distribution: w.distribution, DistributionPaths: jsii.Strings("/*")})
	}
	inside := topology.PathAssets[1:] + "*"
	assets := copied("Assets", topology.CacheAlways, jsii.Strings(inside), jsii.Strings("*"))
	documents := copied("Documents", topology.CacheNever, nil, jsii.Strings(inside, ".vite/*"))
	documents.Node().AddDependency(assets) // a document names files that must be there
}
