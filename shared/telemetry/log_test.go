package telemetry_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/orcray/orcray/shared/config"
	"github.com/orcray/orcray/shared/telemetry"
)

const canary = "CANARYq7Zt91"

// logged gives what one call writes.
func logged(log func(*slog.Logger)) string {
	var out bytes.Buffer
	log(telemetry.NewLogger(&out, slog.LevelDebug))
	return out.String()
}

// canaries are fields that carry the canary in each way a secret is known to come.
func canaries(t *testing.T) map[string]slog.Attr {
	t.Helper()
	type reply struct {
		AccessToken string `json:"access_token"`
		Kind        string `json:"kind"`
	}
	jwt := "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiIx" + canary + "In0.c2ln" + canary
	signed := "https://b.s3.amazonaws.com/u/1?X-Amz-Date=20260301&X-Amz-Credential=AKIA%2F" + canary + "&X-Amz-Signature=" + canary + "&partNumber=1"
	parsed, err := url.Parse(signed)
	if err != nil {
		t.Fatal(err)
	}
	secret := config.NewSecret(canary)
	return map[string]slog.Attr{
		"a Secret":               slog.Any("value", secret),
		"a Secret inside":        slog.Any("value", struct{ K config.Secret }{secret}),
		"a Secret under %v":      slog.String("value", fmt.Sprintf("%v %+v", secret, struct{ k config.Secret }{secret})),
		"authorization":          slog.String("Authorization", "Digest "+canary),
		"password":               slog.String("password", canary),
		"new_password":           slog.String("new_password", canary),
		"token":                  slog.String("token", canary),
		"refreshToken":           slog.String("refreshToken", canary),
		"api-key":                slog.String("X-Api-Key", canary),
		"set-cookie":             slog.String("set-cookie", "session="+canary),
		"AWS_SECRET_ACCESS_KEY":  slog.String("AWS_SECRET_ACCESS_KEY", canary),
		"aws session token":      slog.String("AwsSessionToken", canary),
		"list under a name":      slog.Any("passwords", []string{canary, canary}),
		"bytes under a name":     slog.Any("private_key", []byte(canary)),
		"group under a name":     slog.Group("credentials", slog.String("id", canary), slog.Group("x", slog.String("y", canary))),
		"struct field":           slog.Any("reply", reply{AccessToken: canary, Kind: "bearer"}),
		"nested struct":          slog.Any("reply", []any{map[string]any{"a": []reply{{AccessToken: canary}}}}),
		"name of a map":          slog.Any("seen", map[string]int{"Bearer " + canary: 1}),
		"http header":            slog.Any("headers", http.Header{"Authorization": {"Bearer " + canary}, "Cookie": {"a=" + canary}}),
		"header in a text":       slog.String("dump", "GET / HTTP/1.1\nAuthorization: Bearer "+canary+"\nHost: x"),
		"bearer in a text":       slog.String("note", "sent bearer "+canary+" to it"),
		"basic in a text":        slog.String("note", "Basic "+canary),
		"jwt in a text":          slog.String("note", "got "+jwt+" back"),
		"jwt in an error":        slog.Any("err", fmt.Errorf("parse %q: %w", jwt, errors.New("bad"))),
		"presigned URL":          slog.String("url", signed),
		"presigned URL, error":   slog.Any("err", fmt.Errorf("Get %q: timeout", signed)),
		"presigned URL, parsed":  slog.Any("url", parsed),
		"presigned URL, escaped": slog.String("next", "https://x/?u="+url.QueryEscape("https://b/?X-Amz-Signature="+canary)),
		"security token":         slog.String("url", "https://b/?a=1&x-amz-security-token="+canary),
		"user in a URL":          slog.String("url", "postgres://me:"+canary+"@db/x"),
		"query password":         slog.String("form", "username=a@b.c&password="+canary),
		"JSON in a text":         slog.String("body", `{"email":"a@b.c","password":"`+canary+`"}`),
		"JSON, escaped":          slog.String("body", `"{\"access_token\": \"`+canary+`\"}"`),
		"JSON, raw":              slog.Any("body", json.RawMessage(`{"x":{"client_secret":"`+canary+`"}}`)),
		"private key":            slog.String("pem", "-----BEGIN PRIVATE KEY-----\n"+canary+"\n-----END PRIVATE KEY-----\n"),
		"private key, cut":       slog.String("pem", "-----BEGIN RSA PRIVATE KEY-----\n"+canary),
		"valuer":                 slog.Any("value", leaky{}),
		"an odd time":            slog.Any("time", reply{AccessToken: canary}),
		"an odd level":           slog.Any("level", reply{AccessToken: canary}),
		"cannot be marshalled":   slog.Any("value", map[string]any{"f": func() {}, "k": canary}),
	}
}

