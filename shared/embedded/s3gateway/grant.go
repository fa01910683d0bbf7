package s3gateway

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/versity/versitygw/auth"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/object"
)

// maxGrant is how long a run's credentials may last, as with STS.
const maxGrant = 12 * time.Hour

// grant is one run's right. It lies in a file of its own, so that runs go on over a restart.
type grant struct {
	object.Credentials
	Scope object.Scope `json:"scope"`
}

// allows tells whether an action on a resource, arn:aws:s3:::bucket/key, is within the scope. Sources are exact
// keys. The write prefix is for writing and for reading back; its name without the slash counts too, for that is how
// clients ask for a folder and make one.
// Nothing is ever listed, deleted or copied from elsewhere.
func (g *grant) allows(action auth.Action, resource string) bool {
	key, ok := strings.CutPrefix(resource, "arn:aws:s3:::"+g.Bucket+"/")
	if !ok || key == "" {
		return false
	}
	output := g.Scope.Write != "" && (strings.HasPrefix(key, g.Scope.Write) || key+"/" == g.Scope.Write)
	switch action {
	case auth.GetObjectAction:
		return output || slices.Contains(g.Scope.Read, key)
	case auth.PutObjectAction, auth.AbortMultipartUploadAction, auth.ListMultipartUploadPartsAction:
		return output
	default:
		return false
	}
}

// grants are all that have not expired.
type grants struct {
	dir    string
	now    func() time.Time
	random io.Reader

	mu    sync.RWMutex
	byKey map[string]*grant
}

func loadGrants(dir string, options Options) (*grants, error) {
	all := &grants{dir: dir, now: options.Now, random: options.Rand, byKey: map[string]*grant{}}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		path := filepath.Join(dir, entry.Name())
		raw, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		var g grant
		if json.Unmarshal(raw, &g) != nil || !all.now().Before(g.Expires) {
			_ = os.Remove(path) // expired, or cut off by a crash before it was handed out
			continue
		}
		all.byKey[g.AccessKeyID] = &g
	}
	return all, nil
}

// find gives the grant of a key and its token while it lasts.
func (a *grants) find(access, token string) (*grant, bool) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	g, ok := a.byKey[access]
	if !ok || subtle.ConstantTimeCompare([]byte(g.SessionToken), []byte(token)) != 1 || !a.now().Before(g.Expires) {
		return nil, false
	}
	return g, true
}

func (a *grants) add(g *grant) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	for access, old := range a.byKey {
		if !a.now().Before(old.Expires) {
			delete(a.byKey, access)
			_ = os.Remove(filepath.Join(a.dir, access))
		}
	}
	if err := writeSecret(filepath.Join(a.dir, g.AccessKeyID), g); err != nil {
		return err
	}
	a.byKey[g.AccessKeyID] = g
	return nil
}

// Grant implements object.Granter. The credentials end at the time they name, and with the data folder.
func (g *Gateway) Grant(_ context.Context, scope object.Scope, ttl time.Duration) (object.Credentials, error) {
	if ttl <= 0 || ttl > maxGrant {
		return object.Credentials{}, fault.New(fault.Invalid, "A run's credentials last at most %s.", maxGrant)
	}
	if slices.Contains(scope.Read, "") || strings.HasPrefix(scope.Write, "/") || (scope.Write != "" && !strings.HasSuffix(scope.Write, "/")) {
		return object.Credentials{}, fault.New(fault.Invalid, "A run reads named keys and writes below a prefix that ends with a slash.")
	}
	made := &grant{Scope: object.Scope{Read: slices.Clone(scope.Read), Write: scope.Write}}
	made.Endpoint, made.Region, made.Bucket = g.Endpoint(), g.options.Region, g.options.Bucket
	made.Expires = g.options.Now().Add(ttl).UTC().Truncate(time.Second)
	if err := g.grants.issue(made); err != nil {
		return object.Credentials{}, fault.Wrap(err, fault.Unavailable, "The object store cannot give credentials at the moment. Try again shortly.")
	}
	return made.Credentials, nil
}

func (a *grants) issue(g *grant) (err error) {
	if g.AccessKeyID, err = accessKeyID("ASIA", a.random); err != nil {
		return err
	}
	if g.SecretAccessKey, err = secret(30, a.random); err != nil {
		return err
	}
	if g.SessionToken, err = secret(48, a.random); err != nil {
		return err
	}
	return a.add(g)
}
