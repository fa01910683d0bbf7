package sqs

import (
	"github.com/orcray/orcray/shared/aws/awsclient"
	"github.com/orcray/orcray/shared/fault"
)

func failed(err error) error {
	return awsclient.Service{Part: "The queue of work", Meanings: map[string]awsclient.Meaning{
		"AWS.SimpleQueueService.NonExistentQueue": {Code: fault.Internal, Message: "The queue of work is not set up."},
		"QueueDoesNotExist":                       {Code: fault.Internal, Message: "The queue of work is not set up."},
		"InvalidMessageContents":                  {Code: fault.Invalid, Message: "A message is text of at least one letter."},
		"OverLimit":                               {Code: fault.Throttled, Message: "Too many messages are being worked on. Try again shortly."},
	}}.Failed(err)
}

// outdated tells whether a receipt is not the current one any more: its message was deleted, moved or is visible again.
func outdated(err error) bool {
	switch awsclient.CodeOf(err) {
	case "ReceiptHandleIsInvalid", "InvalidParameterValue", "MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight":
		return true
	}
	return false
}
