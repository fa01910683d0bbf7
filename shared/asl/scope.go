package asl

import (
	"crypto/rand"
	"io"
)

// scope is what an expression can see.
type scope struct {
	input   any
	context func() any               // the context object, made on demand
	lookup  func(string) (any, bool) // variables
	random  io.Reader                // for States.UUID and States.MathRandom
}

// get evaluates a path.
func (s *scope) get(p *path) (any, error) {
	root := s.input
	switch p.head {
	case "":
	case "$":
		root = s.context()
	default:
		v, ok := s.lookup(p.head)
		if !ok {
			return nil, fail(errRuntime, "The variable '$%s' is not set here.", p.head)
		}
		root = v
	}
	v, ok := p.find(root)
	if !ok {
		return nil, fail(errRuntime, "The JSONPath '%s' could not be found in the input '%s'.", p.text, clip(encode(root)))
	}
	return v, nil
}

// has reports whether the path finds anything.
func (s *scope) has(p *path) bool {
	v, err := s.get(p)
	if list, ok := v.([]any); ok && !p.definite {
		return len(list) > 0
	}
	return err == nil
}

func clip(b []byte) string {
	const most = 200
	if len(b) <= most {
		return string(b)
	}
	return string(b[:most]) + "..."
}

// randomSource is the source of randomness when the configuration names none.
func randomSource(r io.Reader) io.Reader {
	if r == nil {
		return rand.Reader
	}
	return r
}
