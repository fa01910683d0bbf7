package backup_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/orcray/orcray/shared/aws/awsclient"
	"github.com/orcray/orcray/shared/aws/backup"
	"github.com/orcray/orcray/shared/aws/mototest"
	"github.com/orcray/orcray/shared/fault"
)

var moto mototest.Server

func TestMain(m *testing.M) { os.Exit(mototest.Main(m, &moto)) }

// world is an environment's data on moto.
type world struct {
	*testing.T
	config aws.Config
	table  string
	db     *dynamodb.Client
	s3     *s3.Client
}

func newWorld(t *testing.T, name string) *world {
	t.Helper()
	w := &world{T: t, config: moto.Config(t, awsclient.Options{}), table: "orcray-test-" + name}
	w.db = dynamodb.NewFromConfig(w.config)
	w.s3 = s3.NewFromConfig(w.config, func(o *s3.Options) { o.UsePathStyle = true })
	key := func(name string, kind types.KeyType) types.KeySchemaElement {
		return types.KeySchemaElement{AttributeName: aws.String(name), KeyType: kind}
	}
	_, err := w.db.CreateTable(t.Context(), &dynamodb.CreateTableInput{TableName: &w.table, BillingMode: types.BillingModePayPerRequest,
		KeySchema: []types.KeySchemaElement{key("PK", types.KeyTypeHash), key("SK", types.KeyTypeRange)},
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("PK"), AttributeType: types.ScalarAttributeTypeS},
			{AttributeName: aws.String("SK"), AttributeType: types.ScalarAttributeTypeS}}})
	w.must(err)
	_, err = w.s3.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &w.table})
	w.must(err)
	_, err = w.s3.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{Bucket: &w.table,
		VersioningConfiguration: &s3types.VersioningConfiguration{Status: s3types.BucketVersioningStatusEnabled}})
	w.must(err)
	return w
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) keeper(now func() time.Time) *backup.Keeper {
	return backup.New(w.config, "test", w.table, w.table, now, time.Millisecond)
}

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func (w *world) put(pk, body string) {
	w.Helper()
	_, err := w.db.PutItem(w.Context(), &dynamodb.PutItemInput{TableName: &w.table, Item: map[string]types.AttributeValue{
		"PK": text(pk), "SK": text("S"), "Body": text(body)}})
	w.must(err)
}

// items reads a table as pk=body words.
func (w *world) items(table string) map[string]string {
	w.Helper()
	out, err := w.db.Scan(w.Context(), &dynamodb.ScanInput{TableName: &table})
	w.must(err)
	all := map[string]string{}
	for _, i := range out.Items {
		all[i["PK"].(*types.AttributeValueMemberS).Value] = i["Body"].(*types.AttributeValueMemberS).Value
	}
	return all
}

func (w *world) object(key, body string) {
	w.Helper()
	_, err := w.s3.PutObject(w.Context(), &s3.PutObjectInput{Bucket: &w.table, Key: &key, Body: strings.NewReader(body)})
	w.must(err)
}

func (w *world) remove(key string) {
	w.Helper()
	_, err := w.s3.DeleteObject(w.Context(), &s3.DeleteObjectInput{Bucket: &w.table, Key: &key})
	w.must(err)
}

func (w *world) objects() map[string]string {
	w.Helper()
	out, err := w.s3.ListObjectsV2(w.Context(), &s3.ListObjectsV2Input{Bucket: &w.table})
	w.must(err)
	all := map[string]string{}
	for _, o := range out.Contents {
		got, err := w.s3.GetObject(awsclient.Streaming(w.Context()), &s3.GetObjectInput{Bucket: &w.table, Key: o.Key})
		w.must(err)
		body, err := io.ReadAll(got.Body)
		w.must(err)
		all[*o.Key] = string(body)
	}
	return all
}

