// Package interpret_test takes jobs through the whole application: the real API, store, queue, engine and steps, with a
// scripted model and scripted cells.
package interpret_test

import (
	"os"
	"testing"

	"github.com/orcray/orcray/infra/local/localtest"
	"github.com/orcray/orcray/shared/ray"
	"github.com/orcray/orcray/shared/ray/raytest"
)

// shared is the world of the tests that run in parallel; those before them open their own.
var shared localtest.Shared

func TestMain(m *testing.M) { os.Exit(localtest.Main(m, shared.Close)) }

func newCase(t *testing.T) *localtest.Case {
	t.Helper()
	return shared.NewCase(t)
}

// own opens a world for one test; it must not run in parallel with others.
func own(t *testing.T, s localtest.Setup) *localtest.World {
	t.Helper()
	w, err := localtest.Open(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func mistake(text string) raytest.Behaviour {
	return raytest.Fails(ray.Failure{Class: "code", Name: "ValueError", Value: text, Line: 2,
		Traceback: "Traceback (most recent call last):\n  File \"program\", line 2\nValueError: " + text})
}

func modes(runs []ray.Run) string {
	out := ""
	for _, r := range runs {
		out += string(r.Mode[:1])
	}
	return out
}
