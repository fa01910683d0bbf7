package faulttest

import (
	"io"
	"net/http"
	"strings"
)

// shape is an answer as a service writes it.
type shape struct {
	status int
	kind   string
	body   string
	header map[string]string
}

func refusal(r *http.Request, s shape) *http.Response {
	if r.Body != nil {
		_ = r.Body.Close()
	}
	header := http.Header{"Content-Type": {s.kind}}
	for name, value := range s.header {
		header.Set(name, value)
	}
	body := s.body
	if r.Method == http.MethodHead {
		body = ""
	}
	return &http.Response{
		Status: http.StatusText(s.status), StatusCode: s.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: header,
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), Request: r,
	}
}

// throttled is how each service says that we are too fast.
func throttled(r *http.Request) shape {
	service, _, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	switch {
	case strings.HasPrefix(service, "DynamoDB"):
		return inJSON(http.StatusBadRequest, "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException")
	case service == "AmazonSQS":
		s := inJSON(http.StatusForbidden, "com.amazonaws.sqs#RequestThrottled")
		s.header = map[string]string{"X-Amzn-Query-Error": "RequestThrottled;Sender"}
		return s
	case strings.HasPrefix(service, "AWSCognito"):
		return inJSON(http.StatusBadRequest, "TooManyRequestsException")
	case service != "":
		return inJSON(http.StatusBadRequest, "ThrottlingException")
	case r.Header.Get("Content-Type") == "application/x-www-form-urlencoded":
		return inQuery(http.StatusBadRequest, "Throttling")
	}
	return inS3(http.StatusServiceUnavailable, "SlowDown")
}

func broken(r *http.Request) shape {
	switch {
	case r.Header.Get("X-Amz-Target") != "":
		return inJSON(http.StatusInternalServerError, "InternalServerError")
	case r.Header.Get("Content-Type") == "application/x-www-form-urlencoded":
		return inQuery(http.StatusInternalServerError, "InternalFailure")
	}
	return inS3(http.StatusInternalServerError, "InternalError")
}

func inJSON(status int, code string) shape {
	return shape{status: status, kind: "application/x-amz-json-1.0", body: `{"__type":"` + code + `","message":"internal detail"}`}
}

func inQuery(status int, code string) shape {
	return shape{status: status, kind: "text/xml", body: `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>` +
		code + `</Code><Message>internal detail</Message></Error><RequestId>r</RequestId></ErrorResponse>`}
}

func inS3(status int, code string) shape {
	return shape{status: status, kind: "application/xml", body: `<?xml version="1.0"?><Error><Code>` + code +
		`</Code><Message>internal detail</Message><RequestId>r</RequestId></Error>`}
}
