package openai_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/orcray/orcray/shared/codegen"
	"github.com/orcray/orcray/shared/codegen/modeltest"
	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/openai"
	"github.com/orcray/orcray/shared/openai/openaitest"
	"github.com/orcray/orcray/shared/source"
)

const canary = "sk-canary-7f3a9c"

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T, config openai.Config) (*openai.Client, *openaitest.Server) {
	t.Helper()
	server := openaitest.NewServer()
	t.Cleanup(server.Close)
	config.BaseURL, config.Key = server.URL(), openai.NewSecret(canary)
	client, err := openai.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client, server
}

func TestR58_TheSuiteOfModels(t *testing.T) {
	t.Parallel()
	modeltest.Run(t, func(t *testing.T, s modeltest.Setup) (codegen.Model, modeltest.Server) {
		return start(t, openai.Config{Patience: s.Patience, Connect: s.Connect, Dial: s.Dial})
	})
}

func ask(t *testing.T, client *openai.Client, in codegen.Input) (codegen.Reply, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	return client.Generate(ctx, codegen.Request{Model: "m", MaxTokens: 100, Prompt: codegen.BuildPrompt(in)}, nil)
}

func TestR3_TheRecordedRequestHoldsNameAddressAndPreview(t *testing.T) {
	t.Parallel()
	client, server := start(t, openai.Config{})
	server.Push(modeltest.Says("x = 1\n"), modeltest.Says("x = 2\n"))
	in := codegen.Input{Question: "Total?", Sources: []source.Source{{
		Name: "sales.csv", URI: "s3://b/u/1/data.csv",
		Profile: &source.Profile{Format: source.CSV, Preview: []string{"a,b", "1,2", "3,4", "5,6", "7,8"}},
	}}}
	if _, err := ask(t, client, in); err != nil {
		t.Fatal(err)
	}
	in.Previous = &codegen.Attempt{Number: 1, Class: "code", Code: "x = 1\n", Traceback: "KeyError: 'c'"}
	if _, err := ask(t, client, in); err != nil {
		t.Fatal(err)
	}
	asked := server.Requests()
	for _, want := range []string{`"sales.csv"`, `"s3://b/u/1/data.csv"`, `"a,b"`, `"7,8"`} {
		if !strings.Contains(asked[0].User, want) {
			t.Errorf("the first request does not hold %s", want)
		}
	}
	if !strings.Contains(asked[1].User, `"KeyError: 'c'"`) || !strings.Contains(asked[1].User, `"x = 1"`) {
		t.Errorf("the second request does not hold the failure: %s", asked[1].User)
	}
	if asked[0].Header.Get("Authorization") != "Bearer "+canary {
		t.Error("the key was not sent")
	}
}

func TestR1_AServerThatCannotDoEverythingIsMetHalfway(t *testing.T) {
	t.Parallel()
	client, server := start(t, openai.Config{})
	says := func(text string) modeltest.Behaviour { return modeltest.Behaviour{Status: 400, Message: text} }
	server.Push(says("Unknown field stream_options"), says("Use 'max_completion_tokens' instead"), says("temperature is not supported"),
		says("stream is not supported"), modeltest.Says("x = 1\n"), modeltest.Says("x = 2\n"))
	for _, want := range []string{"x = 1\n", "x = 2\n"} {
		reply, err := ask(t, client, codegen.Input{})
		if err != nil || reply.Text != want || reply.Stop != codegen.Done {
			t.Fatalf("%+v, %v", reply, err)
		}
	}
	asked := server.Requests()
	last := string(asked[len(asked)-1].Body)
	if len(asked) != 6 || strings.Contains(last, "stream") || strings.Contains(last, "temperature") || !strings.Contains(last, `"max_completion_tokens":100`) {
		t.Errorf("%d requests, the last: %s", len(asked), last)
	}
}

func TestR2_ModelsOfTheServerAreListed(t *testing.T) {
	t.Parallel()
	client, server := start(t, openai.Config{})
	server.Models = []string{"qwen3:8b", "", "llama3.2:1b"}
	listed, err := client.Models(t.Context())
	if err != nil || len(listed) != 2 || listed[0].ID != "llama3.2:1b" || listed[0].Provider != codegen.OpenAI || listed[0].InputPerMillion != nil {
		t.Errorf("%+v, %v", listed, err)
	}
	server.Close()
	if _, err := client.Models(t.Context()); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("a dead server: %v", err)
	}
}

func TestS8_TheKeyNeverPrints(t *testing.T) {
	t.Parallel()
	client, server := start(t, openai.Config{})
	server.Push(modeltest.Behaviour{Status: 401, Message: "Incorrect API key provided: " + canary})
	_, err := ask(t, client, codegen.Input{})
	if fault.CodeOf(err) != fault.Forbidden {
		t.Fatal(err)
	}
	secret := openai.NewSecret(canary)
	config := openai.Config{Key: secret}
	encoded, _ := json.Marshal(config.Key)
	var logged strings.Builder
	slog.New(slog.NewJSONHandler(&logged, nil)).Error("x", "key", secret, "config", config.Key, "err", err)
	for _, out := range []string{err.Error(), string(encoded), logged.String(), secret.String(),
		fmt.Sprintf("%v %+v %#v %s %q %x %d", config, config, config, secret, secret, secret, &secret)} {
		if strings.Contains(out, "canary") || strings.Contains(out, fmt.Sprintf("%x", canary)) {
			t.Errorf("the key shows in %s", out)
		}
	}
}

func TestR58_RetryAfterAndQuota(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	client, server := start(t, openai.Config{Now: func() time.Time { return now }})
	for header, want := range map[string]time.Duration{
		now.Add(90 * time.Second).Format(http.TimeFormat): 90 * time.Second,
		now.Add(-time.Hour).Format(http.TimeFormat):       0,
		"0.5": 500 * time.Millisecond, "1e300": time.Hour, "-3": 0, "soon": 0, "": 0, "NaN": 0,
	} {
		server.Push(modeltest.Behaviour{Status: 429, RetryAfter: header})
		_, err := ask(t, client, codegen.Input{})
		var coded *fault.Error
		if !errors.As(err, &coded) || coded.Code != fault.Throttled || coded.RetryAfter != want {
			t.Errorf("%q: %v, want %v", header, err, want)
		}
	}
	server.Push(modeltest.Behaviour{Status: 429, Kind: "insufficient_quota"})
	if _, err := ask(t, client, codegen.Input{}); fault.CodeOf(err) != fault.Forbidden {
		t.Errorf("no credit left: %v", err)
	}
}

func TestR58_AnAddressThatCannotBeUsedIsRefused(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"", "localhost:11434", "ftp://host/v1", "http://", "http://user:pass@host/v1", "http://host/v1?key=x", "http://h\x7f"} {
		if _, err := openai.New(openai.Config{BaseURL: address}); fault.CodeOf(err) != fault.Invalid || strings.Contains(err.Error(), "pass") {
			t.Errorf("%q: %v", address, err)
		}
	}
}
