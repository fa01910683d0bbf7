package backup

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/orcray/orcray/shared/fault"
)

// batch is the most items that one request of DynamoDB writes.
const batch = 25

// patience of a batch that is put off again and again.
const tries = 12

type item = map[string]types.AttributeValue

// Replace makes the table in use hold what another one holds, and nothing else. Doing it twice is the same as once, so that one that
// broke off is simply done again. Nobody may write meanwhile.
func (k *Keeper) Replace(ctx context.Context, from string) (written, removed int, err error) {
	keep := map[string]bool{}
	put := k.batches(ctx)
	err = k.scan(ctx, from, false, func(i item) error {
		keep[idOf(i)] = true
		written++
		return put(types.WriteRequest{PutRequest: &types.PutRequest{Item: i}})
	})
	if err == nil {
		err = put()
	}
	if err != nil {
		return written, removed, err
	}
	err = k.scan(ctx, k.table, true, func(i item) error {
		if keep[idOf(i)] {
			return nil
		}
		removed++
		return put(types.WriteRequest{DeleteRequest: &types.DeleteRequest{Key: item{"PK": i["PK"], "SK": i["SK"]}}})
	})
	if err == nil {
		err = put()
	}
	return written, removed, err
}

func idOf(i item) string {
	pk, _ := i["PK"].(*types.AttributeValueMemberS)
	sk, _ := i["SK"].(*types.AttributeValueMemberS)
	if pk == nil || sk == nil {
		return ""
	}
	return pk.Value + "\x00" + sk.Value
}

func (k *Keeper) scan(ctx context.Context, table string, keysOnly bool, visit func(item) error) error {
	in := &dynamodb.ScanInput{TableName: &table, ConsistentRead: aws.Bool(true)}
	if keysOnly {
		in.ProjectionExpression = aws.String("PK, SK")
	}
	for {
		page, err := k.db.Scan(ctx, in)
		if err != nil {
			return failed("The table", err)
		}
		for _, i := range page.Items {
			if err := visit(i); err != nil {
				return err
			}
		}
		if in.ExclusiveStartKey = page.LastEvaluatedKey; len(in.ExclusiveStartKey) == 0 {
			return nil
		}
	}
}

// batches gathers writes; called without any it writes what is gathered.
func (k *Keeper) batches(ctx context.Context) func(...types.WriteRequest) error {
	var waiting []types.WriteRequest
	return func(more ...types.WriteRequest) error {
		waiting = append(waiting, more...)
		if len(more) > 0 && len(waiting) < batch || len(waiting) == 0 {
			return nil
		}
		err := k.write(ctx, waiting)
		waiting = nil
		return err
	}
}

// write writes a batch to its end: what DynamoDB puts off is sent again, after a pause that grows.
func (k *Keeper) write(ctx context.Context, requests []types.WriteRequest) error {
	pending := map[string][]types.WriteRequest{k.table: requests}
	for try := range tries {
		out, err := k.db.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{RequestItems: pending})
		if err != nil {
			return failed("The table", err)
		}
		if pending = out.UnprocessedItems; len(pending) == 0 {
			return nil
		}
		timer := time.NewTimer(min(k.poll, 20*time.Millisecond<<try))
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
	return fault.New(fault.Throttled, "The table is busy and took only a part. Nothing is lost: do the same again.")
}

// Object is the state of a key at a moment.
type Object struct {
	Key     string
	Version string // empty: there was none
	latest  string // version that is current now
	gone    bool   // a marker of removal is current now
}

// RestoreObjects makes every object of the bucket what it was at the moment, by copies of the versions that are kept. What came
// later goes; its versions stay, so that this too can be undone.
func (k *Keeper) RestoreObjects(ctx context.Context, at time.Time) (copied, removed int, err error) {
	objects, err := k.at(ctx, at)
	if err != nil {
		return 0, 0, err
	}
	for _, o := range objects {
		switch {
		case o.Version == o.latest && !o.gone, o.Version == "" && o.gone:
			continue
		case o.Version == "":
			_, err = k.objects.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &k.bucket, Key: aws.String(o.Key)})
			removed++
		default:
			_, err = k.objects.CopyObject(ctx, &s3.CopyObjectInput{Bucket: &k.bucket, Key: aws.String(o.Key),
				CopySource: aws.String(fmt.Sprintf("%s/%s?versionId=%s", k.bucket, url.PathEscape(o.Key), url.QueryEscape(o.Version)))})
			copied++
		}
		if err != nil {
			return copied, removed, failed("The bucket", err)
		}
	}
	return copied, removed, nil
}

// at reads which version of each key was current at a moment, and which one is now.
func (k *Keeper) at(ctx context.Context, at time.Time) ([]Object, error) {
	var all []Object
	known, newest := map[string]int{}, map[string]time.Time{}
	see := func(key, version, kept string, modified time.Time, latest, marker bool) {
		n, ok := known[key]
		if !ok {
			n = len(all)
			known[key] = n
			all = append(all, Object{Key: key})
		}
		if latest {
			all[n].latest, all[n].gone = version, marker
		}
		if !modified.After(at) && (newest[key].IsZero() || modified.After(newest[key])) {
			newest[key], all[n].Version = modified, kept
		}
	}
	pages := s3.NewListObjectVersionsPaginator(k.objects, &s3.ListObjectVersionsInput{Bucket: &k.bucket})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, failed("The bucket", err)
		}
		for _, v := range page.Versions {
			version := aws.ToString(v.VersionId)
			see(aws.ToString(v.Key), version, version, aws.ToTime(v.LastModified), aws.ToBool(v.IsLatest), false)
		}
		for _, m := range page.DeleteMarkers {
			see(aws.ToString(m.Key), aws.ToString(m.VersionId), "", aws.ToTime(m.LastModified), aws.ToBool(m.IsLatest), true)
		}
	}
	return all, nil
}
