package house_test

import (
	"fmt"
	"go/ast"
	"go/token"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// where a rule holds.
const (
	inTests   = "in tests"
	inProduct = "in the product"
)

// reserved are calls that only some folders may make.
var reserved = []struct {
	rule    string
	where   string
	calls   []string
	allowed []string
}{
	{"only config reads the environment", inProduct, []string{"os.Getenv", "os.LookupEnv", "os.Setenv"}, []string{"shared/config"}},
	{"wait on a condition or an event, never on the clock", inTests, []string{"time.Sleep"}, nil},
	{"wait on a timer and the context; cells poll what the kernel has no event for", inProduct, []string{"time.Sleep"}, []string{"shared/embedded/cells"}},
	{"a library does not end the process", inProduct, []string{"os.Exit", "log.Fatal", "log.Fatalf"}, []string{"infra", "functions", "shared/offline/programs"}},
	{"write through the logger", inProduct, []string{"fmt.Println", "fmt.Printf", "log.Printf", "log.Println"}, []string{"infra", "functions", "shared/offline/programs"}},
}

func TestO58_ReservedCalls(t *testing.T) {
	t.Parallel()
	all := sources(t)
	for _, r := range reserved {
		var found []string
		for _, s := range all {
			tests := s.isTest() || s.isSupport()
			if r.where == inTests && !tests || r.where == inProduct && (tests || under(s.dir(), r.allowed...)) {
				continue
			}
			for _, at := range callsOf(s, r.calls) {
				found = append(found, fmt.Sprintf("%s:%d", s.Path, s.line(at)))
			}
		}
		none(t, r.rule, found)
	}
}

// The clock is a parameter of everything that keeps the product's rules: tests turn it themselves. Steps also measure how much of
// one invocation's own time is left, beside contexts, which know the real clock only.
func TestO58_TheClockIsInjected(t *testing.T) {
	t.Parallel()
	var found []string
	for _, s := range sources(t) {
		if _, ruled := level[s.dir()]; !ruled || s.isTest() || s.dir() == "shared/interpret" {
			continue
		}
		for _, at := range callsOf(s, []string{"time.Now", "time.Since", "time.Until"}) {
			found = append(found, fmt.Sprintf("%s:%d", s.Path, s.line(at)))
		}
	}
	none(t, "the clock is injected as a func() time.Time", found)
}

// Generators made from an injected seed are fine; the generator of the process is not.
func TestO58_RandomnessIsInjected(t *testing.T) {
	t.Parallel()
	global := []string{"rand.Int", "rand.IntN", "rand.Intn", "rand.Int64N", "rand.N", "rand.Float64", "rand.Uint64", "rand.Shuffle", "rand.Perm"}
	var found []string
	for _, s := range sources(t) {
		if s.isTest() || s.isSupport() || !slices.ContainsFunc(s.imports(), func(p string) bool { return strings.HasPrefix(p, "math/rand") }) {
			continue
		}
		for _, at := range callsOf(s, global) {
			found = append(found, fmt.Sprintf("%s:%d", s.Path, s.line(at)))
		}
	}
	none(t, "randomness is injected as an io.Reader", found)
}

// callsOf finds uses of package functions such as os.Getenv, called or passed on.
func callsOf(s source, names []string) []token.Pos {
	var found []token.Pos
	ast.Inspect(s.Tree, func(node ast.Node) bool {
		if selector, ok := node.(*ast.SelectorExpr); ok {
			if x, ok := selector.X.(*ast.Ident); ok && slices.Contains(names, x.Name+"."+selector.Sel.Name) {
				found = append(found, selector.Pos())
			}
		}
		return true
	})
	return found
}

// A line that is written without its context has lost its trace.
func TestO52_LinesAboutARequestNameItsTrace(t *testing.T) {
	t.Parallel()
	var found []string
	lost := regexp.MustCompile(`\bLogger\(ctx\)\.(Debug|Info|Warn|Error)\(`)
	if !lost.MatchString(`telemetry.Logger(ctx).Info("x")`) {
		t.Fatal("the rule finds nothing")
	}
	for _, s := range sources(t) {
		if s.isTest() {
			continue
		}
		for number, line := range strings.Split(s.Text, "\n") {
			if lost.MatchString(line) {
				found = append(found, fmt.Sprintf("%s:%d", s.Path, number+1))
			}
		}
	}
	none(t, "log with the context: InfoContext(ctx, …)", found)
}
