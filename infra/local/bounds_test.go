package local_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/orcray/orcray/infra/local"
	"github.com/orcray/orcray/infra/local/localtest"
	"github.com/orcray/orcray/shared/config"
	"github.com/orcray/orcray/shared/handler"
)

// A model server that is gone shows in the health within the time that an answer counts, and degrades it.
func TestR49_AModelServerThatIsGoneShows(t *testing.T) {
	w := open(t, localtest.Setup{})
	w.Model.Close() // before anybody asked
	var h handler.Health
	a := w.Anonymous().Do(http.MethodGet, "/api/v1/health", nil)
	if err := a.Into(&h); err != nil || a.Code != http.StatusOK || h.Status != "degraded" {
		t.Fatalf("%d %s", a.Code, a.Body)
	}
	for _, c := range h.Checks {
		if c.Name == "model" && (c.OK || !strings.Contains(c.Detail, "does not answer")) {
			t.Fatalf("%+v", c)
		}
	}
}

func TestO1_WhereRegistrationIsClosedAnAdminMakesAccounts(t *testing.T) {
	w := open(t, localtest.Setup{Env: map[string]string{"ORCRAY_REGISTRATION": "closed"}})
	admin, err := w.Admin()
	if err != nil {
		t.Fatal(err)
	}
	body := map[string]string{"email": "ada@example.com", "password": "correct horse"}
	if a := w.Anonymous().Do(http.MethodPost, "/api/v1/users", body); a.Code != http.StatusForbidden || !strings.Contains(a.Body, "Ask an admin") {
		t.Fatalf("anybody: %d %s", a.Code, a.Body)
	}
	if a := admin.Do(http.MethodPost, "/api/v1/users", body); a.Code != http.StatusCreated {
		t.Fatalf("the admin: %d %s", a.Code, a.Body)
	}
	ada, err := w.SignIn("ada@example.com", "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	if a := ada.Do(http.MethodPost, "/api/v1/users", map[string]string{"email": "bob@example.com", "password": "correct horse"}); a.Code != http.StatusForbidden {
		t.Fatalf("a user: %d %s", a.Code, a.Body)
	}
}

// A password that was changed leaves the owner's file stale; the operator's command gives both another one.
func TestO1_TheOwnersPasswordIsMended(t *testing.T) {
	localtest.Embedded(t, "the command changes the password in this machine's own database")
	dir := t.TempDir()
	w := open(t, localtest.Setup{Dir: dir})
	admin, err := w.Admin()
	if err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(dir, "var")
	owner, err := local.ReadOwner(data)
	if err != nil {
		t.Fatal(err)
	}
	change := map[string]string{"current": owner.Password, "new": "something else"}
	if a := admin.Do(http.MethodPost, "/api/v1/auth/password", change); a.Code != http.StatusNoContent {
		t.Fatalf("%d %s", a.Code, a.Body)
	}
	if _, err := w.Admin(); err == nil {
		t.Fatal("the file is not stale")
	}
	cfg, err := config.Load(func(name string) string { return map[string]string{"ORCRAY_DATA": data}[name] }, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := local.SetOwnerPassword(context.Background(), cfg, "a third password"); err == nil {
		t.Fatal("the folder of a running orcray was changed")
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := local.SetOwnerPassword(context.Background(), cfg, "a third password"); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(data, "owner.json")); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v %v", info, err)
	}
	if _, err := open(t, localtest.Setup{Dir: dir}).Admin(); err != nil {
		t.Fatal(err)
	}
}

// What one user keeps is bounded by the setting, with a sentence that says what to do.
func TestR26_TheStorageOfAUserIsASetting(t *testing.T) {
	w := open(t, localtest.Setup{Env: map[string]string{"ORCRAY_USER_STORAGE": "1KiB"}})
	c := w.NewCase(t)
	a := c.Do(http.MethodPost, "/api/v1/uploads", map[string]any{"session_id": c.Session, "name": "a.csv", "size": 1000})
	if a.Code != http.StatusRequestEntityTooLarge || !strings.Contains(a.Body, "Remove sources") {
		t.Fatalf("%d %s", a.Code, a.Body)
	}
	if b := w.NewCase(t).Do(http.MethodPost, "/api/v1/uploads", map[string]any{"session_id": c.Session, "name": "a.csv", "size": 1000}); b.Code != http.StatusNotFound {
		t.Fatalf("somebody else's session: %d", b.Code)
	}
}

// Where the rate is used up, the answer says so in the same headers.
func TestO29_ARefusalTellsTheRate(t *testing.T) {
	c := open(t, localtest.Setup{Env: map[string]string{"ORCRAY_JOBS_PER_MINUTE": "1"}}).NewCase(t)
	c.Must(nil, http.MethodPost, "/api/v1/jobs", given(c, 1))
	a := c.Do(http.MethodPost, "/api/v1/jobs", map[string]any{"kind": "execute", "session_id": c.Session, "code": c.Program(2), "sources": []string{c.Source.ID}})
	if a.Code != http.StatusTooManyRequests || a.Header.Get("Retry-After") == "" || a.Header.Get("RateLimit-Policy") != `"jobs";q=1;w=60` ||
		!strings.HasPrefix(a.Header.Get("RateLimit"), `"jobs";r=0;t=`) {
		t.Fatalf("%d %v %s", a.Code, a.Header, a.Body)
	}
}
