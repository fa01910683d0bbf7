package asl_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/orcray/orcray/shared/asl"
)

// value evaluates one expression over an input.
func value(t *testing.T, expression, input string) string {
	t.Helper()
	def, err := json.Marshal(map[string]any{"StartAt": "P", "States": map[string]any{
		"P": map[string]any{"Type": "Pass", "Parameters": map[string]any{"v.$": expression}, "OutputPath": "$.v", "End": true}}})
	if err != nil {
		t.Fatal(err)
	}
	r := runWith(t, nil, string(def), input)
	return r.Error + string(r.Output)
}

func TestA7_Expressions(t *testing.T) {
	t.Parallel()
	const input = `{"a":[1,2,3,4],"o":{"x":1,"y":{"x":2}},"big":123456789012345678901234567890,"f":1.0,"e":1e10,"tiny":0.00012,"s":"a'b","rows":[{"n":1,"k":"p"},{"n":2,"k":"q"}],"with-dash":{"a b":7},"t":"x{}y","z":null}`
	for expression, want := range map[string]string{
		"$.big":                               "123456789012345678901234567890",
		"$.f":                                 "1.0",
		"$.e":                                 "1.0E10",
		"$.tiny":                              "1.2E-4",
		"$.with-dash['a b']":                  "7",
		`$["with-dash"]["a b"]`:               "7",
		"$.a[-1]":                             "4",
		"$.a[1:3]":                            "[2,3]",
		"$.a[-2:]":                            "[3,4]",
		"$.a[0,2]":                            "[1,3]",
		"$.a[7]":                              "States.Runtime",
		"$.a.length()":                        "4",
		"$..x":                                "[1,2]",
		"$.o.*":                               `[1,{"x":2}]`,
		"$.rows[?(@.n > 1)].k":                `["q"]`,
		"$.rows[?(@.k == 'p')]":               `[{"k":"p","n":1}]`,
		"$.nothing[*]":                        "[]",
		"$.nothing":                           "States.Runtime",
		"$unset":                              "States.Runtime",
		"$$.Execution.Name":                   `"execution"`,
		"$$.State.Name":                       `"P"`,
		"States.Format('{} {}', $.s, $.o)":    "\"a'b {x=1, y={x=2}}\"",
		`States.Format('\'\{\}{}\\', 1)`:      `"'{}1\\"`,
		"States.Format($.t, 5)":               `"x5y"`,
		"States.Format('{}')":                 "States.IntrinsicFailure",
		"States.Format('none', 1)":            "States.IntrinsicFailure",
		"States.JsonToString($.o)":            `"{\"x\":1,\"y\":{\"x\":2}}"`,
		`States.StringToJson('{"a":[1.50]}')`: `{"a":[1.5]}`,
		"States.StringToJson('nope')":         "States.IntrinsicFailure",
		"States.Array()":                      "[]",
		"States.Array(1, 'two', true, null, $.a[0])":      `[1,"two",true,null,1]`,
		"States.ArrayUnique(States.Array(1,1,'1',1.0))":   `[1,"1",1.0]`,
		"States.ArrayGetItem($.a, 4)":                     "States.IntrinsicFailure",
		"States.ArrayRange(1, 9, 0)":                      "States.IntrinsicFailure",
		"States.ArrayRange(9, 1, -4)":                     "[9,5,1]",
		"States.ArrayRange(1, 2000, 1)":                   "States.IntrinsicFailure",
		"States.ArrayPartition($.a, 3)":                   "[[1,2,3],[4]]",
		"States.ArrayContains($.a, 2.0)":                  "true",
		"States.MathAdd(9223372036854775807, 1)":          "States.IntrinsicFailure",
		"States.MathAdd($.s, 1)":                          "States.IntrinsicFailure",
		"States.MathRandom(3, 4)":                         "3",
		"States.MathRandom(4, 4)":                         "States.IntrinsicFailure",
		"States.JsonMerge($.o, $.rows[0], false)":         `{"k":"p","n":1,"x":1,"y":{"x":2}}`,
		"States.JsonMerge($.o, $.o, true)":                "States.IntrinsicFailure",
		"States.Base64Decode('!')":                        "States.IntrinsicFailure",
		"States.Hash($.s, 'CRC')":                         "States.IntrinsicFailure",
		"States.StringSplit('1.2,3', '.,')":               `["1","2","3"]`,
		"States.ArrayLength(States.StringSplit('a', ''))": "1",
	} {
		if got := value(t, expression, input); got != want {
			t.Errorf("%s = %s, not %s", expression, got, want)
		}
	}
	a, b := value(t, "States.MathRandom(0, 1000000, 7)", `{}`), value(t, "States.MathRandom(0, 1000000, 7)", `{}`)
	if a != b {
		t.Errorf("the same seed drew %s and %s", a, b)
	}
	if u := value(t, "States.UUID()", `{}`); len(u) != 38 || u[15] != '4' || u == value(t, "States.UUID()", `{}`) {
		t.Errorf("uuid %s", u)
	}
}

