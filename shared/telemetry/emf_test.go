package telemetry_test

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/orcray/orcray/shared/telemetry"
)

// emf is what CloudWatch reads of a line.
type emf struct {
	AWS struct {
		Timestamp int64
		Metrics   []struct {
			Namespace  string
			Dimensions [][]string
			Metrics    []struct{ Name, Unit string }
		} `json:"CloudWatchMetrics"`
	} `json:"_aws"`
}

func TestO52_MetricsAreOneLineThatCloudWatchReads(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	now := time.UnixMilli(1_795_732_800_123)
	m := telemetry.NewMetrics(&out, "orcray", func() time.Time { return now }, telemetry.Dimension{Name: "Environment", Value: "dev"})
	trace, _ := telemetry.ParseXRay("Root=1-5e1b4151-5ac6c58f8a1b2c3d4e5f6071;Parent=53995c3f42cd8ad8;Sampled=1")
	m.Emit(telemetry.WithTrace(t.Context(), trace), []telemetry.Dimension{{Name: "function", Value: "api"}, {Name: "empty"}},
		telemetry.Metric{Name: "Latency", Value: 12.5, Unit: telemetry.Milliseconds}, telemetry.Metric{Name: "Bad", Value: math.NaN()},
		telemetry.Metric{Name: "function", Value: 1}, telemetry.Metric{Name: "Errors", Value: 0, Unit: telemetry.Count})
	if strings.Count(out.String(), "\n") != 1 || !strings.HasSuffix(out.String(), "\n") {
		t.Fatalf("not one line: %q", out.String())
	}
	var head emf
	fields := map[string]any{}
	if json.Unmarshal(out.Bytes(), &head) != nil || json.Unmarshal(out.Bytes(), &fields) != nil || len(head.AWS.Metrics) != 1 {
		t.Fatal(out.String())
	}
	d := head.AWS.Metrics[0]
	if head.AWS.Timestamp != now.UnixMilli() || d.Namespace != "orcray" || !slices.Equal(d.Dimensions[0], []string{"Environment", "function"}) || len(d.Metrics) != 2 {
		t.Errorf("%+v", head)
	}
	for name, want := range map[string]any{"Environment": "dev", "function": "api", "Latency": 12.5, "Errors": 0.0, "trace_id": "5e1b41515ac6c58f8a1b2c3d4e5f6071"} {
		if fields[name] != want {
			t.Errorf("%s is %v", name, fields[name])
		}
	}
	if d.Metrics[0].Unit != "Milliseconds" || fields["Bad"] != nil {
		t.Errorf("%s", out.String())
	}
}

func TestO52_NothingMeasuredIsNothingWritten(t *testing.T) {
	t.Parallel()
	var none *telemetry.Metrics
	none.Emit(t.Context(), nil, telemetry.Metric{Name: "a"}) // one machine has none
	var out bytes.Buffer
	m := telemetry.NewMetrics(&out, "orcray", time.Now)
	m.Emit(t.Context(), nil)
	m.Emit(t.Context(), nil, telemetry.Metric{Name: "Infinite", Value: math.Inf(1)})
	if out.Len() > 0 {
		t.Error(out.String())
	}
}

// Whatever is measured, each dimension and metric that is declared has its value in the line, and nothing is over CloudWatch's limits.
func TestO52_WhatIsDeclaredIsThere(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var out bytes.Buffer
		m := telemetry.NewMetrics(&out, "orcray", time.Now)
		var metrics []telemetry.Metric
		for _, name := range rapid.SliceOfN(rapid.String(), 0, 120).Draw(t, "names") {
			metrics = append(metrics, telemetry.Metric{Name: name, Value: rapid.Float64().Draw(t, "value"), Unit: telemetry.Count})
		}
		var dimensions []telemetry.Dimension
		for _, name := range rapid.SliceOfN(rapid.String(), 0, 40).Draw(t, "dimensions") {
			dimensions = append(dimensions, telemetry.Dimension{Name: name, Value: rapid.String().Draw(t, "dimension")})
		}
		m.Emit(t.Context(), dimensions, metrics...)
		if out.Len() == 0 {
			return
		}
		var head emf
		fields := map[string]any{}
		if json.Unmarshal(out.Bytes(), &head) != nil || json.Unmarshal(out.Bytes(), &fields) != nil || bytes.Count(out.Bytes(), []byte("\n")) != 1 {
			t.Fatal(out.String())
		}
		d := head.AWS.Metrics[0]
		if len(d.Metrics) > 100 || len(d.Dimensions[0]) > 30 {
			t.Fatalf("%d metrics, %d dimensions", len(d.Metrics), len(d.Dimensions[0]))
		}
		for _, v := range d.Metrics {
			if _, is := fields[v.Name].(float64); !is {
				t.Fatalf("%q is declared and not there: %s", v.Name, out.String())
			}
		}
		for _, name := range d.Dimensions[0] {
			if text, is := fields[name].(string); !is || text == "" {
				t.Fatalf("dimension %q is declared and not there", name)
			}
		}
	})
}

func TestO52_XRayHeadersAreTraces(t *testing.T) {
	t.Parallel()
	const id = "5e1b41515ac6c58f8a1b2c3d4e5f6071"
	for header, want := range map[string]string{
		"Root=1-5e1b4151-5ac6c58f8a1b2c3d4e5f6071;Parent=53995c3f42cd8ad8;Sampled=1":                       id,
		"Root=1-5e1b4151-5ac6c58f8a1b2c3d4e5f6071":                                                         id,
		"Self=1-1-1;Root=1-5e1b4151-5ac6c58f8a1b2c3d4e5f6071; Parent=53995c3f42cd8ad8;Sampled=0;Lineage=x": id,
		"": "", "Root=1-5e1b4151": "", "Root=2-5e1b4151-5ac6c58f8a1b2c3d4e5f6071": "", "Root=1-5e1b4151-zzc6c58f8a1b2c3d4e5f6071": "",
		"Root=1-5e1b4151-5ac6c58f8a1b2c3d4e5f6071;Parent=5399": "", "Root=1-00000000-000000000000000000000000": "",
	} {
		got, ok := telemetry.ParseXRay(header)
		if ok != (want != "") || ok && telemetry.TraceID(telemetry.WithTrace(t.Context(), got)) != want {
			t.Errorf("%q gives %s, %v", header, got, ok)
		}
		if strings.Contains(header, "Sampled=1") != got.Sampled {
			t.Errorf("%q: sampled %v", header, got.Sampled)
		}
	}
}
