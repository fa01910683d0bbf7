package identity_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/identity"
)

func wantCode(t *testing.T, err error, code fault.Code) {
	t.Helper()
	if fault.CodeOf(err) != code {
		t.Fatalf("got %v, want the code %s", err, code)
	}
}

func TestO1_RegisterGivesAUserWithoutAnySecret(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	user := w.register(t, "  Ada@Example.com ")
	if user.Email != "ada@example.com" || user.Name != "Ada Lovelace" || user.Role != identity.RoleUser || !user.Active || len(user.ID) != 26 {
		t.Fatalf("unexpected user %+v", user)
	}
	account, err := w.accounts.ByID(t.Context(), user.ID)
	must(t, err)
	if !strings.HasPrefix(string(account.Hash), "$argon2id$v=19$m=64,t=1,p=1$") {
		t.Fatal("the password is not stored as argon2id")
	}
	for _, value := range []any{user, account, account.Hash} {
		body, err := json.Marshal(value)
		must(t, err)
		for _, text := range []string{string(body), fmt.Sprintf("%v %+v %#v %s", value, value, value, value)} {
			if strings.Contains(text, "argon2") || strings.Contains(text, password) {
				t.Errorf("a secret shows in %s", text)
			}
		}
	}
}

func TestO1_TheSameAddressTwiceIsAConflict(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "ada@example.com")
	_, err := w.service.Register(t.Context(), registration("ADA@example.com"), "client")
	wantCode(t, err, fault.Conflict)
	if !errors.Is(err, identity.ErrEmailTaken) {
		t.Fatalf("got %v", err)
	}
}

func TestO1_OfManyAtOnceOneGetsTheAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var group sync.WaitGroup
	results := make([]error, 16)
	for i := range results {
		group.Go(func() {
			_, results[i] = w.service.Register(t.Context(), registration("ada@example.com"), "client")
		})
	}
	group.Wait()
	made := 0
	for _, err := range results {
		if err == nil {
			made++
		} else {
			wantCode(t, err, fault.Conflict)
		}
	}
	if made != 1 {
		t.Fatalf("%d registrations won", made)
	}
}

func TestO1_BadFieldsAreNamedAllAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, r := range map[string]identity.Registration{
		"/email /password /name": {Email: "nobody", Password: "seven77", Name: "two\nlines"},
		"/email":                 {Email: "Ada <ada@example.com>", Password: password},
		"/email ":                {Email: "ada@localhost", Password: password},
		"/email  ":               {Email: "аda@example.com", Password: password}, // a Cyrillic letter
		"/email   ":              {Email: "ada@exa mple.com", Password: password},
		"/email    ":             {Email: strings.Repeat("a", 65) + "@example.com", Password: password},
		"/email     ":            {Email: "ada@-example.com", Password: password},
		"/password":              {Email: "ada@example.com", Password: strings.Repeat("p", 257)},
		"/password ":             {Email: "ada@example.com", Password: "invalid \xff utf-8"},
		"/name":                  {Email: "ada@example.com", Password: password, Name: strings.Repeat("n", 201)},
	} {
		_, err := w.service.Register(t.Context(), r, "client")
		wantCode(t, err, fault.Unprocessable)
		var e *fault.Error
		errors.As(err, &e)
		var pointers []string
		for _, f := range e.Fields {
			pointers = append(pointers, f.Pointer)
		}
		if got := strings.Join(pointers, " "); got != strings.TrimSpace(name) {
			t.Errorf("%+v: got %q", r.Email, got)
		}
	}
}

func TestO1_TheFirstAccountCanBeTheAdminAndOnlyTheFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *identity.ServiceConfig) { c.FirstIsAdmin = true })
	var group sync.WaitGroup
	roles := make([]identity.Role, 12)
	for i := range roles {
		group.Go(func() {
			user, err := w.service.Register(t.Context(), registration(fmt.Sprintf("u%d@example.com", i)), "client")
			if err != nil {
				t.Error(err)
			}
			roles[i] = user.Role
		})
	}
	group.Wait()
	admins := 0
	for _, role := range roles {
		if role == identity.RoleAdmin {
			admins++
		}
	}
	if admins != 1 {
		t.Fatalf("%d admins", admins)
	}
}

func TestO1_AnAdminOfTheCommandLineEndsTheRuleOfTheFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *identity.ServiceConfig) { c.FirstIsAdmin = true })
	admin, err := w.service.CreateAdmin(t.Context(), registration("root@example.com"))
	must(t, err)
	if admin.Role != identity.RoleAdmin || w.register(t, "ada@example.com").Role != identity.RoleUser {
		t.Fatal("roles are wrong")
	}
}

