package bedrock_test

import (
	"context"
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/orcray/orcray/shared/aws/bedrock"
	"github.com/orcray/orcray/shared/fault"
)

// A probe of Bedrock finds a missing region or missing credentials, and asks no model.
func TestR49_AProbeFindsMissingCredentials(t *testing.T) {
	t.Parallel()
	with := func(key string, err error) aws.CredentialsProvider {
		return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: key, SecretAccessKey: key}, err
		})
	}
	for name, c := range map[string]struct {
		config aws.Config
		works  bool
	}{
		"whole":          {aws.Config{Region: "us-east-1", Credentials: with("k", nil)}, true},
		"no region":      {aws.Config{Credentials: with("k", nil)}, false},
		"no provider":    {aws.Config{Region: "us-east-1"}, false},
		"no credentials": {aws.Config{Region: "us-east-1", Credentials: with("", errors.New("none"))}, false},
	} {
		if err := bedrock.New(c.config, bedrock.Options{Endpoint: "http://127.0.0.1:1"}).Probe(t.Context()); (err == nil) != c.works || err != nil && !fault.Is(err, fault.Unavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
