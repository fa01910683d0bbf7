package config_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/orcray/orcray/shared/config"
)

func load(env map[string]string) (config.Config, error) {
	return config.Load(func(name string) string { return env[name] }, nil)
}

func TestO10_TheDefaultsAreValidAndHoldNoSecret(t *testing.T) {
	t.Parallel()
	c, err := load(nil)
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(c.Server.Addr, c.Data.Dir, c.Models.Default, c.Cells.Memory, c.Cells.Idle, c.Limits.Place, c.Limits.ExecuteTimeout,
		c.Limits.ValidateTimeout, c.Limits.Upload, c.Limits.Question, c.Limits.JobsPerMinute, c.Log.Level, c.Cluster.Memory, c.Auth.FirstIsAdmin)
	want := fmt.Sprint("127.0.0.1:8080", "./var", "offline", config.Bytes(4<<30), 10*time.Minute, config.Bytes(64<<20), 300*time.Second,
		60*time.Second, config.Bytes(5<<30), config.Bytes(16<<10), 30, slog.LevelInfo, config.Bytes(0), true)
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for _, s := range config.Settings() {
		if s.Secret && s.Default != "" {
			t.Errorf("%s has a default", s.Env)
		}
		if s.Help == "" || s.Group == "" || !strings.Contains(config.Help(), s.Env) {
			t.Errorf("%s is not explained", s.Env)
		}
	}
}

func TestO10_EverySettingIsReadFromItsName(t *testing.T) {
	t.Parallel()
	env := map[string]string{
		"ORCRAY_ADDR": "[::1]:9000", "ORCRAY_DATA": "/srv/orcray", "ORCRAY_PAGE": "/srv/page", "ORCRAY_MODEL": "openai", "ORCRAY_ALLOW_REMOTE": "true",
		"ORCRAY_OPENAI_URL": "https://models.example.com/v1", "ORCRAY_OPENAI_KEY": "sk-canary", "ORCRAY_OPENAI_MODEL": "qwen",
		"ORCRAY_BEDROCK": "1", "ORCRAY_BEDROCK_MODEL": "claude", "AWS_REGION": "eu-west-1", "ORCRAY_CELLS_WARM": "3", "ORCRAY_CELLS_MAX": "5",
		"ORCRAY_CELL_MEMORY": "6GiB", "ORCRAY_CELL_IDLE": "7m0s", "ORCRAY_ISOLATION": "sandbox", "ORCRAY_PYTHON": "/venv/bin/python",
		"ORCRAY_RUNNER": "/opt/runner", "ORCRAY_CLUSTER": "off", "ORCRAY_CLUSTER_MEMORY": "8GiB", "ORCRAY_PLACE_LIMIT": "9MiB",
		"ORCRAY_EXECUTE_TIMEOUT": "2m0s", "ORCRAY_VALIDATE_TIMEOUT": "11s", "ORCRAY_UPLOAD_MAX": "12MiB", "ORCRAY_QUESTION_MAX": "13KiB",
		"ORCRAY_JOBS_PER_MINUTE": "14", "ORCRAY_ISSUER": "https://pool", "ORCRAY_AUDIENCE": "client", "ORCRAY_FIRST_ADMIN": "false",
		"ORCRAY_USER_STORAGE": "15GiB", "ORCRAY_REGISTRATION": "open", "ORCRAY_LOG_LEVEL": "DEBUG",
	}
	c, err := load(env)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range c.Describe() {
		want, ok := env[s.Env]
		switch {
		case !ok:
			t.Errorf("%s is not in this test", s.Env)
		case s.Secret:
			want = "[secret]"
		case want == "1":
			want = "true"
		}
		if s.Value != want {
			t.Errorf("%s: got %q, want %q", s.Env, s.Value, want)
		}
	}
	if c.Models.OpenAIKey.Reveal() != "sk-canary" {
		t.Error("the key did not arrive")
	}
}

