package cognito

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/identity"
	"github.com/orcray/orcray/shared/object"
	"github.com/orcray/orcray/shared/topology"
)

// How long keys are believed, and how soon they may be asked for again.
const (
	keysFresh  = time.Hour        // then they are read again with the next token
	keysAgain  = 30 * time.Second // after a key that is not among them: tokens with made-up keys must not become requests
	keysFailed = 2 * time.Second  // after a failure
	keysBound  = 5 * time.Second  // of one reading, and of keeping them
	maxKeySet  = 64 << 10
)

// Keys implements identity.KeySet by the document that Cognito publishes. It is safe for concurrent use.
type Keys struct {
	document func(context.Context) ([]byte, error)
	now      func() time.Time

	mu    sync.Mutex // held while they are being read: others wait for the one answer
	keys  identity.FixedKeys
	read  time.Time // of keys
	tried time.Time
	err   error // of the last try
}

// NewKeys makes the keys of an issuer, the user pool's address; client is what the configuration of AWS holds.
func NewKeys(client aws.HTTPClient, issuer string, now func() time.Time) *Keys {
	return &Keys{document: document(client, issuer), now: now}
}

// Objects is what keeping keys needs of the object store.
type Objects interface {
	Put(ctx context.Context, key, contentType string, r io.Reader, size int64) error
	Get(ctx context.Context, key string, offset, n int64) (io.ReadCloser, object.Info, error)
}

// How old kept keys become: they are written again so often although nothing changed, so that their age tells whether anybody
// still looks after them; and how old they may be to be believed, which leaves time to mend that.
const (
	keptAgain = time.Hour
	keptMost  = 6 * time.Hour
)

// tooOld is why kept keys are refused: somebody whom the issuer does not trust any more could sign by them.
type tooOld struct{ written time.Time }

func (o tooOld) Error() string {
	return "the kept keys are of " + o.written.UTC().Format(time.RFC3339) + ": nobody keeps them any more"
}

// NewKeptKeys makes the keys that Keep kept, for a process that does not reach the issuer. Keys that nobody looks after any more
// are refused, those that are known already too.
func NewKeptKeys(objects Objects, now func() time.Time) *Keys {
	return &Keys{now: now, document: func(ctx context.Context) ([]byte, error) {
		text, written, err := kept(ctx, objects)
		if err == nil && now().Sub(written) > keptMost {
			err = tooOld{written}
		}
		return text, err
	}}
}

// Keep keeps the issuer's document as an object. It is written when it changed, and again each hour.
func Keep(ctx context.Context, client aws.HTTPClient, issuer string, objects Objects, now func() time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, keysBound)
	defer cancel()
	text, err := document(client, issuer)(ctx)
	if err == nil {
		_, err = identity.ParseJWKS(text)
	}
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "The keys of the sign-in service cannot be read.")
	}
	// What cannot be read is written: S3 refuses to say that an object is missing to who may not list.
	had, written, err := kept(ctx, objects)
	if err == nil && bytes.Equal(had, text) && now().Sub(written) <= keptAgain {
		return nil
	}
	return objects.Put(ctx, topology.ObjectIssuerKeys, "application/json", bytes.NewReader(text), int64(len(text)))
}

// kept reads what Keep wrote, and when that was by the object store's clock.
func kept(ctx context.Context, objects Objects) ([]byte, time.Time, error) {
	body, info, err := objects.Get(ctx, topology.ObjectIssuerKeys, 0, maxKeySet)
	if err != nil {
		return nil, time.Time{}, err
	}
	defer body.Close()
	text, err := io.ReadAll(body)
	return text, info.Modified, err
}

// Key implements identity.KeySet. Keys that are known go on when they cannot be read again.
func (k *Keys) Key(ctx context.Context, kid string) (crypto.PublicKey, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	key, err := k.keys.Key(ctx, kid)
	if k.due(err == nil) {
		k.refresh(ctx)
		key, err = k.keys.Key(ctx, kid)
	}
	if err != nil && k.err != nil { // whether the key exists is not known
		return nil, unproven(k.err)
	}
	return key, err
}

// unproven says why there are no keys.
func unproven(err error) error {
	if errors.As(err, &tooOld{}) {
		return fault.Wrap(err, fault.Unavailable, "The keys of the sign-in service that are kept here are too old to be believed. "+
			"Your operator finds out why the reaper does not renew them.")
	}
	return fault.Wrap(err, fault.Unavailable, "The keys of the sign-in service cannot be read at the moment. Try again shortly.")
}

// due decides whether to read: a known key is good for keysFresh, an unknown one may be new.
func (k *Keys) due(known bool) bool {
	since := k.now().Sub(k.tried)
	switch {
	case k.tried.IsZero():
		return true
	case k.err != nil:
		return since >= keysFailed && (!known || k.now().Sub(k.read) >= keysFresh)
	case known:
		return since >= keysFresh
	}
	return since >= keysAgain
}

// refresh reads for everybody who waits, so that one caller's end does not end it.
func (k *Keys) refresh(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keysBound)
	defer cancel()
	text, err := k.document(ctx)
	if err != nil && ctx.Err() == nil {
		text, err = k.document(ctx)
	}
	var keys identity.FixedKeys
	if err == nil {
		keys, err = identity.ParseJWKS(text)
	}
	k.tried, k.err = k.now(), err
	if err == nil || errors.As(err, &tooOld{}) {
		k.keys, k.read = keys, k.tried
	}
}

// document reads what an issuer publishes.
func document(client aws.HTTPClient, issuer string) func(context.Context) ([]byte, error) {
	return func(ctx context.Context) ([]byte, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, issuer+"/.well-known/jwks.json", nil)
		if err != nil {
			return nil, err
		}
		response, err := client.Do(request)
		if err != nil {
			return nil, err
		}
		defer response.Body.Close()
		return published(response)
	}
}

func published(response *http.Response) ([]byte, error) {
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the key set answers %s", response.Status)
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, maxKeySet+1))
	if err == nil && len(text) > maxKeySet {
		return nil, fmt.Errorf("the key set has more than %d bytes", maxKeySet)
	}
	return text, err
}
