package functions_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"github.com/orcray/orcray/functions/runtimetest"
	"github.com/orcray/orcray/shared/interpret"
	"github.com/orcray/orcray/shared/job"
	"github.com/orcray/orcray/shared/topology"
)

func TestA5_DispatchStartsWorkflowsAndReportsWhatFailed(t *testing.T) {
	w := newWorld(t)
	j := w.accept()
	p := w.start(topology.FnDispatch)
	got, err := w.queue.Receive(t.Context(), 10, 0)
	w.must(err)
	if len(got) != 1 {
		t.Fatalf("%d messages for one job", len(got))
	}
	batch := events.SQSEvent{Records: []events.SQSMessage{
		{MessageId: "m1", Body: string(got[0].Body), EventSource: "aws:sqs"},
		{MessageId: "m2", Body: `{"owner":`, EventSource: "aws:sqs"},
		{MessageId: "m3", Body: string(got[0].Body), EventSource: "aws:sqs"},
	}}
	a := p.Invoke(runtimetest.Invocation{Payload: encode(t, batch)})
	out := decode[events.SQSEventResponse](t, a.Body)
	if a.ErrorType != "" || len(out.BatchItemFailures) != 1 || out.BatchItemFailures[0].ItemIdentifier != "m2" {
		t.Fatalf("%+v: %s\n%s", a, a.Body, p.Log())
	}
	arn := w.env[topology.EnvMachineARN]
	list, err := w.sfn.ListExecutions(t.Context(), &sfn.ListExecutionsInput{StateMachineArn: &arn})
	w.must(err)
	if len(list.Executions) != 1 || *list.Executions[0].Name != j.ID {
		t.Fatalf("executions: %+v", list.Executions)
	}
	if a := p.Invoke(runtimetest.Invocation{Payload: []byte(`{"Records":"x"}`)}); a.ErrorType != "invalid" {
		t.Errorf("a payload of another form gives %q: %s", a.ErrorType, a.Body)
	}
	if !p.Alive() {
		t.Error("the function did not survive")
	}
}

func TestA5_PrepareTakesAJobUp(t *testing.T) {
	w := newWorld(t)
	j := w.accept()
	p := w.start(topology.FnPrepare)
	state := interpret.State{Owner: w.user, JobID: j.ID, Kind: job.Execute, Trace: j.TraceParent}
	a := p.Invoke(runtimetest.Invocation{Payload: encode(t, state)})
	out := decode[interpret.State](t, a.Body)
	if a.ErrorType != "" || out.Next != interpret.ToValidate || out.Attempt != 1 {
		t.Fatalf("%q %s\n%s", a.ErrorType, a.Body, p.Log())
	}
	if now := w.job(j.ID); now.Status != job.Processing || now.RanIn != job.Cell {
		t.Errorf("%s in %s", now.Status, now.RanIn)
	}
	if !strings.Contains(p.Log(), `"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736"`) {
		t.Errorf("the job's trace is not in the log:\n%s", p.Log())
	}
	state.JobID = "01ARZ3NDEKTSV4RRFFQ69G5FAB"
	if a := p.Invoke(runtimetest.Invocation{Payload: encode(t, state)}); a.ErrorType != "not_found" {
		t.Errorf("an unknown job gives %q: %s", a.ErrorType, a.Body)
	}
}