func TestA7_ChoiceOperators(t *testing.T) {
	t.Parallel()
	const input = `{"n":5,"m":5.0,"s":"hello","u":"world","b":true,"z":null,"t":"2026-01-02T03:04:05Z","later":"2026-01-02T03:04:05+01:00"}`
	for condition, want := range map[string]bool{
		`"Variable":"$.n","NumericEquals":5.0`:                                             true,
		`"Variable":"$.n","NumericEqualsPath":"$.m"`:                                       true,
		`"Variable":"$.n","NumericLessThan":5`:                                             false,
		`"Variable":"$.n","NumericLessThanEquals":5`:                                       true,
		`"Variable":"$.n","NumericGreaterThan":4.9`:                                        true,
		`"Variable":"$.n","NumericGreaterThanEqualsPath":"$.m"`:                            true,
		`"Variable":"$.s","NumericEquals":5`:                                               false,
		`"Variable":"$.s","StringEquals":"hello"`:                                          true,
		`"Variable":"$.s","StringLessThanPath":"$.u"`:                                      true,
		`"Variable":"$.s","StringGreaterThan":"hell"`:                                      true,
		`"Variable":"$.s","StringGreaterThanEquals":"hellp"`:                               false,
		`"Variable":"$.s","StringMatches":"h*l*o"`:                                         true,
		`"Variable":"$.s","StringMatches":"h*x"`:                                           false,
		`"Variable":"$.s","StringMatches":"hell\\*"`:                                       false,
		`"Variable":"$.b","BooleanEquals":true`:                                            true,
		`"Variable":"$.b","BooleanEqualsPath":"$.b"`:                                       true,
		`"Variable":"$.t","TimestampEquals":"2026-01-02T04:04:05+01:00"`:                   true,
		`"Variable":"$.t","TimestampGreaterThanPath":"$.later"`:                            true,
		`"Variable":"$.t","TimestampLessThanEquals":"2026-01-02T03:04:04Z"`:                false,
		`"Variable":"$.z","IsNull":true`:                                                   true,
		`"Variable":"$.n","IsNumeric":true`:                                                true,
		`"Variable":"$.s","IsString":false`:                                                false,
		`"Variable":"$.b","IsBoolean":true`:                                                true,
		`"Variable":"$.t","IsTimestamp":true`:                                              true,
		`"Variable":"$.s","IsTimestamp":true`:                                              false,
		`"Variable":"$.nope","IsPresent":false`:                                            true,
		`"Variable":"$.z","IsPresent":true`:                                                true,
		`"Not":{"Variable":"$.n","NumericEquals":5}`:                                       false,
		`"And":[{"Variable":"$.n","NumericEquals":5},{"Variable":"$.b","IsNull":true}]`:    false,
		`"Or":[{"Variable":"$.n","NumericEquals":6},{"Variable":"$.b","IsBoolean":true}]`:  true,
		`"And":[{"Variable":"$.q","IsPresent":true},{"Variable":"$.q","StringEquals":""}]`: false,
	} {
		def := `{"StartAt":"C","States":{"C":{"Type":"Choice","Choices":[{` + condition + `,"Next":"Yes"}],"Default":"No"},
			"Yes":{"Type":"Pass","Result":true,"End":true},"No":{"Type":"Pass","Result":false,"End":true}}}`
		if r := runWith(t, nil, def, input); string(r.Output) != map[bool]string{true: "true", false: "false"}[want] {
			t.Errorf("%s: %+v", condition, r)
		}
	}
	const noMatch = `{"StartAt":"C","States":{"C":{"Type":"Choice","Choices":[{"Variable":"$.a","NumericEquals":1,"Next":"Y"}]},"Y":{"Type":"Succeed"}}}`
	if r := runWith(t, nil, noMatch, `{"a":2}`); r.Error != "States.NoChoiceMatched" {
		t.Errorf("no match: %+v", r)
	}
	if r := runWith(t, nil, noMatch, `{}`); r.Error != "States.Runtime" {
		t.Errorf("missing variable: %+v", r)
	}
}

