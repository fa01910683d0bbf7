package secrets_test

import (
	"context"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/orcray/orcray/shared/aws/awsclient"
	"github.com/orcray/orcray/shared/aws/faulttest"
	"github.com/orcray/orcray/shared/aws/mototest"
	"github.com/orcray/orcray/shared/aws/secrets"
	"github.com/orcray/orcray/shared/fault"
)

var moto mototest.Server

func TestMain(m *testing.M) { os.Exit(mototest.Main(m, &moto)) }

func create(t *testing.T, name, value string) string {
	t.Helper()
	client := secretsmanager.NewFromConfig(moto.Config(t, awsclient.Options{}))
	out, err := client.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: &name, SecretString: &value})
	if err != nil {
		t.Fatal(err)
	}
	return *out.ARN
}

func TestA6_SecretsAreReadOnceAndRenewed(t *testing.T) {
	arn := create(t, "token", "first")
	var broken atomic.Bool
	counting := faulttest.New(http.DefaultClient, func(string, int) faulttest.Fault {
		if broken.Load() {
			return faulttest.Broken
		}
		return faulttest.None
	})
	options := faulttest.Patient()
	options.HTTP = counting
	var now atomic.Int64
	store := secrets.New(secretsmanager.NewFromConfig(moto.Config(t, options)), secrets.WithClock(func() time.Time { return time.Unix(now.Load(), 0) }))
	get := func(want string) {
		t.Helper()
		if value, err := store.Get(t.Context(), arn); err != nil || value != want {
			t.Errorf("got %q, %v, want %q", value, err, want)
		}
	}
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() { get("first") })
	}
	wg.Wait()
	if n := counting.Asked("GetSecretValue"); n != 1 {
		t.Errorf("%d requests for ten readers", n)
	}
	client := secretsmanager.NewFromConfig(moto.Config(t, awsclient.Options{}))
	if _, err := client.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: &arn, SecretString: aws.String("second")}); err != nil {
		t.Fatal(err)
	}
	get("first")
	now.Add(301)
	get("second")
	broken.Store(true)
	now.Add(301)
	get("second") // what is known goes on while nothing answers
	if _, err := store.Get(t.Context(), "another"); !fault.Is(err, fault.Unavailable) {
		t.Errorf("an unknown one, while nothing answers: %v", err)
	}
}

func TestA6_SecretsMissingOrNotText(t *testing.T) {
	client := secretsmanager.NewFromConfig(moto.Config(t, awsclient.Options{}))
	store := secrets.New(client)
	if _, err := store.Get(t.Context(), "nothing"); !fault.Is(err, fault.NotFound) {
		t.Errorf("a missing secret gave %v", err)
	}
	if _, err := client.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("binary"), SecretBinary: []byte{1}}); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Get(t.Context(), "binary"); !fault.Is(err, fault.Internal) {
		t.Errorf("a binary secret gave %v", err)
	}
}

func TestA6_SecretsCallsEndTyped(t *testing.T) {
	faulttest.Ends(t, func(config aws.Config) map[string]func(context.Context) error {
		store := secrets.New(secretsmanager.NewFromConfig(config))
		return map[string]func(context.Context) error{
			"get": func(ctx context.Context) error { _, err := store.Get(ctx, "a"); return err },
		}
	})
}

func TestA6_SecretsUnderFaults(t *testing.T) {
	arn := create(t, "faults", "value")
	for _, f := range faulttest.All() {
		t.Run(f.String(), func(t *testing.T) {
			t.Parallel()
			options := faulttest.Patient()
			options.HTTP = faulttest.New(http.DefaultClient, faulttest.First(1, f))
			store := secrets.New(secretsmanager.NewFromConfig(moto.Config(t, options)))
			if value, err := store.Get(t.Context(), arn); err != nil || value != "value" {
				t.Errorf("%q, %v", value, err)
			}
		})
	}
}
