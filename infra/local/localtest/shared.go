package localtest

import (
	"sync"
	"testing"
)

// Shared is the one world that the tests of a package share while they run in parallel; those that need a world of their own open it
// before. The zero value opens the world with the first that asks.
type Shared struct {
	mu    sync.Mutex
	tried bool
	world *World
	err   error
}

// World gives the world.
func (s *Shared) World() (*World, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.tried {
		s.tried = true
		s.world, s.err = Open(Setup{})
	}
	return s.world, s.err
}

// NewCase joins the world, in parallel with the others.
func (s *Shared) NewCase(t *testing.T) *Case {
	t.Helper()
	t.Parallel()
	w, err := s.World()
	if err != nil {
		t.Fatal(err)
	}
	return w.NewCase(t)
}

// Close ends the world, if it was opened; what kept it from opening the tests have said.
func (s *Shared) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.world == nil {
		return nil
	}
	return s.world.Close()
}
