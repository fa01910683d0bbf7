package dynamo_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/orcray/orcray/shared/aws/dynamo"
	"github.com/orcray/orcray/shared/aws/dynamo/dynamolocal"
	"github.com/orcray/orcray/shared/table"
	"github.com/orcray/orcray/shared/table/tabletest"
)

// clientOf signs with keys that DynamoDB Local accepts, as it accepts any.
func clientOf(endpoint string) *dynamodb.Client {
	return dynamo.NewClient(aws.Config{
		Region: "us-east-1",
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}, nil
		}),
	}, endpoint)
}

// TestA6_DynamoConformance runs the store's suite on the wire.
func TestA6_DynamoConformance(t *testing.T) {
	client := clientOf(dynamolocal.Start(t))
	var tables atomic.Int32
	tabletest.Run(t, func(t *testing.T, now func() time.Time) table.Table {
		name := fmt.Sprintf("orcray-%d", tables.Add(1))
		for range 2 { // the second time finds it there
			if err := dynamo.CreateTable(t.Context(), client, name); err != nil {
				t.Fatal(err)
			}
		}
		return dynamo.New(client, name, now)
	}, tabletest.Options{})
}