func TestO59_AnEnvironmentComesBackAsItWas(t *testing.T) {
	w := newWorld(t, "whole")
	for i := range 60 { // more than two batches
		w.put(fmt.Sprintf("kept%02d", i), "old")
	}
	w.object("u/1/a b+c.csv", "old")
	w.object("u/1/removed.csv", "old")
	moto.Advance(t, time.Minute) // S3 keeps whole seconds
	t.Cleanup(func() { moto.Advance(t, 0) })
	k := w.keeper(func() time.Time { return time.Now().Add(time.Minute) })
	b, err := k.Take(t.Context())
	w.must(err)
	items, objects := w.items(w.table), w.objects()

	moto.Advance(t, 2*time.Minute)
	w.put("kept01", "changed")
	w.put("new", "new")
	_, err = w.db.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: &w.table, Key: map[string]types.AttributeValue{"PK": text("kept02"), "SK": text("S")}})
	w.must(err)
	w.object("u/1/a b+c.csv", "changed")
	w.object("u/1/new.csv", "new")
	w.remove("u/1/removed.csv")

	w.must(k.RestoreTable(t.Context(), b, "orcray-test-restored"))
	if got := w.items("orcray-test-restored"); fmt.Sprint(got) != fmt.Sprint(items) {
		t.Errorf("the restored table: %v", got)
	}
	if w.items(w.table)["kept01"] != "changed" {
		t.Error("the table in use was touched")
	}
	if err := k.RestoreTable(t.Context(), b, "orcray-test-restored"); !fault.Is(err, fault.Conflict) {
		t.Errorf("twice: %v", err)
	}
	for range 2 { // doing it again changes nothing
		_, _, err = k.RestoreObjects(t.Context(), b.Taken)
		w.must(err)
		written, _, err := k.Replace(t.Context(), "orcray-test-restored")
		w.must(err)
		if written != 60 || fmt.Sprint(w.items(w.table)) != fmt.Sprint(items) || fmt.Sprint(w.objects()) != fmt.Sprint(objects) {
			t.Errorf("%d written: %v %v", written, w.items(w.table), w.objects())
		}
	}
}

func TestO59_BackupsOfAnEnvironmentAreKeptForSevenDays(t *testing.T) {
	w := newWorld(t, "days")
	day := 0
	k := w.keeper(func() time.Time { return time.Date(2026, 11, 1+day, 0, 0, 0, 0, time.UTC) })
	_, err := w.db.CreateBackup(t.Context(), &dynamodb.CreateBackupInput{TableName: &w.table, BackupName: aws.String("by-hand")})
	w.must(err)
	for _, day = range []int{0, 6, 7, 8} {
		_, err := k.Take(t.Context())
		w.must(err)
	}
	out, err := w.db.ListBackups(t.Context(), &dynamodb.ListBackupsInput{TableName: &w.table})
	w.must(err)
	var names []string
	for _, b := range out.BackupSummaries {
		names = append(names, strings.TrimPrefix(*b.BackupName, "orcray-test-"))
	}
	if got := strings.Join(names, " "); len(names) != 4 || strings.Contains(got, "20261101") || !strings.Contains(got, "by-hand") {
		t.Errorf("kept: %s", got)
	}
}

func TestO59_WhatCannotBeRestoredIsSaid(t *testing.T) {
	w := newWorld(t, "nothing")
	k := w.keeper(time.Now)
	b, err := k.Take(t.Context())
	w.must(err)
	_, err = w.db.DeleteBackup(t.Context(), &dynamodb.DeleteBackupInput{BackupArn: &b.ARN})
	w.must(err)
	if err := k.RestoreTable(t.Context(), b, "gone"); !fault.Is(err, fault.NotFound) || !strings.Contains(fault.MessageOf(err), "no longer there") {
		t.Errorf("a backup that is gone: %v", err)
	}
	away := backup.New(w.config, "test", "no-such-table", "no-such-bucket", time.Now, time.Millisecond)
	if _, err := away.Take(t.Context()); !fault.Is(err, fault.NotFound) {
		t.Errorf("no table: %v", err)
	}
	if _, _, err := away.RestoreObjects(t.Context(), time.Now()); !fault.Is(err, fault.NotFound) {
		t.Errorf("no bucket: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := k.Take(ended); err == nil {
		t.Error("went on after its end")
	}
}
