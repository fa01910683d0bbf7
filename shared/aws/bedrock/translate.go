package bedrock

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/orcray/orcray/shared/fault"
)

// translate maps what Bedrock reports to the contract of codegen.Model. Errors that Bedrock did not name stay as they are:
// the connection broke, or the wait ended.
func translate(err error, model string) error {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return err
	}
	code, message := meaning(api.ErrorCode(), model)
	return &fault.Error{Code: code, Message: message, RetryAfter: retryAfter(err), Err: err}
}

func meaning(name, model string) (fault.Code, string) {
	switch name {
	case "ThrottlingException", "TooManyRequestsException", "ModelNotReadyException":
		return fault.Throttled, "The model is busy. Try again in a moment."
	case "ServiceQuotaExceededException":
		return fault.Throttled, "The account's quota for this model is used up for now. Try again later, or choose another model."
	case "ModelTimeoutException", "RequestTimeout", "RequestTimeoutException":
		return fault.Timeout, "The model did not answer in time. Try again, or choose another model."
	case "AccessDeniedException", "UnrecognizedClientException", "InvalidSignatureException", "ExpiredTokenException",
		"ExpiredToken", "IncompleteSignature", "MissingAuthenticationTokenException":
		return fault.Forbidden, fmt.Sprintf("This deployment has no access to the model %.64q. Ask your operator to enable it in Amazon Bedrock.", model)
	case "ResourceNotFoundException":
		return fault.NotFound, fmt.Sprintf("Amazon Bedrock does not offer the model %.64q here. Choose another one.", model)
	case "ValidationException", "SerializationException", "ConflictException":
		return fault.Invalid, "Amazon Bedrock does not accept the request. Ask for less at once, or choose another model."
	}
	return fault.Unavailable, "Amazon Bedrock has a problem. Try again in a moment."
}

func retryAfter(err error) time.Duration {
	const longest = time.Hour
	var resp *smithyhttp.ResponseError
	if !errors.As(err, &resp) || resp.Response == nil {
		return 0
	}
	seconds, parse := strconv.ParseFloat(resp.Response.Header.Get("Retry-After"), 64)
	if parse != nil || !(seconds > 0) {
		return 0
	}
	return time.Duration(min(seconds, longest.Seconds()) * float64(time.Second))
}

// doesNotStream recognises the refusal of a model that has no ConverseStream.
func doesNotStream(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && api.ErrorCode() == "ValidationException" &&
		strings.Contains(strings.ToLower(api.ErrorMessage()), "stream")
}
