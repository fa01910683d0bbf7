// Package eventbridge publishes events on the application's bus.
package eventbridge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awseb "github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/orcray/orcray/shared/aws/awsclient"
	"github.com/orcray/orcray/shared/fault"
)

// Source is who all our events are from.
const Source = "orcray"

// MaxEvent is the largest event in bytes, its names included, and of all events of one request together.
const MaxEvent = 256 << 10

// Entries that the bus took only in part are sent again this often, with growing pauses.
const (
	tries    = 4
	maxPause = 500 * time.Millisecond
	maxBatch = 10
)

// Event is one event.
type Event struct {
	Type   string // such as "job.completed"
	Detail any    // becomes a JSON object
}

// Bus publishes events at least once: an answer that is lost makes the SDK send again, so that consumers know an event by
// the ids in its detail.
type Bus struct {
	client *awseb.Client
	name   string
}

// New makes the bus of a name or ARN.
func New(client *awseb.Client, bus string) *Bus { return &Bus{client: client, name: bus} }

// Publish sends one event.
func (b *Bus) Publish(ctx context.Context, detailType string, detail any) error {
	return b.PublishAll(ctx, Event{Type: detailType, Detail: detail})
}

// PublishAll sends events, in as few requests as they fit. An event that is wrong fails before anything is sent. What the
// bus refuses for now is sent again without the others; what is refused in the end is one error, and the rest is out.
func (b *Bus) PublishAll(ctx context.Context, events ...Event) error {
	entries := make([]types.PutEventsRequestEntry, len(events))
	for i, event := range events {
		var err error
		if entries[i], err = b.entry(event); err != nil {
			return err
		}
	}
	var failures []error
	for _, batch := range batches(entries) {
		failures = append(failures, b.send(ctx, batch))
	}
	return joined(failures)
}

// joined keeps the code of the first failure.
func joined(failures []error) error {
	failures = slices.DeleteFunc(failures, func(err error) bool { return err == nil })
	if len(failures) < 2 {
		return errors.Join(failures...)
	}
	return fault.Wrap(errors.Join(failures...), fault.CodeOf(failures[0]), "%s", fault.MessageOf(failures[0]))
}

func (b *Bus) entry(event Event) (types.PutEventsRequestEntry, error) {
	detail, err := json.Marshal(event.Detail)
	switch {
	case err != nil:
		return types.PutEventsRequestEntry{}, fault.Wrap(err, fault.Invalid, "The event %q cannot be written as JSON.", event.Type)
	case event.Type == "" || len(event.Type) > 128 || detail[0] != '{':
		return types.PutEventsRequestEntry{}, fault.New(fault.Invalid, "An event has a type of 1 to 128 letters, and an object as its detail.")
	}
	entry := types.PutEventsRequestEntry{
		EventBusName: &b.name, Source: aws.String(Source), DetailType: aws.String(event.Type), Detail: aws.String(string(detail)),
	}
	if size := sizeOf(entry); size > MaxEvent {
		return entry, fault.New(fault.TooLarge, "The event %q has %d bytes; at most %d fit.", event.Type, size, MaxEvent)
	}
	return entry, nil
}

// sizeOf counts as EventBridge does.
func sizeOf(e types.PutEventsRequestEntry) int {
	return len(*e.Source) + len(*e.DetailType) + len(*e.Detail)
}

// batches keeps the order, and each batch within the limits of one request.
func batches(entries []types.PutEventsRequestEntry) [][]types.PutEventsRequestEntry {
	var all [][]types.PutEventsRequestEntry
	size := 0
	for _, e := range entries {
		last := len(all) - 1
		if last < 0 || len(all[last]) == maxBatch || size+sizeOf(e) > MaxEvent {
			all, size, last = append(all, nil), 0, last+1
		}
		all[last] = append(all[last], e)
		size += sizeOf(e)
	}
	return all
}

// send repeats what was not taken. The SDK repeats whole requests; a request that is answered may still have failed in part.
func (b *Bus) send(ctx context.Context, entries []types.PutEventsRequestEntry) error {
	pause := retry.NewExponentialJitterBackoff(10 * maxPause)
	for try := 1; ; try++ {
		out, err := b.client.PutEvents(ctx, &awseb.PutEventsInput{Entries: entries})
		if err != nil {
			return failed(err)
		}
		left, refusal := refused(entries, out.Entries)
		if len(left) == 0 {
			return nil
		}
		if try == tries || !passing(refusal) || !wait(ctx, pause, try) {
			return partly(len(left), refusal)
		}
		entries = left
	}
}

// refused gives the entries that were not taken, and why the first of them was not.
func refused(sent []types.PutEventsRequestEntry, results []types.PutEventsResultEntry) (left []types.PutEventsRequestEntry, why types.PutEventsResultEntry) {
	for i, result := range results {
		if result.ErrorCode == nil || i >= len(sent) {
			continue
		}
		if len(left) == 0 || !passing(result) { // what stays refused matters more than what is busy
			why = result
		}
		left = append(left, sent[i])
	}
	return left, why
}

// passing tells whether an entry may be taken later.
func passing(result types.PutEventsResultEntry) bool {
	switch aws.ToString(result.ErrorCode) {
	case "ThrottlingException", "InternalFailure", "InternalException", "InternalError", "ServiceUnavailable":
		return true
	}
	return false
}

func wait(ctx context.Context, pause retry.BackoffDelayer, try int) bool {
	delay, err := pause.BackoffDelay(try, nil)
	if err != nil {
		return false
	}
	timer := time.NewTimer(delay / 10)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func partly(left int, why types.PutEventsResultEntry) error {
	cause := fmt.Errorf("%d events refused: %s: %s", left, aws.ToString(why.ErrorCode), aws.ToString(why.ErrorMessage))
	switch {
	case aws.ToString(why.ErrorCode) == "ThrottlingException":
		return &fault.Error{Code: fault.Throttled, Message: "The event bus is busy. Try again shortly.", RetryAfter: time.Second, Err: cause}
	case passing(why):
		return fault.Wrap(cause, fault.Unavailable, "The event bus does not answer at the moment. Try again shortly.")
	}
	return fault.Wrap(cause, fault.Internal, "The event bus refused an event.")
}

func failed(err error) error {
	return awsclient.Service{Part: "The event bus", Meanings: map[string]awsclient.Meaning{
		"ResourceNotFoundException": {Code: fault.Internal, Message: "The event bus is not set up."},
	}}.Failed(err)
}