func TestS8_NoCanaryReachesALogLine(t *testing.T) {
	t.Parallel()
	for name, attr := range canaries(t) {
		for place, log := range map[string]func(*slog.Logger){
			"attribute": func(l *slog.Logger) { l.LogAttrs(context.Background(), slog.LevelInfo, "m", attr) },
			"with":      func(l *slog.Logger) { l.With(attr).Info("m") },
			"grouped":   func(l *slog.Logger) { l.WithGroup("g").With(attr).Info("m", "n", 1) },
			"message": func(l *slog.Logger) {
				if attr.Value.Kind() == slog.KindString && strings.ContainsAny(attr.Value.String(), " =:{-") && name != "authorization" && name != "set-cookie" {
					l.Info(attr.Value.String())
				}
			},
		} {
			if line := logged(log); strings.Contains(line, canary) {
				t.Errorf("%s as %s: %s", name, place, line)
			}
		}
	}
}

// leaky is a value whose own log form carries a token.
type leaky struct{}

func (leaky) LogValue() slog.Value {
	return slog.GroupValue(slog.String("session_token", canary), slog.String("note", "Bearer "+canary))
}

func TestS8_WhatIsNoSecretStaysReadable(t *testing.T) {
	t.Parallel()
	line := logged(func(l *slog.Logger) {
		l.Info("model answered", "input_tokens", 12, "max_tokens", int64(4096), "url", "https://b/?X-Amz-Date=20260301&X-Amz-Signature=abc&part=7",
			"took", time.Second, "ok", true, "job", "01J", "usage", map[string]int{"output_tokens": 5}, "err", errors.New("basic training failed"),
			"note", "the token was refused", "rows", []int{1, 2})
	})
	for _, want := range []string{
		`"input_tokens":12`, `"max_tokens":4096`, `X-Amz-Date=20260301&X-Amz-Signature=[secret]&part=7`, `"took":1000000000`, `"ok":true`, `"job":"01J"`,
		`"usage":{"output_tokens":5}`, `"note":"the token was refused"`, `"rows":[1,2]`, `"level":"INFO"`, `"msg":"model answered"`,
	} {
		if !strings.Contains(line, want) && !strings.Contains(strings.ReplaceAll(line, `\u0026`, "&"), want) {
			t.Errorf("%s is missing in %s", want, line)
		}
	}
}

type panicking struct{}

func (panicking) MarshalJSON() ([]byte, error) { panic("no") }
func (panicking) String() string               { panic("no") }

type brokenJSON struct{}

func (brokenJSON) MarshalJSON() ([]byte, error) { return []byte("{\n\"a\": \"b\"\n}\n"), nil }

// anything draws a value that somebody could log.
func anything() *rapid.Generator[any] {
	odd := []any{
		nil, panicking{}, brokenJSON{}, math.NaN(), math.Inf(1), func() {}, make(chan int), errors.New("a\nb"), error(nil), []byte{0xff, '\n'},
		json.RawMessage("not json"), json.RawMessage("{\"a\":\n1}"), (*config.Secret)(nil), (*panicking)(nil), struct{ A func() }{}, http.Header{"A": {"b\n"}},
		map[string]any{"x": math.NaN()}, map[int]string{1: "\u2028"}, time.Time{}, slog.GroupValue(slog.String("a", "b\n")), complex(1, 2), strings.Repeat("x\n", 1<<16), strings.Repeat("\xff", 2000), fmt.Errorf("%s", strings.Repeat("\xff", 2000)),
	}
	text := rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) any { return string(b) })
	return rapid.OneOf(text, rapid.SampledFrom(odd), rapid.Map(rapid.Float64(), func(f float64) any { return f }),
		rapid.Map(rapid.MapOf(rapid.String(), rapid.String()), func(m map[string]string) any { return m }))
}

