package eventbridge_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awseb "github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/orcray/orcray/shared/aws/awsclient"
	"github.com/orcray/orcray/shared/aws/eventbridge"
	"github.com/orcray/orcray/shared/aws/faulttest"
	"github.com/orcray/orcray/shared/aws/mototest"
	"github.com/orcray/orcray/shared/fault"
)

var moto mototest.Server

func TestMain(m *testing.M) { os.Exit(mototest.Main(m, &moto)) }

type detail struct {
	Job string `json:"job_id"`
}

// listener is a queue that a rule of the bus delivers "job.completed" to.
type listener struct {
	*testing.T
	client *awssqs.Client
	url    string
}

func listen(t *testing.T, bus string) listener {
	t.Helper()
	config := moto.Config(t, awsclient.Options{})
	events, queues := awseb.NewFromConfig(config), awssqs.NewFromConfig(config)
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(events.CreateEventBus(t.Context(), &awseb.CreateEventBusInput{Name: &bus}))
	queue, err := queues.CreateQueue(t.Context(), &awssqs.CreateQueueInput{QueueName: &bus})
	must(nil, err)
	must(events.PutRule(t.Context(), &awseb.PutRuleInput{
		Name: &bus, EventBusName: &bus, EventPattern: aws.String(`{"source":["orcray"],"detail-type":["job.completed"]}`),
	}))
	must(events.PutTargets(t.Context(), &awseb.PutTargetsInput{Rule: &bus, EventBusName: &bus, Targets: []types.Target{
		{Id: aws.String("queue"), Arn: aws.String("arn:aws:sqs:us-east-1:123456789012:" + bus)},
	}}))
	return listener{T: t, client: queues, url: *queue.QueueUrl}
}

// jobs gives the ids of the events that came, with how often.
func (l listener) jobs() map[string]int {
	l.Helper()
	seen := map[string]int{}
	for {
		out, err := l.client.ReceiveMessage(l.Context(), &awssqs.ReceiveMessageInput{QueueUrl: &l.url, MaxNumberOfMessages: 10})
		if err != nil {
			l.Fatal(err)
		}
		if len(out.Messages) == 0 {
			return seen
		}
		for _, m := range out.Messages {
			var event struct {
				Type   string `json:"detail-type"`
				Detail detail
			}
			if err := json.Unmarshal([]byte(*m.Body), &event); err != nil || event.Type != "job.completed" {
				l.Fatalf("delivered %s", *m.Body)
			}
			seen[event.Detail.Job]++
		}
	}
}

func TestA6_EventBridgeRuleDelivers(t *testing.T) {
	l := listen(t, "delivers")
	bus := eventbridge.New(awseb.NewFromConfig(moto.Config(t, awsclient.Options{})), "delivers")
	if err := bus.Publish(t.Context(), "job.completed", detail{Job: "1"}); err != nil {
		t.Fatal(err)
	}
	if err := bus.Publish(t.Context(), "job.failed", detail{Job: "2"}); err != nil {
		t.Fatal(err)
	}
	var many []eventbridge.Event
	for i := range 23 {
		many = append(many, eventbridge.Event{Type: "job.completed", Detail: detail{Job: fmt.Sprint("m", i)}})
	}
	if err := bus.PublishAll(t.Context(), many...); err != nil {
		t.Fatal(err)
	}
	if got := l.jobs(); len(got) != 24 || got["1"] != 1 || got["2"] != 0 || got["m22"] != 1 {
		t.Fatalf("delivered %v", got)
	}
}

