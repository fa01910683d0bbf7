package functions_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cognitoidp "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/golang-jwt/jwt/v5"

	"github.com/orcray/orcray/shared/identity"
	"github.com/orcray/orcray/shared/topology"
)

const (
	password = "Correct-Horse-7"
	client   = "testclient"
)

// openPeople makes a user pool with one user, an issuer whose keys are known, and the secret of cursors. moto's own tokens name an
// issuer on the internet, so that the tests issue theirs.
func (w *world) openPeople(config aws.Config) {
	w.t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	w.must(err)
	keys := identity.JWKS{Keys: []identity.JWK{{KeyType: "RSA", KeyID: "k1", Use: "sig", Algorithm: "RS256",
		N: base64.RawURLEncoding.EncodeToString(key.N.Bytes()), E: base64.RawURLEncoding.EncodeToString(big.NewInt(int64(key.E)).Bytes())}}}
	issuer := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(rw).Encode(keys) }))
	w.t.Cleanup(issuer.Close)
	w.issuer = issuer.Close
	users := cognitoidp.NewFromConfig(config)
	pool, err := users.CreateUserPool(w.t.Context(), &cognitoidp.CreateUserPoolInput{PoolName: aws.String("people"),
		UsernameAttributes: []types.UsernameAttributeType{types.UsernameAttributeTypeEmail}})
	w.must(err)
	w.set(topology.EnvUserPool, *pool.UserPool.Id, topology.EnvUserClient, client, topology.EnvIssuer, issuer.URL, topology.EnvAudience, client)
	made, err := users.AdminCreateUser(w.t.Context(), &cognitoidp.AdminCreateUserInput{UserPoolId: pool.UserPool.Id, Username: aws.String("ada@example.com"),
		UserAttributes: []types.AttributeType{{Name: aws.String("email"), Value: aws.String("ada@example.com")}}})
	w.must(err)
	_, err = users.AdminSetUserPassword(w.t.Context(), &cognitoidp.AdminSetUserPasswordInput{UserPoolId: pool.UserPool.Id, Username: made.User.Username,
		Password: aws.String(password), Permanent: true})
	w.must(err)
	for _, a := range made.User.Attributes {
		if *a.Name == "sub" {
			w.user = *a.Value
		}
	}
	w.token = func() string {
		now := time.Now().Add(time.Second) // a token from before the last change of the user is refused
		t := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{"sub": w.user, "iss": issuer.URL, "client_id": client, "token_use": "access",
			"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(), "jti": "j1", "username": w.user})
		t.Header["kid"] = "k1"
		text, err := t.SignedString(key)
		w.must(err)
		return text
	}
	w.openSecrets(config)
}

func (w *world) openSecrets(config aws.Config) {
	w.t.Helper()
	known := secretsmanager.NewFromConfig(config)
	for name, variable := range map[string]string{"seal": topology.EnvSealSecret, "runner": topology.EnvRunnerSecret, "ray": topology.EnvRaySecret} {
		s, err := known.CreateSecret(w.t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String(name + w.suffix), SecretString: aws.String(rand.Text() + rand.Text())})
		w.must(err)
		w.set(variable, *s.ARN)
	}
}
