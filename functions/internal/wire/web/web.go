// Package web puts together what every function that answers HTTP has: who asks, and what they may see.
package web

import (
	"crypto/rand"
	"time"

	cognitoidp "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"

	"github.com/orcray/orcray/functions/internal/wire"
	"github.com/orcray/orcray/shared/aws/cognito"
	"github.com/orcray/orcray/shared/handler"
	"github.com/orcray/orcray/shared/identity"
	"github.com/orcray/orcray/shared/job"
	"github.com/orcray/orcray/shared/table"
)

// lookEvery is how often somebody who follows a job looks at its log: its writers are other processes.
const lookEvery = 400 * time.Millisecond

// Following makes the log of jobs for those who follow them.
func Following(p *wire.Parts, t table.Table) *job.Log {
	return job.NewLog(t, p.Now, job.Polling{Every: lookEvery})
}

// Base is what every function that answers HTTP has: it proves tokens. Those that give out cursors have a Sealer too.
func Base(p *wire.Parts, users *cognitoidp.Client, keys identity.KeySet) (handler.Deps, error) {
	verifier, err := identity.NewVerifier(identity.Trust{Issuer: p.Set.Issuer, Audience: p.Set.Audience, Algorithm: identity.RS256,
		Dialect: identity.CognitoDialect, Keys: keys, Now: p.Now})
	if err != nil {
		return handler.Deps{}, err
	}
	directory := cognito.NewDirectory(users, p.Set.UserPool, p.Now)
	return handler.Deps{Auth: identity.NewAuthenticator(verifier, directory), Policy: identity.DefaultPolicy(),
		Limits: handler.LimitsOf(p.Set.Limits), Now: p.Now, Random: rand.Reader, Log: p.Log}, nil
}

// Published are the keys of the user pool, as it publishes them.
func Published(p *wire.Parts) identity.KeySet {
	return cognito.NewKeys(p.AWS.HTTPClient, p.Set.Issuer, p.Now)
}

// Users is the client of the user pool.
func Users(p *wire.Parts) *cognitoidp.Client { return cognitoidp.NewFromConfig(p.AWS) }
