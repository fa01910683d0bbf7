package objecttest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/object"
)

// Keys of the grant tests: a run's two sources, its output, and what lies around them.
const (
	source   = "u/ann/s/1/src/data"
	folder   = "u/ann/s/1/table/part-0"
	neighbor = "u/ann/s/1/src/data2"
	foreign  = "u/bob/s/1/src/data"
	output   = "u/ann/s/1/out/run-1/"
)

func (f *fixture) grant(ttl time.Duration) object.Credentials {
	f.Helper()
	if f.Granter == nil {
		f.Skip("SKIPPED: this store grants nothing")
	}
	for _, key := range []string{source, folder, neighbor, foreign, output + "own", "u/ann/s/1/out/run-1-evil/x"} {
		f.put(key, "text/plain", "body of "+key)
	}
	scope := object.Scope{Read: []string{source, folder}, Write: output}
	c, err := f.Granter.Grant(context.Background(), scope, ttl)
	if err != nil {
		f.Fatal(err)
	}
	return c
}

// run is a run's own S3 client, as far from ours as it can be.
type run struct {
	*s3.Client
	bucket *string
}

func as(c object.Credentials) run {
	return run{bucket: &c.Bucket, Client: s3.New(s3.Options{
		Region: c.Region, RetryMaxAttempts: 1, UsePathStyle: c.Endpoint != "",
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken}, nil
		}),
	}, func(o *s3.Options) {
		if c.Endpoint != "" {
			o.BaseEndpoint = &c.Endpoint
		}
	})}
}

func (r run) read(ctx context.Context, key string) (string, error) {
	out, err := r.GetObject(ctx, &s3.GetObjectInput{Bucket: r.bucket, Key: &key})
	if err != nil {
		return "", err
	}
	defer out.Body.Close()
	body, err := io.ReadAll(out.Body)
	return string(body), err
}

func (r run) write(ctx context.Context, key, body string) error {
	_, err := r.PutObject(ctx, &s3.PutObjectInput{Bucket: r.bucket, Key: &key, Body: strings.NewReader(body)})
	return err
}

func (r run) writeInParts(ctx context.Context, key string, parts ...[]byte) error {
	made, err := r.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: r.bucket, Key: &key})
	if err != nil {
		return err
	}
	var done []types.CompletedPart
	for i, part := range parts {
		number := aws.Int32(int32(i + 1))
		out, err := r.UploadPart(ctx, &s3.UploadPartInput{Bucket: r.bucket, Key: &key, UploadId: made.UploadId, PartNumber: number, Body: bytes.NewReader(part)})
		if err != nil {
			return err
		}
		done = append(done, types.CompletedPart{ETag: out.ETag, PartNumber: number, ChecksumCRC32: out.ChecksumCRC32})
	}
	_, err = r.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: r.bucket, Key: &key, UploadId: made.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: done},
	})
	return err
}

func grantReachesItsOwn(f *fixture) {
	c := f.grant(time.Hour)
	if !strings.HasPrefix(c.AccessKeyID, "ASIA") || c.SecretAccessKey == "" || c.SessionToken == "" || c.Bucket == "" || c.Region == "" || c.Expires.IsZero() {
		f.Fatalf("incomplete credentials for %s", c.AccessKeyID)
	}
	ctx, r := f.Context(), as(c)
	for _, key := range []string{source, folder, output + "own"} {
		if body, err := r.read(ctx, key); err != nil || body != "body of "+key {
			f.Errorf("read %s: %q, %v", key, body, err)
		}
		if _, err := r.HeadObject(ctx, &s3.HeadObjectInput{Bucket: r.bucket, Key: &key}); err != nil {
			f.Errorf("head %s: %v", key, err)
		}
	}
	for _, key := range []string{output + "new", output + "deep/er/part-0.parquet", output + "own"} {
		if err := r.write(ctx, key, "made by the run"); err != nil {
			f.Errorf("write %s: %v", key, err)
		}
		if got, _ := f.get(key, 0, -1); got != "made by the run" {
			f.Errorf("%s holds %q", key, got)
		}
	}
	part := bytes.Repeat([]byte("p"), 5<<20)
	if err := r.writeInParts(ctx, output+"parts", part, []byte("end")); err != nil {
		f.Fatalf("write in parts: %v", err)
	}
	if info, err := f.Store.Head(ctx, output+"parts"); err != nil || info.Size != int64(len(part)+3) {
		f.Fatalf("parts became %+v, %v", info, err)
	}
}

// denied tells whether the store itself refused.
func denied(err error) bool {
	var response *smithyhttp.ResponseError
	return errors.As(err, &response) && (response.HTTPStatusCode() == http.StatusForbidden || response.HTTPStatusCode() == http.StatusBadRequest)
}

func (f *fixture) mustDeny(what string, err error) {
	f.Helper()
	if !denied(err) {
		f.Errorf("%s: %v, want a refusal", what, err)
	}
}

