// Command faulty is a function that does what no function should, for the tests of what stands around functions.
package main

import (
	"context"
	"crypto/rand"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/orcray/orcray/functions/internal/invoke"
	"github.com/orcray/orcray/functions/internal/wire"
	"github.com/orcray/orcray/shared/telemetry"
)

func main() {
	around := invoke.Around{Name: "faulty", Log: telemetry.NewLogger(os.Stdout, slog.LevelInfo), Random: rand.Reader, Now: time.Now}
	lambda.Start(wire.Bytes(around.Function(serve)))
}

func serve(_ context.Context, payload []byte) ([]byte, error) {
	switch string(payload) {
	case `"panic"`:
		panic("planted")
	case `"hang"`:
		<-time.After(time.Hour)
	}
	return payload, nil
}
