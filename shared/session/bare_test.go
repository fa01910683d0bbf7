package session_test

import (
	"strings"
	"testing"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/session"
	"github.com/orcray/orcray/shared/source"
)

// A process without a reader leaves a file as it is for one that has it, and does not fall over.
func TestP6_WhoCannotLookIntoFilesSaysSo(t *testing.T) {
	h := newHouse(t, 0)
	u, err := h.BeginUpload(t.Context(), owner, h.id, "a.csv", "text/csv", 4)
	if err != nil {
		t.Fatal(err)
	}
	key := strings.TrimPrefix(u.Source.URI, "s3://orcray/")
	if err := h.objects.Put(t.Context(), key, "text/csv", strings.NewReader("a\n1\n"), 4); err != nil {
		t.Fatal(err)
	}
	bare := session.NewService(session.Deps{Table: h.table, Objects: h.objects, Now: h.now})
	if got, err := bare.CompleteUpload(t.Context(), owner, u.Source.ID); !fault.Is(err, fault.Unavailable) || got.State != source.Pending {
		t.Errorf("%s, %v", got.State, err)
	}
	if got, err := h.CompleteUpload(t.Context(), owner, u.Source.ID); err != nil || got.State != source.Ready {
		t.Errorf("%s, %v", got.State, err)
	}
}
