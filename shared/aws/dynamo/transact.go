package dynamo

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/orcray/orcray/shared/table"
)

// Attempts that DynamoDB turned away without doing anything, because others wrote the same items or we are too fast, are
// repeated this often, with growing pauses.
const (
	attempts = 8
	maxPause = time.Second
)

// Transact implements table.Table. A single put or delete is one plain request, which costs half of a transaction; its
// SDK retries are off, because a repeated request would find its own success and report it as a conflict. Transactions
// carry a token by which DynamoDB knows a repetition.
func (t *Table) Transact(ctx context.Context, writes []table.Write) error {
	if err := table.CheckWrites(writes); err != nil {
		return err
	}
	pause := retry.NewExponentialJitterBackoff(maxPause)
	for attempt := 0; ; attempt++ {
		err := t.send(ctx, writes)
		if err == nil {
			return nil
		}
		if index, conflict := conflictIn(err); conflict {
			return table.Conflicted(index, writes[index].Item.Key)
		}
		if attempt+1 >= attempts || exhausted(err) || !turnedAway(err) || !wait(ctx, pause, attempt, err) {
			return failed(err)
		}
	}
}

func wait(ctx context.Context, pause retry.BackoffDelayer, attempt int, cause error) bool {
	delay, err := pause.BackoffDelay(attempt, cause)
	if err != nil {
		return false
	}
	timer := time.NewTimer(delay / 10) // the SDK's steps begin at a second, contention is over in milliseconds
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (t *Table) send(ctx context.Context, writes []table.Write) error {
	now := t.now()
	if len(writes) == 1 && writes[0].Op == table.Put {
		e := t.put(writes[0], now)
		_, err := t.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
			TableName: &t.name, Key: e.key, UpdateExpression: &e.update, ConditionExpression: e.condition(),
			ExpressionAttributeNames: e.names, ExpressionAttributeValues: e.values,
		}, once)
		return err
	}
	if len(writes) == 1 && writes[0].Op == table.Delete {
		e := t.expect(writes[0], now)
		_, err := t.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{
			TableName: &t.name, Key: e.key, ConditionExpression: e.condition(),
			ExpressionAttributeNames: e.names, ExpressionAttributeValues: e.values,
		}, once)
		return err
	}
	items := make([]types.TransactWriteItem, len(writes))
	for i, w := range writes {
		items[i] = t.part(w, now)
	}
	_, err := t.client.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: items})
	return err
}

func once(o *dynamodb.Options) { o.Retryer = aws.NopRetryer{} }

func (t *Table) part(w table.Write, now time.Time) types.TransactWriteItem {
	switch w.Op {
	case table.Put:
		e := t.put(w, now)
		return types.TransactWriteItem{Update: &types.Update{
			TableName: &t.name, Key: e.key, UpdateExpression: &e.update, ConditionExpression: e.condition(),
			ExpressionAttributeNames: e.names, ExpressionAttributeValues: e.values,
		}}
	case table.Delete:
		e := t.expect(w, now)
		return types.TransactWriteItem{Delete: &types.Delete{
			TableName: &t.name, Key: e.key, ConditionExpression: e.condition(),
			ExpressionAttributeNames: e.names, ExpressionAttributeValues: e.values,
		}}
	default:
		e := t.expect(w, now)
		if e.expected == "" { // a check must have a condition
			e.expected = "attribute_exists(PK) OR attribute_not_exists(PK)"
		}
		return types.TransactWriteItem{ConditionCheck: &types.ConditionCheck{
			TableName: &t.name, Key: e.key, ConditionExpression: e.condition(),
			ExpressionAttributeNames: e.names, ExpressionAttributeValues: e.values,
		}}
	}
}

// expression is one write in DynamoDB's words. Names and values that are not used would be refused, so that each is
// added where it is used.
type expression struct {
	key      attributes
	update   string
	expected string
	names    map[string]string
	values   attributes
}

func (e *expression) condition() *string {
	if e.expected == "" {
		return nil
	}
	return &e.expected
}

func (e *expression) set(name string, value types.AttributeValue) {
	if e.values == nil {
		e.values = attributes{}
	}
	e.values[name] = value
}

func (e *expression) nameTTL() { e.names = map[string]string{"#ttl": "TTL"} }

// expect translates the write's condition.
func (t *Table) expect(w table.Write, now time.Time) *expression {
	e := &expression{key: keyOf(w.Item.Key)}
	version, hasVersion := w.Need.Version()
	switch {
	case w.Need.WantsAbsent():
		e.expected = "attribute_not_exists(PK) OR #ttl <= :now"
	case w.Need.WantsPresent():
		e.expected = "attribute_exists(PK) AND " + isLive
	case hasVersion:
		e.expected = "V = :version AND " + isLive
		e.set(":version", number(version))
	default:
		return e
	}
	e.nameTTL()
	e.set(":now", number(now.Unix()))
	return e
}

// put is an update of all attributes, because only an update can count the version up from what is stored.
func (t *Table) put(w table.Write, now time.Time) *expression {
	e := t.expect(w, now)
	e.nameTTL()
	e.set(":body", &types.AttributeValueMemberB{Value: append([]byte{}, w.Item.Body...)})
	e.set(":one", number(1))
	if w.Need.WantsAbsent() {
		e.update = "SET V = :one, B = :body"
	} else {
		e.update = "SET V = if_not_exists(V, :zero) + :one, B = :body"
		e.set(":zero", number(0))
	}
	if expires := table.ExpirySeconds(w.Item.Expires); expires > 0 {
		e.update += ", #ttl = :ttl"
		e.set(":ttl", number(expires))
	} else {
		e.update += " REMOVE #ttl"
	}
	return e
}
