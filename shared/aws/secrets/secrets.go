// Package secrets reads secrets of Secrets Manager.
package secrets

import (
	"context"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/orcray/orcray/shared/aws/awsclient"
	"github.com/orcray/orcray/shared/fault"
)

// age is how long a secret is believed, so that a new value reaches every process without a restart.
const age = 5 * time.Minute

// Store reads secrets, and keeps them in memory for a while. It is safe for concurrent use.
type Store struct {
	client *secretsmanager.Client
	now    func() time.Time

	mu    sync.Mutex
	known map[string]*secret
}

type secret struct {
	mu    sync.Mutex // held while it is being read: others wait for the one answer
	value string
	read  time.Time // zero: never
}

// New makes a store; options change what New sets.
func New(client *secretsmanager.Client, options ...func(*Store)) *Store {
	s := &Store{client: client, now: time.Now, known: map[string]*secret{}}
	for _, option := range options {
		option(s)
	}
	return s
}

// WithClock makes the store ask another clock than the machine's.
func WithClock(now func() time.Time) func(*Store) { return func(s *Store) { s.now = now } }

// Get gives the present value of a secret by its name or ARN; one that does not exist is fault.NotFound. When the value
// cannot be read again, the one that is known goes on, for as long as the service does not answer: it was right a moment ago.
func (s *Store) Get(ctx context.Context, arn string) (string, error) {
	one := s.entry(arn)
	one.mu.Lock()
	defer one.mu.Unlock()
	if !one.read.IsZero() && s.now().Sub(one.read) < age {
		return one.value, nil
	}
	out, err := s.client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &arn})
	if err != nil {
		err = failed(err)
		if !one.read.IsZero() && fault.CodeOf(err).Retryable() {
			return one.value, nil
		}
		return "", err
	}
	if out.SecretString == nil {
		return "", fault.New(fault.Internal, "The secret is not text.")
	}
	one.value, one.read = aws.ToString(out.SecretString), s.now()
	return one.value, nil
}

func (s *Store) entry(arn string) *secret {
	s.mu.Lock()
	defer s.mu.Unlock()
	one, ok := s.known[arn]
	if !ok {
		one = &secret{}
		s.known[arn] = one
	}
	return one
}

func failed(err error) error {
	return awsclient.Service{Part: "The store of secrets", Meanings: map[string]awsclient.Meaning{
		"ResourceNotFoundException": {Code: fault.NotFound, Message: "There is no such secret."},
		"InvalidRequestException":   {Code: fault.Unavailable, Message: "The secret is being removed or replaced. Try again shortly."},
		"DecryptionFailure":         {Code: fault.Internal, Message: "The secret's key is not set up."},
	}}.Failed(err)
}
