package asl_test

import (
	"testing"

	"go.uber.org/goleak"
)

// Whatever a test starts must have ended when all are done: runs, calls, timers.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
