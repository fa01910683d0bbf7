package object

import (
	"context"
	"net/url"
	"time"
)

// SameOrigin makes signed requests for a page: their addresses lie below a path of the page's own origin, and whoever answers there
// passes them on to the object store. So a page needs no second origin.
type SameOrigin struct {
	Signer
	Prefix string // such as /objects
}

// SignPut implements Signer.
func (s SameOrigin) SignPut(ctx context.Context, key, contentType string, size int64, ttl time.Duration) (SignedRequest, error) {
	req, err := s.Signer.SignPut(ctx, key, contentType, size, ttl)
	return s.move(req), err
}

// SignGet implements Signer.
func (s SameOrigin) SignGet(ctx context.Context, key, filename string, ttl time.Duration) (SignedRequest, error) {
	req, err := s.Signer.SignGet(ctx, key, filename, ttl)
	return s.move(req), err
}

func (s SameOrigin) move(req SignedRequest) SignedRequest {
	u, err := url.Parse(req.URL)
	if err != nil {
		return req // of an error, which the caller sees
	}
	req.URL = s.Prefix + (&url.URL{Path: u.Path, RawPath: u.RawPath, RawQuery: u.RawQuery}).String()
	req.Header.Del("Host")
	return req
}