func TestO10_EveryProblemIsSaidAtOnceAndInPlainWords(t *testing.T) {
	t.Parallel()
	env := map[string]string{
		"ORCRAY_ADDR": "example.com:80", "ORCRAY_CELL_MEMORY": "4 gigs", "ORCRAY_CELLS_MAX": "0", "ORCRAY_EXECUTE_TIMEOUT": "300",
		"ORCRAY_ISOLATION": "none", "ORCRAY_LOG_LEVEL": "loud", "ORCRAY_OPENAI_URL": "https://me:pass@models", "ORCRAY_BEDROCK": "maybe",
		"ORCRAY_OPENAI_KEY": "canary key", "ORCRAY_DATA": "a\nb", "ORCRAY_MODEL": "gpt", "ORCRAY_JOBS_PER_MINUTE": "-1",
	}
	_, err := load(env)
	var problems config.Problems
	if !errors.As(err, &problems) || len(problems) != len(env) {
		t.Fatalf("got %d problems of %d: %v", len(problems), len(env), err)
	}
	for name := range env {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not named", name)
		}
	}
	for _, problem := range problems {
		if !strings.HasSuffix(problem, ".") || strings.Contains(problem, "\n") || strings.Contains(problem, "strconv") {
			t.Errorf("not a plain sentence: %s", problem)
		}
	}
	if strings.Contains(err.Error(), "canary") {
		t.Error("a secret is quoted")
	}
}

