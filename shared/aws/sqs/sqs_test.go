package sqs_test

import (
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/orcray/orcray/shared/aws/awsclient"
	"github.com/orcray/orcray/shared/aws/mototest"
	"github.com/orcray/orcray/shared/aws/sqs"
	"github.com/orcray/orcray/shared/aws/sqs/sqstest"
	"github.com/orcray/orcray/shared/queue"
	"github.com/orcray/orcray/shared/queue/queuetest"
)

var (
	moto   mototest.Server
	queues atomic.Int32
)

func TestMain(m *testing.M) { os.Exit(mototest.Main(m, &moto)) }

// retention is longer than any test takes, so that only what a test says makes messages go.
const retention = time.Hour

func made(t *testing.T, client *awssqs.Client, limits queue.Limits) (url, dead string) {
	t.Helper()
	url, dead, err := sqstest.Create(t.Context(), client, fmt.Sprintf("jobs-%d", queues.Add(1)), limits, retention)
	if err != nil {
		t.Fatal(err)
	}
	return url, dead
}

func clientOf(config aws.Config) *awssqs.Client { return awssqs.NewFromConfig(config) }

func TestA6_SQSConformance(t *testing.T) {
	client := clientOf(moto.Config(t, awsclient.Options{}))
	queuetest.Run(t, func(t *testing.T, limits queue.Limits) queuetest.Subject {
		url, dead := made(t, client, limits)
		q := sqs.New(client, url, dead, limits)
		return queuetest.Subject{Queue: q, Inspector: q, Advance: func(d time.Duration) { moto.Advance(t, d) }}
	}, queuetest.Options{
		NoAge:         "SQS drops what is older than its retention and keeps no record of it",
		Slow:          "moto answers a hundred requests a second",
		NoOldest:      "SQS tells the age of the oldest message as a metric of CloudWatch only",
		StaleCounts:   "SQS may take an outdated receipt for a good one, and moto always does",
		DiesOnReceive: "SQS moves a message to the dead letters when somebody asks for the next one",
	})
}
