package s3

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/orcray/orcray/shared/aws/awsclient"
	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/object"
)

// Put implements object.Store. It streams: the body is neither kept in memory nor hashed first. A reader that gives more
// or less than size bytes fails with fault.Invalid, and nothing is stored. A reader that can seek, or little data, is sent again
// when the store did not take it; another one cannot be.
func (s *Store) Put(ctx context.Context, key, contentType string, r io.Reader, size int64) error {
	if err := checkKey(key); err != nil {
		return err
	}
	if size < 0 || size > MaxPut {
		return fault.New(fault.TooLarge, "An object has at most %d bytes.", int64(MaxPut))
	}
	source := &exactly{r: r, left: size}
	input := &awss3.PutObjectInput{Bucket: &s.bucket, Key: &key, ContentType: &contentType, ContentLength: &size}
	switch body, err := repeatable(source, size); {
	case err != nil:
		return err
	case size > 0:
		input.Body = body
	case !source.ended(nil):
		return tooMany()
	}
	_, err := s.client.PutObject(ctx, input, awss3.WithAPIOptions(v4.SwapComputePayloadSHA256ForUnsignedPayloadMiddleware))
	if source.wrong != nil {
		return source.wrong
	}
	return failed(err)
}

// Get implements object.Store. Info is of the whole object. A range that begins behind the end is empty.
func (s *Store) Get(ctx context.Context, key string, offset, n int64) (io.ReadCloser, object.Info, error) {
	if err := checkKey(key); err != nil {
		return nil, object.Info{}, err
	}
	if offset < 0 {
		return nil, object.Info{}, fault.New(fault.Invalid, "An object cannot be read from before its start.")
	}
	if n == 0 {
		return s.nothing(ctx, key)
	}
	input := &awss3.GetObjectInput{Bucket: &s.bucket, Key: &key}
	if span := rangeOf(offset, n); span != "" {
		input.Range = &span
	}
	reading, end := context.WithCancel(ctx)
	out, err := s.client.GetObject(awsclient.Streaming(reading), input)
	if err != nil {
		end()
		if unsatisfiable(err) {
			return s.nothing(ctx, key)
		}
		return nil, object.Info{}, failed(err)
	}
	info := object.Info{
		Key: key, Size: totalOf(aws.ToString(out.ContentRange), aws.ToInt64(out.ContentLength)),
		ContentType: aws.ToString(out.ContentType), ETag: aws.ToString(out.ETag), Modified: aws.ToTime(out.LastModified),
	}
	return &body{ReadCloser: out.Body, end: end}, info, nil
}

func (s *Store) nothing(ctx context.Context, key string) (io.ReadCloser, object.Info, error) {
	info, err := s.Head(ctx, key)
	if err != nil {
		return nil, object.Info{}, err
	}
	return io.NopCloser(bytes.NewReader(nil)), info, nil
}

// Head implements object.Store.
func (s *Store) Head(ctx context.Context, key string) (object.Info, error) {
	if err := checkKey(key); err != nil {
		return object.Info{}, err
	}
	out, err := s.client.HeadObject(ctx, &awss3.HeadObjectInput{Bucket: &s.bucket, Key: &key})
	if err != nil {
		return object.Info{}, failed(err)
	}
	return object.Info{
		Key: key, Size: aws.ToInt64(out.ContentLength), ContentType: aws.ToString(out.ContentType),
		ETag: aws.ToString(out.ETag), Modified: aws.ToTime(out.LastModified),
	}, nil
}

// List implements object.Store. S3 does not list content types: Info.ContentType is empty. A limit of 0, or over 1,000,
// is 1,000.
func (s *Store) List(ctx context.Context, prefix, cursor string, limit int) ([]object.Info, string, error) {
	if limit <= 0 || limit > maxKeys {
		limit = maxKeys
	}
	input := &awss3.ListObjectsV2Input{Bucket: &s.bucket, Prefix: &prefix, MaxKeys: aws.Int32(int32(limit))}
	if cursor != "" {
		input.StartAfter = &cursor
	}
	out, err := s.client.ListObjectsV2(ctx, input)
	if err != nil {
		return nil, "", failed(err)
	}
	infos := make([]object.Info, 0, len(out.Contents))
	for _, o := range out.Contents {
		infos = append(infos, object.Info{
			Key: aws.ToString(o.Key), Size: aws.ToInt64(o.Size), ETag: aws.ToString(o.ETag), Modified: aws.ToTime(o.LastModified),
		})
	}
	next := ""
	if aws.ToBool(out.IsTruncated) && len(infos) > 0 {
		next = infos[len(infos)-1].Key
	}
	return infos, next, nil
}

// Delete implements object.Store.
func (s *Store) Delete(ctx context.Context, keys ...string) error {
	for _, key := range keys {
		if err := checkKey(key); err != nil {
			return err
		}
	}
	for chunk := range slices.Chunk(keys, maxKeys) {
		ids := make([]types.ObjectIdentifier, len(chunk))
		for i := range chunk {
			ids[i].Key = &chunk[i]
		}
		out, err := s.client.DeleteObjects(ctx, &awss3.DeleteObjectsInput{
			Bucket: &s.bucket, Delete: &types.Delete{Objects: ids, Quiet: aws.Bool(true)},
		})
		if err != nil {
			return failed(err)
		}
		for _, e := range out.Errors {
			if aws.ToString(e.Code) != "NoSuchKey" {
				cause := errors.New(aws.ToString(e.Code) + ": " + aws.ToString(e.Message))
				return fault.Wrap(cause, fault.Unavailable, "Not all objects could be removed. Try again shortly.")
			}
		}
	}
	return nil
}
