// Package object is the port of the object store, which is S3 in both worlds; objecttest is its suite.
package object

import (
	"context"
	"io"
	"net/http"
	"time"
)

// Info describes a stored object.
type Info struct {
	Key         string
	Size        int64 // bytes
	ContentType string
	ETag        string
	Modified    time.Time
}

// Store reads and writes whole objects. A missing key is fault.NotFound. Keys are made by us, never by a client.
type Store interface {
	// Put stores size bytes of r; size is exact.
	Put(ctx context.Context, key, contentType string, r io.Reader, size int64) error
	// Get reads n bytes from offset; n < 0 reads to the end. The caller closes the reader.
	Get(ctx context.Context, key string, offset, n int64) (io.ReadCloser, Info, error)
	Head(ctx context.Context, key string) (Info, error)
	// List gives up to limit objects below prefix in key order, after the cursor; next is empty at the end.
	List(ctx context.Context, prefix, cursor string, limit int) (infos []Info, next string, err error)
	// Delete removes the keys; missing ones are fine.
	Delete(ctx context.Context, keys ...string) error
}

// SignedRequest is a request that anyone may send until it expires. Every header in Header is bound into the signature.
type SignedRequest struct {
	Method  string
	URL     string
	Header  http.Header
	Expires time.Time
}

// Signer makes requests for clients that have no credentials.
type Signer interface {
	// SignPut allows exactly one key, size in bytes and content type, and only while nothing is stored under the key: sent again, the
	// request is answered with 412.
	SignPut(ctx context.Context, key, contentType string, size int64, ttl time.Duration) (SignedRequest, error)
	// SignGet allows reading one key; the answer is an attachment of that file name.
	SignGet(ctx context.Context, key, filename string, ttl time.Duration) (SignedRequest, error)
}

// Scope is what one run may touch.
type Scope struct {
	Read  []string // exact keys
	Write string   // key prefix, ends with "/"; empty: nothing
}

// Credentials are temporary S3 credentials of one run.
type Credentials struct {
	Endpoint        string    `json:"endpoint,omitempty"` // empty: the region's own
	Region          string    `json:"region"`
	Bucket          string    `json:"bucket"`
	AccessKeyID     string    `json:"access_key_id"`
	SecretAccessKey string    `json:"secret_access_key"`
	SessionToken    string    `json:"session_token"`
	Expires         time.Time `json:"expires"`
}

// Granter gives a run the right to its own sources and its own output prefix, and to nothing else.
type Granter interface {
	Grant(ctx context.Context, scope Scope, ttl time.Duration) (Credentials, error)
}
