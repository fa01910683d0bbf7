package functions_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/orcray/orcray/events"
	"github.com/orcray/orcray/shared/job"
	"github.com/orcray/orcray/shared/topology"
)

// listener hears everything that is published on the world's bus.
type listener struct {
	w   *world
	url string
}

// told is an event as its consumers get it.
type told struct {
	Type   string    `json:"detail-type"`
	Source string    `json:"source"`
	Detail job.Ended `json:"detail"`
}

func (w *world) listen() listener {
	w.t.Helper()
	name, bus := aws.String("heard"+w.suffix), aws.String(w.env[topology.EnvBus])
	queue, err := w.sqs.CreateQueue(w.t.Context(), &awssqs.CreateQueueInput{QueueName: name})
	w.must(err)
	_, err = w.bus.PutRule(w.t.Context(), &eventbridge.PutRuleInput{Name: name, EventBusName: bus, EventPattern: aws.String(`{"source":[{"prefix":""}]}`)})
	w.must(err)
	_, err = w.bus.PutTargets(w.t.Context(), &eventbridge.PutTargetsInput{Rule: name, EventBusName: bus, Targets: []types.Target{
		{Id: aws.String("queue"), Arn: aws.String("arn:aws:sqs:" + region + ":123456789012:" + *name)}}})
	w.must(err)
	return listener{w, *queue.QueueUrl}
}

// events gives what came so far, each held to the schema that consumers are promised.
func (l listener) events(kind string) []told {
	l.w.t.Helper()
	var all []told
	for {
		out, err := l.w.sqs.ReceiveMessage(l.w.t.Context(), &awssqs.ReceiveMessageInput{QueueUrl: &l.url, MaxNumberOfMessages: 10})
		l.w.must(err)
		if len(out.Messages) == 0 {
			return all
		}
		for _, m := range out.Messages {
			whole := strings.Replace(*m.Body, "{", `{"account":"123456789012",`, 1) // moto leaves it out
			fits(l.w.t, kind, whole)
			all = append(all, decode[told](l.w.t, []byte(*m.Body)))
		}
	}
}

// fits holds a document to a schema of events/.
func fits(t *testing.T, kind, text string) {
	t.Helper()
	schema, err := events.Schema(kind)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(kind, doc); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile(kind)
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	if err := compiled.Validate(value); err != nil {
		t.Errorf("%s: %v\n%s", kind, err, text)
	}
}
