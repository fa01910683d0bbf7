// Package dynamo is the store on AWS: table.Table on one DynamoDB table with the attributes PK, SK (strings, the key),
// V (number, the version), B (binary, the body) and TTL (number, Unix seconds, absent: never).
package dynamo

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/table"
)

// createBound is how long a new table may take until it can be used.
const createBound = 2 * time.Minute

// Table implements table.Table.
type Table struct {
	client *dynamodb.Client
	name   string
	now    func() time.Time
}

// New makes the store of an existing table. now decides what has expired.
func New(client *dynamodb.Client, tableName string, now func() time.Time) *Table {
	return &Table{client: client, name: tableName, now: now}
}

// NewClient makes a client; endpoint is empty on AWS.
func NewClient(config aws.Config, endpoint string) *dynamodb.Client {
	return dynamodb.NewFromConfig(config, func(o *dynamodb.Options) {
		if endpoint != "" {
			o.BaseEndpoint = aws.String(endpoint)
		}
	})
}

// CreateTable makes the table as New needs it, for tests and local work; on AWS the stacks make it. A table that exists
// is left as it is.
func CreateTable(ctx context.Context, client *dynamodb.Client, name string) error {
	ctx, cancel := context.WithTimeout(ctx, createBound)
	defer cancel()
	_, err := client.CreateTable(ctx, &dynamodb.CreateTableInput{
		TableName:   &name,
		BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{
			{AttributeName: aws.String("PK"), AttributeType: types.ScalarAttributeTypeS},
			{AttributeName: aws.String("SK"), AttributeType: types.ScalarAttributeTypeS},
		},
		KeySchema: []types.KeySchemaElement{
			{AttributeName: aws.String("PK"), KeyType: types.KeyTypeHash},
			{AttributeName: aws.String("SK"), KeyType: types.KeyTypeRange},
		},
	})
	var exists *types.ResourceInUseException
	if errors.As(err, &exists) {
		return nil
	}
	if err != nil {
		return failed(err)
	}
	waiter := dynamodb.NewTableExistsWaiter(client, func(o *dynamodb.TableExistsWaiterOptions) {
		o.MinDelay, o.MaxDelay = 20*time.Millisecond, 2*time.Second
	})
	if err := waiter.Wait(ctx, &dynamodb.DescribeTableInput{TableName: &name}, createBound); err != nil {
		return failed(err)
	}
	_, err = client.UpdateTimeToLive(ctx, &dynamodb.UpdateTimeToLiveInput{
		TableName:               &name,
		TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: aws.String("TTL"), Enabled: aws.Bool(true)},
	})
	return failed(err)
}

// attributes is an item as DynamoDB has it.
type attributes = map[string]types.AttributeValue

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

func keyOf(key table.Key) attributes { return attributes{"PK": text(key.PK), "SK": text(key.SK)} }

// itemOf reads an item; one that others have written into our table is our own failure.
func itemOf(a attributes) (table.Item, error) {
	pk, okPK := a["PK"].(*types.AttributeValueMemberS)
	sk, okSK := a["SK"].(*types.AttributeValueMemberS)
	body, okBody := a["B"].(*types.AttributeValueMemberB)
	version, okVersion := numberOf(a["V"])
	if !okPK || !okSK || !okBody || !okVersion {
		return table.Item{}, fault.New(fault.Internal, "The store holds an item that is not one of ours.")
	}
	expires, _ := numberOf(a["TTL"])
	return table.Item{
		Key: table.Key{PK: pk.Value, SK: sk.Value}, Version: version, Body: body.Value, Expires: table.ExpiryTime(expires),
	}, nil
}

func numberOf(value types.AttributeValue) (int64, bool) {
	n, ok := value.(*types.AttributeValueMemberN)
	if !ok {
		return 0, false
	}
	parsed, err := strconv.ParseInt(n.Value, 10, 64)
	return parsed, err == nil
}
