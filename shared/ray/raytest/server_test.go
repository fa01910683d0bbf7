package raytest_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/ray"
	"github.com/orcray/orcray/shared/ray/raytest"
)

func start(t *testing.T, behaviours ...raytest.Behaviour) (*raytest.Server, *raytest.Script) {
	t.Helper()
	script := &raytest.Script{Poll: 100 * time.Millisecond}
	script.Push(behaviours...)
	s, err := raytest.NewServer(filepath.Join(t.TempDir(), "r.sock"), script)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s, script
}

func bounded(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func nothing(ray.Event) error { return nil }

// The real client finds every part of the protocol here, so that what is proven with this server holds for a runner.
func TestR16_ScriptedRunnerSpeaksTheProtocol(t *testing.T) {
	t.Parallel()
	s, script := start(t, raytest.Succeeds("42"), raytest.Hangs(), raytest.Hangs())
	c, ctx := s.Client(), bounded(t)
	one := ray.Run{RunID: "j-validate-1", Code: "x", Mode: ray.Validate}
	if _, existed, err := c.Submit(ctx, one); err != nil || existed {
		t.Fatalf("the first submit: existed %v, %v", existed, err)
	}
	var texts []string
	state, err := c.Follow(ctx, one.RunID, 0, func(e ray.Event) error {
		texts = append(texts, e.Type)
		return nil
	})
	if err != nil || state != ray.Succeeded || len(texts) != 3 {
		t.Errorf("events %v, %s, %v", texts, state, err)
	}
	if _, existed, err := c.Submit(ctx, one); err != nil || !existed || len(script.Runs()) != 1 {
		t.Errorf("the same run again: existed %v, %v, %d runs", existed, err, len(script.Runs()))
	}
	two := ray.Run{RunID: "j-execute-1", Code: "x", Mode: ray.Execute, Limits: ray.Limits{WallSeconds: 60}}
	if _, _, err := c.Submit(ctx, two); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.Submit(ctx, ray.Run{RunID: "j-execute-2", Code: "x"}); !fault.Is(err, fault.Conflict) {
		t.Errorf("a second active run: %v", err)
	}
	if _, state, err := c.Events(ctx, two.RunID, 0, nothing); err != nil || state != ray.Running {
		t.Errorf("a poll whose time is up: %s, %v", state, err)
	}
	if status, err := c.Stop(ctx, two.RunID); err != nil || status.State != ray.Stopped || s.State(two.RunID) != ray.Stopped {
		t.Errorf("stop: %+v, %v", status, err)
	}
	if _, err := c.Get(ctx, "unknown"); !fault.Is(err, fault.NotFound) {
		t.Errorf("an unknown run: %v", err)
	}
}

func TestR17_ScriptedRunnerKeepsTheTimeLimit(t *testing.T) {
	t.Parallel()
	s, _ := start(t, raytest.Hangs())
	c, ctx := s.Client(), bounded(t)
	if _, _, err := c.Submit(ctx, ray.Run{RunID: "r", Code: "x", Limits: ray.Limits{WallSeconds: 0.05}}); err != nil {
		t.Fatal(err)
	}
	if state, err := c.Follow(ctx, "r", 0, nothing); err != nil || state != ray.TimedOut {
		t.Errorf("%s, %v", state, err)
	}
}

func TestR16_ScriptedRunnerMisbehaves(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		does raytest.Behaviour
		is   func(error) bool
	}{
		"broken":    {raytest.Behaviour{Broken: "{\"seq\":9}\n"}, func(err error) bool { return errors.Is(err, ray.ErrProtocol) }},
		"dies":      {raytest.Behaviour{Dies: true, End: ray.Failed}, func(err error) bool { return errors.Is(err, ray.ErrAway) }},
		"forgotten": {raytest.Behaviour{Forgotten: true}, func(err error) bool { return fault.Is(err, fault.NotFound) }},
		"repeats":   {raytest.Behaviour{Repeats: true}, func(err error) bool { return errors.Is(err, ray.ErrProtocol) }},
	} {
		s, _ := start(t, c.does)
		client, ctx := s.Client(), bounded(t)
		_, _, err := client.Submit(ctx, ray.Run{RunID: "r", Code: "x"})
		seen := int64(0)
		for tries := 0; err == nil && tries < 5; tries++ {
			seen, _, err = client.Events(ctx, "r", seen, nothing)
		}
		if !c.is(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
