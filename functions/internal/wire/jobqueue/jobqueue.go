// Package jobqueue is the queue of jobs.
package jobqueue

import (
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/orcray/orcray/functions/internal/wire"
	"github.com/orcray/orcray/shared/aws/sqs"
	"github.com/orcray/orcray/shared/queue"
	"github.com/orcray/orcray/shared/topology"
)

// New makes the queue with the limits of the wiring table.
func New(p *wire.Parts) *sqs.Queue {
	return sqs.New(awssqs.NewFromConfig(p.AWS), p.Set.QueueURL, p.Set.DeadURL, queue.LimitsOf(topology.Orcray().Queues[0]))
}
