package dynamo_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/orcray/orcray/shared/aws/awsclient"
	"github.com/orcray/orcray/shared/aws/dynamo"
	"github.com/orcray/orcray/shared/aws/dynamo/dynamolocal"
	"github.com/orcray/orcray/shared/aws/faulttest"
	"github.com/orcray/orcray/shared/aws/mototest"
	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/table"
)

func one(sk string, need table.Need) []table.Write {
	return []table.Write{{Op: table.Put, Item: table.Item{Key: table.Key{PK: "p", SK: sk}, Body: []byte(sk)}, Need: need}}
}

func two(a, b string) []table.Write {
	return append(one(a, table.Absent()), one(b, table.Absent())...)
}

func TestA6_DynamoCallsEndTyped(t *testing.T) {
	faulttest.Ends(t, func(config aws.Config) map[string]func(context.Context) error {
		tb := dynamo.New(dynamo.NewClient(config, ""), "orcray", time.Now)
		return map[string]func(context.Context) error{
			"get":   func(ctx context.Context) error { _, err := tb.Get(ctx, table.Key{PK: "p", SK: "s"}); return err },
			"query": func(ctx context.Context) error { _, err := tb.Query(ctx, table.Query{PK: "p"}); return err },
			"put":   func(ctx context.Context) error { return tb.Transact(ctx, one("s", table.Absent())) },
			"delete": func(ctx context.Context) error {
				return tb.Transact(ctx, []table.Write{{Op: table.Delete, Item: table.Item{Key: table.Key{PK: "p", SK: "s"}}}})
			},
			"transact": func(ctx context.Context) error { return tb.Transact(ctx, two("a", "b")) },
		}
	})
}

// TestN7_DynamoUnderFaults: a transaction happens once whatever is lost; a single write whose answer is lost says so, and is
// there or not; reads are repeated until they are right.
func TestN7_DynamoUnderFaults(t *testing.T) {
	endpoint := dynamolocal.Start(t)
	plain := clientOf(endpoint)
	if err := dynamo.CreateTable(t.Context(), plain, "faults"); err != nil {
		t.Fatal(err)
	}
	steady := dynamo.New(plain, "faults", time.Now)
	on := func(t *testing.T, choose func(string, int) faulttest.Fault) *dynamo.Table {
		options := faulttest.Patient()
		options.HTTP, options.Endpoint, options.Credentials = faulttest.New(http.DefaultClient, choose), endpoint, mototest.Keys()
		config, err := awsclient.Config(mototest.Region, options)
		if err != nil {
			t.Fatal(err)
		}
		return dynamo.New(dynamo.NewClient(config, ""), "faults", time.Now)
	}
	for _, f := range faulttest.All() {
		t.Run(f.String(), func(t *testing.T) {
			t.Parallel()
			tb := on(t, faulttest.First(1, f))
			a, b, c := f.String()+"a", f.String()+"b", f.String()+"c"
			if err := tb.Transact(t.Context(), two(a, b)); err != nil {
				t.Fatalf("transaction: %v", err)
			}
			if item, err := tb.Get(t.Context(), table.Key{PK: "p", SK: b}); err != nil || item.Version != 1 {
				t.Errorf("get: version %d, %v", item.Version, err)
			}
			if page, err := tb.Query(t.Context(), table.Query{PK: "p", Prefix: f.String()}); err != nil || len(page.Items) < 2 {
				t.Errorf("query: %d items, %v", len(page.Items), err)
			}
			err := tb.Transact(t.Context(), one(c, table.Absent()))
			item, reading := steady.Get(t.Context(), table.Key{PK: "p", SK: c})
			switch {
			case err == nil && (reading != nil || item.Version != 1):
				t.Errorf("the write was acknowledged, and is not there: %v", reading)
			case err != nil && (f == faulttest.Throttle || !fault.CodeOf(err).Retryable()):
				t.Errorf("the write ended with %v", err)
			}
		})
	}
	t.Run("five percent", func(t *testing.T) {
		t.Parallel()
		tb := on(t, faulttest.Sometimes(17, 0.05, faulttest.All()...))
		for i := range 80 {
			a, b := fmt.Sprint("x", i), fmt.Sprint("y", i)
			if err := tb.Transact(t.Context(), two(a, b)); err != nil {
				t.Fatal(err)
			}
			if item, err := tb.Get(t.Context(), table.Key{PK: "p", SK: a}); err != nil || item.Version != 1 {
				t.Fatalf("%s: version %d, %v", a, item.Version, err)
			}
		}
	})
}
