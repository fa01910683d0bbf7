// Package gateway stands between API Gateway and the HTTP handler: it makes requests of events and answers of what the handler
// writes, buffered for the HTTP API and streaming for the REST API.
package gateway

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"

	"github.com/aws/aws-lambda-go/events"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/telemetry"
)

// parts is what both kinds of events say of a request.
type parts struct {
	method, path, query, host, source string
	header                            http.Header
	body                              string
	encoded                           bool // the body is base64
}

// ofHTTP reads an event of an HTTP API, payload format 2.0.
func ofHTTP(e events.APIGatewayV2HTTPRequest) parts {
	p := parts{method: e.RequestContext.HTTP.Method, path: e.RawPath, query: e.RawQueryString, host: e.RequestContext.DomainName,
		source: e.RequestContext.HTTP.SourceIP, header: http.Header{}, body: e.Body, encoded: e.IsBase64Encoded}
	for name, value := range e.Headers {
		p.header.Set(name, value) // several of one name come joined by commas
	}
	if len(e.Cookies) > 0 {
		p.header.Set("Cookie", strings.Join(e.Cookies, "; "))
	}
	p.path = withoutStage(p.path, e.RequestContext.Stage)
	return p
}

// withoutStage cuts a named stage off; the stage $default has no place in paths.
func withoutStage(path, stage string) string {
	rest, found := strings.CutPrefix(path, "/"+stage)
	if stage == "" || stage == "$default" || !found || (rest != "" && rest[0] != '/') {
		return path
	}
	return "/" + strings.TrimPrefix(rest, "/")
}

// ofREST reads an event of a REST API's proxy integration. Its query comes decoded.
func ofREST(e events.APIGatewayProxyRequest) parts {
	p := parts{method: e.HTTPMethod, path: e.Path, host: e.RequestContext.DomainName, source: e.RequestContext.Identity.SourceIP,
		header: http.Header{}, body: e.Body, encoded: e.IsBase64Encoded}
	for name, value := range e.Headers {
		p.header.Set(name, value)
	}
	for name, values := range e.MultiValueHeaders {
		p.header[textproto.CanonicalMIMEHeaderKey(name)] = values
	}
	query := url.Values{}
	for name, value := range e.QueryStringParameters {
		query.Set(name, value)
	}
	for name, values := range e.MultiValueQueryStringParameters {
		query[name] = values
	}
	p.query = query.Encode()
	return p
}

// request makes the request that net/http would have made.
func (p parts) request(ctx context.Context) (*http.Request, error) {
	if p.method == "" || !strings.HasPrefix(p.path, "/") {
		return nil, fault.New(fault.Invalid, "the event is not a request of API Gateway")
	}
	body := p.body
	if p.encoded {
		raw, err := base64.StdEncoding.DecodeString(body)
		if err != nil {
			return nil, fault.Wrap(err, fault.Invalid, "the event's body is not base64")
		}
		body = string(raw)
	}
	r, err := http.NewRequestWithContext(ctx, p.method, "/", strings.NewReader(body))
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "the event is not a request of API Gateway")
	}
	r.URL = address(p.path, p.query)
	r.RequestURI = r.URL.RequestURI()
	r.Header, r.RemoteAddr, r.Host = p.header, p.source+":0", p.host
	if host := p.header.Get("Host"); host != "" {
		r.Host = host
	}
	p.header.Del("Host")
	if trace := telemetry.TraceOf(ctx); trace.Valid() && p.header.Get("Traceparent") == "" {
		p.header.Set("Traceparent", trace.String())
	}
	return r, nil
}

// address takes a path as the client wrote it; one that is no such thing is taken as it is, for the router to refuse.
func address(path, query string) *url.URL {
	u := &url.URL{Path: path, RawQuery: query}
	if plain, err := url.PathUnescape(path); err == nil {
		u.Path, u.RawPath = plain, path
	}
	return u
}
