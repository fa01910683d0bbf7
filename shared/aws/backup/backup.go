// Package backup keeps copies of an environment's data on AWS and brings them back: the table by DynamoDB's own backups, or to any
// second of its point-in-time recovery; the objects by the versions that their bucket keeps.
package backup

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/orcray/orcray/shared/aws/awsclient"
	"github.com/orcray/orcray/shared/fault"
)

const (
	prefix = "orcray-"
	stamp  = "20060102T150405Z"
)

// Keep is how long backups are kept; the bucket keeps what was overwritten or removed as long.
const Keep = 7 * 24 * time.Hour

// Backup is one moment of an environment.
type Backup struct {
	Env    string    `json:"env"`
	Taken  time.Time `json:"taken"`
	Table  string    `json:"table"`
	Bucket string    `json:"bucket"`
	ARN    string    `json:"arn,omitempty"` // of the table's backup; empty: a moment of its point-in-time recovery
}

// Keeper keeps the data of one environment.
type Keeper struct {
	env, table, bucket string
	db                 *dynamodb.Client
	objects            *s3.Client
	now                func() time.Time
	poll               time.Duration
}

// New makes the keeper of an environment's table and bucket. poll is how often it asks whether something is done; 0: 5 s.
func New(config aws.Config, env, table, bucket string, now func() time.Time, poll time.Duration) *Keeper {
	if poll <= 0 {
		poll = 5 * time.Second
	}
	return &Keeper{env: env, table: table, bucket: bucket, db: dynamodb.NewFromConfig(config), now: now, poll: poll,
		objects: s3.NewFromConfig(config, func(o *s3.Options) { o.UsePathStyle = config.BaseEndpoint != nil })}
}

func failed(part string, err error) error {
	switch awsclient.CodeOf(err) {
	case "TableNotFoundException", "ResourceNotFoundException":
		return fault.Wrap(err, fault.NotFound, "The table is not there. Is the environment deployed?")
	case "BackupNotFoundException":
		return fault.Wrap(err, fault.NotFound, "This backup of the table is no longer there. Restore a later one, or a moment of the last seven days.")
	case "TableAlreadyExistsException", "TableInUseException":
		return fault.Wrap(err, fault.Conflict, "The table to restore into is there already. Remove it, or restore again later.")
	case "PointInTimeRecoveryUnavailableException", "InvalidRestoreTimeException":
		return fault.Wrap(err, fault.Unprocessable, "The table cannot be brought back to this moment. Give one within the last seven days, and not the last five minutes.")
	case "NoSuchBucket":
		return fault.Wrap(err, fault.NotFound, "The bucket is not there. Is the environment deployed?")
	case "AccessDenied", "AccessDeniedException":
		return fault.Wrap(err, fault.Forbidden, "These credentials may not do this with %s. Sign in as somebody who may.", strings.ToLower(part[:1])+part[1:])
	}
	return awsclient.Service{Part: part}.Failed(err)
}

// Take keeps the table as it is now, and removes our own backups that are too old. The objects need no copy: their versions stay.
func (k *Keeper) Take(ctx context.Context) (Backup, error) {
	taken := k.now().UTC().Truncate(time.Second)
	out, err := k.db.CreateBackup(ctx, &dynamodb.CreateBackupInput{TableName: &k.table, BackupName: aws.String(prefix + k.env + "-" + taken.Format(stamp))})
	if err != nil {
		return Backup{}, failed("The table", err)
	}
	b := Backup{Env: k.env, Taken: taken, Table: k.table, Bucket: k.bucket, ARN: aws.ToString(out.BackupDetails.BackupArn)}
	return b, k.prune(ctx, taken.Add(-Keep))
}

func (k *Keeper) prune(ctx context.Context, before time.Time) error {
	var from *string
	for {
		page, err := k.db.ListBackups(ctx, &dynamodb.ListBackupsInput{TableName: &k.table, BackupType: types.BackupTypeFilterUser, ExclusiveStartBackupArn: from})
		if err != nil {
			return failed("The list of backups", err)
		}
		for _, b := range page.BackupSummaries {
			if !strings.HasPrefix(aws.ToString(b.BackupName), prefix+k.env+"-") || !k.takenOf(b).Before(before) {
				continue
			}
			if _, err := k.db.DeleteBackup(ctx, &dynamodb.DeleteBackupInput{BackupArn: b.BackupArn}); err != nil && awsclient.CodeOf(err) != "BackupNotFoundException" {
				return failed("The removal of an old backup", err)
			}
		}
		if from = page.LastEvaluatedBackupArn; from == nil {
			return nil
		}
	}
}

// takenOf reads our own time out of the name: it is what the objects go by.
func (k *Keeper) takenOf(b types.BackupSummary) time.Time {
	at, err := time.Parse(stamp, strings.TrimPrefix(aws.ToString(b.BackupName), prefix+k.env+"-"))
	if err != nil {
		return k.now() // not one of ours: never too old
	}
	return at
}

// RestoreTable makes a new table of the backup, beside the one that is in use, and waits until it is there.
func (k *Keeper) RestoreTable(ctx context.Context, b Backup, name string) error {
	var err error
	if b.ARN != "" {
		_, err = k.db.RestoreTableFromBackup(ctx, &dynamodb.RestoreTableFromBackupInput{BackupArn: &b.ARN, TargetTableName: &name})
	} else {
		_, err = k.db.RestoreTableToPointInTime(ctx, &dynamodb.RestoreTableToPointInTimeInput{SourceTableName: &k.table, TargetTableName: &name,
			RestoreDateTime: aws.Time(b.Taken)})
	}
	if err != nil {
		return failed("The table", err)
	}
	tick := time.NewTicker(k.poll)
	defer tick.Stop()
	for {
		out, err := k.db.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &name})
		if err != nil {
			return failed("The restored table", err)
		}
		if out.Table.TableStatus == types.TableStatusActive {
			return nil
		}
		select {
		case <-ctx.Done():
			return fault.Wrap(ctx.Err(), fault.Timeout, "The table %s is still being restored. It goes on without you: look at it in the console.", name)
		case <-tick.C:
		}
	}
}
