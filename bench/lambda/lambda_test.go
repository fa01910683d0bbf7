// Package lambda_test measures the functions (row P6): from exec to the first call of the Runtime API, as a ratio to a Lambda that
// does nothing, in the same run; and the size of the binary that is deployed.
//
//	go test -run '^$' -bench . -benchtime 1x ./bench/lambda
package lambda_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/orcray/orcray/functions/runtimetest"
	"github.com/orcray/orcray/shared/topology"
)

const (
	starts  = 31 // of each function, in turns with the one that does nothing
	maxSize = 15_000_000
)

// most is the row's bound on the ratio.
func most(name string) float64 {
	if name == topology.FnAPI {
		return 15
	}
	return 6
}

// variables are what a function might have; none of them leads anywhere.
func variables() []string {
	const account = "123456789012"
	return []string{
		"AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=none", "AWS_SECRET_ACCESS_KEY=none",
		topology.EnvEnvironment + "=dev", topology.EnvTable + "=table", topology.EnvBucket + "=bucket",
		topology.EnvQueueURL + "=https://sqs.us-east-1.amazonaws.com/" + account + "/jobs",
		topology.EnvDeadURL + "=https://sqs.us-east-1.amazonaws.com/" + account + "/dead",
		topology.EnvMachineARN + "=arn:aws:states:us-east-1:" + account + ":stateMachine:interpret", topology.EnvBus + "=bus",
		topology.EnvUserPool + "=us-east-1_AbCdEf123", topology.EnvUserClient + "=client",
		topology.EnvIssuer + "=https://cognito-idp.us-east-1.amazonaws.com/us-east-1_AbCdEf123", topology.EnvAudience + "=client",
		topology.EnvSealSecret + "=arn:aws:secretsmanager:us-east-1:" + account + ":secret:seal",
		topology.EnvECSCluster + "=cluster", topology.EnvHeadService + "=head", topology.EnvHeadHost + "=head.internal",
		topology.EnvCellService + "=cells", topology.EnvCellsMax + "=2", topology.EnvIdleStop + "=30m",
		topology.EnvRunnerSecret + "=arn:aws:secretsmanager:us-east-1:" + account + ":secret:runner",
		topology.EnvRaySecret + "=arn:aws:secretsmanager:us-east-1:" + account + ":secret:ray",
		topology.EnvRunRole + "=arn:aws:iam::" + account + ":role/run",
	}
}

func BenchmarkP6_Start(b *testing.B) {
	root := filepath.Join("..", "..")
	noop := runtimetest.BuildOf(b, "bench-noop", "./bench/lambda/noop")
	for _, f := range topology.Orcray().Functions {
		b.Run(f.Name, func(b *testing.B) {
			if _, err := os.Stat(filepath.Join(root, "functions", f.Name)); err != nil {
				b.Skip("SKIPPED, NOT PROVEN: there is no such function yet")
			}
			binary, deployed := runtimetest.Build(b, f.Name), runtimetest.BuildForAWS(b, f.Name)
			for b.Loop() {
				measure(b, f.Name, binary, noop)
			}
			info, err := os.Stat(deployed)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(info.Size())/1e6, "MB")
			b.ReportMetric(maxSize/1e6, "MB-at-most")
		})
	}
}

func measure(b *testing.B, name, binary, noop string) {
	b.Helper()
	var ours, theirs []time.Duration
	for range starts {
		theirs = append(theirs, start(b, noop))
		ours = append(ours, start(b, binary))
	}
	slices.Sort(ours)
	slices.Sort(theirs)
	ratio := float64(ours[starts/2]) / float64(theirs[starts/2])
	b.ReportMetric(float64(ours[starts/2].Microseconds())/1000, "start-ms")
	b.ReportMetric(float64(theirs[starts/2].Microseconds())/1000, "noop-ms")
	b.ReportMetric(ratio, "ratio-to-noop")
	b.ReportMetric(most(name), "ratio-to-noop-at-most")
}

// start gives the time from exec to the first GET /next.
func start(b *testing.B, binary string) time.Duration {
	b.Helper()
	p := runtimetest.Start(b, binary, variables()...)
	defer p.Stop()
	return p.Init()
}