func TestO2_WrongPasswordAndUnknownAddressAreOneAnswerAfterTheSameWork(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "ada@example.com")
	var answers []string
	for _, email := range []string{"ada@example.com", "nobody@example.com", "", "\xff", strings.Repeat("x", 1<<20)} {
		before := w.hasher.Derivations()
		_, err := w.service.Authenticate(t.Context(), email, "wrong password", "client")
		wantCode(t, err, fault.Unauthenticated)
		answers = append(answers, fmt.Sprint(fault.MessageOf(err), w.hasher.Derivations()-before))
	}
	for _, answer := range answers[1:] {
		if answer != answers[0] || !strings.HasSuffix(answer, "1") {
			t.Fatalf("the answers differ: %q", answers)
		}
	}
}

func TestO2_ALoginGivesABearerTokenOfAnHour(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	user := w.register(t, "ada@example.com")
	token, err := w.issuer.Issue(user)
	must(t, err)
	if token.ExpiresIn != 3600 || token.TokenType != "bearer" {
		t.Fatalf("got %d %q", token.ExpiresIn, token.TokenType)
	}
	header := w.login(t, "ADA@example.com")
	caller, err := w.gate.Authenticate(t.Context(), header)
	must(t, err)
	if caller != user.Principal() {
		t.Fatalf("got %+v", caller)
	}
	w.clock.Advance(3600*time.Second + identity.Leeway)
	_, err = w.gate.Authenticate(t.Context(), header)
	wantCode(t, err, fault.Unauthenticated)
}

// T06: however the attempts come, no more than the free ones are ever looked at.
func TestO2_OfAThousandWrongLoginsOnlyTheFreeOnesAreLookedAt(t *testing.T) {
	t.Parallel()
	for name, run := range map[string]func(int, func(int)){
		"one after another": func(n int, do func(int)) {
			for i := range n {
				do(i)
			}
		},
		"at once": func(n int, do func(int)) {
			var group sync.WaitGroup
			for i := range n {
				group.Go(func() { do(i) })
			}
			group.Wait()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.register(t, "ada@example.com")
			before := w.hasher.Derivations()
			run(1000, func(i int) { // one address from everywhere
				_, _ = w.service.Authenticate(t.Context(), "ada@example.com", "wrong password", fmt.Sprint(i))
			})
			if got := w.hasher.Derivations() - before; got != 5 {
				t.Errorf("one address: %d attempts were looked at, want 5", got)
			}
			before = w.hasher.Derivations()
			run(1000, func(i int) { // all addresses from one client
				_, _ = w.service.Authenticate(t.Context(), fmt.Sprintf("u%d@example.com", i), "wrong password", "attacker")
			})
			if got := w.hasher.Derivations() - before; got != 30 {
				t.Errorf("one client: %d attempts were looked at, want 30", got)
			}
		})
	}
}

func TestO2_TheWaitDoublesUpToItsBoundAndEndsWithAGoodLogin(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "ada@example.com")
	attempt := func(pass string) error {
		_, err := w.service.Authenticate(t.Context(), "ada@example.com", pass, fmt.Sprint(w.clock.Now().UnixNano()))
		return err
	}
	for range 5 {
		wantCode(t, attempt("wrong password"), fault.Unauthenticated)
	}
	for _, want := range []int{1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300} {
		err := attempt(password) // even the right one has to wait
		wantCode(t, err, fault.Throttled)
		var e *fault.Error
		errors.As(err, &e)
		if e.RetryAfter != time.Duration(want)*time.Second {
			t.Fatalf("got a wait of %v, want %d s", e.RetryAfter, want)
		}
		w.clock.Advance(e.RetryAfter)
		wantCode(t, attempt("wrong password"), fault.Unauthenticated)
	}
	w.clock.Advance(5 * time.Minute)
	must(t, attempt(password))
	for range 5 {
		wantCode(t, attempt("wrong password"), fault.Unauthenticated)
	}
}

func TestO2_AnAttackersOwnLoginDoesNotClearTheirClient(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "eve@example.com")
	before := w.hasher.Derivations()
	guesses := 0
	for i := range 500 {
		if _, err := w.service.Authenticate(t.Context(), fmt.Sprintf("u%d@example.com", i), "wrong password", "eve"); fault.Is(err, fault.Unauthenticated) {
			guesses++
		}
		_, _ = w.service.Authenticate(t.Context(), "eve@example.com", password, "eve")
	}
	if guesses != 30 {
		t.Fatalf("%d guesses for %d derivations", guesses, w.hasher.Derivations()-before)
	}
}

