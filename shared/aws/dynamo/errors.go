package dynamo

import (
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"github.com/orcray/orcray/shared/aws/awsclient"
	"github.com/orcray/orcray/shared/fault"
)

// retryBusy is what a caller is told to wait when DynamoDB is too busy.
const retryBusy = time.Second

// conflictIn tells whether a condition did not hold, and which write's: the first one's, when several did not.
func conflictIn(err error) (int, bool) {
	var single *types.ConditionalCheckFailedException
	if errors.As(err, &single) {
		return 0, true
	}
	var cancelled *types.TransactionCanceledException
	if errors.As(err, &cancelled) {
		for i, reason := range cancelled.CancellationReasons {
			if aws.ToString(reason.Code) == "ConditionalCheckFailed" {
				return i, true
			}
		}
	}
	return 0, false
}

// turnedAway tells whether DynamoDB refused for now, and surely did nothing.
func turnedAway(err error) bool {
	for _, code := range codes(err) {
		switch code {
		case "TransactionConflict", "TransactionConflictException", "TransactionInProgressException":
			return true
		}
		if busy(code) {
			return true
		}
	}
	return false
}

// exhausted tells whether the SDK has repeated the call already as often as it should be.
func exhausted(err error) bool {
	var most *retry.MaxAttemptsError
	return errors.As(err, &most)
}

func busy(code string) bool {
	switch code {
	case "ThrottlingException", "ProvisionedThroughputExceededException", "RequestLimitExceeded", "ThrottlingError",
		"ProvisionedThroughputExceeded":
		return true
	}
	return false
}

// codes are the error's own code, and those of a cancelled transaction's parts.
func codes(err error) []string {
	var found []string
	var api smithy.APIError
	if errors.As(err, &api) {
		found = append(found, api.ErrorCode())
	}
	var cancelled *types.TransactionCanceledException
	if errors.As(err, &cancelled) {
		for _, reason := range cancelled.CancellationReasons {
			found = append(found, aws.ToString(reason.Code))
		}
	}
	return found
}

// failed gives an error of the SDK its code. What has none, a timeout or a broken connection, leaves the outcome unknown.
func failed(err error) error {
	const cannotHold, tooMuch = "The store cannot hold this.", "The store cannot hold this much under one key."
	meanings := map[string]awsclient.Meaning{
		"ValidationException":                      {Code: fault.Invalid, Message: cannotHold},
		"ValidationError":                          {Code: fault.Invalid, Message: cannotHold},
		"ItemCollectionSizeLimitExceededException": {Code: fault.TooLarge, Message: tooMuch},
		"ItemCollectionSizeLimitExceeded":          {Code: fault.TooLarge, Message: tooMuch},
		"ResourceNotFoundException":                {Code: fault.Internal, Message: "The store is not set up."},
	}
	for _, code := range codes(err) { // of a cancelled transaction, what its parts say
		if meaning, known := meanings[code]; known {
			return fault.Wrap(err, meaning.Code, "%s", meaning.Message)
		}
		if busy(code) {
			return &fault.Error{Code: fault.Throttled, Message: "The store is busy. Try again shortly.", RetryAfter: retryBusy, Err: err}
		}
	}
	contended := awsclient.Meaning{Code: fault.Unavailable, Message: "The store does not answer at the moment. Try again shortly."}
	return awsclient.Service{Part: "The store", Meanings: map[string]awsclient.Meaning{
		"TransactionCanceledException": contended, "TransactionConflictException": contended, "TransactionInProgressException": contended,
	}}.Failed(err)
}
