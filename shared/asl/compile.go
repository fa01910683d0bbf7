package asl

import (
	"bytes"
	"regexp"
	"slices"

	"github.com/orcray/orcray/shared/fault"
)

// MaxDefinition is the largest definition in bytes, as in the cloud.
const MaxDefinition = 1 << 20

// Parse validates and compiles a definition. The error is fault.Invalid, or fault.TooLarge, with every problem as a field.
func Parse(def []byte) (*Machine, error) {
	if len(def) > MaxDefinition {
		return nil, fault.New(fault.TooLarge, "A state machine definition has at most %d bytes; this one has %d.", MaxDefinition, len(def))
	}
	m, problems := compile(def)
	if len(problems) == 0 {
		return m, nil
	}
	e := fault.New(fault.Invalid, "The state machine definition has %d problem(s). %s: %s", len(problems), problems[0].Path, problems[0].Message)
	for _, p := range problems {
		e.Fields = append(e.Fields, fault.Field{Pointer: p.Path, Detail: p.Message})
	}
	return nil, e
}

// Validate lists what is wrong with a definition, in the order of the text's keys; none means it can run.
func Validate(def []byte) []Problem {
	if len(def) > MaxDefinition {
		return []Problem{{Message: "The definition is larger than 1 MiB."}}
	}
	_, problems := compile(def)
	return problems
}

func compile(def []byte) (*Machine, []Problem) {
	c := &compiler{}
	v, err := decode(def)
	if err != nil {
		return nil, []Problem{{Message: "The definition is not JSON: " + err.Error() + "."}}
	}
	f := c.fields(v, "", "a state machine")
	m := &Machine{definition: bytes.Clone(def), timeout: seconds(f.number("TimeoutSeconds", 1, 0, true))}
	if v := f.text("Version"); v != "" && v != "1.0" {
		f.note("/Version", "The only version is 1.0.")
	}
	f.language()
	m.root = f.flow()
	f.close()
	return m, c.problems
}

// language refuses every query language but JSONPath.
func (f *fields) language() {
	switch q := f.text("QueryLanguage"); q {
	case "", "JSONPath":
	case "JSONata":
		f.note(f.sub("QueryLanguage"), "JSONata is not supported here: write the definition with JSONPath.")
	default:
		f.note(f.sub("QueryLanguage"), "The query language must be JSONPath.")
	}
}

// flow compiles StartAt and States.
func (f *fields) flow() *flow {
	f.text("Comment")
	f.require("StartAt")
	f.require("States")
	out := &flow{startAt: f.text("StartAt"), states: map[string]*state{}}
	v, ok := f.get("States")
	if !ok {
		return out
	}
	all := f.fields(v, f.sub("States"), "States")
	for _, name := range sortedKeys(all.m) {
		if name == "" || len([]rune(name)) > 80 {
			f.note(all.sub(name), "The name of a state has 1 to 80 characters.")
		}
		out.states[name] = f.state(name, all.m[name], all.sub(name))
	}
	f.connect(out, all)
	return out
}

// connect checks that every transition leads somewhere, and that every state is led to.
func (f *fields) connect(w *flow, all *fields) {
	if _, ok := w.states[w.startAt]; !ok && w.startAt != "" {
		f.note(f.sub("StartAt"), "There is no state %q.", w.startAt)
		return
	}
	reached := map[string]bool{}
	queue := []string{w.startAt}
	for len(queue) > 0 {
		name := queue[0]
		queue = queue[1:]
		s := w.states[name]
		if reached[name] || s == nil {
			continue
		}
		reached[name] = true
		queue = append(queue, s.targets()...)
	}
	ends := false
	for _, name := range sortedKeys(all.m) {
		s := w.states[name]
		for _, to := range s.targets() {
			if w.states[to] == nil {
				f.note(all.sub(name), "Leads to the state %q, which is not there.", to)
			}
		}
		if !reached[name] && w.startAt != "" {
			f.note(all.sub(name), "Nothing leads to this state.")
		}
		ends = ends || s.kind != kindChoice && s.terminal()
	}
	if !ends {
		f.note(all.at, "No state ends the flow: one needs End, or be a Succeed or a Fail.")
	}
}