func TestO3_MeNeedsACaller(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada, bob := w.register(t, "ada@example.com"), w.register(t, "bob@example.com")
	me, err := w.service.Me(t.Context(), ada.Principal())
	must(t, err)
	if me != ada {
		t.Fatalf("got %+v", me)
	}
	_, err = w.service.Me(t.Context(), identity.Principal{})
	wantCode(t, err, fault.Unauthenticated)

	_, missing := w.service.Get(t.Context(), ada.Principal(), "01ARZ3NDEKTSV4RRFFQ69G5FAV")
	_, foreign := w.service.Get(t.Context(), ada.Principal(), bob.ID)
	wantCode(t, foreign, fault.NotFound)
	if fault.MessageOf(missing) != fault.MessageOf(foreign) {
		t.Fatal("a missing user and somebody else are told apart")
	}
}

func TestO3_BadHeadersAreAllRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "ada@example.com")
	good := w.login(t, "ada@example.com")[0]
	token := strings.TrimPrefix(good, "Bearer ")
	for _, scheme := range []string{"Bearer ", "bearer ", "BEARER "} { // RFC 9110: the scheme has no case
		_, err := w.gate.Authenticate(t.Context(), []string{scheme + token})
		must(t, err)
	}
	for _, header := range [][]string{
		nil, {""}, {"Bearer"}, {"Bearer "}, {token}, {"Bearer  " + token}, {" " + good}, {good + " "}, {"Bearer\t" + token},
		{good + ", " + good}, {good, good}, {good, ""}, {"Basic " + token}, {"Bearer: " + token}, {"Bearer=" + token},
		{"Token " + token}, {good + "\n"}, {good + "\x00"}, {"Bearer \"" + token + "\""}, {"Ｂearer " + token},
	} {
		_, err := w.gate.Authenticate(t.Context(), header)
		if !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("%q: got %v", header, err)
		}
	}
}

func TestO8_DeactivationEndsLoginAndTokensAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin, err := w.service.CreateAdmin(t.Context(), registration("root@example.com"))
	must(t, err)
	user := w.register(t, "ada@example.com")
	header := w.login(t, "ada@example.com")
	_, err = w.gate.Authenticate(t.Context(), header)
	must(t, err)

	_, err = w.service.SetActive(t.Context(), user.Principal(), admin.ID, false)
	wantCode(t, err, fault.Forbidden)
	_, err = w.service.SetActive(t.Context(), admin.Principal(), admin.ID, false)
	wantCode(t, err, fault.Conflict)
	_, err = w.service.SetActive(t.Context(), admin.Principal(), user.ID, false)
	must(t, err)

	_, err = w.gate.Authenticate(t.Context(), header)
	wantCode(t, err, fault.Unauthenticated)
	_, err = w.service.Authenticate(t.Context(), "ada@example.com", password, "client")
	wantCode(t, err, fault.Forbidden)
	_, err = w.service.Authenticate(t.Context(), "ada@example.com", "wrong password", "client")
	wantCode(t, err, fault.Unauthenticated) // who cannot prove themselves does not learn it
	if _, err := w.issuer.Issue(identity.User{ID: user.ID, Role: identity.RoleUser}); err == nil {
		t.Fatal("a token was issued to an inactive user")
	}

	_, err = w.service.SetActive(t.Context(), admin.Principal(), user.ID, true)
	must(t, err)
	_, err = w.gate.Authenticate(t.Context(), header)
	wantCode(t, err, fault.Unauthenticated) // what ended stays ended
	_, err = w.gate.Authenticate(t.Context(), w.login(t, "ada@example.com"))
	must(t, err)
}

func TestO8_AChangedPasswordEndsEveryToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	caller := w.register(t, "ada@example.com").Principal()
	header := w.login(t, "ada@example.com")
	wantCode(t, w.service.ChangePassword(t.Context(), caller, "wrong password", "another password"), fault.Forbidden)
	wantCode(t, w.service.ChangePassword(t.Context(), caller, password, "short"), fault.Unprocessable)
	must(t, w.service.ChangePassword(t.Context(), caller, password, "another password"))
	_, err := w.gate.Authenticate(t.Context(), header)
	wantCode(t, err, fault.Unauthenticated)
	_, err = w.service.Authenticate(t.Context(), "ada@example.com", password, "client")
	wantCode(t, err, fault.Unauthenticated)
	_, err = w.service.Authenticate(t.Context(), "ada@example.com", "another password", "client")
	must(t, err)
}