func TestS8_EveryRecordIsOneJSONObjectOnOneLineOfBoundedFields(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		trace, err := telemetry.NewTrace(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		ctx := telemetry.WithTrace(context.Background(), trace)
		var groups []string
		line := logged(func(l *slog.Logger) {
			for range rapid.IntRange(0, 4).Draw(t, "steps") {
				if rapid.Bool().Draw(t, "group") {
					groups = append(groups, string(rapid.SliceOf(rapid.Byte()).Draw(t, "name")))
					l = l.WithGroup(groups[len(groups)-1])
				} else {
					l = l.With(string(rapid.SliceOf(rapid.Byte()).Draw(t, "key")), anything().Draw(t, "with"))
				}
			}
			l.ErrorContext(ctx, string(rapid.SliceOf(rapid.Byte()).Draw(t, "message")),
				string(rapid.SliceOf(rapid.Byte()).Draw(t, "key")), anything().Draw(t, "value"), anything().Draw(t, "odd argument"))
		})
		if strings.Count(line, "\n") != 1 || !strings.HasSuffix(line, "\n") {
			t.Fatalf("not one line: %q", line)
		}
		var object map[string]any
		if err := json.Unmarshal([]byte(line), &object); err != nil {
			t.Fatalf("not JSON: %v: %q", err, line)
		}
		if id := object["trace_id"]; id != telemetry.TraceID(ctx) && !strings.Contains(line, telemetry.TraceID(ctx)) {
			t.Fatalf("no trace id in %q", line)
		}
		checkBounds(t, object)
	})
}

func checkBounds(t *rapid.T, node any) {
	switch node := node.(type) {
	case string:
		if len(node) > telemetry.MaxField {
			t.Fatalf("a field has %d bytes", len(node))
		}
	case []any:
		for _, child := range node {
			checkBounds(t, child)
		}
	case map[string]any:
		for _, child := range node {
			checkBounds(t, child)
		}
	}
}

func TestS8_LongFieldsAreCutAtALetterAndSaySo(t *testing.T) {
	t.Parallel()
	for _, text := range []string{strings.Repeat("é", 2000), strings.Repeat("x", 1<<20), strings.Repeat("password=abcdefgh&", 3000)} {
		var object map[string]string
		if err := json.Unmarshal([]byte(logged(func(l *slog.Logger) { l.Info("m", "v", text) })), &object); err != nil {
			t.Fatal(err)
		}
		if v := object["v"]; len(v) > telemetry.MaxField || !strings.HasSuffix(v, "[cut]") || strings.ContainsRune(v, '\ufffd') {
			t.Errorf("got %d bytes ending in %q", len(v), v[len(v)-12:])
		}
	}
}

func TestS8_LargeValuesAreCutAsAWhole(t *testing.T) {
	t.Parallel()
	line := logged(func(l *slog.Logger) {
		l.Info("m", "rows", make([]int, 10_000), "map", map[string][]int{"a": make([]int, 5000)})
	})
	if len(line) > 2*telemetry.MaxField+500 || strings.Count(line, "[cut]") != 2 || !json.Valid([]byte(line)) {
		t.Fatalf("%d bytes: %.300s", len(line), line)
	}
}

func TestS8_LoggersOfOneHandlerDoNotMixUp(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	base := telemetry.NewLogger(&out, slog.LevelInfo).With("app", "orcray").With("of", "three").WithGroup("job") // three steps: their slice has room
	var group sync.WaitGroup
	for i := range 20 {
		group.Go(func() {
			l := base.With("n", i)
			for range 50 {
				trace, _ := telemetry.NewTrace(rand.Reader)
				l.InfoContext(telemetry.WithTrace(context.Background(), trace), "step", "again", i)
				l.Debug("never")
			}
		})
	}
	group.Wait()
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 1000 {
		t.Fatalf("got %d lines", len(lines))
	}
	for _, line := range lines {
		var got struct {
			TraceID string `json:"trace_id"`
			App     string `json:"app"`
			Job     struct{ N, Again int }
		}
		if err := json.Unmarshal([]byte(line), &got); err != nil || len(got.TraceID) != 32 || got.App != "orcray" || got.Job.N != got.Job.Again {
			t.Fatalf("%v in %s", err, line)
		}
	}
}