// targets lists the states that can come next.
func (s *state) targets() []string {
	var out []string
	if s.next != "" {
		out = append(out, s.next)
	}
	for _, r := range s.choices {
		out = append(out, r.next)
	}
	for _, c := range s.catch {
		out = append(out, c.next)
	}
	return slices.DeleteFunc(out, func(n string) bool { return n == "" })
}

func (c *compiler) state(name string, v any, at string) *state {
	f := c.fields(v, at, "a state")
	s := &state{name: name, kind: stateKind(f.text("Type"))}
	f.what = "a " + string(s.kind) + " state"
	f.text("Comment")
	f.language()
	if s.kind != kindFail {
		s.inputPath, s.outputPath = f.selector("InputPath"), f.selector("OutputPath")
	}
	switch s.kind {
	case kindPass:
		f.pass(s)
	case kindTask:
		f.task(s)
	case kindChoice:
		f.choice(s)
	case kindWait:
		f.wait(s)
	case kindSucceed:
	case kindFail:
		f.fail(s)
	case kindParallel:
		f.parallel(s)
	case kindMap:
		f.spread(s)
	default:
		f.note(f.sub("Type"), "Must be Pass, Task, Choice, Wait, Succeed, Fail, Parallel or Map.")
		return s
	}
	f.close()
	return s
}

// step reads Next or End, and Assign.
func (f *fields) step(s *state) {
	s.assign = f.assign()
	s.next = f.text("Next")
	end := f.boolean("End")
	if end == (s.next != "") {
		f.note(f.at, "Needs either Next or \"End\": true.")
	}
}

func (f *fields) pass(s *state) {
	f.step(s)
	s.parameters, s.resultPath = f.template("Parameters"), f.target()
	if v, ok := f.get("Result"); ok {
		s.result = literal{value: v}
	}
}

// work reads what Task, Parallel and Map have in common.
func (f *fields) work(s *state) {
	f.step(s)
	s.resultSelector, s.resultPath = f.template("ResultSelector"), f.target()
	count := func(name string) int { l, _ := f.m[name].([]any); return len(l) }
	f.each("Retry", "a retrier", 0, func(r *fields) {
		r.text("Comment")
		spec := retrier{
			errors:   r.errorNames(len(s.retry) == count("Retry")-1),
			interval: r.number("IntervalSeconds", 1, 1, true),
			backoff:  r.number("BackoffRate", 1, 2, false),
			attempts: int(r.number("MaxAttempts", 0, 3, true)),
			maxDelay: r.number("MaxDelaySeconds", 1, 0, true),
		}
		switch j := r.text("JitterStrategy"); j {
		case "", "NONE", "FULL":
			spec.jitter = j == "FULL"
		default:
			r.note(r.sub("JitterStrategy"), "Must be FULL or NONE.")
		}
		s.retry = append(s.retry, spec)
	})
	f.each("Catch", "a catcher", 0, func(k *fields) {
		k.text("Comment")
		k.require("Next")
		s.catch = append(s.catch, catcher{
			errors:     k.errorNames(len(s.catch) == count("Catch")-1),
			next:       k.text("Next"),
			resultPath: k.target(),
			assign:     k.assign(),
		})
	})
}

func (f *fields) task(s *state) {
	f.work(s)
	s.parameters = f.template("Parameters")
	f.require("Resource")
	s.task = taskSpec{
		function:  f.function(),
		timeout:   f.numberOrPath("TimeoutSeconds", 1, true),
		heartbeat: f.numberOrPath("HeartbeatSeconds", 1, true),
	}
	if t, ok := s.task.timeout.(literal); ok {
		if h, ok := s.task.heartbeat.(literal); ok && h.value.(float64) >= t.value.(float64) {
			f.note(f.sub("HeartbeatSeconds"), "Must be less than TimeoutSeconds.")
		}
	}
	if parameters, ok := f.m["Parameters"].(map[string]any); s.task.wrapped() && f.has("Resource") {
		_, literal := parameters["FunctionName"]
		_, dynamic := parameters["FunctionName.$"]
		if !ok || !literal && !dynamic {
			f.note(f.sub("Parameters"), "lambda:invoke needs a FunctionName.")
		}
	}
}

