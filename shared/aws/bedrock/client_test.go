package bedrock_test

import (
	"context"
	"errors"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/orcray/orcray/shared/aws/bedrock"
	"github.com/orcray/orcray/shared/aws/bedrock/bedrocktest"
	"github.com/orcray/orcray/shared/codegen"
	"github.com/orcray/orcray/shared/codegen/modeltest"
	"github.com/orcray/orcray/shared/fault"
)

func start(t *testing.T, options bedrock.Options) (*bedrock.Client, *bedrocktest.Server) {
	t.Helper()
	server := bedrocktest.NewServer()
	t.Cleanup(server.Close)
	options.Endpoint = server.Root()
	config := aws.Config{Region: "us-east-1", Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "canary-secret"}, nil
	})}
	return bedrock.New(config, options), server
}

func TestR58_TheSuiteOfModels(t *testing.T) {
	t.Parallel()
	modeltest.Run(t, func(t *testing.T, s modeltest.Setup) (codegen.Model, modeltest.Server) {
		return start(t, bedrock.Options{Patience: s.Patience, Connect: s.Connect, Dial: s.Dial})
	})
}

func ask(t *testing.T, client *bedrock.Client) (codegen.Reply, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	return client.Generate(ctx, codegen.Request{
		Model: codegen.DefaultBedrock, MaxTokens: 100, Prompt: codegen.Prompt{System: "s", User: "u"}}, nil)
}

func TestR58_EveryNamedErrorHasItsCode(t *testing.T) {
	t.Parallel()
	client, server := start(t, bedrock.Options{})
	for name, c := range map[string]struct {
		status int
		want   fault.Code
	}{
		"ThrottlingException":           {http.StatusTooManyRequests, fault.Throttled},
		"ModelNotReadyException":        {http.StatusTooManyRequests, fault.Throttled},
		"ServiceQuotaExceededException": {http.StatusBadRequest, fault.Throttled},
		"ModelTimeoutException":         {http.StatusRequestTimeout, fault.Timeout},
		"ServiceUnavailableException":   {http.StatusServiceUnavailable, fault.Unavailable},
		"InternalServerException":       {http.StatusInternalServerError, fault.Unavailable},
		"ModelErrorException":           {http.StatusFailedDependency, fault.Unavailable},
		"ModelStreamErrorException":     {http.StatusFailedDependency, fault.Unavailable},
		"AccessDeniedException":         {http.StatusForbidden, fault.Forbidden},
		"UnrecognizedClientException":   {http.StatusForbidden, fault.Forbidden},
		"ExpiredTokenException":         {http.StatusForbidden, fault.Forbidden},
		"ValidationException":           {http.StatusBadRequest, fault.Invalid},
		"ResourceNotFoundException":     {http.StatusNotFound, fault.NotFound},
		"SomethingNewException":         {http.StatusTeapot, fault.Unavailable},
	} {
		before := len(server.Requests())
		server.Push(modeltest.Behaviour{Status: c.status, Kind: name, Message: "internal words"})
		_, err := ask(t, client)
		if fault.CodeOf(err) != c.want || strings.Contains(fault.MessageOf(err), "internal words") {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
		if strings.Contains(err.Error(), "canary-secret") {
			t.Errorf("%s: the secret key shows", name)
		}
		if n := len(server.Requests()) - before; n != 1 {
			t.Errorf("%s: the SDK asked %d times", name, n)
		}
	}
}

func TestR58_ErrorsInsideTheStream(t *testing.T) {
	t.Parallel()
	client, server := start(t, bedrock.Options{})
	for kind, want := range map[string]fault.Code{
		"throttlingException": fault.Throttled, "modelStreamErrorException": fault.Unavailable, "internalServerException": fault.Unavailable,
		"serviceUnavailableException": fault.Unavailable, "validationException": fault.Invalid,
	} {
		server.Push(modeltest.Behaviour{Stop: modeltest.Fails, Kind: kind},
			modeltest.Behaviour{Pieces: []string{"import ray\n"}, Stop: modeltest.Fails, Kind: kind})
		if _, err := ask(t, client); fault.CodeOf(err) != want {
			t.Errorf("%s before the first token: %v, want %s", kind, err, want)
		}
		if reply, err := ask(t, client); err != nil || reply.Stop != codegen.Truncated || reply.Text != "import ray\n" {
			t.Errorf("%s in the middle: %+v, %v", kind, reply, err)
		}
	}
}

func TestR1_AModelThatDoesNotStreamIsAskedOnce(t *testing.T) {
	t.Parallel()
	client, server := start(t, bedrock.Options{})
	server.Push(modeltest.Behaviour{Status: 400, Message: "The model doesn't support streaming."}, modeltest.Says("x = ", "1\n"))
	reply, err := ask(t, client)
	if err != nil || reply.Text != "x = 1\n" || reply.Stop != codegen.Done || reply.Usage.OutputTokens != 7 {
		t.Fatalf("%+v, %v", reply, err)
	}
	asked := server.Requests()
	if len(asked) != 2 || !asked[0].Stream || asked[1].Stream || asked[1].MaxTokens != 100 || asked[1].Model != codegen.DefaultBedrock {
		t.Errorf("asked %+v", asked)
	}
	server.Push(modeltest.Behaviour{Status: 400, Message: "no streaming"}, modeltest.Says(strings.Repeat("#", codegen.MaxReplyBytes+1)))
	var typed *codegen.ReplyError
	if _, err := ask(t, client); !errors.As(err, &typed) || typed.Reason != codegen.ReplyTooLarge {
		t.Errorf("a huge document: %v", err)
	}
}

func TestR58_AMarkTheDataBroughtIsNoGarbage(t *testing.T) {
	t.Parallel()
	client, server := start(t, bedrock.Options{})
	server.Push(modeltest.Says("print('Gr\ufffdße')\n"), modeltest.Says("print('Gr\ufffdße')\n"))
	ctx := t.Context()
	req := codegen.Request{Model: "m", MaxTokens: 9, Prompt: codegen.Prompt{User: `{"name": "Gr\ufffdße"}`}}
	if reply, err := client.Generate(ctx, req, nil); err != nil || reply.Stop != codegen.Done {
		t.Errorf("%+v, %v", reply, err)
	}
	req.Prompt.User = "plain"
	var typed *codegen.ReplyError
	if _, err := client.Generate(ctx, req, nil); !errors.As(err, &typed) || typed.Reason != codegen.ReplyNotPython {
		t.Errorf("garbage passed: %v", err)
	}
}

// TestR58_AnAnswerFasterThanTheRequest guards detached: with the SDK's own body, a collection while the answer streams loses
// about every third answer of a server this near.
func TestR58_AnAnswerFasterThanTheRequest(t *testing.T) {
	t.Parallel()
	client, server := start(t, bedrock.Options{})
	for i := range 30 {
		gate := make(chan struct{}, 4)
		b := modeltest.Says("a", "b", "c", "d")
		b.Gate = gate
		server.Push(b)
		reply, err := client.Generate(t.Context(), codegen.Request{Model: "m", MaxTokens: 1}, func(string) {
			runtime.GC()
			gate <- struct{}{}
		})
		if err != nil || reply.Text != "abcd" || reply.Stop != codegen.Done {
			t.Fatalf("answer %d: %+v, %v", i, reply, err)
		}
	}
}
