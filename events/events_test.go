package events_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"testing"

	aws "github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/orcray/orcray/events"
	"github.com/orcray/orcray/shared/interpret"
	"github.com/orcray/orcray/shared/job"
)

// bus is the envelope of an event with our detail in it.
type bus struct {
	aws.EventBridgeEvent
	Detail job.Ended `json:"detail"`
}

// kinds gives the Go type of each kind of document, and whether it is ours: then it says exactly what the schema says.
func kinds() map[string]struct {
	make func() any
	ours bool
} {
	type kind = struct {
		make func() any
		ours bool
	}
	all := map[string]kind{
		"job-message":    {func() any { return &job.Message{} }, true},
		"queue-batch":    {func() any { return &aws.SQSEvent{} }, false},
		"queue-answer":   {func() any { return &aws.SQSEventResponse{} }, true},
		"schedule":       {func() any { return &aws.EventBridgeEvent{} }, false},
		"reaper-answer":  {func() any { return &interpret.Swept{} }, true},
		"step-error":     {func() any { return &messages.InvokeResponse_Error{} }, false},
		"http-request":   {func() any { return &aws.APIGatewayV2HTTPRequest{} }, false},
		"http-answer":    {func() any { return &aws.APIGatewayV2HTTPResponse{} }, false},
		"stream-request": {func() any { return &aws.APIGatewayProxyRequest{} }, false},
		"job.completed":  {func() any { return &bus{} }, false},
		"job.failed":     {func() any { return &bus{} }, false},
		"workflow-input": {func() any { return &interpret.State{} }, true},
	}
	for _, step := range []string{"prepare", "generate", "validate", "fix", "execute", "finish"} {
		all[step+"-in"] = kind{func() any { return &interpret.State{} }, true}
		all[step+"-out"] = kind{func() any { return &interpret.State{} }, true}
	}
	return all
}

func compile(t *testing.T, name string) (*jsonschema.Schema, map[string]any) {
	t.Helper()
	text, err := events.Schema(name)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	if err := c.AddResource(name, doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile(name)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return schema, doc.(map[string]any)
}

func parse(t *testing.T, text []byte) map[string]any {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return doc.(map[string]any)
}

func TestA5_EveryKindHasASchemaSamplesAndAGoType(t *testing.T) {
	t.Parallel()
	all := kinds()
	if got, want := events.Names(), slices.Sorted(maps.Keys(all)); !slices.Equal(got, want) {
		t.Errorf("schemas %v, types %v", got, want)
	}
	for _, name := range events.Names() {
		if len(events.Samples(name)) == 0 {
			t.Errorf("%s has no sample", name)
		}
	}
}

func TestA5_SamplesAndGoTypesFitTheSchemas(t *testing.T) {
	t.Parallel()
	for name, kind := range kinds() {
		schema, _ := compile(t, name)
		for sample, text := range events.Samples(name) {
			if err := schema.Validate(any(parse(t, text))); err != nil {
				t.Errorf("%s: %v", sample, err)
			}
			value := kind.make()
			d := json.NewDecoder(bytes.NewReader(text))
			if kind.ours {
				d.DisallowUnknownFields()
			}
			if err := d.Decode(value); err != nil {
				t.Errorf("%s does not fit %T: %v", sample, value, err)
				continue
			}
			back, err := json.Marshal(value)
			if err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(any(parse(t, back))); err != nil {
				t.Errorf("%s as Go writes it: %v\n%s", sample, err, back)
			}
			if kind.ours && !reflect.DeepEqual(parse(t, back), parse(t, text)) {
				t.Errorf("%s changes on its way: %s", sample, back)
			}
		}
	}
}

// A schema that takes everything proves nothing: each refuses its samples without what it requires, with another type, and, where it
// is closed, with a field that nobody knows.
func TestA5_PlantedMistakesAreRefused(t *testing.T) {
	t.Parallel()
	for name := range kinds() {
		schema, doc := compile(t, name)
		for sample, text := range events.Samples(name) {
			for _, field := range doc["required"].([]any) {
				key := field.(string)
				if broken := parse(t, text); schema.Validate(any(without(broken, key))) == nil {
					t.Errorf("%s without %s is taken", sample, key)
				}
				broken := parse(t, text)
				broken[key] = map[string]any{"planted": json.Number("1")}
				if _, open := parse(t, text)[key].(map[string]any); !open && schema.Validate(any(broken)) == nil {
					t.Errorf("%s with another %s is taken", sample, key)
				}
			}
			planted := parse(t, text)
			planted["planted"] = true
			if doc["additionalProperties"] == false && schema.Validate(any(planted)) == nil {
				t.Errorf("%s with an unknown field is taken", sample)
			}
		}
	}
}

func without(doc map[string]any, key string) map[string]any {
	delete(doc, key)
	return doc
}

// The detail of an event is ours although its envelope is not.
func TestA5_TheDetailOfAnEventIsClosed(t *testing.T) {
	t.Parallel()
	for _, name := range []string{job.EventCompleted, job.EventFailed} {
		schema, _ := compile(t, name)
		for sample, text := range events.Samples(name) {
			doc := parse(t, text)
			doc["detail"].(map[string]any)["prompt"] = "what a person asked"
			if schema.Validate(any(doc)) == nil {
				t.Errorf("%s takes data of the job", sample)
			}
		}
	}
}