func grantReachesNothingElse(f *fixture) {
	ctx, r := f.Context(), as(f.grant(time.Hour))
	before := f.list("", 0)
	for _, key := range []string{neighbor, foreign, "u/ann/s/1/out/run-1-evil/x", "u/ann/s/1/src/dat", source + "/x", output + "../../src/data2", "nothing/here"} {
		_, err := r.read(ctx, key)
		f.mustDeny("read "+key, err)
		_, err = r.HeadObject(ctx, &s3.HeadObjectInput{Bucket: r.bucket, Key: &key})
		f.mustDeny("head "+key, err)
		f.mustDeny("write "+key, r.write(ctx, key, "evil"))
		f.mustDeny("write in parts "+key, r.writeInParts(ctx, key, []byte("evil")))
	}
	f.mustDeny("overwrite a source", r.write(ctx, source, "evil"))
	for _, key := range []string{source, foreign, output + "own"} {
		_, err := r.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: r.bucket, Key: &key})
		f.mustDeny("delete "+key, err)
	}
	f.mustDenyBuckets(ctx, r)
	for _, from := range []string{foreign, neighbor} {
		_, err := r.CopyObject(ctx, &s3.CopyObjectInput{Bucket: r.bucket, Key: aws.String(output + "stolen"), CopySource: aws.String(*r.bucket + "/" + from)})
		f.mustDeny("copy from "+from, err)
	}
	if after := f.list("", 0); strings.Join(after, " ") != strings.Join(before, " ") {
		f.Fatalf("the store changed from %q to %q", before, after)
	}
	if body, _ := f.get(source, 0, -1); body != "body of "+source {
		f.Fatalf("the source is now %q", body)
	}
}

// mustDenyBuckets tries what goes beyond objects.
func (f *fixture) mustDenyBuckets(ctx context.Context, r run) {
	f.Helper()
	for _, prefix := range []string{"", "u/ann/", output} {
		_, err := r.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: r.bucket, Prefix: &prefix})
		f.mustDeny("list "+prefix, err)
		_, err = r.ListObjects(ctx, &s3.ListObjectsInput{Bucket: r.bucket, Prefix: &prefix})
		f.mustDeny("list (version 1) "+prefix, err)
	}
	_, err := r.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: r.bucket})
	f.mustDeny("list versions", err)
	_, err = r.ListMultipartUploads(ctx, &s3.ListMultipartUploadsInput{Bucket: r.bucket})
	f.mustDeny("list uploads", err)
	_, err = r.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("evil-bucket")})
	f.mustDeny("create a bucket", err)
	_, err = r.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: r.bucket})
	f.mustDeny("delete the bucket", err)
	_, err = r.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: r.bucket, Policy: aws.String(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::` + *r.bucket + `/*"}]}`)})
	f.mustDeny("change the policy", err)
	_, err = r.PutObjectAcl(ctx, &s3.PutObjectAclInput{Bucket: r.bucket, Key: aws.String(output + "own"), ACL: types.ObjectCannedACLPublicRead})
	f.mustDeny("change an ACL", err)
	if out, err := r.ListBuckets(ctx, &s3.ListBucketsInput{}); err == nil && len(out.Buckets) > 0 {
		f.Errorf("a run sees %d buckets", len(out.Buckets))
	}
}

func grantNeedsItsToken(f *fixture) {
	good := f.grant(time.Hour)
	other := f.grant(time.Hour)
	for name, change := range map[string]func(*object.Credentials){
		"no token":        func(c *object.Credentials) { c.SessionToken = "" },
		"other's token":   func(c *object.Credentials) { c.SessionToken = other.SessionToken },
		"longer token":    func(c *object.Credentials) { c.SessionToken += "x" },
		"other's secret":  func(c *object.Credentials) { c.SecretAccessKey = other.SecretAccessKey },
		"unknown key":     func(c *object.Credentials) { c.AccessKeyID = "ASIAAAAAAAAAAAAAAAAA" },
		"other's key":     func(c *object.Credentials) { c.AccessKeyID = other.AccessKeyID },
		"no secret known": func(c *object.Credentials) { c.SecretAccessKey = "guess" },
	} {
		c := good
		change(&c)
		_, err := as(c).read(f.Context(), source)
		f.mustDeny(name, err)
		f.mustDeny(name+", write", as(c).write(f.Context(), output+"x", "evil"))
	}
	if _, err := as(good).read(f.Context(), source); err != nil {
		f.Fatal(err)
	}
}

func grantExpires(f *fixture) {
	if f.Advance == nil {
		f.Skip("SKIPPED: this store's grants have no clock to move")
	}
	c := f.grant(10 * time.Minute)
	f.Advance(9 * time.Minute)
	if _, err := as(c).read(f.Context(), source); err != nil {
		f.Fatalf("before the end: %v", err)
	}
	f.Advance(time.Minute)
	_, err := as(c).read(f.Context(), source)
	f.mustDeny("read after the end", err)
	f.mustDeny("write after the end", as(c).write(f.Context(), output+"late", "evil"))
}

func badGrants(f *fixture) {
	f.grant(time.Hour)
	for name, scope := range map[string]object.Scope{
		"prefix without slash": {Write: "u/ann/s/1/out"},
		"prefix from the root": {Write: "/"},
		"empty key":            {Read: []string{""}},
	} {
		if _, err := f.Granter.Grant(f.Context(), scope, time.Hour); !fault.Is(err, fault.Invalid) {
			f.Errorf("%s: %v, want invalid", name, err)
		}
	}
	for _, ttl := range []time.Duration{0, -time.Second, 100 * time.Hour} {
		if _, err := f.Granter.Grant(f.Context(), object.Scope{}, ttl); !fault.Is(err, fault.Invalid) {
			f.Errorf("life of %s: %v, want invalid", ttl, err)
		}
	}
	nothing, err := f.Granter.Grant(f.Context(), object.Scope{}, time.Hour)
	if err != nil {
		f.Fatal(err)
	}
	_, err = as(nothing).read(f.Context(), source)
	f.mustDeny("read with an empty scope", err)
	f.mustDeny("write with an empty scope", as(nothing).write(f.Context(), "u/x", "evil"))
}