// function gives the name of the function a task calls, "" for lambda:invoke.
func (f *fields) function() string {
	resource := f.text("Resource")
	if resource == "arn:aws:states:::lambda:invoke" {
		return ""
	}
	name, ok := functionName(resource)
	if !ok && resource != "" {
		f.note(f.sub("Resource"), "Must be a Lambda function (its ARN or name) or arn:aws:states:::lambda:invoke; nothing else can be called here.")
	}
	return name
}

var lambdaFunction = regexp.MustCompile(`^(?:arn:[\w-]+:lambda:[\w-]*:\d*:function:)?([A-Za-z0-9_-]+|\$\{[A-Za-z0-9_.-]+\})(?::[A-Za-z0-9$_-]+)?$`)

// functionName takes the name out of a Lambda ARN; a bare name stays what it is, and so does a ${placeholder}.
func functionName(resource string) (string, bool) {
	found := lambdaFunction.FindStringSubmatch(resource)
	if found == nil {
		return "", false
	}
	return found[1], true
}

func (f *fields) wait(s *state) {
	f.step(s)
	names := []string{"Seconds", "SecondsPath", "Timestamp", "TimestampPath"}
	f.exclusive(names...)
	s.wait.seconds = f.numberOrPath("Seconds", 0, true)
	if f.has("Timestamp") {
		text := f.text("Timestamp")
		if _, ok := timestamp(text); !ok {
			f.note(f.sub("Timestamp"), "Must be a timestamp such as 2026-11-22T08:00:00Z.")
		}
		s.wait.timestamp = literal{value: text}
	} else if p := f.path("TimestampPath"); p != nil {
		s.wait.timestamp = p
	}
	if !slices.ContainsFunc(names, f.has) {
		f.note(f.at, "Needs one of %v.", names)
	}
}

func (f *fields) fail(s *state) {
	f.exclusive("Error", "ErrorPath")
	f.exclusive("Cause", "CausePath")
	either := func(name string) expression {
		if f.has(name) {
			return literal{value: f.text(name)}
		}
		return f.expression(name + "Path")
	}
	s.failure = failSpec{name: either("Error"), cause: either("Cause")}
}

func (f *fields) parallel(s *state) {
	f.work(s)
	s.parameters = f.template("Parameters")
	f.require("Branches")
	f.each("Branches", "a branch", 1, func(b *fields) { s.flows = append(s.flows, b.flow()) })
}

// spread reads a Map state.
func (f *fields) spread(s *state) {
	f.work(s)
	f.exclusive("ItemProcessor", "Iterator")
	f.exclusive("ItemSelector", "Parameters")
	s.spread = mapSpec{items: f.path("ItemsPath"), concurrency: f.numberOrPath("MaxConcurrency", 0, true)}
	if s.spread.selector = f.template("ItemSelector"); s.spread.selector == nil {
		s.spread.selector = f.template("Parameters")
	}
	f.text("Label")
	for _, name := range []string{"ItemReader", "ItemBatcher", "ResultWriter"} {
		if _, ok := f.get(name); ok {
			f.note(f.sub(name), "%s works on S3 and is not supported here.", name)
		}
	}
	name := "ItemProcessor"
	if f.has("Iterator") {
		name = "Iterator"
	}
	f.require(name)
	if v, ok := f.get(name); ok {
		p := f.fields(v, f.sub(name), "an "+name)
		s.spread.distributed = p.distributed()
		s.flows = []*flow{p.flow()}
		p.close()
	}
	if s.spread.distributed {
		s.spread.toleratedN = f.numberOrPath("ToleratedFailureCount", 0, true)
		s.spread.toleratedPart = f.numberOrPath("ToleratedFailurePercentage", 0, false)
	}
}

// distributed reads a ProcessorConfig.
func (f *fields) distributed() bool {
	v, ok := f.get("ProcessorConfig")
	if !ok {
		return false
	}
	p := f.fields(v, f.sub("ProcessorConfig"), "a ProcessorConfig")
	mode := p.text("Mode")
	if mode != "" && mode != "INLINE" && mode != "DISTRIBUTED" {
		p.note(p.sub("Mode"), "Must be INLINE or DISTRIBUTED.")
	}
	if kind := p.text("ExecutionType"); mode == "DISTRIBUTED" && kind != "STANDARD" && kind != "EXPRESS" {
		p.note(p.sub("ExecutionType"), "Must be STANDARD or EXPRESS.")
	}
	p.close()
	return mode == "DISTRIBUTED"
}
