package preflight

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
)

// trouble tells apart why AWS did not answer a question. What AWS or the SDK wrote is never shown: it names requests and machines,
// and says nothing of what to do.
func (c *Checker) trouble(name, action string, err error) Finding {
	f := Finding{Name: name, Verdict: Unclear}
	code := codeOf(err)
	var timeout interface{ Timeout() bool }
	var wire net.Error
	switch {
	case code != "" && rejected(code):
		f.Detail, f.Next = "AWS does not take these credentials: "+code+".", signIn
	case denied(code):
		f.Detail = "These credentials may not ask (" + action + ")."
		f.Next = "allow " + action + " to whoever deploys, or look in the console"
	case throttled(err):
		f.Detail, f.Next = "AWS is busy and put the question off ("+action+").", "in a minute: "+c.again()
	case errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout():
		f.Detail, f.Next = fmt.Sprintf("AWS gave no answer within %s (%s).", c.plan.Bound, action), "in a minute: "+c.again()
	case code == "" && errors.As(err, &wire):
		f.Detail = "AWS cannot be reached from here (" + action + ")."
		f.Next = "check the network, the proxy (HTTPS_PROXY) and the region " + c.region + "; then " + c.again()
	case code != "":
		f.Detail, f.Next = "AWS refused the question ("+action+"): "+code+".", c.again()
	default:
		f.Detail, f.Next = "The answer could not be understood ("+action+").", c.again()
	}
	return f
}

func codeOf(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// rejected knows the codes that say something of the credentials, whatever the question.
func rejected(code string) bool {
	switch code {
	case "ExpiredToken", "ExpiredTokenException", "RequestExpired", "InvalidClientTokenId", "UnrecognizedClientException",
		"InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidSignatureException", "MissingAuthenticationToken", "AuthFailure":
		return true
	}
	return false
}

func denied(code string) bool {
	switch code {
	case "AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "UnauthorizedException", "NotAuthorized":
		return true
	}
	return false
}

func throttled(err error) bool {
	return retry.ThrottleErrorCode{Codes: retry.DefaultThrottleErrorCodes}.IsErrorThrottle(err) == aws.TrueTernary ||
		codeOf(err) == "TooManyRequestsException"
}
