// Package sqs is the queue on AWS: queue.Queue and queue.Inspector on one SQS queue and the one of its dead letters.
//
// What SQS cannot promise: its counts are approximate, so that Send may let some messages over the depth cap or refuse
// some below it; an outdated receipt may still end a message; what is older than the queue's retention is gone without a
// record; a message goes to the dead letters when somebody asks for the next one. queuetest's options say so.
package sqs

import (
	"context"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/orcray/orcray/shared/aws/awsclient"
	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/queue"
)

// Limits of SQS.
const (
	maxBatch      = 10
	maxWait       = 20 * time.Second
	maxVisibility = 12 * time.Hour
)

// Queue implements queue.Queue and queue.Inspector.
type Queue struct {
	client *awssqs.Client
	url    string
	dead   string
	limits queue.Limits
	depth  depth
}

// New makes the queue of two that exist: the stacks made them, with the redrive rule, the visibility and the retention
// that limits say.
func New(client *awssqs.Client, url, deadURL string, limits queue.Limits) *Queue {
	q := &Queue{client: client, url: url, dead: deadURL, limits: limits}
	q.depth.count = func(ctx context.Context) (int, error) {
		n, err := q.counts(ctx, q.url)
		return n.visible + n.inFlight + n.delayed, err
	}
	return q
}

// Send implements queue.Queue. A body must be text, as SQS takes nothing else. When an answer is lost the SDK sends again,
// so that the message may be there twice: consumers know it by what it says.
func (q *Queue) Send(ctx context.Context, body []byte) error {
	if len(body) > queue.MaxBody {
		return fault.New(fault.TooLarge, "A message has at most %d bytes.", queue.MaxBody)
	}
	if !sendable(body) {
		return fault.New(fault.Invalid, "A message is text of at least one letter.")
	}
	if err := q.depth.take(ctx, q.limits.MaxDepth); err != nil {
		return err
	}
	_, err := q.client.SendMessage(ctx, &awssqs.SendMessageInput{QueueUrl: &q.url, MessageBody: aws.String(string(body))})
	return failed(err)
}

// sendable tells whether SQS takes the body: UTF-8, of the letters that XML can hold.
func sendable(body []byte) bool {
	if len(body) == 0 || !utf8.Valid(body) {
		return false
	}
	for _, r := range string(body) {
		if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xfffe || r == 0xffff {
			return false
		}
	}
	return true
}

// Receive implements queue.Queue. SQS waits whole seconds, so that wait is rounded up. A receive that is ended may have
// taken messages at the server already; they come again after their visibility.
func (q *Queue) Receive(ctx context.Context, limit int, wait time.Duration) ([]queue.Delivery, error) {
	if limit < 1 {
		return nil, fault.New(fault.Invalid, "Ask for at least one message.")
	}
	until := time.Now().Add(wait)
	for {
		left := min(time.Until(until), maxWait)
		got, err := q.poll(ctx, q.url, limit, max(left, 0), q.limits.Visibility)
		if err != nil || len(got) > 0 || !time.Now().Before(until) {
			return deliveries(got), err
		}
	}
}

// poll asks once, and waits as long as SQS does.
func (q *Queue) poll(ctx context.Context, url string, limit int, wait, visibility time.Duration) ([]types.Message, error) {
	out, err := q.client.ReceiveMessage(awsclient.Longer(ctx, wait), &awssqs.ReceiveMessageInput{
		QueueUrl: &url, MaxNumberOfMessages: int32(min(limit, maxBatch)),
		WaitTimeSeconds: seconds(wait), VisibilityTimeout: seconds(visibility),
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
	})
	if err != nil {
		return nil, failed(err)
	}
	return out.Messages, nil
}

func seconds(d time.Duration) int32 { return int32((d + time.Second - 1) / time.Second) }

func deliveries(messages []types.Message) []queue.Delivery {
	var all []queue.Delivery
	for _, m := range messages {
		received, _ := strconv.Atoi(m.Attributes[string(types.MessageSystemAttributeNameApproximateReceiveCount)])
		all = append(all, queue.Delivery{
			ID: aws.ToString(m.MessageId), Receipt: aws.ToString(m.ReceiptHandle), Body: []byte(aws.ToString(m.Body)),
			Received: received, Sent: sentAt(m),
		})
	}
	return all
}

func sentAt(m types.Message) time.Time {
	millis, err := strconv.ParseInt(m.Attributes[string(types.MessageSystemAttributeNameSentTimestamp)], 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(millis).UTC()
}

// Delete implements queue.Queue.
func (q *Queue) Delete(ctx context.Context, receipt string) error {
	if receipt == "" {
		return noReceipt()
	}
	_, err := q.client.DeleteMessage(ctx, &awssqs.DeleteMessageInput{QueueUrl: &q.url, ReceiptHandle: &receipt})
	if outdated(err) {
		return nil
	}
	return failed(err)
}

// Release implements queue.Queue.
func (q *Queue) Release(ctx context.Context, receipt string, after time.Duration) error {
	if receipt == "" {
		return noReceipt()
	}
	if after < 0 || after > maxVisibility {
		return fault.New(fault.Invalid, "A message comes back at once or within %s.", maxVisibility)
	}
	err := q.hide(ctx, q.url, receipt, after)
	if outdated(err) {
		return nil
	}
	return failed(err)
}

func (q *Queue) hide(ctx context.Context, url, receipt string, after time.Duration) error {
	_, err := q.client.ChangeMessageVisibility(ctx, &awssqs.ChangeMessageVisibilityInput{
		QueueUrl: &url, ReceiptHandle: &receipt, VisibilityTimeout: seconds(after),
	})
	return err
}

func noReceipt() error { return fault.New(fault.Invalid, "This is not a receipt of a message.") }
