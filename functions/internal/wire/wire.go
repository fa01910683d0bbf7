// Package wire is what all functions begin with: their settings, AWS, a log and metrics. What only some functions have lies in the
// packages below it, so that a function carries no client of AWS that it does not use: each costs its start.
package wire

import (
	"context"
	"crypto/rand"
	"log"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/oklog/ulid/v2"

	"github.com/orcray/orcray/functions/internal/invoke"
	"github.com/orcray/orcray/shared/config"
	"github.com/orcray/orcray/shared/telemetry"
	"github.com/orcray/orcray/shared/topology"
)

// Parts are what every function has.
type Parts struct {
	Name    string // of the function
	Set     config.AWS
	AWS     aws.Config
	Log     *slog.Logger
	Metrics *telemetry.Metrics
	Now     func() time.Time
}

// Run serves a function until the process ends. What is wrong with the settings is known before the first request: the process
// ends with one line that says so.
func Run(name string, build func(context.Context, *Parts) (any, error)) {
	log.SetFlags(0) // the runtime's own line about a failure is JSON already
	ctx := context.Background()
	p, err := open(name)
	var start any
	if err == nil {
		start, err = build(ctx, p)
	}
	if err != nil {
		telemetry.NewLogger(os.Stdout, slog.LevelInfo).Error("the function cannot start", "function", name, "error", err.Error())
		os.Exit(1)
	}
	lambda.StartWithOptions(start, lambda.WithContext(ctx))
}

func open(name string) (*Parts, error) {
	need, err := needs(name)
	if err != nil {
		return nil, err
	}
	set, err := config.AWSFromEnvironment(need...)
	if err != nil {
		return nil, err
	}
	p := &Parts{Name: name, Set: set, Now: time.Now, Log: telemetry.NewLogger(os.Stdout, slog.LevelInfo)}
	p.Metrics = telemetry.NewMetrics(os.Stdout, topology.MetricSpace, p.Now,
		telemetry.Dimension{Name: topology.DimensionEnv, Value: set.Environment})
	p.AWS, err = awsConfig(set)
	return p, err
}

// NewID makes ids that sort by time.
func (p *Parts) NewID() string { return ulid.MustNew(ulid.Timestamp(p.Now()), rand.Reader).String() }

// Around is what every invocation gets.
func (p *Parts) Around() invoke.Around {
	return invoke.Around{Name: p.Name, Log: p.Log, Metrics: p.Metrics, Random: rand.Reader, Now: p.Now}
}

// Serving makes what the runtime takes of a function.
func (p *Parts) Serving(f invoke.Function) lambda.Handler { return Bytes(p.Around().Function(f)) }

// Bytes implements lambda.Handler.
type Bytes invoke.Function

// Invoke implements lambda.Handler.
func (f Bytes) Invoke(ctx context.Context, payload []byte) ([]byte, error) { return f(ctx, payload) }
