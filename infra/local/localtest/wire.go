package localtest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awseb "github.com/aws/aws-sdk-go-v2/service/eventbridge"
	awssfn "github.com/aws/aws-sdk-go-v2/service/sfn"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/orcray/orcray/infra/local"
	"github.com/orcray/orcray/shared/asl"
	"github.com/orcray/orcray/shared/aws/awsclient"
	"github.com/orcray/orcray/shared/aws/dynamo"
	"github.com/orcray/orcray/shared/aws/dynamo/dynamolocal"
	"github.com/orcray/orcray/shared/aws/eventbridge"
	"github.com/orcray/orcray/shared/aws/mototest"
	"github.com/orcray/orcray/shared/aws/sfn"
	"github.com/orcray/orcray/shared/aws/sfn/sfntest"
	"github.com/orcray/orcray/shared/aws/sqs"
	"github.com/orcray/orcray/shared/aws/sqs/sqstest"
	"github.com/orcray/orcray/shared/interpret"
	"github.com/orcray/orcray/shared/job"
	"github.com/orcray/orcray/shared/queue"
	"github.com/orcray/orcray/shared/table"
)

// wireVariable says what worlds are made of. Empty: the embedded parts, which are the product of one machine. "aws": the adapters of
// AWS, which speak over the wire to doubles of DynamoDB, SQS, Step Functions and EventBridge.
const wireVariable = "ORCRAY_TEST_WIRE"

// doublesVariable leads a child process to the doubles of its parent: the endpoints of moto and DynamoDB Local.
const doublesVariable = "ORCRAY_TEST_DOUBLES"

// OnWire reports whether worlds are made of the adapters of AWS.
func OnWire() bool { return os.Getenv(wireVariable) == "aws" }

// Embedded skips a test that is about an embedded part by its nature; why says which. docs/aws.md lists these tests.
func Embedded(t testing.TB, why string) {
	t.Helper()
	if OnWire() {
		t.Skip("with the adapters of AWS: " + why)
	}
}

// Main runs the tests of a package that opens worlds, and gives the code to exit with. closing closes what its tests share, nil:
// nothing; after it the doubles end.
func Main(m *testing.M, closing func() error) int {
	code := m.Run()
	var err error
	if closing != nil {
		err = closing()
	}
	shared.close()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// doubles are the services that all worlds of this process share: each has a table and a queue of its own.
type doubles struct {
	mu     sync.Mutex
	dynamo *dynamolocal.Server // nil: they do not run, or are the parent's
	moto   mototest.Server
	config aws.Config
	store  string // the endpoint of DynamoDB
}

var shared doubles

// Doubles starts the doubles and gives the environment in which a child process finds them; nothing off the wire.
func Doubles() ([]string, error) {
	if !OnWire() {
		return nil, nil
	}
	err := shared.open()
	return []string{doublesVariable + "=" + shared.moto.Endpoint + " " + shared.store}, err
}

// Parts gives the options of an application the parts that the variable asks for; dir is the world's, depth the queue's, 0: the product's.
func Parts(o *local.Options, dir string, depth int, log *slog.Logger) error {
	if !OnWire() {
		return nil
	}
	return shared.parts(o, dir, depth, log)
}

// open starts the doubles with the first world that needs them. What is missing here is an error: who sets the variable asks for them.
func (d *doubles) open() (err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.store != "" {
		return nil
	}
	var store string
	if _, err := fmt.Sscan(os.Getenv(doublesVariable), &d.moto.Endpoint, &store); err != nil {
		if err := d.moto.Start(); err != nil {
			return fmt.Errorf("localtest: %w", err)
		}
		if d.dynamo, err = dynamolocal.Open(); err != nil {
			d.moto.Stop()
			return fmt.Errorf("localtest: %w", err)
		}
		store = d.dynamo.Endpoint
	}
	d.config, err = d.moto.Settings(awsclient.Options{})
	d.store = store
	return err
}

func (d *doubles) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.dynamo != nil {
		d.moto.Stop()
		d.dynamo.Close()
	}
}

