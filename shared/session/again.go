package session

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/table"
)

// againFor is how long an idempotency key gives the same answer.
const againFor = 7 * 24 * time.Hour

// made remembers what a request with an idempotency key made.
type made struct {
	Fingerprint string `json:"fingerprint"`
	Session     string `json:"session"`
	Source      string `json:"source,omitempty"`
}

// once is one request under one key; without a key it is nothing.
type once struct {
	owner, route, key, fingerprint string
}

func (o once) at() table.Key {
	return table.Key{PK: ownerPK(o.owner), SK: "IDEM#" + o.route + "#" + o.key}
}

func onceOf(owner, route, key string, request ...any) once {
	body, _ := json.Marshal(request)
	sum := sha256.Sum256(body)
	return once{owner, route, key, hex.EncodeToString(sum[:])}
}

// before gives what the same request made, nil when it is the first. Another request under the key is fault.Unprocessable.
func (s *Service) before(ctx context.Context, o once) (*made, error) {
	if o.key == "" {
		return nil, nil
	}
	m, _, err := table.Load[made](ctx, s.table, o.at())
	switch {
	case fault.Is(err, fault.NotFound):
		return nil, nil
	case err != nil:
		return nil, err
	case m.Fingerprint != o.fingerprint:
		return nil, fault.New(fault.Unprocessable, "This Idempotency-Key was used for another request. Use a new key.")
	}
	return &m, nil
}

// remember makes the write that keeps what a request made; without a key there is none.
func (s *Service) remember(o once, m made) ([]table.Write, error) {
	if o.key == "" {
		return nil, nil
	}
	m.Fingerprint = o.fingerprint
	w, err := table.SaveUntil(o.at(), m, table.Absent(), s.now().Add(againFor))
	return []table.Write{w}, err
}
