package stacks

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/jsii-runtime-go"

	"github.com/orcray/orcray/shared/topology"
)

// backupDays is how long what was overwritten or removed can be had back.
const backupDays = 7

// data is what orcray keeps. Everything is encrypted with the services' own keys: a key of our own would cost by the request and
// keep out nobody whom the roles let in.
type data struct {
	stack  awscdk.Stack
	table  awsdynamodb.TableV2
	bucket awss3.Bucket // of sources and outputs
	logs   awss3.Bucket
	image  awsecr.Repository
	seal   awssecretsmanager.Secret
	runner awssecretsmanager.Secret
	ray    awssecretsmanager.Secret
}

func newData(s awscdk.Stack, c Config, table topology.App) *data {
	d := &data{stack: s}
	for _, name := range table.Tables {
		d.table = newTable(s, c, name)
	}
	d.logs = newLogs(s, c)
	d.bucket = newBucket(s, c, topology.BucketData, d.logs, &[]*awss3.LifecycleRule{{
		AbortIncompleteMultipartUploadAfter: awscdk.Duration_Days(jsii.Number(1)),
		NoncurrentVersionExpiration:         awscdk.Duration_Days(jsii.Number(backupDays)),
		ExpiredObjectDeleteMarker:           jsii.Bool(true),
	}})
	d.image = awsecr.NewRepository(s, jsii.String("Image"), &awsecr.RepositoryProps{
		RepositoryName: jsii.String(c.name("ray")), ImageScanOnPush: jsii.Bool(true), ImageTagMutability: awsecr.TagMutability_IMMUTABLE,
		RemovalPolicy: c.removal(), EmptyOnDelete: jsii.Bool(!c.Keep),
		LifecycleRules: &[]*awsecr.LifecycleRule{{MaxImageCount: jsii.Number(10), Description: jsii.String("the last ten images")}}})
	d.seal = newSecret(s, c, "Seal", "seals the cursors of the API")
	d.runner = newSecret(s, c, "Runner", "bearer token of the runner on Ray's head")
	d.ray = newSecret(s, c, "Ray", "token that Ray's own processes ask for")
	// Other stacks refer to these from lists that the CDK sorts by its own counting, which differs from run to run: exported here, their
	// order is always the same.
	for _, secret := range []awssecretsmanager.Secret{d.seal, d.runner, d.ray} {
		s.ExportValue(secret.SecretArn(), nil)
	}
	output(s, "Table", d.table.TableName(), "name of the table")
	output(s, "Bucket", d.bucket.BucketName(), "name of the bucket of sources and outputs")
	output(s, "Repository", d.image.RepositoryUri(), "where the image of Ray is pushed")
	return d
}

// newTable makes a table as shared/aws/dynamo expects it.
func newTable(s awscdk.Stack, c Config, name string) awsdynamodb.TableV2 {
	return awsdynamodb.NewTableV2(s, jsii.String(title(name)+"Table"), &awsdynamodb.TablePropsV2{
		PartitionKey:        &awsdynamodb.Attribute{Name: jsii.String("PK"), Type: awsdynamodb.AttributeType_STRING},
		SortKey:             &awsdynamodb.Attribute{Name: jsii.String("SK"), Type: awsdynamodb.AttributeType_STRING},
		TimeToLiveAttribute: jsii.String("TTL"),
		Billing:             awsdynamodb.Billing_OnDemand(nil),
		DeletionProtection:  jsii.Bool(c.Keep),
		RemovalPolicy:       c.removal(),
		PointInTimeRecoverySpecification: &awsdynamodb.PointInTimeRecoverySpecification{
			PointInTimeRecoveryEnabled: jsii.Bool(true), RecoveryPeriodInDays: jsii.Number(backupDays)},
	})
}

// newBucket makes a private bucket that answers to TLS only and says who asked it for what.
func newBucket(s awscdk.Stack, c Config, name string, logs awss3.IBucket, rules *[]*awss3.LifecycleRule) awss3.Bucket {
	return awss3.NewBucket(s, jsii.String(title(name)+"Bucket"), &awss3.BucketProps{
		BlockPublicAccess: awss3.BlockPublicAccess_BLOCK_ALL(), EnforceSSL: jsii.Bool(true), MinimumTLSVersion: jsii.Number(1.2),
		Encryption: awss3.BucketEncryption_S3_MANAGED, Versioned: jsii.Bool(true), LifecycleRules: rules,
		ServerAccessLogsBucket: logs, ServerAccessLogsPrefix: jsii.String(fmt.Sprintf("s3/%s/", name)),
		RemovalPolicy: c.removal(), AutoDeleteObjects: jsii.Bool(!c.Keep)})
}

// newLogs makes the bucket of access logs. CloudFront delivers its logs by access control lists, so those stay on.
func newLogs(s awscdk.Stack, c Config) awss3.Bucket {
	return awss3.NewBucket(s, jsii.String(title(topology.BucketLogs)+"Bucket"), &awss3.BucketProps{
		BlockPublicAccess: awss3.BlockPublicAccess_BLOCK_ALL(), EnforceSSL: jsii.Bool(true), MinimumTLSVersion: jsii.Number(1.2),
		Encryption: awss3.BucketEncryption_S3_MANAGED, ObjectOwnership: awss3.ObjectOwnership_BUCKET_OWNER_PREFERRED,
		LifecycleRules: &[]*awss3.LifecycleRule{{Expiration: awscdk.Duration_Days(jsii.Number(c.LogDays))}},
		RemovalPolicy:  c.removal(), AutoDeleteObjects: jsii.Bool(!c.Keep)})
}

// newSecret makes a secret that nobody has ever seen.
func newSecret(s awscdk.Stack, c Config, name, purpose string) awssecretsmanager.Secret {
	return awssecretsmanager.NewSecret(s, jsii.String(name+"Secret"), &awssecretsmanager.SecretProps{
		Description: jsii.String("orcray " + c.Env + ": " + purpose), RemovalPolicy: c.removal(),
		GenerateSecretString: &awssecretsmanager.SecretStringGenerator{
			PasswordLength: jsii.Number(64), ExcludePunctuation: jsii.Bool(true)}})
}