// items opens the table and the queue of a folder: the same for whoever opens it again.
func (d *doubles) items(ctx context.Context, dir string, limits queue.Limits, now func() time.Time) (table.Table, local.Queue, error) {
	if err := d.open(); err != nil {
		return nil, nil, err
	}
	name := nameOf(dir)
	client := dynamo.NewClient(d.config, d.store)
	if err := dynamo.CreateTable(ctx, client, name); err != nil {
		return nil, nil, err
	}
	queues := awssqs.NewFromConfig(d.config)
	url, dead, err := sqstest.Create(ctx, queues, name, limits, limits.MaxAge)
	return dynamo.New(client, name, now), unbroken{sqs.New(queues, url, dead, limits)}, err
}

// unbroken is a queue whose receives are brief and end by themselves. One that is broken off goes on at the server, as it does at SQS, and
// would hide messages from the world that is opened next on the same queue.
type unbroken struct{ *sqs.Queue }

// Receive implements queue.Queue.
func (q unbroken) Receive(ctx context.Context, most int, wait time.Duration) ([]queue.Delivery, error) {
	return q.Queue.Receive(context.WithoutCancel(ctx), most, min(wait, time.Second))
}

// parts puts the adapters of AWS in place of the embedded parts, and what goes with many processes in place of what goes with one.
func (d *doubles) parts(o *local.Options, dir string, depth int, log *slog.Logger) error {
	ctx := context.Background()
	var err error
	if o.Table, o.Queue, err = d.items(ctx, dir, jobsLimits(depth), time.Now); err != nil {
		return err
	}
	name := nameOf(dir)
	events := awseb.NewFromConfig(d.config)
	_, err = events.CreateEventBus(ctx, &awseb.CreateEventBusInput{Name: &name})
	if awsclient.CodeOf(err) == "ResourceAlreadyExistsException" {
		err = nil // of an earlier world on this folder
	}
	o.Engine, o.Publish = d.engine(dir, log), eventbridge.New(events, name)
	o.Notify, o.Pace = job.Polling{Every: lookEvery}, job.NewTablePace(o.Table, time.Now)
	return err
}

// lookEvery is how often followers look at a log there (functions/internal/wire/web).
const lookEvery = 400 * time.Millisecond

// nameOf names what belongs to the world of a folder.
func nameOf(dir string) string {
	sum := sha256.Sum256([]byte(filepath.Clean(dir)))
	return "world-" + hex.EncodeToString(sum[:10])
}

// engine opens Step Functions' double in a folder, and the adapter that speaks to it.
func (d *doubles) engine(dir string, log *slog.Logger) func(context.Context, map[string]*asl.Machine, asl.Invoker) (local.Engine, error) {
	return func(ctx context.Context, machines map[string]*asl.Machine, functions asl.Invoker) (local.Engine, error) {
		double, err := sfntest.Start(ctx, sfntest.Config{Dir: filepath.Join(dir, "step-functions"), Machines: machines, Functions: functions, Calls: 4096, Log: log})
		if err != nil {
			return nil, err
		}
		config, err := awsclient.Config(mototest.Region, awsclient.Options{Endpoint: double.Endpoint, Credentials: mototest.Keys()})
		if err != nil {
			return nil, errors.Join(err, double.Close(ctx))
		}
		return workflows{sfn.New(awssfn.NewFromConfig(config), double.ARNs()), double}, nil
	}
}

// workflows is Step Functions as the application needs it.
type workflows struct {
	sfn    *sfn.Engine
	double *sfntest.Server
}

// Start implements local.Engine.
func (w workflows) Start(ctx context.Context, machine, name string, input json.RawMessage) error {
	return w.sfn.Start(ctx, machine, name, input)
}

// Look implements local.Engine.
func (w workflows) Look(ctx context.Context, machine, name string) (interpret.Workflow, error) {
	x, err := w.sfn.Describe(ctx, machine, name)
	return interpret.Workflow{Running: err == nil && !x.Ended(), Error: x.Error, Cause: x.Cause}, err
}

// Done implements local.Engine.
func (w workflows) Done(ctx context.Context, machine, name string) (<-chan struct{}, error) {
	return w.double.Done(ctx, machine, name)
}

// Close implements local.Engine.
func (w workflows) Close(ctx context.Context) error { return w.double.Close(ctx) }
