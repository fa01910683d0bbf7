package s3gateway

import (
	"crypto/hmac"
	"crypto/sha256"

	"github.com/versity/versitygw/auth"
)

// service tells the server who may sign and who may do what: root everything, a grant's key what its scope says. Accounts
// do not exist beyond these.
type service struct {
	auth.IAMService
	root   auth.Account
	grants *grants
}

// The server finds these by type assertion and would silently go on without.
var (
	_ auth.SigningKeyProvider = (*service)(nil)
	_ auth.PolicyEvaluator    = (*service)(nil)
)

// DeriveSigningKey implements auth.SigningKeyProvider.
func (s *service) DeriveSigningKey(access, token, date, region, name string) ([]byte, auth.Account, error) {
	if access == s.root.Access {
		if token != "" {
			return nil, auth.Account{}, auth.ErrInvalidSessionToken
		}
		return signingKey(s.root.Secret, date, region, name), s.root, nil
	}
	g, ok := s.grants.find(access, token)
	if !ok {
		return nil, auth.Account{}, auth.ErrInvalidSessionToken
	}
	account := auth.Account{Access: access, Role: auth.RoleUser, SessionToken: token, IsSession: true}
	return signingKey(g.SecretAccessKey, date, region, name), account, nil
}

// signingKey is the key derivation of AWS Signature Version 4.
func signingKey(secret string, scope ...string) []byte {
	key := []byte("AWS4" + secret)
	for _, part := range append(scope, "aws4_request") {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(part))
		key = mac.Sum(nil)
	}
	return key
}

// allow is the server's own value for it; its type has no name outside.
const allow = 1

// EvaluatePolicy implements auth.PolicyEvaluator: one decision for each resource and action. What is not allowed is 0,
// "no statement matches", which the server refuses.
func (s *service) EvaluatePolicy(access, token string, actions []auth.Action, resources []string, _ map[string][]string) (auth.PolicyEvaluation, error) {
	g, ok := s.grants.find(access, token)
	evaluation := auth.PolicyEvaluation{}
	for i, resource := range resources {
		evaluation.Decisions = append(evaluation.Decisions, nil)
		for _, action := range actions {
			if ok && g.allows(action, resource) {
				evaluation.Decisions[i] = append(evaluation.Decisions[i], allow)
			} else {
				evaluation.Decisions[i] = append(evaluation.Decisions[i], 0)
			}
		}
	}
	return evaluation, nil
}
