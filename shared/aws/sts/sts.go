// Package sts grants runs on the cluster their own S3 credentials: one role, narrowed by a session policy to what the run
// may touch.
package sts

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssts "github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/orcray/orcray/shared/aws/awsclient"
	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/object"
)

// Lives of credentials. A role that assumes a role, as that of a Lambda does, gets one hour at most; STS gives a quarter of
// one at least.
const (
	MaxLife = time.Hour
	minLife = 15 * time.Minute
)

// Granter implements object.Granter.
type Granter struct {
	client *awssts.Client
	role   string
	bucket string
	region string
	now    func() time.Time
}

// NewGranter makes a granter of a role that may do everything below the bucket's u/; policies of its sessions take all away
// but a run's own.
func NewGranter(client *awssts.Client, roleARN, bucket, region string, now func() time.Time) *Granter {
	return &Granter{client: client, role: roleARN, bucket: bucket, region: region, now: now}
}

// Grant implements object.Granter. Many sources can make a policy larger than STS takes; then the run gets the folders that
// they lie in, and at last the whole folder of its session, but never more: fault.TooLarge.
func (g *Granter) Grant(ctx context.Context, scope object.Scope, ttl time.Duration) (object.Credentials, error) {
	if ttl <= 0 || ttl > MaxLife {
		return object.Credentials{}, fault.New(fault.Invalid, "A run's credentials last at most %s: shorten the run's own time.", MaxLife)
	}
	if slices.Contains(scope.Read, "") || strings.HasPrefix(scope.Write, "/") || (scope.Write != "" && !strings.HasSuffix(scope.Write, "/")) {
		return object.Credentials{}, fault.New(fault.Invalid, "A run reads named keys and writes below a prefix that ends with a slash.")
	}
	candidates, err := g.policies(scope)
	if err != nil {
		return object.Credentials{}, err
	}
	for _, policy := range candidates {
		c, err := g.assume(ctx, policy, sessionName(scope), ttl)
		if awsclient.CodeOf(err) == "PackedPolicyTooLarge" || awsclient.CodeOf(err) == "PackedPolicyTooLargeException" {
			continue
		}
		return c, failed(err)
	}
	return object.Credentials{}, tooMany()
}

func tooMany() error {
	return fault.New(fault.TooLarge, "This run reads too many files for one set of credentials. Select fewer sources, or put them into one session.")
}

func (g *Granter) assume(ctx context.Context, policy, session string, ttl time.Duration) (object.Credentials, error) {
	seconds := int32(max(ttl, minLife) / time.Second)
	out, err := g.client.AssumeRole(ctx, &awssts.AssumeRoleInput{
		RoleArn: &g.role, RoleSessionName: &session, Policy: &policy, DurationSeconds: &seconds,
	})
	if err != nil {
		return object.Credentials{}, err
	}
	if out.Credentials == nil {
		return object.Credentials{}, fault.New(fault.Unavailable, "The service of credentials gave none. Try again shortly.")
	}
	c := out.Credentials
	return object.Credentials{
		Region: g.region, Bucket: g.bucket, AccessKeyID: aws.ToString(c.AccessKeyId), SecretAccessKey: aws.ToString(c.SecretAccessKey),
		SessionToken: aws.ToString(c.SessionToken), Expires: aws.ToTime(c.Expiration),
	}, nil
}

// sessionName is how CloudTrail names the run: the job and attempt that its output folder is of.
func sessionName(scope object.Scope) string {
	parts := strings.Split(strings.Trim(scope.Write, "/"), "/")
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return -1
	}, "run-"+strings.Join(parts[max(0, len(parts)-2):], "-"))
	return name[:min(len(name), 64)]
}

func failed(err error) error {
	return awsclient.Service{Part: "The service of credentials", Meanings: map[string]awsclient.Meaning{
		"MalformedPolicyDocument":          {Code: fault.Internal, Message: "The run's rights could not be written down."},
		"MalformedPolicyDocumentException": {Code: fault.Internal, Message: "The run's rights could not be written down."},
		"RegionDisabledException":          {Code: fault.Internal, Message: "The region gives no credentials. Ask the operator to activate it."},
	}}.Failed(err)
}
