// Package sqstest makes queues for tests, as the stacks make them on AWS.
package sqstest

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/orcray/orcray/shared/queue"
)

// keep is how long dead letters stay: as long as SQS can.
const keep = 14 * 24 * time.Hour

// Create makes a queue and the one of its dead letters, and gives their URLs; those that exist are left as they are.
func Create(ctx context.Context, client *awssqs.Client, name string, limits queue.Limits, retention time.Duration) (url, dead string, err error) {
	create := func(name string, attributes map[string]string) (string, error) {
		out, err := client.CreateQueue(ctx, &awssqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
		if err != nil {
			return "", fmt.Errorf("sqstest: %w", err)
		}
		return *out.QueueUrl, nil
	}
	if dead, err = create(name+"-dead", map[string]string{"MessageRetentionPeriod": seconds(keep)}); err != nil {
		return "", "", err
	}
	out, err := client.GetQueueAttributes(ctx, &awssqs.GetQueueAttributesInput{
		QueueUrl: &dead, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameQueueArn},
	})
	if err != nil {
		return "", "", fmt.Errorf("sqstest: %w", err)
	}
	redrive, _ := json.Marshal(map[string]string{
		"deadLetterTargetArn": out.Attributes["QueueArn"], "maxReceiveCount": strconv.Itoa(limits.MaxReceive),
	})
	url, err = create(name, map[string]string{
		"RedrivePolicy": string(redrive), "MessageRetentionPeriod": seconds(retention), "VisibilityTimeout": seconds(limits.Visibility),
	})
	return url, dead, err
}

func seconds(d time.Duration) string { return strconv.Itoa(int(d.Seconds())) }
