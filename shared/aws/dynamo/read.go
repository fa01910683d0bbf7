package dynamo

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/table"
)

// isLive is the condition that every read and most writes carry: DynamoDB removes expired items days later, we hide them
// at once.
const isLive = "(attribute_not_exists(#ttl) OR #ttl > :now)"

// Get implements table.Table.
func (t *Table) Get(ctx context.Context, key table.Key) (table.Item, error) {
	if err := table.CheckKey(key); err != nil {
		return table.Item{}, err
	}
	out, err := t.client.GetItem(ctx, &dynamodb.GetItemInput{TableName: &t.name, Key: keyOf(key), ConsistentRead: aws.Bool(true)})
	if err != nil {
		return table.Item{}, failed(err)
	}
	if len(out.Item) > 0 {
		item, err := itemOf(out.Item)
		if err != nil {
			return table.Item{}, err
		}
		if item.Expires.IsZero() || item.Expires.Unix() > t.now().Unix() {
			return item, nil
		}
	}
	return table.Item{}, fault.New(fault.NotFound, "There is nothing under this name.")
}

// Query implements table.Table. DynamoDB ends an answer after 1 MB and counts what the filter drops, so that one page may
// need several requests. One item more than asked for shows whether a next page exists.
func (t *Table) Query(ctx context.Context, q table.Query) (table.Page, error) {
	q, after, err := q.Checked()
	if err != nil {
		return table.Page{}, err
	}
	after, beyond := inside(q, after)
	if beyond {
		return table.Page{}, nil
	}
	input := t.queryInput(q, after)
	var page table.Page
	for {
		input.Limit = aws.Int32(int32(q.Limit + 1 - len(page.Items)))
		out, err := t.client.Query(ctx, input)
		if err != nil {
			return table.Page{}, failed(err)
		}
		for _, a := range out.Items {
			item, err := itemOf(a)
			if err != nil {
				return table.Page{}, err
			}
			page.Items = append(page.Items, item)
		}
		if len(page.Items) > q.Limit {
			page.Items = page.Items[:q.Limit]
			page.Next = q.CursorAfter(page.Items[q.Limit-1].SK)
			return page, nil
		}
		if len(out.LastEvaluatedKey) == 0 {
			return page, nil
		}
		input.ExclusiveStartKey = out.LastEvaluatedKey
	}
}

// inside fits the start to the prefix, for DynamoDB refuses one outside: before it, the start means nothing; beyond it,
// nothing is left.
func inside(q table.Query, after string) (start string, beyond bool) {
	if after == "" || strings.HasPrefix(after, q.Prefix) {
		return after, false
	}
	return "", (after > q.Prefix) != q.Reverse
}

func (t *Table) queryInput(q table.Query, after string) *dynamodb.QueryInput {
	condition := "PK = :pk"
	values := attributes{":pk": text(q.PK), ":now": number(t.now().Unix())}
	if q.Prefix != "" {
		condition += " AND begins_with(SK, :prefix)"
		values[":prefix"] = text(q.Prefix)
	}
	input := &dynamodb.QueryInput{
		TableName: &t.name, ConsistentRead: aws.Bool(true), ScanIndexForward: aws.Bool(!q.Reverse),
		KeyConditionExpression: &condition, FilterExpression: aws.String(isLive),
		ExpressionAttributeNames: map[string]string{"#ttl": "TTL"}, ExpressionAttributeValues: values,
	}
	if after != "" {
		input.ExclusiveStartKey = keyOf(table.Key{PK: q.PK, SK: after}) // need not exist any more
	}
	return input
}