func TestA6_EventBridgeRefusesBeforeSending(t *testing.T) {
	config, asked := faulttest.Config(t, faulttest.Answered(), faulttest.Always(faulttest.Broken))
	bus := eventbridge.New(awseb.NewFromConfig(config), "bus")
	good := eventbridge.Event{Type: "t", Detail: detail{}}
	for name, c := range map[string]struct {
		event eventbridge.Event
		want  fault.Code
	}{
		"too large":  {eventbridge.Event{Type: "t", Detail: map[string]string{"x": strings.Repeat("x", eventbridge.MaxEvent)}}, fault.TooLarge},
		"no type":    {eventbridge.Event{Detail: detail{}}, fault.Invalid},
		"no object":  {eventbridge.Event{Type: "t", Detail: []int{1}}, fault.Invalid},
		"not JSON":   {eventbridge.Event{Type: "t", Detail: func() {}}, fault.Invalid},
		"nothing":    {eventbridge.Event{Type: "t"}, fault.Invalid},
		"long types": {eventbridge.Event{Type: strings.Repeat("t", 129), Detail: detail{}}, fault.Invalid},
	} {
		if err := bus.PublishAll(t.Context(), good, c.event); !fault.Is(err, c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	if n := asked.Asked("PutEvents"); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

// picky takes entries as its plan says, one plan a request: an error code for each entry, "" to take it.
type picky struct {
	*testing.T
	plans [][]string
	taken []string
	sizes []int
}

func (p *picky) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var in struct{ Entries []struct{ Detail string } }
	raw, _ := io.ReadAll(r.Body)
	if err := json.Unmarshal(raw, &in); err != nil {
		p.Errorf("asked %s", raw)
	}
	var plan []string
	if len(p.plans) > 0 {
		plan, p.plans = p.plans[0], p.plans[1:]
	}
	p.sizes = append(p.sizes, len(in.Entries))
	var results []map[string]string
	for i, e := range in.Entries {
		if i < len(plan) && plan[i] != "" {
			results = append(results, map[string]string{"ErrorCode": plan[i], "ErrorMessage": "internal detail"})
			continue
		}
		p.taken = append(p.taken, e.Detail)
		results = append(results, map[string]string{"EventId": fmt.Sprint(len(p.taken))})
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"Entries": results})
}

func busOf(t *testing.T, p *picky) *eventbridge.Bus {
	t.Helper()
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	options := awsclient.Options{Endpoint: server.URL, Credentials: mototest.Keys()}
	config, err := awsclient.Config(mototest.Region, options)
	if err != nil {
		t.Fatal(err)
	}
	return eventbridge.New(awseb.NewFromConfig(config), "bus")
}

func events(n int) []eventbridge.Event {
	var all []eventbridge.Event
	for i := range n {
		all = append(all, eventbridge.Event{Type: "t", Detail: detail{Job: fmt.Sprint(i)}})
	}
	return all
}

func TestA6_EventBridgeRepeatsOnlyWhatWasRefused(t *testing.T) {
	t.Parallel()
	p := &picky{T: t, plans: [][]string{{"", "ThrottlingException", "", "InternalFailure"}, {"InternalException"}}}
	if err := busOf(t, p).PublishAll(t.Context(), events(4)...); err != nil {
		t.Fatal(err)
	}
	want := `{"job_id":"0"} {"job_id":"2"} {"job_id":"3"} {"job_id":"1"}`
	if got := strings.Join(p.taken, " "); got != want || fmt.Sprint(p.sizes) != "[4 2 1]" {
		t.Errorf("taken %s in requests of %v entries", got, p.sizes)
	}
}

func TestA6_EventBridgeReportsWhatStaysRefused(t *testing.T) {
	t.Parallel()
	busy := []string{"ThrottlingException"}
	for name, c := range map[string]struct {
		plans [][]string
		want  fault.Code
		taken int
	}{
		"for ever busy":  {[][]string{busy, busy, busy, busy, busy}, fault.Throttled, 1},
		"never possible": {[][]string{{"MalformedDetail"}}, fault.Internal, 1},
		"both":           {[][]string{{"ThrottlingException", "NotAuthorizedForSourceException"}}, fault.Internal, 0},
	} {
		p := &picky{T: t, plans: c.plans}
		err := busOf(t, p).PublishAll(t.Context(), events(2)...)
		if !fault.Is(err, c.want) || len(p.taken) != c.taken || strings.Contains(fault.MessageOf(err), "internal detail") {
			t.Errorf("%s: %v, taken %v", name, err, p.taken)
		}
	}
}

// Several large events do not fit into one request.
func TestA6_EventBridgeBatchesBySize(t *testing.T) {
	t.Parallel()
	p := &picky{T: t}
	var large []eventbridge.Event
	for range 5 {
		large = append(large, eventbridge.Event{Type: "t", Detail: map[string]string{"x": strings.Repeat("x", 100<<10)}})
	}
	if err := busOf(t, p).PublishAll(t.Context(), large...); err != nil || fmt.Sprint(p.sizes) != "[2 2 1]" {
		t.Errorf("%v; requests of %v entries", err, p.sizes)
	}
}

func TestA6_EventBridgeCallsEndTyped(t *testing.T) {
	faulttest.Ends(t, func(config aws.Config) map[string]func(context.Context) error {
		bus := eventbridge.New(awseb.NewFromConfig(config), "bus")
		return map[string]func(context.Context) error{
			"publish": func(ctx context.Context) error { return bus.Publish(ctx, "t", detail{}) },
		}
	})
}

// TestA6_EventBridgeUnderFaults: no event is missing. One may come twice, where the answer to a request was lost.
func TestA6_EventBridgeUnderFaults(t *testing.T) {
	l := listen(t, "faults")
	options := faulttest.Patient()
	options.HTTP = faulttest.New(http.DefaultClient, faulttest.Sometimes(11, 0.1, faulttest.All()...))
	bus := eventbridge.New(awseb.NewFromConfig(moto.Config(t, options)), "faults")
	const n = 60
	for i := range n {
		if err := bus.Publish(t.Context(), "job.completed", detail{Job: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	got, twice := l.jobs(), 0
	for _, times := range got {
		twice += times - 1
	}
	if len(got) != n || twice > 10 {
		t.Fatalf("%d of %d events came, %d of them again", len(got), n, twice)
	}
}