func TestO10_ValuesThatContradictEachOtherAreRefused(t *testing.T) {
	t.Parallel()
	for name, env := range map[string]map[string]string{
		"open to all":            {"ORCRAY_ADDR": "0.0.0.0:8080"},
		"open to all, IPv6":      {"ORCRAY_ADDR": "[::]:8080"},
		"open, mapped":           {"ORCRAY_ADDR": "[::ffff:10.0.0.1]:8080"},
		"open, no host":          {"ORCRAY_ADDR": ":8080"},
		"open, no sandbox":       {"ORCRAY_ADDR": "0.0.0.0:8080", "ORCRAY_ALLOW_REMOTE": "1", "ORCRAY_ISOLATION": "process"},
		"more warm than all":     {"ORCRAY_CELLS_WARM": "3"},
		"samples longer":         {"ORCRAY_VALIDATE_TIMEOUT": "10m"},
		"openai without address": {"ORCRAY_MODEL": "openai", "ORCRAY_OPENAI_MODEL": "m"},
		"openai without model":   {"ORCRAY_MODEL": "openai", "ORCRAY_OPENAI_URL": "http://127.0.0.1:1/v1"},
		"bedrock by default":     {"ORCRAY_MODEL": "bedrock"},
		"bedrock nowhere":        {"ORCRAY_BEDROCK": "1"},
		"key in the clear":       {"ORCRAY_OPENAI_URL": "http://models.example.com/v1", "ORCRAY_OPENAI_KEY": "sk"},
		"key for nobody":         {"ORCRAY_OPENAI_KEY": "sk"},
	} {
		if _, err := load(env); err == nil {
			t.Errorf("%s: was taken", name)
		}
	}
	for name, env := range map[string]map[string]string{
		"localhost":          {"ORCRAY_ADDR": "localhost:0"},
		"all of 127":         {"ORCRAY_ADDR": "127.9.9.9:8080"},
		"mapped loopback":    {"ORCRAY_ADDR": "[::ffff:127.0.0.1]:8080"},
		"key on the machine": {"ORCRAY_OPENAI_URL": "http://localhost:11434/v1", "ORCRAY_OPENAI_KEY": "sk"},
	} {
		if _, err := load(env); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if c, err := load(map[string]string{"ORCRAY_MODEL": "bedrock", "AWS_REGION": "us-east-1"}); err != nil || !c.Models.Bedrock {
		t.Errorf("ORCRAY_MODEL=bedrock does not mean Bedrock: %v", err)
	}
	c, err := load(map[string]string{"ORCRAY_ADDR": "0.0.0.0:8080", "ORCRAY_ALLOW_REMOTE": "1"})
	if err != nil || c.Auth.FirstIsAdmin {
		t.Errorf("whoever comes first over the network becomes admin: %v", err)
	}
}

// Whoever can reach the server can register on one's own machine, and not over the network unless that is meant.
func TestO1_RegistrationIsOpenOnOnesOwnMachine(t *testing.T) {
	t.Parallel()
	remote := map[string]string{"ORCRAY_ADDR": "0.0.0.0:8080", "ORCRAY_ALLOW_REMOTE": "1"}
	with := func(env map[string]string, value string) map[string]string {
		out := map[string]string{"ORCRAY_REGISTRATION": value}
		for k, v := range env {
			out[k] = v
		}
		return out
	}
	for want, envs := range map[string][]map[string]string{
		config.RegistrationOpen:   {nil, with(remote, "open")},
		config.RegistrationClosed: {remote, with(nil, "closed")},
	} {
		for _, env := range envs {
			if c, err := load(env); err != nil || c.Auth.Registration != want {
				t.Errorf("%v: %q, want %q, %v", env, c.Auth.Registration, want, err)
			}
		}
	}
	if _, err := load(map[string]string{"ORCRAY_REGISTRATION": "maybe"}); err == nil {
		t.Error("maybe was taken")
	}
}

func TestO10_TheDotenvFileFillsWhatTheEnvironmentLeaves(t *testing.T) {
	t.Parallel()
	file := "# ours\n\nORCRAY_DATA=/file\nexport ORCRAY_CELLS_MAX = \"7\"\nORCRAY_OPENAI_MODEL='a=b'\r\nOTHER=1\nORCRAY_ADDR=127.0.0.1:1\n"
	read := func(name string) ([]byte, error) { return []byte(file), nil }
	env := map[string]string{"ORCRAY_ADDR": "127.0.0.1:2"}
	c, err := config.Load(func(name string) string { return env[name] }, read)
	if err != nil || c.Data.Dir != "/file" || c.Cells.Max != 7 || c.Models.OpenAIModel != "a=b" || c.Server.Addr != "127.0.0.1:2" {
		t.Fatalf("got %+v, %v", c, err)
	}
	file = "ORCRAY_CELL_MAX=7\nnonsense\nORCRAY_CELLS_MAX=x\n"
	_, err = config.Load(func(string) string { return "" }, read)
	var problems config.Problems
	if !errors.As(err, &problems) || len(problems) != 3 {
		t.Fatalf("got %v", err)
	}
	for want, fails := range map[error]bool{fs.ErrNotExist: false, fs.ErrPermission: true} {
		_, err := config.Load(func(string) string { return "" }, func(string) ([]byte, error) { return nil, want })
		if (err != nil) != fails {
			t.Errorf("%v: got %v", want, err)
		}
	}
}

func TestS8_ASecretNeverShows(t *testing.T) {
	t.Parallel()
	const canary = "sk-canary-5f1e"
	type inner struct{ key config.Secret }
	type outer struct {
		Key    config.Secret
		Ptr    *config.Secret
		List   []config.Secret
		Hidden inner
	}
	s := config.NewSecret(canary)
	c, err := load(map[string]string{"ORCRAY_OPENAI_KEY": canary, "ORCRAY_OPENAI_URL": "https://m.example.com"})
	if err != nil {
		t.Fatal(err)
	}
	for _, value := range []any{s, &s, outer{s, &s, []config.Secret{s}, inner{s}}, map[string]any{"k": s}, c, &c, c.Describe()} {
		var text bytes.Buffer
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T"} {
			fmt.Fprintf(&text, verb, value)
		}
		fmt.Fprintln(&text, value)
		body, _ := json.Marshal(value)
		text.Write(body)
		body, _ = xml.Marshal(value)
		text.Write(body)
		slog.New(slog.NewJSONHandler(&text, nil)).Info("m", "value", value)
		slog.New(slog.NewTextHandler(&text, nil)).Info("m", "value", value)
		hexed := fmt.Sprintf("%x", canary)
		if strings.Contains(text.String(), canary) || strings.Contains(strings.ToLower(text.String()), hexed) {
			t.Errorf("%T shows its secret: %s", value, text.String())
		}
	}
	if s.Reveal() != canary || !s.IsSet() || config.NewSecret("").IsSet() {
		t.Error("a secret is not what was hidden")
	}
}

func TestO10_SizesComeBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := config.Bytes(rapid.Int64Range(0, 1<<50).Draw(t, "bytes")) << rapid.IntRange(0, 10).Draw(t, "shift")
		if got, err := config.ParseBytes(want.String()); err != nil || got != want {
			t.Fatalf("%d is written %s and read %d, %v", want, want, got, err)
		}
	})
	for _, text := range []string{"", "x", "-1", "1.5GiB", "4GB", "KiB", "9223372036854775807TiB", "1 000", "0x10"} {
		if n, err := config.ParseBytes(text); err == nil {
			t.Errorf("%q was read as %d", text, n)
		}
	}
}