func TestA7_ProblemsAreNamed(t *testing.T) {
	t.Parallel()
	states := func(s string) string { return `{"StartAt":"A","States":{` + s + `}}` }
	for def, want := range map[string]string{
		`{`:  "The definition is not JSON",
		`[]`: "Must be an object",
		`{}`: `"StartAt" is missing`,
		`{"QueryLanguage":"JSONata","StartAt":"A","States":{"A":{"Type":"Succeed"}}}`:                                             "/QueryLanguage: JSONata is not supported",
		states(`"A":{"Type":"Pass","QueryLanguage":"JSONata","End":true}`):                                                        "/States/A/QueryLanguage: JSONata is not supported",
		states(`"B":{"Type":"Succeed"}`):                                                                                          `/StartAt: There is no state "A"`,
		states(`"A":{"Type":"Pass"}`):                                                                                             "/States/A: Needs either Next or",
		states(`"A":{"Type":"Pass","Next":"B","End":true},"B":{"Type":"Succeed"}`):                                                "/States/A: Needs either Next or",
		states(`"A":{"Type":"Pass","Next":"B"}`):                                                                                  `/States/A: Leads to the state "B"`,
		states(`"A":{"Type":"Succeed"},"B":{"Type":"Succeed"}`):                                                                   "/States/B: Nothing leads to this state",
		states(`"A":{"Type":"Pass","Next":"A"}`):                                                                                  "/States: No state ends the flow",
		states(`"A":{"Type":"Nap","End":true}`):                                                                                   "/States/A/Type: Must be Pass",
		states(`"A":{"Type":"Pass","Retry":[],"End":true}`):                                                                       `/States/A/Retry: The field "Retry" is not known in a Pass state`,
		states(`"A":{"Type":"Pass","InputPath":"$.a[","End":true}`):                                                               "/States/A/InputPath: A bracket is not closed",
		states(`"A":{"Type":"Pass","ResultPath":"$.a[*]","End":true}`):                                                            "/States/A/ResultPath: Must be a reference path",
		states(`"A":{"Type":"Pass","Parameters":{"a/b.$":"x"},"End":true}`):                                                       "/States/A/Parameters/a~1b.$: Neither a JSONPath nor",
		states(`"A":{"Type":"Pass","Parameters":{"a.$":1},"End":true}`):                                                           "/States/A/Parameters/a.$: A key that ends in .$ needs",
		states(`"A":{"Type":"Pass","Parameters":{"a.$":"States.Nope()"},"End":true}`):                                             `There is no function "States.Nope"`,
		states(`"A":{"Type":"Pass","Parameters":{"a.$":"States.Hash($.a)"},"End":true}`):                                          "States.Hash does not take 1 arguments",
		states(`"A":{"Type":"Task","Resource":"arn:aws:states:::sqs:sendMessage","End":true}`):                                    "/States/A/Resource: Must be a Lambda function",
		states(`"A":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke.waitForTaskToken","End":true}`):                     "/States/A/Resource: Must be a Lambda function",
		states(`"A":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","End":true}`):                                      "needs a FunctionName",
		states(`"A":{"Type":"Task","Resource":"f","TimeoutSeconds":5,"HeartbeatSeconds":5,"End":true}`):                           "Must be less than TimeoutSeconds",
		states(`"A":{"Type":"Task","Resource":"f","Retry":[{"ErrorEquals":["States.ALL"]},{"ErrorEquals":["X"]}],"End":true}`):    "States.ALL must stand alone",
		states(`"A":{"Type":"Task","Resource":"f","Retry":[{"ErrorEquals":["States.Oops"]}],"End":true}`):                         "none of the errors",
		states(`"A":{"Type":"Task","Resource":"f","Retry":[{"ErrorEquals":["X"],"BackoffRate":0.5}],"End":true}`):                 "/Retry/0/BackoffRate: Must be between 1",
		states(`"A":{"Type":"Wait","End":true}`):                                                                                  "/States/A: Needs one of [Seconds",
		states(`"A":{"Type":"Wait","Seconds":1.5,"End":true}`):                                                                    "/States/A/Seconds: Must be a whole number",
		states(`"A":{"Type":"Wait","Seconds":1,"SecondsPath":"$.a","End":true}`):                                                  "Only one of",
		states(`"A":{"Type":"Wait","Timestamp":"tomorrow","End":true}`):                                                           "/States/A/Timestamp: Must be a timestamp",
		states(`"A":{"Type":"Choice","Choices":[]}`):                                                                              "/States/A/Choices: Must be a list with at least 1",
		states(`"A":{"Type":"Choice","Choices":[{"Variable":"$.a","Next":"A"}]}`):                                                 "/States/A/Choices/0: Needs exactly one of",
		states(`"A":{"Type":"Choice","Choices":[{"Variable":"$.a","StringEquals":1,"Next":"A"}]}`):                                "/Choices/0/StringEquals: Must be a string",
		states(`"A":{"Type":"Fail","Error":"a","ErrorPath":"$.a"}`):                                                               "Only one of",
		states(`"A":{"Type":"Map","End":true}`):                                                                                   `"ItemProcessor" is missing`,
		states(`"A":{"Type":"Map","ItemReader":{},"ItemProcessor":{"StartAt":"B","States":{"B":{"Type":"Succeed"}}},"End":true}`): "ItemReader works on S3",
		states(`"A":{"Type":"Parallel","Branches":[{"StartAt":"B","States":{"B":{"Type":"Pass","Next":"A"}}}],"End":true}`):       `/States/A/Branches/0/States/B: Leads to the state "A"`,
		states(`"A":{"Type":"Pass","Assign":{"a.b":1},"End":true}`):                                                               "Is not the name of a variable",
	} {
		var all []string
		for _, p := range asl.Validate([]byte(def)) {
			all = append(all, p.Path+": "+p.Message)
		}
		if got := strings.Join(all, "\n"); !strings.Contains(got, want) {
			t.Errorf("%s\n has the problems %q, not %q", def, got, want)
		}
		if _, err := asl.Parse([]byte(def)); err == nil {
			t.Errorf("%s was accepted", def)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{twoTasks, tortured, oneTask(catchAll), `{"StartAt":"A","States":{"A":{"Type":"Pass","Parameters":{"a.$":"States.Format('{}', $.a[?(@.b==1)]..c)"},"End":true}}}`,
		`{"StartAt":"A","States":{"A":{"Type":"Choice","Choices":[{"Not":{"Variable":"$$.a['b\\'']","StringMatches":"\\*"},"Next":"A"}],"Default":"A"}}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, def []byte) {
		m, err := asl.Parse(def)
		if (err == nil) != (len(asl.Validate(def)) == 0) {
			t.Fatalf("Parse says %v, Validate something else", err)
		}
		if err == nil && string(m.Definition()) != string(def) {
			t.Fatal("the definition changed")
		}
	})
}
