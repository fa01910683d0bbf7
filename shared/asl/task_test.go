package asl_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orcray/orcray/shared/asl"
)

// runWith runs a machine once, with functions, and jumps over its waits.
func runWith(t *testing.T, f functions, def, input string) asl.Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	o := asl.Once{Now: time.Now, SkipWaits: true}
	if f != nil {
		o.Invoker = f
	}
	r, err := asl.RunOnce(ctx, o, []byte(def), []byte(input))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// oneTask is a machine with one task that has more fields.
func oneTask(more string) string {
	return `{"StartAt":"T","States":{"T":{"Type":"Task","Resource":"f",` + more + `"End":true},` +
		`"Caught":{"Type":"Pass","End":true},"Other":{"Type":"Succeed"}}}`
}

// failing gives the errors one after the other, and then succeeds.
func failing(names ...string) (functions, *[]int) {
	var mu sync.Mutex
	attempts := &[]int{}
	return functions{"f": func(_ context.Context, c asl.Call) (any, error) {
		mu.Lock()
		defer mu.Unlock()
		*attempts = append(*attempts, c.Attempt)
		if n := len(*attempts); n <= len(names) {
			return nil, &asl.TaskError{Name: names[n-1], Cause: "because"}
		}
		return "ok", nil
	}}, attempts
}

const catchAll = `"Catch":[{"ErrorEquals":["Special"],"Next":"Other"},{"ErrorEquals":["States.ALL"],"ResultPath":"$.error","Next":"Caught"}],`

func TestA7_RetryAndCatch(t *testing.T) {
	t.Parallel()
	retry := func(fields string) string { return `"Retry":[{"ErrorEquals":["A"],` + fields + `}],` }
	for name, c := range map[string]struct {
		more   string
		errors []string
		want   string
		calls  int
	}{
		"succeeds on the third":       {retry(`"MaxAttempts":2`), []string{"A", "A"}, `SUCCEEDED "ok"`, 3},
		"gives up":                    {retry(`"MaxAttempts":1`), []string{"A", "A"}, `FAILED A`, 2},
		"never tries again":           {retry(`"MaxAttempts":0`), []string{"A"}, `FAILED A`, 1},
		"another error":               {retry(`"MaxAttempts":9`), []string{"B"}, `FAILED B`, 1},
		"jitter and a longest pause":  {retry(`"JitterStrategy":"FULL","MaxDelaySeconds":5,"IntervalSeconds":2,"BackoffRate":9`), []string{"A", "A", "A"}, `SUCCEEDED "ok"`, 4},
		"caught":                      {catchAll, []string{"A"}, `SUCCEEDED {"error":{"Cause":"because","Error":"A"},"in":1}`, 1},
		"caught by name":              {catchAll, []string{"Special"}, `SUCCEEDED {"Cause":"because","Error":"Special"}`, 1},
		"retried, then caught":        {retry(`"MaxAttempts":1`) + catchAll, []string{"A", "A"}, `SUCCEEDED {"error":{"Cause":"because","Error":"A"},"in":1}`, 2},
		"ALL does not see Runtime":    {catchAll, []string{"States.Runtime"}, `FAILED States.Runtime`, 1},
		"ALL does not see DataLimit":  {catchAll, []string{"States.DataLimitExceeded"}, `FAILED States.DataLimitExceeded`, 1},
		"DataLimit by name":           {`"Catch":[{"ErrorEquals":["States.DataLimitExceeded"],"Next":"Caught"}],`, []string{"States.DataLimitExceeded"}, `SUCCEEDED {"Cause":"because","Error":"States.DataLimitExceeded"}`, 1},
		"TaskFailed sees any":         {`"Catch":[{"ErrorEquals":["States.TaskFailed"],"Next":"Caught"}],`, []string{"Mine"}, `SUCCEEDED {"Cause":"because","Error":"Mine"}`, 1},
		"TaskFailed sees no timeout":  {`"Catch":[{"ErrorEquals":["States.TaskFailed"],"Next":"Caught"}],`, []string{"States.Timeout"}, `FAILED States.Timeout`, 1},
		"Timeout sees the heartbeat":  {`"Catch":[{"ErrorEquals":["States.Timeout"],"Next":"Caught"}],`, []string{"States.HeartbeatTimeout"}, `SUCCEEDED {"Cause":"because","Error":"States.HeartbeatTimeout"}`, 1},
		"the error sets a variable":   {`"Catch":[{"ErrorEquals":["States.ALL"],"Assign":{"e.$":"$.Error"},"ResultPath":null,"Next":"Caught"}],`, []string{"A"}, `SUCCEEDED {"in":1}`, 1},
		"two retriers count apart":    {`"Retry":[{"ErrorEquals":["A"],"MaxAttempts":1},{"ErrorEquals":["B"],"MaxAttempts":1}],`, []string{"A", "B"}, `SUCCEEDED "ok"`, 3},
		"two retriers count apart, 2": {`"Retry":[{"ErrorEquals":["A"],"MaxAttempts":1},{"ErrorEquals":["B"],"MaxAttempts":1}],`, []string{"A", "B", "A"}, `FAILED A`, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, attempts := failing(c.errors...)
			def := oneTask(c.more)
			def = reachable(def)
			r := runWith(t, f, def, `{"in":1}`)
			if got := strings.TrimSpace(string(r.Status) + " " + r.Error + string(r.Output)); got != c.want {
				t.Errorf("%s, not %s", got, c.want)
			}
			for i, a := range *attempts {
				if a != i {
					t.Errorf("call %d has the attempt %d", i, a)
				}
			}
			if len(*attempts) != c.calls {
				t.Errorf("%d calls, not %d", len(*attempts), c.calls)
			}
		})
	}
}

