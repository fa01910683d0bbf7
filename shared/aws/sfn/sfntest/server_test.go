package sfntest_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssfn "github.com/aws/aws-sdk-go-v2/service/sfn"

	"github.com/orcray/orcray/shared/asl"
	"github.com/orcray/orcray/shared/aws/awsclient"
	"github.com/orcray/orcray/shared/aws/mototest"
	"github.com/orcray/orcray/shared/aws/sfn/sfntest"
)

const twice = `{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"work","Next":"B"},"B":{"Type":"Task","Resource":"work","End":true}}}`

// functions answer with what gate lets through, or with what they were given when it is nil.
type functions struct {
	called chan string // the states that asked
	gate   chan struct{}
}

func (f functions) Invoke(ctx context.Context, c asl.Call) (json.RawMessage, error) {
	f.called <- c.State
	select {
	case <-f.gate:
		return c.Payload, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func serve(t *testing.T, dir string, f functions) (*sfntest.Server, *awssfn.Client) {
	t.Helper()
	m, err := asl.Parse([]byte(twice))
	if err != nil {
		t.Fatal(err)
	}
	s, err := sfntest.Start(t.Context(), sfntest.Config{Dir: dir, Machines: map[string]*asl.Machine{"twice": m}, Functions: f})
	if err != nil {
		t.Fatal(err)
	}
	config, err := awsclient.Config(mototest.Region, awsclient.Options{Endpoint: s.Endpoint, Credentials: mototest.Keys()})
	if err != nil {
		t.Fatal(err)
	}
	return s, awssfn.NewFromConfig(config)
}

// A later server on the same folder goes on with the step that was at work; the name stays taken after the end, as on AWS.
func TestA6_TheDoubleOfStepFunctionsGoesOnAndKeepsNames(t *testing.T) {
	dir := t.TempDir()
	f := functions{called: make(chan string, 10), gate: make(chan struct{}, 10)}
	first, client := serve(t, dir, f)
	start := func() error {
		_, err := client.StartExecution(t.Context(), &awssfn.StartExecutionInput{StateMachineArn: aws.String(first.ARNs()["twice"]), Name: aws.String("x"), Input: aws.String(`{"b":1, "a":2}`)})
		return err
	}
	if err := start(); err != nil {
		t.Fatal(err)
	}
	f.gate <- struct{}{}
	if states := <-f.called + <-f.called; states != "AB" {
		t.Fatalf("called from %s", states)
	}
	if err := errors.Join(start(), first.Close(context.Background())); err != nil {
		t.Fatalf("the same start while it runs, and the end: %v", err)
	}
	second, client := serve(t, dir, f)
	defer second.Close(context.Background())
	f.gate <- struct{}{}
	done, err := second.Done(t.Context(), "twice", "x")
	if err != nil {
		t.Fatal(err)
	}
	<-done
	if state := <-f.called; state != "B" {
		t.Errorf("it went on with %s", state)
	}
	x, err := client.DescribeExecution(t.Context(), &awssfn.DescribeExecutionInput{ExecutionArn: aws.String(strings.Replace(second.ARNs()["twice"], "stateMachine", "execution", 1) + ":x")})
	if err != nil || x.Status != "SUCCEEDED" || aws.ToString(x.Input) != `{"b":1, "a":2}` {
		t.Errorf("%+v %v", x, err)
	}
	first = second
	if err := start(); awsclient.CodeOf(err) != "ExecutionAlreadyExists" {
		t.Errorf("the same start after the end: %v", err)
	}
}
