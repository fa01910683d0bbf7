package sfn_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssfn "github.com/aws/aws-sdk-go-v2/service/sfn"

	"github.com/orcray/orcray/shared/asl"
	"github.com/orcray/orcray/shared/aws/awsclient"
	"github.com/orcray/orcray/shared/aws/faulttest"
	"github.com/orcray/orcray/shared/aws/mototest"
	"github.com/orcray/orcray/shared/aws/sfn"
	"github.com/orcray/orcray/shared/aws/sfn/sfntest"
	"github.com/orcray/orcray/shared/fault"
)

var moto mototest.Server

func TestMain(m *testing.M) { os.Exit(mototest.Main(m, &moto)) }

const (
	pass  = `{"StartAt":"Pass","States":{"Pass":{"Type":"Pass","End":true}}}`
	fails = `{"StartAt":"Fail","States":{"Fail":{"Type":"Fail","Error":"Broken","Cause":"on purpose"}}}`
	waits = `{"StartAt":"Wait","States":{"Wait":{"Type":"Wait","Seconds":600,"End":true}}}`
)

// engine makes machines of the definitions, and an engine that knows them.
func engine(t *testing.T, options awsclient.Options) *sfn.Engine {
	t.Helper()
	plain := awssfn.NewFromConfig(moto.Config(t, awsclient.Options{}))
	moto.Set(t, "config", map[string]any{"stepfunctions": map[string]any{"execute_state_machine": true}})
	arns := map[string]string{"gone": "arn:aws:states:us-east-1:123456789012:stateMachine:gone"}
	for name, definition := range map[string]string{"pass": pass, "fails": fails, "waits": waits} {
		out, err := plain.CreateStateMachine(t.Context(), &awssfn.CreateStateMachineInput{
			Name: aws.String(name + "-" + strings.ReplaceAll(t.Name(), "/", "-")), Definition: &definition,
			RoleArn: aws.String("arn:aws:iam::123456789012:role/machine"),
		})
		if err != nil {
			t.Fatal(err)
		}
		arns[name] = *out.StateMachineArn
	}
	return sfn.New(awssfn.NewFromConfig(moto.Config(t, options)), arns)
}

// double makes the same of a double of Step Functions, which runs them with orcray's own interpreter.
func double(t *testing.T, options awsclient.Options) *sfn.Engine {
	t.Helper()
	machines := map[string]*asl.Machine{}
	for name, definition := range map[string]string{"pass": pass, "fails": fails, "waits": waits} {
		m, err := asl.Parse([]byte(definition))
		if err != nil {
			t.Fatal(err)
		}
		machines[name] = m
	}
	server, err := sfntest.Start(t.Context(), sfntest.Config{Dir: t.TempDir(), Machines: machines})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	options.Endpoint, options.Credentials = server.Endpoint, mototest.Keys()
	config, err := awsclient.Config(mototest.Region, options)
	if err != nil {
		t.Fatal(err)
	}
	arns := server.ARNs()
	arns["gone"] = strings.Replace(arns["pass"], "pass", "gone", 1)
	return sfn.New(awssfn.NewFromConfig(config), arns)
}

// onBoth runs a test on moto and on the double: what one of them has wrong, the other one need not.
func onBoth(t *testing.T, test func(*testing.T, *sfn.Engine)) {
	t.Run("moto", func(t *testing.T) { test(t, engine(t, awsclient.Options{})) })
	t.Run("double", func(t *testing.T) { test(t, double(t, awsclient.Options{})) })
}

// ended waits until an execution is over.
func ended(t *testing.T, e *sfn.Engine, machine, name string) sfn.Execution {
	t.Helper()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for range 1500 {
		x, err := e.Describe(t.Context(), machine, name)
		if err != nil {
			t.Fatal(err)
		}
		if x.Ended() {
			return x
		}
		<-again.C
	}
	t.Fatalf("%s of %s does not end", name, machine)
	return sfn.Execution{}
}

func TestA6_SFNStartHappensOnce(t *testing.T) { onBoth(t, startsOnce) }

func startsOnce(t *testing.T, e *sfn.Engine) {
	input := []byte(`{"job": "1", "text": "é😀"}`)
	for range 2 {
		if err := e.Start(t.Context(), "pass", "job-1", input); err != nil {
			t.Fatal(err)
		}
	}
	x := ended(t, e, "pass", "job-1")
	var output map[string]string
	if err := json.Unmarshal(x.Output, &output); err != nil || x.Status != sfn.Succeeded || output["text"] != "é😀" || x.Stopped.IsZero() {
		t.Fatalf("the execution became %+v", x)
	}
	if err := e.Start(t.Context(), "pass", "job-1", []byte(`{"text":"é😀"  ,"job":"1"}`)); !fault.Is(err, fault.Conflict) {
		t.Errorf("another input gave %v, want conflict", err)
	}
	if err := e.Start(t.Context(), "pass", "job-1", []byte(`{"job":"1","text":"é😀"}`)); err != nil {
		t.Errorf("the same input, spelled otherwise and after the end: %v", err)
	}
}

func TestA6_SFNDescribeAndStop(t *testing.T) { onBoth(t, describesAndStops) }

