package awsclient

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/orcray/orcray/shared/fault"
)

// retryBusy is what a caller is told to wait when a service is too busy.
const retryBusy = time.Second

// Meaning is what one error code of a service means here.
type Meaning struct {
	Code    fault.Code
	Message string
}

// Service turns the errors of one service's client into ours.
type Service struct {
	Part     string             // what people call it, such as "The queue"
	Meanings map[string]Meaning // of the service's own error codes; what is not here follows the rules of all services
}

// Failed gives an error of the SDK its code; one that has a code keeps it, nil stays nil.
func (s Service) Failed(err error) error {
	var coded *fault.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &coded):
		return coded
	}
	code, status := CodeOf(err), statusOf(err)
	if meaning, known := s.Meanings[code]; known {
		return fault.Wrap(err, meaning.Code, "%s", meaning.Message)
	}
	switch {
	case Throttled(err):
		return &fault.Error{Code: fault.Throttled, Message: s.Part + " is busy. Try again shortly.", RetryAfter: retryBusy, Err: err}
	case TimedOut(err):
		return fault.Wrap(err, fault.Timeout, "%s took too long to answer. Try again shortly.", s.Part)
	case denied(code):
		return fault.Wrap(err, fault.Internal, "%s refused the service. Its rights are not set up.", s.Part)
	case status >= 400 && status < 500:
		return fault.Wrap(err, fault.Internal, "%s refused the request.", s.Part)
	}
	return fault.Wrap(err, fault.Unavailable, "%s does not answer at the moment. Try again shortly.", s.Part)
}

// CodeOf is the service's own error code; empty when it did not answer with one.
func CodeOf(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

func statusOf(err error) int {
	var response *smithyhttp.ResponseError
	if errors.As(err, &response) && response.Response != nil {
		return response.HTTPStatusCode()
	}
	return 0
}

// Throttled reports whether the service refused because we are too fast, and surely did nothing.
func Throttled(err error) bool {
	known := retry.ThrottleErrorCode{Codes: retry.DefaultThrottleErrorCodes}.IsErrorThrottle(err) == aws.TrueTernary
	switch CodeOf(err) {
	case "ThrottlingError", "ThrottledException", "OverLimit", "KmsThrottled":
		return true
	}
	return known || statusOf(err) == http.StatusTooManyRequests
}

// TimedOut reports whether the answer did not come in time: the call may have taken effect.
func TimedOut(err error) bool {
	var slow interface{ Timeout() bool }
	var network net.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &slow) && slow.Timeout(), errors.As(err, &network) && network.Timeout():
		return true
	}
	switch CodeOf(err) {
	case "RequestTimeout", "RequestTimeoutException":
		return true
	}
	return false
}

func denied(code string) bool {
	switch code {
	case "AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "UnrecognizedClientException", "InvalidClientTokenId",
		"ExpiredToken", "ExpiredTokenException", "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidSignatureException",
		"MissingAuthenticationToken", "OptInRequired":
		return true
	}
	return false
}

// Uncertain tells whether an attempt of the call may have taken effect although its answer was lost, so that a refusal
// may speak of our own success.
func Uncertain(err error) bool {
	var u *uncertainError
	return errors.As(err, &u)
}
