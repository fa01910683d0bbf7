package codegen_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/orcray/orcray/shared/codegen"
	"github.com/orcray/orcray/shared/fault"
)

// scripted is a Model that plays its steps one by one; the last one stays.
type scripted struct {
	steps []func(emit func(string)) (codegen.Reply, error)
	calls int
	asked []codegen.Request
}

func (s *scripted) Generate(_ context.Context, req codegen.Request, emit func(string)) (codegen.Reply, error) {
	step := s.steps[min(s.calls, len(s.steps)-1)]
	s.calls++
	s.asked = append(s.asked, req)
	return step(emit)
}

func fails(code fault.Code) func(func(string)) (codegen.Reply, error) {
	return func(func(string)) (codegen.Reply, error) {
		return codegen.Reply{}, &fault.Error{Code: code, Message: "No.", RetryAfter: 0}
	}
}

func replies(r codegen.Reply) func(func(string)) (codegen.Reply, error) {
	return func(emit func(string)) (codegen.Reply, error) {
		emit(r.Text)
		return r, nil
	}
}

// clock is time that passes only in Sleep.
type clock struct {
	now    time.Time
	pauses []time.Duration
}

func (c *clock) policy(random float64) codegen.Policy {
	return codegen.Policy{
		Sleep: func(ctx context.Context, d time.Duration) error {
			c.now = c.now.Add(d)
			c.pauses = append(c.pauses, d)
			return ctx.Err()
		},
		Rand: func() float64 { return random },
		Now:  func() time.Time { return c.now },
	}
}

var fine = codegen.Reply{Text: "x = 1\n", Stop: codegen.Done}

func TestR58_BackOffDoublesAndEndsAfterFourTries(t *testing.T) {
	t.Parallel()
	c := &clock{now: time.Now()}
	model := &scripted{steps: []func(func(string)) (codegen.Reply, error){fails(fault.Throttled)}}
	_, err := codegen.Retrying(model, c.policy(0.5)).Generate(t.Context(), codegen.Request{}, nil)
	if fault.CodeOf(err) != fault.Throttled || model.calls != 4 {
		t.Fatalf("%d calls, %v", model.calls, err)
	}
	want := []time.Duration{250 * time.Millisecond, 500 * time.Millisecond, time.Second}
	for i, d := range want {
		if c.pauses[i] != d {
			t.Errorf("pauses %v, want %v", c.pauses, want)
		}
	}
}

func TestR58_OnlyWhatMayPassIsAskedAgain(t *testing.T) {
	t.Parallel()
	for code, want := range map[fault.Code]int{
		fault.Throttled: 2, fault.Unavailable: 2, fault.Timeout: 2,
		fault.Invalid: 1, fault.Forbidden: 1, fault.NotFound: 1, fault.Unprocessable: 1, fault.Internal: 1,
	} {
		c := &clock{}
		model := &scripted{steps: []func(func(string)) (codegen.Reply, error){fails(code), replies(fine)}}
		reply, err := codegen.Retrying(model, c.policy(0)).Generate(t.Context(), codegen.Request{}, nil)
		if model.calls != want || (want == 2) != (err == nil && reply == fine) {
			t.Errorf("%s: %d calls, %+v, %v", code, model.calls, reply, err)
		}
	}
}

func TestR58_TheServersWaitIsKept(t *testing.T) {
	t.Parallel()
	c := &clock{now: time.Now()}
	throttled := func(func(string)) (codegen.Reply, error) {
		return codegen.Reply{}, &fault.Error{Code: fault.Throttled, Message: "No.", RetryAfter: 7 * time.Second}
	}
	model := &scripted{steps: []func(func(string)) (codegen.Reply, error){throttled, replies(fine)}}
	if _, err := codegen.Retrying(model, c.policy(0.5)).Generate(t.Context(), codegen.Request{}, nil); err != nil {
		t.Fatal(err)
	}
	if c.pauses[0] < 7*time.Second {
		t.Errorf("paused %v though the server said 7 s", c.pauses[0])
	}
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(5*time.Second))
	defer cancel()
	model = &scripted{steps: []func(func(string)) (codegen.Reply, error){throttled}}
	c = &clock{now: time.Now()}
	if _, err := codegen.Retrying(model, c.policy(0)).Generate(ctx, codegen.Request{}, nil); fault.CodeOf(err) != fault.Throttled || model.calls != 1 || len(c.pauses) != 0 {
		t.Errorf("a pause beyond the deadline: %d calls, pauses %v, %v", model.calls, c.pauses, err)
	}
}

func TestR58_WhatTheReaderSawIsNotRepeated(t *testing.T) {
	t.Parallel()
	broken := func(emit func(string)) (codegen.Reply, error) {
		emit("import")
		return codegen.Reply{}, fault.New(fault.Unavailable, "Broken.")
	}
	cut := replies(codegen.Reply{Text: "import", Stop: codegen.Truncated})
	for name, step := range map[string]func(func(string)) (codegen.Reply, error){"error": broken, "cut": cut} {
		c := &clock{}
		model := &scripted{steps: []func(func(string)) (codegen.Reply, error){step, replies(fine)}}
		var seen strings.Builder
		_, _ = codegen.Retrying(model, c.policy(0)).Generate(t.Context(), codegen.Request{}, func(p string) { seen.WriteString(p) })
		if model.calls != 1 || seen.String() != "import" {
			t.Errorf("%s: %d calls, the reader saw %q", name, model.calls, seen.String())
		}
	}
}

func TestR58_ACancelledCallIsNotAskedAgain(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	model := &scripted{steps: []func(func(string)) (codegen.Reply, error){func(func(string)) (codegen.Reply, error) {
		cancel()
		return codegen.Reply{}, fault.Wrap(context.Canceled, fault.Unavailable, "Cancelled.")
	}}}
	c := &clock{}
	_, err := codegen.Retrying(model, c.policy(0)).Generate(ctx, codegen.Request{}, nil)
	if model.calls != 1 || len(c.pauses) != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("%d calls, %v", model.calls, err)
	}
}

// TestR58_ThirtyPercentThrottling plays the stated load: a caller with 8 calls a job, as two rounds of 4 tries.
func TestR58_ThirtyPercentThrottling(t *testing.T) {
	t.Parallel()
	const jobs = 10_000
	random := rand.New(rand.NewPCG(1, 2))
	lost, most := 0, 0
	for range jobs {
		c := &clock{}
		model := &scripted{steps: []func(func(string)) (codegen.Reply, error){func(emit func(string)) (codegen.Reply, error) {
			if random.Float64() < 0.3 {
				return fails(fault.Throttled)(emit)
			}
			return replies(fine)(emit)
		}}}
		retrying := codegen.Retrying(model, c.policy(random.Float64()))
		_, err := retrying.Generate(t.Context(), codegen.Request{}, nil)
		if err != nil {
			_, err = retrying.Generate(t.Context(), codegen.Request{}, nil)
		}
		if err != nil {
			lost++
		}
		most = max(most, model.calls)
	}
	t.Logf("%d of %d jobs lost, at most %d calls", lost, jobs, most)
	if lost > jobs/1000 || most > 8 {
		t.Errorf("%d of %d jobs lost, at most %d calls", lost, jobs, most)
	}
}
