package sqs

import (
	"context"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/queue"
)

// lookTime is how long dead letters are hidden while they are being looked at. They are shown again right after; the
// time is for a process that dies in between.
const lookTime = 20 * time.Second

type counts struct{ visible, inFlight, delayed int }

func (q *Queue) counts(ctx context.Context, url string) (counts, error) {
	const visible, inFlight, delayed = types.QueueAttributeNameApproximateNumberOfMessages,
		types.QueueAttributeNameApproximateNumberOfMessagesNotVisible, types.QueueAttributeNameApproximateNumberOfMessagesDelayed
	out, err := q.client.GetQueueAttributes(ctx, &awssqs.GetQueueAttributesInput{
		QueueUrl: &url, AttributeNames: []types.QueueAttributeName{visible, inFlight, delayed},
	})
	if err != nil {
		return counts{}, failed(err)
	}
	number := func(name types.QueueAttributeName) int {
		n, _ := strconv.Atoi(out.Attributes[string(name)])
		return n
	}
	return counts{visible: number(visible), inFlight: number(inFlight), delayed: number(delayed)}, nil
}

// Stats implements queue.Inspector. Oldest stays zero: SQS tells it as a metric of CloudWatch only.
func (q *Queue) Stats(ctx context.Context) (queue.Stats, error) {
	live, err := q.counts(ctx, q.url)
	if err != nil {
		return queue.Stats{}, err
	}
	dead, err := q.counts(ctx, q.dead)
	if err != nil {
		return queue.Stats{}, err
	}
	return queue.Stats{Visible: live.visible, InFlight: live.inFlight, Dead: dead.visible + dead.inFlight + dead.delayed}, nil
}

// DeadLetters implements queue.Inspector. Looking is receiving: who looks at the same moment sees what is left. SQS does not
// say when a message died; Died is when it was sent, which is before.
func (q *Queue) DeadLetters(ctx context.Context, limit int) ([]queue.Dead, error) {
	var found []queue.Dead
	err := q.look(ctx, func(m types.Message) (bool, error) {
		found = append(found, queue.Dead{
			ID: aws.ToString(m.MessageId), Body: []byte(aws.ToString(m.Body)), Reason: "receives", Died: sentAt(m),
		})
		return len(found) >= limit, nil
	})
	return found, err
}

// Redrive implements queue.Inspector. It sends first and deletes then: if it dies in between, the message is there twice,
// which consumers can take, and never gone.
func (q *Queue) Redrive(ctx context.Context, id string) error {
	err := error(fault.New(fault.NotFound, "There is no such message among the dead letters."))
	failure := q.look(ctx, func(m types.Message) (bool, error) {
		if aws.ToString(m.MessageId) != id {
			return false, nil
		}
		err = nil
		if _, err := q.client.SendMessage(ctx, &awssqs.SendMessageInput{QueueUrl: &q.url, MessageBody: m.Body}); err != nil {
			return true, failed(err)
		}
		_, deleting := q.client.DeleteMessage(ctx, &awssqs.DeleteMessageInput{QueueUrl: &q.dead, ReceiptHandle: m.ReceiptHandle})
		return true, failed(deleting)
	})
	if failure != nil {
		return failure
	}
	return err
}

// look goes through the dead letters until see has seen enough, and shows them to others again.
func (q *Queue) look(ctx context.Context, see func(types.Message) (enough bool, err error)) error {
	total, err := q.counts(ctx, q.dead)
	if err != nil {
		return err
	}
	var held []string
	defer func() { q.show(ctx, held) }()
	seen := map[string]bool{}
	for len(seen) < total.visible {
		got, err := q.poll(ctx, q.dead, maxBatch, time.Second, lookTime) // a long poll asks all of SQS's servers
		if err != nil || len(got) == 0 {
			return err
		}
		for _, m := range got {
			held = append(held, aws.ToString(m.ReceiptHandle))
		}
		for _, m := range got {
			if seen[aws.ToString(m.MessageId)] {
				continue
			}
			seen[aws.ToString(m.MessageId)] = true
			if enough, err := see(m); err != nil || enough {
				return err
			}
		}
	}
	return nil
}

// show makes messages visible again. What fails here comes back by itself after lookTime.
func (q *Queue) show(ctx context.Context, receipts []string) {
	for _, receipt := range receipts {
		_ = q.hide(ctx, q.dead, receipt, 0)
	}
}
