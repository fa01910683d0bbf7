// Package s3 is the object store and the signer of requests on S3, in both worlds: the real one, and the gateway that
// package s3gateway runs on one machine.
package s3

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/orcray/orcray/shared/aws/awsclient"
	"github.com/orcray/orcray/shared/fault"
)

// MaxPut is the largest object that one request may store, S3's own limit, in bytes.
const MaxPut = 5 << 30

// maxKeys is the most keys that one request of S3 lists or deletes.
const maxKeys = 1000

// Store implements object.Store and object.Signer for one bucket.
type Store struct {
	client *awss3.Client
	signer *awss3.PresignClient
	bucket string
	now    func() time.Time
}

// NewClient makes a client; endpoint is empty on AWS and http://host:port of the gateway on one machine. Checksums are
// only computed where S3 requires them: otherwise a presigned upload would carry the checksum of an empty body.
func NewClient(config aws.Config, endpoint string) *awss3.Client {
	return awss3.NewFromConfig(config, func(o *awss3.Options) {
		o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
		o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
		if endpoint != "" {
			o.BaseEndpoint = aws.String(endpoint)
			o.UsePathStyle = true
		}
	})
}

// New makes the store of a bucket. now is the time that signed requests begin at.
func New(client *awss3.Client, bucket string, now func() time.Time) *Store {
	signer := awss3.NewPresignClient(client, func(o *awss3.PresignOptions) { o.Presigner = newClockedSigner(now) })
	return &Store{client: client, signer: signer, bucket: bucket, now: now}
}

// checkKey refuses what no store of both worlds would hold under the same name.
func checkKey(key string) error {
	if key == "" || len(key) > 1024 || strings.HasPrefix(key, "/") || strings.HasSuffix(key, "/") || strings.Contains(key, "//") {
		return fault.New(fault.Invalid, "This is not a key of the object store.")
	}
	for _, part := range strings.Split(key, "/") {
		if part == "." || part == ".." {
			return fault.New(fault.Invalid, "This is not a key of the object store.")
		}
	}
	return nil
}

// failed gives an error of the SDK its code. Credentials that are refused are our own mistake, not the caller's. S3 answers 503
// to who asks too fast; to a HEAD it says no more.
func failed(err error) error {
	var coded *fault.Error
	var response *smithyhttp.ResponseError
	status := 0
	switch {
	case errors.As(err, &coded):
		return coded
	case errors.As(err, &response):
		status = response.HTTPStatusCode()
	}
	switch code := awsclient.CodeOf(err); {
	case code == "NoSuchBucket":
		return fault.Wrap(err, fault.Internal, "The object store is not set up.")
	case status == http.StatusNotFound:
		return fault.Wrap(err, fault.NotFound, "There is no object under this name.")
	case status == http.StatusServiceUnavailable:
		return &fault.Error{Code: fault.Throttled, Message: "The object store is busy. Try again shortly.", RetryAfter: time.Second, Err: err}
	case status == http.StatusRequestEntityTooLarge || code == "EntityTooLarge":
		return fault.Wrap(err, fault.TooLarge, "The object is too large.")
	}
	return awsclient.Service{Part: "The object store"}.Failed(err)
}

// rangeOf is the value of a Range header; empty for the whole object.
func rangeOf(offset, n int64) string {
	switch {
	case n >= 0:
		return "bytes=" + strconv.FormatInt(offset, 10) + "-" + strconv.FormatInt(offset+n-1, 10)
	case offset > 0:
		return "bytes=" + strconv.FormatInt(offset, 10) + "-"
	default:
		return ""
	}
}

// totalOf reads the object's size from a Content-Range header, "bytes 0-9/1234".
func totalOf(contentRange string, fallback int64) int64 {
	_, total, found := strings.Cut(contentRange, "/")
	if size, err := strconv.ParseInt(total, 10, 64); found && err == nil {
		return size
	}
	return fallback
}

// unsatisfiable tells whether the store answered that a range lies behind the object's end.
func unsatisfiable(err error) bool {
	var response *smithyhttp.ResponseError
	return errors.As(err, &response) && response.HTTPStatusCode() == http.StatusRequestedRangeNotSatisfiable
}