func describesAndStops(t *testing.T, e *sfn.Engine) {
	if _, err := e.Describe(t.Context(), "pass", "never"); !fault.Is(err, fault.NotFound) {
		t.Errorf("an unknown execution gave %v", err)
	}
	if err := e.Start(t.Context(), "fails", "a", []byte(`{}`)); err != nil {
		t.Fatal(err)
	}
	if x := ended(t, e, "fails", "a"); x.Status != sfn.Failed || x.Error != "Broken" || x.Cause != "on purpose" {
		t.Errorf("the execution became %+v", x)
	}
	if err := e.Start(t.Context(), "waits", "b", []byte(`{}`)); err != nil {
		t.Fatal(err)
	}
	if x, err := e.Describe(t.Context(), "waits", "b"); err != nil || x.Ended() || x.Started.IsZero() {
		t.Fatalf("%+v, %v", x, err)
	}
	for range 2 {
		if err := e.Stop(t.Context(), "waits", "b", "the person cancelled"); err != nil {
			t.Fatal(err)
		}
	}
	if x := ended(t, e, "waits", "b"); x.Status != sfn.Aborted {
		t.Errorf("stopped, it became %+v", x)
	}
	if err := e.Stop(t.Context(), "pass", "never", ""); !fault.Is(err, fault.NotFound) {
		t.Errorf("stopping nothing gave %v", err)
	}
}

func TestA6_SFNRefusesBeforeAsking(t *testing.T) {
	config, asked := faulttest.Config(t, faulttest.Answered(), faulttest.Always(faulttest.Broken))
	e := sfn.New(awssfn.NewFromConfig(config), map[string]string{"pass": "arn:aws:states:us-east-1:1:stateMachine:pass"})
	large := []byte(`"` + strings.Repeat("x", sfn.MaxInput-1) + `"`)
	for name, c := range map[string]struct {
		machine, name string
		input         []byte
		want          fault.Code
	}{
		"too large":    {"pass", "a", large, fault.TooLarge},
		"not JSON":     {"pass", "a", []byte("{"), fault.Invalid},
		"no machine":   {"other", "a", []byte("{}"), fault.Internal},
		"no name":      {"pass", "", []byte("{}"), fault.Invalid},
		"long name":    {"pass", strings.Repeat("a", 81), []byte("{}"), fault.Invalid},
		"another path": {"pass", "a:b", []byte("{}"), fault.Invalid},
	} {
		if err := e.Start(t.Context(), c.machine, c.name, c.input); !fault.Is(err, c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	if n := asked.Asked("StartExecution"); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
	onBoth(t, func(t *testing.T, e *sfn.Engine) {
		if err := e.Start(t.Context(), "gone", "a", []byte(`{}`)); !fault.Is(err, fault.Internal) {
			t.Errorf("a machine that is not there gave %v", err)
		}
	})
}

func TestA6_SFNCallsEndTyped(t *testing.T) {
	faulttest.Ends(t, func(config aws.Config) map[string]func(context.Context) error {
		e := sfn.New(awssfn.NewFromConfig(config), map[string]string{"m": "arn:aws:states:us-east-1:1:stateMachine:m"})
		return map[string]func(context.Context) error{
			"start":    func(ctx context.Context) error { return e.Start(ctx, "m", "a", []byte(`{}`)) },
			"stop":     func(ctx context.Context) error { return e.Stop(ctx, "m", "a", "") },
			"describe": func(ctx context.Context) error { _, err := e.Describe(ctx, "m", "a"); return err },
		}
	})
}

// TestN7_SFNStartsOnceWhateverIsLost: done, but told failed, must neither start twice nor be taken for somebody else's.
func TestN7_SFNStartsOnceWhateverIsLost(t *testing.T) {
	for _, f := range faulttest.All() {
		t.Run(f.String(), func(t *testing.T) {
			t.Parallel()
			options := faulttest.Patient()
			options.HTTP = faulttest.New(http.DefaultClient, faulttest.First(1, f))
			e := engine(t, options)
			if err := e.Start(t.Context(), "pass", "once", []byte(`{"n":1}`)); err != nil {
				t.Fatal(err)
			}
			if x := ended(t, e, "pass", "once"); x.Status != sfn.Succeeded {
				t.Fatalf("it became %+v", x)
			}
			if err := e.Start(t.Context(), "waits", "w", []byte(`{"n":1}`)); err != nil {
				t.Fatal(err)
			}
			if err := e.Stop(t.Context(), "waits", "w", "x"); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestA6_SFNUnderFaults: of every call a share fails; the results stay right.
func TestA6_SFNUnderFaults(t *testing.T) {
	options := faulttest.Patient()
	options.HTTP = faulttest.New(http.DefaultClient, faulttest.Sometimes(5, 0.05, faulttest.All()...))
	e := engine(t, options)
	for i := range 40 {
		name, input := fmt.Sprint("job-", i), fmt.Appendf(nil, `{"n":%d}`, i)
		if err := e.Start(t.Context(), "pass", name, input); err != nil {
			t.Fatal(err)
		}
		if x := ended(t, e, "pass", name); string(x.Input) != string(input) {
			t.Fatalf("%s has input %s", name, x.Input)
		}
	}
}
