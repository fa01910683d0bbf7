// Package cognito is the book of users on AWS: who may act (identity.Directory), the desk where people sign in and register,
// and the keys that prove Cognito's tokens.
//
// The user pool signs people in by their address (UsernameAttributes: email), so that a user's name in the pool is the
// subject of their tokens. It has a custom attribute "since" that no app client may write.
package cognito

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cognitoidp "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"

	"github.com/orcray/orcray/shared/aws/awsclient"
	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/identity"
)

// Since is the attribute that holds, in Unix seconds, when a user's earlier tokens became worthless.
const Since = "custom:since"

// standingAge is how long a standing is believed: identity.Directory's promise.
const standingAge = 2 * time.Second

// maxKnown bounds the standings in memory; beyond it the old ones go.
const maxKnown = 4096

// Directory implements identity.Directory. It is safe for concurrent use.
type Directory struct {
	client *cognitoidp.Client
	pool   string
	now    func() time.Time

	mu    sync.Mutex
	known map[string]*known
}

type known struct {
	mu       sync.Mutex // held while it is being asked: others wait for the one answer
	standing identity.Standing
	asked    time.Time // zero: never
}

// NewDirectory makes the directory of a user pool.
func NewDirectory(client *cognitoidp.Client, pool string, now func() time.Time) *Directory {
	return &Directory{client: client, pool: pool, now: now, known: map[string]*known{}}
}

// Standing implements identity.Directory.
func (d *Directory) Standing(ctx context.Context, subject string) (identity.Standing, error) {
	one := d.entry(subject)
	one.mu.Lock()
	defer one.mu.Unlock()
	now := d.now()
	if !one.asked.IsZero() && now.Sub(one.asked) < standingAge {
		return one.standing, nil
	}
	user, err := userOf(ctx, d.client, d.pool, subject)
	if err != nil {
		return identity.Standing{}, err
	}
	one.standing = identity.Standing{Active: user.Active, Email: user.Email, Role: user.Role, Since: user.since}
	one.asked = now
	return one.standing, nil
}

func (d *Directory) entry(subject string) *known {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.known) >= maxKnown {
		clear(d.known) // who is here now is asked for again in two seconds anyway
	}
	one, ok := d.known[subject]
	if !ok {
		one = &known{}
		d.known[subject] = one
	}
	return one
}

// person is a user with what only the directory looks at.
type person struct {
	identity.User
	since time.Time
}

// userOf asks for a user and their groups. A user who is gone between the two is not found.
func userOf(ctx context.Context, client *cognitoidp.Client, pool, subject string) (person, error) {
	if subject == "" {
		return person{}, noUser(nil)
	}
	out, err := client.AdminGetUser(ctx, &cognitoidp.AdminGetUserInput{UserPoolId: &pool, Username: &subject})
	if err != nil {
		return person{}, failed(err)
	}
	role, err := roleOf(ctx, client, pool, subject)
	if err != nil {
		return person{}, err
	}
	attributes := map[string]string{}
	for _, a := range out.UserAttributes {
		attributes[aws.ToString(a.Name)] = aws.ToString(a.Value)
	}
	usable := out.UserStatus == types.UserStatusTypeConfirmed || out.UserStatus == types.UserStatusTypeExternalProvider
	p := person{User: identity.User{
		ID: subject, Email: attributes["email"], Name: attributes["name"], Role: role,
		Active: out.Enabled && usable, Created: aws.ToTime(out.UserCreateDate),
	}}
	if seconds, err := strconv.ParseInt(attributes[Since], 10, 64); err == nil {
		p.since = time.Unix(seconds, 0)
	}
	return p, nil
}

// roleOf looks through all pages of a user's groups.
func roleOf(ctx context.Context, client *cognitoidp.Client, pool, subject string) (identity.Role, error) {
	input := &cognitoidp.AdminListGroupsForUserInput{UserPoolId: &pool, Username: &subject}
	for {
		out, err := client.AdminListGroupsForUser(ctx, input)
		if err != nil {
			return "", failed(err)
		}
		for _, group := range out.Groups {
			if aws.ToString(group.GroupName) == string(identity.RoleAdmin) {
				return identity.RoleAdmin, nil
			}
		}
		if aws.ToString(out.NextToken) == "" {
			return identity.RoleUser, nil
		}
		input.NextToken = out.NextToken
	}
}

func noUser(err error) error {
	return &fault.Error{Code: fault.NotFound, Message: "There is no such user.", Err: err}
}

// failed is for calls about a user who is known already. Those about somebody who claims to be one have rules of their own.
func failed(err error) error {
	return awsclient.Service{Part: "The user directory", Meanings: map[string]awsclient.Meaning{
		"UserNotFoundException":                   {Code: fault.NotFound, Message: "There is no such user."},
		"ResourceNotFoundException":               {Code: fault.Internal, Message: "The user directory is not set up."},
		"InvalidPasswordException":                {Code: fault.Unprocessable, Message: "The password does not meet the rules of this deployment: give a longer one with letters, digits and signs."},
		"PasswordHistoryPolicyViolationException": {Code: fault.Unprocessable, Message: "This password was used before. Give another one."},
		"TooManyFailedAttemptsException":          {Code: fault.Throttled, Message: "Too many attempts. Try again later."},
		"LimitExceededException":                  {Code: fault.Throttled, Message: "Too many attempts. Try again later."},
		"UserLambdaValidationException":           {Code: fault.Forbidden, Message: "This address may not register here. Ask an admin."},
	}}.Failed(err)
}
