// Package functions_test starts every function's real bootstrap under a Lambda Runtime API, with DynamoDB Local, moto and an S3
// server behind it, and feeds it the samples of events/.
package functions_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/oklog/ulid/v2"

	"github.com/orcray/orcray/functions/runtimetest"
	"github.com/orcray/orcray/shared/aws/awsclient"
	"github.com/orcray/orcray/shared/aws/dynamo"
	"github.com/orcray/orcray/shared/aws/dynamo/dynamolocal"
	"github.com/orcray/orcray/shared/aws/mototest"
	"github.com/orcray/orcray/shared/aws/sqs"
	"github.com/orcray/orcray/shared/codegen"
	"github.com/orcray/orcray/shared/embedded/s3gateway"
	"github.com/orcray/orcray/shared/job"
	"github.com/orcray/orcray/shared/queue"
	"github.com/orcray/orcray/shared/session"
	"github.com/orcray/orcray/shared/table"
	"github.com/orcray/orcray/shared/topology"
)

var moto mototest.Server

func TestMain(m *testing.M) { os.Exit(mototest.Main(m, &moto)) }

const (
	owner   = "01ARZ3NDEKTSV4RRFFQ69G5FAA"
	region  = mototest.Region
	table1  = "orcray-test"
	machine = "interpret"
)

// world is what the functions of one test reach.
type world struct {
	t       *testing.T
	env     map[string]string // every variable there is
	table   table.Table
	jobs    *job.Service
	session string
	sfn     *sfn.Client
	sqs     *awssqs.Client
	queue   *sqs.Queue
	suffix  string // of the names of this test's parts
	user    string // who may sign in
	token   func() string
	issuer  func()        // closes the issuer: nobody reaches its keys any more
	ago     time.Duration // how long ago the jobs of this test are accepted
	bus     *eventbridge.Client
}

func newWorld(t *testing.T) *world {
	t.Helper()
	config := moto.Config(t, awsclient.Options{})
	store := dynamolocal.Start(t)
	w := &world{t: t, env: map[string]string{}, suffix: strings.ToLower(ulid.Make().String()), user: owner, sfn: sfn.NewFromConfig(config), sqs: awssqs.NewFromConfig(config)}
	w.set("AWS_REGION", region, "AWS_ACCESS_KEY_ID", "testing", "AWS_SECRET_ACCESS_KEY", "testing", "AWS_ENDPOINT_URL", moto.Endpoint,
		"AWS_ENDPOINT_URL_DYNAMODB", store, topology.EnvEnvironment, "dev", topology.EnvTable, table1)
	w.openTable(config, store)
	w.openQueues()
	w.openMachine()
	w.openRest(config)
	w.openPeople(config)
	w.openJobs()
	return w
}

// openRest makes what functions only name or write to.
func (w *world) openRest(config aws.Config) {
	w.t.Helper()
	gateway, err := s3gateway.Start(w.t.Context(), s3gateway.Options{Dir: w.t.TempDir(), Bucket: "orcray-data", Now: time.Now, Rand: rand.Reader})
	w.must(err)
	w.t.Cleanup(func() { w.must(gateway.Close()) })
	keys, err := gateway.Config().Credentials.Retrieve(w.t.Context()) // the only part that looks at them
	w.must(err)
	w.set("AWS_ACCESS_KEY_ID", keys.AccessKeyID, "AWS_SECRET_ACCESS_KEY", keys.SecretAccessKey)
	bus := aws.String("bus" + w.suffix)
	w.bus = eventbridge.NewFromConfig(config)
	_, err = w.bus.CreateEventBus(w.t.Context(), &eventbridge.CreateEventBusInput{Name: bus})
	w.must(err)
	w.set(topology.EnvBucket, "orcray-data", "AWS_ENDPOINT_URL_S3", gateway.Endpoint(), topology.EnvBus, *bus, topology.EnvECSCluster, "ray", topology.EnvHeadService, "head",
		topology.EnvHeadHost, "127.0.0.1", topology.EnvCellService, "cells", topology.EnvCellsMax, "2", topology.EnvIdleStop, "30m",
		topology.EnvRunRole, "arn:aws:iam::123456789012:role/run")
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) set(pairs ...string) {
	for i := 0; i < len(pairs); i += 2 {
		w.env[pairs[i]] = pairs[i+1]
	}
}

