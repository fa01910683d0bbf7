package stacks

import (
	"strings"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigatewayv2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigatewayv2integrations"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/jsii-runtime-go"

	"github.com/orcray/orcray/shared/topology"
)

// What one deployment takes at once; more is refused with 429 before it costs anything.
const (
	requestsPerSecond = 200
	requestsInABurst  = 400
)

// entrances are the two ways in. An HTTP API answers in one piece and within 30 s; only a REST API sends an answer while it is
// made, so live events have one of their own.
type entrances struct {
	http awsapigatewayv2.HttpApi
	live awsapigateway.RestApi
}

func (a *service) newEntrances(c Config, routes []topology.Route) {
	a.http = awsapigatewayv2.NewHttpApi(a.stack, jsii.String("Http"), &awsapigatewayv2.HttpApiProps{ApiName: jsii.String(c.name("http")),
		CreateDefaultStage: jsii.Bool(false)})
	a.live = awsapigateway.NewRestApi(a.stack, jsii.String("Live"), &awsapigateway.RestApiProps{RestApiName: jsii.String(c.name("live")),
		EndpointTypes:  &[]awsapigateway.EndpointType{awsapigateway.EndpointType_REGIONAL},
		CloudWatchRole: jsii.Bool(false), // it belongs to the whole account
		DeployOptions: &awsapigateway.StageOptions{StageName: jsii.String("live"), TracingEnabled: jsii.Bool(true),
			ThrottlingRateLimit: jsii.Number(requestsPerSecond), ThrottlingBurstLimit: jsii.Number(requestsInABurst)}})
	for _, r := range routes {
		if r.Streams {
			a.liveRoute(r)
		} else {
			a.httpRoute(r)
		}
	}
	a.httpStage(c)
	output(a.stack, "Api", a.http.ApiEndpoint(), "address of the API itself, which also has the short paths")
}

func (a *service) httpRoute(r topology.Route) {
	id := title(r.Function)
	a.http.AddRoutes(&awsapigatewayv2.AddRoutesOptions{Path: jsii.String(r.Path),
		Methods: &[]awsapigatewayv2.HttpMethod{awsapigatewayv2.HttpMethod(r.Method)},
		Integration: awsapigatewayv2integrations.NewHttpLambdaIntegration(jsii.String(id), a.functions[r.Function],
			&awsapigatewayv2integrations.HttpLambdaIntegrationProps{PayloadFormatVersion: awsapigatewayv2.PayloadFormatVersion_VERSION_2_0()})})
}

// liveRoute lets the function speak for as long as it lives.
func (a *service) liveRoute(r topology.Route) {
	resource := a.live.Root().ResourceForPath(jsii.String(r.Path))
	resource.AddMethod(jsii.String(r.Method), awsapigateway.NewLambdaIntegration(a.functions[r.Function], &awsapigateway.LambdaIntegrationOptions{
		ResponseTransferMode: awsapigateway.ResponseTransferMode_STREAM, Timeout: seconds(a.timeout(r.Function)), AllowTestInvoke: jsii.Bool(false)}),
		&awsapigateway.MethodOptions{AuthorizationType: awsapigateway.AuthorizationType_NONE})
}

func (a *service) timeout(function string) time.Duration {
	for _, f := range topology.Orcray().Functions {
		if f.Name == function {
			return f.Timeout
		}
	}
	panic("a route leads to the function " + function + ", which the topology does not have")
}

// httpStage logs each request in one line. The construct has no words for that.
func (a *service) httpStage(c Config) {
	name := "/orcray/" + c.Env + "/http"
	awslogs.NewLogGroup(a.stack, jsii.String("HttpLogs"), &awslogs.LogGroupProps{LogGroupName: jsii.String(name), Retention: days(c.LogDays), RemovalPolicy: c.removal()})
	stage := awsapigatewayv2.NewHttpStage(a.stack, jsii.String("HttpStage"), &awsapigatewayv2.HttpStageProps{HttpApi: a.http,
		StageName: jsii.String("$default"), AutoDeploy: jsii.Bool(true), DetailedMetricsEnabled: jsii.Bool(true),
		Throttle: &awsapigatewayv2.ThrottleSettings{RateLimit: jsii.Number(requestsPerSecond), BurstLimit: jsii.Number(requestsInABurst)}})
	stage.Node().DefaultChild().(awsapigatewayv2.CfnStage).SetAccessLogSettings(&awsapigatewayv2.CfnStage_AccessLogSettingsProperty{
		DestinationArn: arn(a.stack, "logs", "log-group:"+name), Format: jsii.String(accessLine())})
}

// accessLine says who asked for what, and what became of it: never a body, a query or a token.
func accessLine() string {
	var fields []string
	for _, f := range []string{"requestId", "requestTime", "httpMethod", "path", "routeKey", "status", "responseLatency", "responseLength",
		"integrationErrorMessage", "identity.sourceIp"} {
		fields = append(fields, `"`+f[strings.LastIndex(f, ".")+1:]+`":"$context.`+f+`"`)
	}
	return "{" + strings.Join(fields, ",") + "}"
}

// domainOf is the host of an address such as https://host/stage.
func domainOf(address *string) *string {
	return awscdk.Fn_Select(jsii.Number(2), awscdk.Fn_Split(jsii.String("/"), address, nil))
}
