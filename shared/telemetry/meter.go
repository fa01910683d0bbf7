package telemetry

import (
	"math/bits"
	"sync"
	"time"
)

// maxSeries bounds the names of a meter: a name made of what users send must not fill the memory.
const maxSeries = 1000

// overflow counts what came under names beyond maxSeries.
const overflow = "other"

// Meter counts things and times them. It is safe for concurrent use.
type Meter struct {
	now   func() time.Time
	since time.Time

	mu         sync.Mutex
	counters   map[string]int64
	histograms map[string]*histogram
}

// NewMeter begins to measure.
func NewMeter(now func() time.Time) *Meter {
	return &Meter{now: now, since: now(), counters: map[string]int64{}, histograms: map[string]*histogram{}}
}

// Count adds n to a counter.
func (m *Meter) Count(name string, n int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, known := m.counters[name]; !known && len(m.counters) >= maxSeries {
		name = overflow
	}
	m.counters[name] += n
}

// Observe adds one duration to a latency.
func (m *Meter) Observe(name string, d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	h, known := m.histograms[name]
	if !known && len(m.histograms) >= maxSeries {
		name = overflow
		h, known = m.histograms[name]
	}
	if !known {
		h = &histogram{}
		m.histograms[name] = h
	}
	h.add(d)
}

// Time begins to time; the function it gives ends it.
func (m *Meter) Time(name string) func() {
	start := m.now()
	return func() { m.Observe(name, m.now().Sub(start)) }
}

// Snapshot is what a meter has measured so far.
type Snapshot struct {
	Since     time.Time          `json:"since"`
	Counters  map[string]int64   `json:"counters"`
	Latencies map[string]Latency `json:"latencies"`
}

// Latency sums up durations, in milliseconds. Percentiles are right to 4 %.
type Latency struct {
	Count int64   `json:"count"`
	Mean  float64 `json:"mean_ms"`
	P50   float64 `json:"p50_ms"`
	P90   float64 `json:"p90_ms"`
	P99   float64 `json:"p99_ms"`
	Max   float64 `json:"max_ms"`
}

// Snapshot copies everything; the meter goes on.
func (m *Meter) Snapshot() Snapshot {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := Snapshot{Since: m.since, Counters: map[string]int64{}, Latencies: map[string]Latency{}}
	for name, n := range m.counters {
		s.Counters[name] = n
	}
	for name, h := range m.histograms {
		s.Latencies[name] = h.latency()
	}
	return s
}

// histogram counts microseconds in buckets that grow with the value: 16 to each doubling, so a bucket is at most 1/16 wide.
type histogram struct {
	buckets [64 * subBuckets]int64
	count   int64
	sum     time.Duration
	least   time.Duration
	most    time.Duration
}

const (
	subBits    = 4
	subBuckets = 1 << subBits
)

func (h *histogram) add(d time.Duration) {
	d = max(d, 0) // a clock that was set back measures nothing
	if h.count == 0 || d < h.least {
		h.least = d
	}
	h.most = max(h.most, d)
	h.sum += d
	h.count++
	h.buckets[bucketOf(uint64(d.Microseconds()))]++
}

// bucketOf keeps the leading bit and the subBits after it; values below subBuckets have a bucket each.
func bucketOf(v uint64) int {
	if v < subBuckets {
		return int(v)
	}
	shift := bits.Len64(v) - 1 - subBits
	return (shift+1)*subBuckets + int(v>>shift) - subBuckets
}

// middleOf is the value that stands for a bucket.
func middleOf(bucket int) time.Duration {
	if bucket < subBuckets {
		return time.Duration(bucket) * time.Microsecond
	}
	shift := bucket/subBuckets - 1
	low := uint64(bucket%subBuckets+subBuckets) << shift
	return time.Duration(low+(uint64(1)<<shift)/2) * time.Microsecond
}

func (h *histogram) latency() Latency {
	return Latency{
		Count: h.count, Mean: milliseconds(h.sum) / float64(h.count), Max: milliseconds(h.most),
		P50: milliseconds(h.percentile(50)), P90: milliseconds(h.percentile(90)), P99: milliseconds(h.percentile(99)),
	}
}

// percentile is the nearest rank, within what was really seen.
func (h *histogram) percentile(p int64) time.Duration {
	rank := (h.count*p + 99) / 100
	var seen int64
	for bucket, n := range h.buckets {
		if seen += n; seen >= rank {
			return min(max(middleOf(bucket), h.least), h.most)
		}
	}
	return h.most
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