func (w *world) openTable(config aws.Config, endpoint string) {
	w.t.Helper()
	client := dynamo.NewClient(config, endpoint)
	w.must(dynamo.CreateTable(w.t.Context(), client, table1))
	w.table = dynamo.New(client, table1, time.Now)
}

func (w *world) openQueues() {
	w.t.Helper()
	for name, variable := range map[string]string{"jobs": topology.EnvQueueURL, "dead": topology.EnvDeadURL} {
		made, err := w.sqs.CreateQueue(w.t.Context(), &awssqs.CreateQueueInput{QueueName: aws.String(name + w.suffix)})
		w.must(err)
		w.set(variable, *made.QueueUrl)
	}
	w.queue = sqs.New(w.sqs, w.env[topology.EnvQueueURL], w.env[topology.EnvDeadURL], queue.Limits{Visibility: time.Minute, MaxReceive: 5, MaxAge: time.Hour, MaxDepth: 1000})
}

func (w *world) openMachine() {
	w.t.Helper()
	made, err := w.sfn.CreateStateMachine(w.t.Context(), &sfn.CreateStateMachineInput{Name: aws.String(machine + w.suffix),
		Definition: aws.String(`{"StartAt":"A","States":{"A":{"Type":"Wait","Seconds":3600,"End":true}}}`),
		RoleArn:    aws.String("arn:aws:iam::123456789012:role/states")})
	w.must(err)
	w.set(topology.EnvMachineARN, *made.StateMachineArn)
}

func (w *world) openJobs() {
	w.t.Helper()
	id := func() string { return ulid.MustNew(ulid.Now(), rand.Reader).String() }
	now := func() time.Time { return time.Now().Add(-w.ago) }
	catalog, err := codegen.BedrockCatalog(nil)
	w.must(err)
	sessions := session.NewService(session.Deps{Table: w.table, Now: time.Now, NewID: id, Bucket: "orcray-data"})
	w.jobs = job.NewService(job.Deps{Store: job.NewStore(w.table, now), Log: job.NewLog(w.table, now, job.Polling{}), Table: w.table,
		Queue: w.queue, Sessions: sessions, Models: catalog, Pace: job.NewTablePace(w.table, now), Now: now, NewID: id,
		OnSend: func(err error) { w.t.Error(err) }, Rules: job.Rules{MaxPrompt: 1000, MaxCode: 10000, ValidateSeconds: 30, ExecuteSeconds: 60, MaxExecute: 60}})
	s, err := sessions.Create(w.t.Context(), w.user, "S")
	w.must(err)
	w.session = s.ID
}

// accept makes a job of a given program.
func (w *world) accept() *job.Job {
	w.t.Helper()
	done, err := w.jobs.Create(w.t.Context(), w.user, job.Request{Kind: job.Execute, SessionID: w.session, Code: "x = 1",
		TraceParent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"})
	w.must(err)
	return done.Job
}

// start starts a function with exactly the variables that the wiring table gives it.
func (w *world) start(name string) *runtimetest.Process {
	w.t.Helper()
	return runtimetest.Start(w.t, runtimetest.Build(w.t, name), w.variables(name)...)
}

func (w *world) variables(name string) []string {
	var env []string
	for key, value := range w.env {
		if strings.HasPrefix(key, "AWS_") || w.given(name, key) {
			env = append(env, key+"="+value)
		}
	}
	return env
}

// given tells whether the wiring table gives a variable to a function: tests give it no other.
func (w *world) given(function, variable string) bool {
	for _, f := range topology.Orcray().Functions {
		if f.Name == function {
			return slices.Contains(f.Env(), variable)
		}
	}
	w.t.Fatalf("the wiring table has no function %s", function)
	return false
}

func (w *world) job(id string) *job.Job {
	w.t.Helper()
	j, err := w.jobs.Get(context.Background(), w.user, id)
	w.must(err)
	return j
}

func encode(t *testing.T, v any) []byte {
	t.Helper()
	body, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func decode[T any](t *testing.T, body []byte) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(body, &v); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return v
}
