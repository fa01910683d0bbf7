package telemetry_test

import (
	"context"
	"crypto/rand"
	"log/slog"
	"math"
	mathrand "math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"pgregory.net/rapid"

	"github.com/orcray/orcray/shared/telemetry"
)

func TestTraceparentIsReadAsTheStandardSays(t *testing.T) {
	t.Parallel()
	const good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	trace, ok := telemetry.ParseTraceparent(good)
	if !ok || trace.String() != good || !trace.Sampled {
		t.Fatalf("got %s", trace)
	}
	for _, header := range []string{
		strings.Replace(good, "-01", "-00", 1), strings.Replace(good, "-01", "-ff", 1),
		"cc" + good[2:], "cc" + good[2:] + "-what-comes-later", // later versions
	} {
		if _, ok := telemetry.ParseTraceparent(header); !ok {
			t.Errorf("%s: was refused", header)
		}
	}
	for _, header := range []string{
		"", "00", good[:54], good + "-x", good + " ", " " + good, strings.ToUpper(good), "ff" + good[2:], "cc" + good[2:] + "x", strings.ReplaceAll(good, "-", "_"),
		"00-00000000000000000000000000000000-00f067aa0ba902b7-01", "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
		"00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01", strings.Replace(good, "-01", "-0x", 1), strings.Repeat("0", 1<<20),
	} {
		if trace, ok := telemetry.ParseTraceparent(header); ok {
			t.Errorf("%.80q: was read as %s", header, trace)
		}
	}
}

func TestATraceFollowsItsContext(t *testing.T) {
	t.Parallel()
	trace, err := telemetry.NewTrace(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	child, err := trace.Child(rand.Reader)
	if err != nil || child.ID != trace.ID || child.Span == trace.Span {
		t.Fatalf("got %s after %s, %v", child, trace, err)
	}
	if back, ok := telemetry.ParseTraceparent(child.String()); !ok || back != child {
		t.Fatalf("got %s", back)
	}
	ctx := telemetry.WithTrace(context.Background(), child)
	if id := telemetry.TraceID(ctx); len(id) != 32 || !strings.Contains(trace.String(), id) || telemetry.TraceOf(ctx) != child {
		t.Fatalf("got %q", id)
	}
	if telemetry.TraceID(context.Background()) != "" || telemetry.TraceOf(context.Background()).Valid() {
		t.Fatal("there is a trace where none was put")
	}
	if _, err := telemetry.NewTrace(iotest.ErrReader(context.Canceled)); err == nil {
		t.Fatal("a trace was made without randomness")
	}
	logger := slog.New(slog.DiscardHandler)
	if telemetry.Logger(telemetry.WithLogger(ctx, logger)) != logger || telemetry.Logger(ctx) == nil {
		t.Fatal("the context's logger is not found")
	}
}

func FuzzTraceparent(f *testing.F) {
	f.Add("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	f.Add("")
	f.Fuzz(func(t *testing.T, header string) {
		trace, ok := telemetry.ParseTraceparent(header)
		if !ok {
			return
		}
		again, ok := telemetry.ParseTraceparent(trace.String())
		if !ok || again != trace || !strings.Contains(header, trace.String()[3:52]) {
			t.Fatalf("%q became %s", header, trace)
		}
	})
}

func TestPercentilesAreRightToFourPercent(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		random := mathrand.New(mathrand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		spread := rapid.Float64Range(0.1, 14).Draw(t, "spread")
		n := rapid.IntRange(1, 2000).Draw(t, "n")
		meter := telemetry.NewMeter(time.Now)
		var seen []time.Duration
		for range n {
			d := time.Duration(100_000 * math.Exp(random.Float64()*spread)) // from 0.1 ms
			seen = append(seen, d)
			meter.Observe("x", d)
		}
		slices.Sort(seen)
		got := meter.Snapshot().Latencies["x"]
		if got.Count != int64(n) {
			t.Fatalf("got %d of %d", got.Count, n)
		}
		for p, value := range map[int]float64{50: got.P50, 90: got.P90, 99: got.P99, 100: got.Max} {
			want := float64(seen[(n*p+99)/100-1]) / 1e6
			if math.Abs(value-want) > want*0.04 {
				t.Fatalf("p%d of %d: got %v ms, want %v", p, n, value, want)
			}
		}
	})
}

func TestAMeterCountsWhatManyTellItAndStaysBounded(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	meter := telemetry.NewMeter(func() time.Time { return now })
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			for range 1000 {
				meter.Count("jobs", 2)
				meter.Observe("job", time.Millisecond)
			}
		})
	}
	group.Wait()
	stop := meter.Time("one")
	now = now.Add(3 * time.Second)
	stop()
	meter.Observe("back", -time.Hour)
	meter.Observe("ages", math.MaxInt64)
	for i := range 5000 {
		meter.Count("user-"+string(rune('0'+i%10))+strings.Repeat("x", i), 1)
	}
	s := meter.Snapshot()
	if s.Counters["jobs"] != 32000 || s.Latencies["job"].Count != 16000 || s.Latencies["job"].P99 != 1 || s.Latencies["one"].Max != 3000 || s.Latencies["back"].Max != 0 {
		t.Fatalf("got %+v", s.Latencies)
	}
	if len(s.Counters) > 1001 || s.Counters["other"] < 3999 {
		t.Fatalf("%d counters, %d under other", len(s.Counters), s.Counters["other"])
	}
	s.Counters["jobs"] = 0
	if meter.Snapshot().Counters["jobs"] != 32000 {
		t.Fatal("a snapshot is not a copy")
	}
}
