package s3gateway_test

import (
	"context"
	"crypto/rand"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orcray/orcray/shared/aws/s3"
	"github.com/orcray/orcray/shared/embedded/s3gateway"
	"github.com/orcray/orcray/shared/object"
	"github.com/orcray/orcray/shared/object/objecttest"
)

// clock is the machine's, moved ahead: signatures are checked by the server against the machine's own.
type clock struct{ ahead atomic.Int64 }

func (c *clock) Now() time.Time          { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) Advance(d time.Duration) { c.ahead.Add(int64(d)) }

func start(t testing.TB, options s3gateway.Options) *s3gateway.Gateway {
	t.Helper()
	options.Bucket, options.Rand = "orcray-data", rand.Reader
	gateway, err := s3gateway.Start(context.Background(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := gateway.Close(); err != nil {
			t.Error(err)
		}
	})
	return gateway
}

func storeOf(gateway *s3gateway.Gateway, now func() time.Time) *s3.Store {
	return s3.New(s3.NewClient(gateway.Config(), gateway.Endpoint()), gateway.Bucket(), now)
}

func TestR26_Conformance(t *testing.T) {
	objecttest.Run(t, func(t *testing.T) objecttest.Subject {
		c := &clock{}
		gateway := start(t, s3gateway.Options{Dir: filepath.Join(t.TempDir(), "objects"), Now: c.Now})
		store := storeOf(gateway, time.Now)
		return objecttest.Subject{
			Store: store, Signer: store, Granter: gateway, Advance: c.Advance,
			SignerAt: func(at time.Time) object.Signer { return storeOf(gateway, func() time.Time { return at }) },
		}
	}, objecttest.Options{})
}
