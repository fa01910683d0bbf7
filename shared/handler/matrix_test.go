package handler_test

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/orcray/orcray/infra/local/localtest"
	"github.com/orcray/orcray/shared/identity"
)

// expected is what each operation answers to its owner and to another user. Zero for the other: as the owner.
var expected = map[string]struct{ owner, other, admin int }{
	"get-health": {owner: 200}, "alias-health": {owner: 200}, "get-index": {owner: 200}, "alias-index": {owner: 200}, "get-openapi": {owner: 200},
	"get-keys": {owner: 200}, "create-token": {owner: 401}, "register-user": {owner: 422},
	"get-me": {owner: 200}, "change-password": {owner: 403}, "list-models": {owner: 200}, "alias-models": {owner: 200}, "get-settings": {owner: 200},
	"create-session": {owner: 201}, "list-sessions": {owner: 200}, "list-jobs": {owner: 200},
	"get-session": {owner: 200, other: 404}, "update-session": {owner: 200, other: 404}, "delete-session": {owner: 204, other: 404}, "reset-session": {owner: 204, other: 404}, "alias-reset": {owner: 200, other: 404},
	"get-examples": {owner: 200, other: 404}, "get-history": {owner: 200}, "alias-history": {owner: 200},
	"create-upload": {owner: 201, other: 404}, "complete-upload": {owner: 200, other: 404}, "list-sources": {owner: 200, other: 404}, "get-source": {owner: 200, other: 404}, "update-source": {owner: 200, other: 404},
	"delete-source": {owner: 204, other: 404},
	"create-job":    {owner: 202, other: 404}, "get-job": {owner: 200, other: 404}, "cancel-job": {owner: 200, other: 404}, "delete-job": {owner: 204, other: 404}, "list-attempts": {owner: 200, other: 404},
	"get-job-events": {owner: 200, other: 404}, "get-job-program": {owner: 200, other: 404}, "get-job-result": {owner: 200, other: 404}, "get-job-logs": {owner: 200, other: 404}, "get-job-output": {owner: 303, other: 404},
	"alias-generate": {owner: 200, other: 404}, "alias-execute": {owner: 200, other: 404},
	"get-ray-status": {owner: 200}, "alias-get-ray-status": {owner: 200},
	"update-settings": {owner: 403, admin: 200}, "reset-settings": {owner: 403, admin: 200},
	"list-ray-jobs": {owner: 403}, "get-ray-job-logs": {owner: 403}, "stop-ray-job": {owner: 403},
	"alias-list-ray-jobs": {owner: 403}, "alias-get-ray-job-logs": {owner: 403}, "alias-stop-ray-job": {owner: 403},
}

// Every operation of the document, called by everyone: exactly the status that the table says, and no difference between what
// is somebody else's and what does not exist.
func TestS1_AuthorizationMatrix(t *testing.T) {
	c := newCase(t)
	w := c.World
	admin, err := w.Admin()
	if err != nil {
		t.Fatal(err)
	}
	expired, err := w.Expired(c.User)
	if err != nil {
		t.Fatal(err)
	}
	other, old := w.NewCase(t), *c.Client
	old.Token = expired
	policy := identity.DefaultPolicy()
	f := newFixture(t, w)
	var seen []string
	for _, op := range operations(t, w.Anonymous()) {
		seen = append(seen, op.id)
		want, known := expected[op.id]
		permission, row := policy.Permission(op.id)
		if !known || !row {
			t.Errorf("%s: in the table %v, in the policy %v", op.id, known, row)
			continue
		}
		body := f.body(op.id)
		if (body != nil) != (op.body != nil) {
			t.Errorf("%s: no body to send", op.id)
		}
		want.other = cmp.Or(want.other, want.owner)
		forAdmin, refused := want.other, 401
		switch permission {
		case identity.Public:
			refused = want.owner
		case identity.AdminOnly:
			forAdmin = 503 // there is no cluster in this world
		}
		forAdmin = cmp.Or(want.admin, forAdmin)
		for name, call := range map[string]struct {
			client *localtest.Client
			want   int
		}{"other": {other.Client, want.other}, "admin": {admin, forAdmin}, "anonymous": {w.Anonymous(), refused}, "expired": {&old, refused}} {
			got := send(call.client, op, f.path(op.path), body)
			if got.Code != call.want && !(op.id == "create-token" && got.Code == 429) { // the limit on guessing counts this address
				t.Errorf("%s by %s: %d, want %d: %.200s", op.id, name, got.Code, call.want, got.Body)
			}
			if got.Code >= 400 {
				problem(t, op.id+" by "+name, got)
			}
			if none := send(call.client, op, missing(op.path), missingBody(body)); strings.Contains(op.path, "{") && got.Code == 404 && faceless(got) != faceless(none) {
				t.Errorf("%s by %s tells foreign from missing:\n%s\n%s", op.id, name, got.Body, none.Body)
			}
		}
		mine := f
		if strings.HasPrefix(op.id, "delete") || strings.Contains(op.id, "reset") {
			mine = newFixture(t, w)
		}
		// Pinned: a job that an earlier operation began may end in any moment, and would unselect the source.
		f.Must(nil, http.MethodPatch, f.path("/api/v1/sessions/{session}/sources/{source}"), map[string]bool{"selected": true, "pinned": true})
		if got := send(mine.Client, op, mine.path(op.path), mine.body(op.id)); got.Code != want.owner && op.id != "create-token" {
			t.Errorf("%s by its owner: %d, want %d: %.200s", op.id, got.Code, want.owner, got.Body)
		}
	}
	slices.Sort(seen)
	if rows := policy.Operations(); !slices.Equal(seen, rows) {
		t.Errorf("the document has %v\nthe policy has %v", seen, rows)
	}
}

func send(c *localtest.Client, op operation, path string, body any) localtest.Answer {
	if op.id == "create-token" {
		return c.Do(op.method, path, body, "Content-Type", "application/x-www-form-urlencoded")
	}
	return c.Do(op.method, path, body)
}

func missingBody(body any) any {
	m, ok := body.(map[string]any)
	if !ok || m["session_id"] == nil {
		return body
	}
	out := map[string]any{}
	for k, v := range m {
		out[k] = v
	}
	out["session_id"] = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
	return out
}

// faceless is an answer without what differs between any two.
func faceless(a localtest.Answer) string {
	return strings.ReplaceAll(a.Body, a.Header.Get("X-Trace-Id"), "")
}

func TestO8_TokensThatAreNotGood(t *testing.T) {
	c := newCase(t)
	for name, header := range map[string]string{"garbage": "Bearer x.y.z", "basic": "Basic YTpi", "empty": "Bearer ", "changed": "Bearer " + c.Token[:len(c.Token)-4] + "AAAA"} {
		a := c.World.Anonymous().Do(http.MethodGet, "/api/v1/auth/me", nil, "Authorization", header)
		if problem(t, name, a); a.Code != 401 || a.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: %d", name, a.Code)
		}
	}
}