// reachable removes the states that nothing leads to.
func reachable(def string) string {
	if !strings.Contains(def, `"Next":"Caught"`) {
		def = strings.Replace(def, `,"Caught":{"Type":"Pass","End":true}`, "", 1)
	}
	if !strings.Contains(def, `"Next":"Other"`) {
		def = strings.Replace(def, `,"Other":{"Type":"Succeed"}`, "", 1)
	}
	return def
}

func TestA7_AnyOtherErrorIsTaskFailed(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]func(context.Context, asl.Call) (any, error){
		"plain": func(context.Context, asl.Call) (any, error) { return nil, errors.New("secret detail") },
		"panic": func(context.Context, asl.Call) (any, error) { panic("secret detail") },
		"wrapped": func(context.Context, asl.Call) (any, error) {
			return nil, fmt.Errorf("x: %w", &asl.TaskError{Name: "States.TaskFailed"})
		},
	} {
		r := runWith(t, functions{"f": f}, reachable(oneTask("")), `{}`)
		if r.Status != asl.Failed || r.Error != "States.TaskFailed" || strings.Contains(r.Cause, "secret") {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if r := runWith(t, nil, reachable(oneTask("")), `{}`); r.Error != "States.Runtime" {
		t.Errorf("without an invoker: %+v", r)
	}
}

func TestA7_TimeoutAndHeartbeat(t *testing.T) {
	t.Parallel()
	hang := functions{"f": func(ctx context.Context, _ asl.Call) (any, error) { <-ctx.Done(); return nil, ctx.Err() }}
	if r := runWith(t, hang, reachable(oneTask(`"TimeoutSeconds":1,`)), `{}`); r.Error != "States.Timeout" {
		t.Errorf("timeout: %+v", r)
	}
	if r := runWith(t, hang, reachable(oneTask(`"TimeoutSecondsPath":"$.t",`)), `{"t":1}`); r.Error != "States.Timeout" {
		t.Errorf("timeout by path: %+v", r)
	}
	if r := runWith(t, hang, reachable(oneTask(`"TimeoutSeconds":60,"HeartbeatSeconds":1,`)), `{}`); r.Error != "States.HeartbeatTimeout" {
		t.Errorf("heartbeat: %+v", r)
	}
	alive := functions{"f": func(ctx context.Context, c asl.Call) (any, error) {
		beat := time.NewTicker(100 * time.Millisecond)
		defer beat.Stop()
		for range 15 { // together longer than the heartbeat
			select {
			case <-beat.C:
				c.Heartbeat()
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		return "alive", nil
	}}
	if r := runWith(t, alive, reachable(oneTask(`"HeartbeatSeconds":1,`)), `{}`); string(r.Output) != `"alive"` {
		t.Errorf("beating: %+v", r)
	}
	machine := `{"TimeoutSeconds":5,"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":60,"End":true}}}`
	if r := runWith(t, nil, machine, `{}`); r.Status != asl.TimedOut || r.Events[len(r.Events)-1].Type != "ExecutionTimedOut" {
		t.Errorf("machine: %+v", r)
	}
}

func TestA7_MapBoundsItsIterations(t *testing.T) {
	t.Parallel()
	const def = `{"StartAt":"M","States":{"M":{"Type":"Map","MaxConcurrencyPath":"$.at_once","ItemsPath":"$.items",
		"ItemSelector":{"v.$":"$$.Map.Item.Value","i.$":"$$.Map.Item.Index","all.$":"$.at_once"},
		"ItemProcessor":{"StartAt":"F","States":{"F":{"Type":"Task","Resource":"f","End":true}}},
		"ResultSelector":{"list.$":"$[*].v","n.$":"States.ArrayLength($)"},"End":true}}}`
	var now, most atomic.Int32
	f := functions{"f": func(_ context.Context, c asl.Call) (any, error) {
		if n := now.Add(1); n > most.Load() {
			most.Store(n)
		}
		defer now.Add(-1)
		return c.Payload, nil
	}}
	r := runWith(t, f, def, `{"at_once":3,"items":[9,8,7,6,5,4,3,2,1,0]}`)
	if string(r.Output) != `{"list":[9,8,7,6,5,4,3,2,1,0],"n":10}` || most.Load() > 3 {
		t.Errorf("%+v, at most %d at once", r, most.Load())
	}
	if r := runWith(t, f, def, `{"at_once":3,"items":{}}`); r.Error != "States.Runtime" {
		t.Errorf("no array: %+v", r)
	}
	if r := runWith(t, f, def, `{"at_once":0,"items":[]}`); string(r.Output) != `{"list":[],"n":0}` {
		t.Errorf("no items: %+v", r)
	}
}

func TestA7_ToleratedFailures(t *testing.T) {
	t.Parallel()
	def := func(limit string) string {
		return `{"StartAt":"M","States":{"M":{"Type":"Map",` + limit + `"ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},
		"StartAt":"F","States":{"F":{"Type":"Task","Resource":"f","End":true}}},"End":true}}}`
	}
	f := functions{"f": func(_ context.Context, c asl.Call) (any, error) {
		if string(c.Payload) == "0" {
			return nil, errors.New("no")
		}
		return c.Payload, nil
	}}
	for limit, want := range map[string]string{
		``:                                 "States.ExceedToleratedFailureThreshold",
		`"ToleratedFailureCount":2,`:       "[1,1]",
		`"ToleratedFailureCount":1,`:       "States.ExceedToleratedFailureThreshold",
		`"ToleratedFailurePercentage":50,`: "[1,1]",
		`"ToleratedFailurePercentage":49,`: "States.ExceedToleratedFailureThreshold",
	} {
		if r := runWith(t, f, def(limit), `[0,1,1,0]`); r.Error+string(r.Output) != want {
			t.Errorf("%s: %+v", limit, r)
		}
	}
}

func TestA7_AFailedBranchCancelsTheOthers(t *testing.T) {
	t.Parallel()
	const def = `{"StartAt":"P","States":{"P":{"Type":"Parallel","Branches":[
		{"StartAt":"Slow","States":{"Slow":{"Type":"Task","Resource":"slow","End":true}}},
		{"StartAt":"Bad","States":{"Bad":{"Type":"Task","Resource":"bad","End":true}}}],
		"Catch":[{"ErrorEquals":["Bad"],"Next":"Caught"}],"Next":"Caught"},"Caught":{"Type":"Pass","End":true}}}`
	began, cancelled := make(chan struct{}), make(chan struct{})
	f := functions{
		"slow": func(ctx context.Context, _ asl.Call) (any, error) {
			close(began)
			<-ctx.Done()
			close(cancelled)
			return nil, ctx.Err()
		},
		"bad": func(context.Context, asl.Call) (any, error) { <-began; return nil, &asl.TaskError{Name: "Bad"} },
	}
	r := runWith(t, f, def, `{}`)
	if string(r.Output) != `{"Cause":"","Error":"Bad"}` {
		t.Errorf("%+v", r)
	}
	mustWait(t, cancelled, "the cancellation")
}

func TestA7_LimitsAreEnforced(t *testing.T) {
	t.Parallel()
	big := strings.Repeat("x", asl.MaxPayload)
	large := functions{"f": func(context.Context, asl.Call) (any, error) { return big, nil }}
	if r := runWith(t, large, reachable(oneTask(catchAll)), `{}`); r.Error != "States.DataLimitExceeded" {
		t.Errorf("a large result: %s %s", r.Status, r.Error)
	}
	fits := functions{"f": func(context.Context, asl.Call) (any, error) { return big[:asl.MaxPayload-2], nil }}
	if r := runWith(t, fits, reachable(oneTask("")), `{}`); r.Status != asl.Succeeded || len(r.Output) != asl.MaxPayload {
		t.Errorf("a result of exactly the limit: %s %s", r.Status, r.Error)
	}
	const loop = `{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"B"},"B":{"Type":"Choice","Choices":[{"Variable":"$.stop","IsPresent":true,"Next":"C"}],"Default":"A"},"C":{"Type":"Succeed"}}}`
	r := runWith(t, nil, loop, `{}`)
	if r.Error != "States.Runtime" || len(r.Events) != asl.MaxEvents || r.Events[asl.MaxEvents-1].Type != "ExecutionFailed" {
		t.Errorf("an endless loop: %s %s, %d events", r.Status, r.Error, len(r.Events))
	}
	const hidden = `{"StartAt":"M","States":{"M":{"Type":"Map","ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"EXPRESS"},"StartAt":"A","States":{
		"A":{"Type":"Pass","Next":"B"},"B":{"Type":"Choice","Choices":[{"Variable":"$","IsPresent":true,"Next":"A"}],"Default":"C"},"C":{"Type":"Succeed"}}},"End":true}}}`
	if r := runWith(t, nil, hidden, `[1]`); r.Status != asl.Failed {
		t.Errorf("an endless loop in a distributed iteration: %s", r.Status)
	}
}

func TestA7_CallsAreBounded(t *testing.T) {
	t.Parallel()
	var now, most atomic.Int32
	gate := make(chan struct{})
	h := newHouse(t)
	h.open(asl.Config{Calls: 2, Invoker: functions{"a": func(context.Context, asl.Call) (any, error) {
		if n := now.Add(1); n > most.Load() {
			most.Store(n)
		}
		defer now.Add(-1)
		<-gate
		return map[string]int{"n": 0}, nil
	}, "b": add(1)}}, map[string]string{"m": twoTasks})
	for i := range 8 {
		h.start("m", fmt.Sprint(i), `{}`)
	}
	close(gate)
	for i := range 8 {
		if x := h.ended("m", fmt.Sprint(i)); x.Status != asl.Succeeded {
			t.Errorf("%+v", x)
		}
	}
	if most.Load() > 2 {
		t.Errorf("%d calls at once", most.Load())
	}
}

func TestA7_RunOnceAsJSON(t *testing.T) {
	t.Parallel()
	r := runWith(t, nil, `{"StartAt":"F","States":{"F":{"Type":"Fail","Error":"E","Cause":"c"}}}`, `{}`)
	data, err := json.Marshal(r)
	if err != nil || string(data) != `{"status":"FAILED","output":null,"error":"E","cause":"c"}` {
		t.Errorf("%s %v", data, err)
	}
}
