package house_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/orcray/orcray/shared/handler"
	"github.com/orcray/orcray/shared/identity"
)

func TestO51_TheCommittedDocumentIsWhatTheHandlersSay(t *testing.T) {
	t.Parallel()
	committed, err := os.ReadFile(filepath.Join(root(t), "docs", "openapi.json"))
	if err != nil {
		t.Fatal(err)
	}
	now, err := handler.Document(identity.DefaultPolicy())
	if err != nil {
		t.Fatal(err)
	}
	before, after := strings.Split(string(committed), "\n"), strings.Split(string(now), "\n")
	for i := range min(len(before), len(after)) {
		if before[i] != after[i] {
			t.Fatalf("docs/openapi.json is not what the handlers say (line %d: %q, now %q); run `make generate`", i+1, before[i], after[i])
		}
	}
	if len(before) != len(after) {
		t.Fatalf("docs/openapi.json has %d lines, the handlers say %d; run `make generate`", len(before), len(after))
	}
}
