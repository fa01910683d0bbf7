// Package topology is the one wiring table: which functions, queues, state machines, tables and buckets there are, how they are
// connected, and their limits. It is plain data with two readers: infra makes AWS resources of it, infra/local mounts the same
// parts in one process. What is not in the table exists nowhere.
package topology

import "time"

// Function is one Lambda function.
type Function struct {
	Name    string
	Purpose string
	Timeout time.Duration
	Memory  int   // MiB
	Uses    []Use // what it does with the other parts: its rights and variables follow
	InVPC   bool  // it speaks to cells or the cluster
}

// Route leads HTTP requests to a function. Method "ANY" is every method. Every function proves access tokens itself, by the one
// policy table of the handler: what is public is public there.
type Route struct {
	Method, Path string
	Function     string
	Streams      bool // the answer is sent while it is made
}

// Queue is a queue and the function that consumes it.
type Queue struct {
	Name       string
	Consumer   string
	Visibility time.Duration
	MaxReceive int
	MaxAge     time.Duration
	MaxDepth   int
	Batch      int
}

// Machine is a state machine: a file of package statemachines, and the functions that its ${names} stand for.
type Machine struct {
	Name      string
	File      string
	Functions []string
}

// Schedule calls a function every so often. The clock of AWS knows whole minutes only: there, shorter times are a minute.
type Schedule struct {
	Name     string
	Function string
	Every    time.Duration
}

// App is the whole table.
type App struct {
	Functions []Function
	Routes    []Route
	Queues    []Queue
	Machines  []Machine
	Schedules []Schedule
	Tables    []string
	Buckets   []string
	Buses     []string
}

// The names that other code refers to.
const (
	TableMain      = "main"
	BucketData     = "data" // sources, outputs and what jobs leave
	BucketPage     = "page" // the built page
	BucketLogs     = "logs" // who asked for what
	BusMain        = "main"
	QueueJobs      = "jobs"
	MachineInterp  = "interpret"
	FnAPI          = "api"
	FnStream       = "stream"
	FnUploads      = "uploads"
	FnCluster      = "cluster"
	FnDispatch     = "dispatch"
	FnReaper       = "reaper"
	FnPrepare      = "prepare"
	FnGenerate     = "generate"
	FnValidate     = "validate"
	FnFix          = "fix"
	FnExecute      = "execute"
	FnFinish       = "finish"
	reaperInterval = 30 * time.Second
)

// ObjectIssuerKeys is the one object of BucketData that is nobody's: the keys of the issuer, as the reaper keeps them.
const ObjectIssuerKeys = "keys/issuer.json"

// Orcray is the application.
func Orcray() App {
	return App{
		Functions: functions(),
		Routes: []Route{
			{Method: "GET", Path: PathEvents, Function: FnStream, Streams: true},
			{Method: "POST", Path: "/api/v1/uploads/{upload}/complete", Function: FnUploads},
			{Method: "ANY", Path: "/api/v1/ray/{proxy+}", Function: FnCluster},
			{Method: "ANY", Path: "/ray/{proxy+}", Function: FnCluster},
			{Method: "ANY", Path: "/{proxy+}", Function: FnAPI},
			{Method: "ANY", Path: "/", Function: FnAPI}, // API Gateway's {proxy+} is everything below, and not this
		},
		Queues: []Queue{{Name: QueueJobs, Consumer: FnDispatch, Visibility: 60 * time.Second, MaxReceive: 5, MaxAge: time.Hour,
			MaxDepth: 10_000, Batch: 10}},
		Machines: []Machine{{Name: MachineInterp, File: "interpret.asl.json",
			Functions: []string{FnPrepare, FnGenerate, FnValidate, FnFix, FnExecute, FnFinish}}},
		Schedules: []Schedule{{Name: FnReaper, Function: FnReaper, Every: reaperInterval}},
		Tables:    []string{TableMain},
		Buckets:   []string{BucketData, BucketPage, BucketLogs},
		Buses:     []string{BusMain},
	}
}

func functions() []Function {
	place := []Use{UseTable, UseData, UseCells, UseCluster, UseRunRole}
	model := []Use{UseTable, UseModels}
	return []Function{
		{Name: FnAPI, Purpose: "the HTTP API", Timeout: 29 * time.Second, Memory: 512,
			Uses: []Use{UseTable, UseData, UseQueue, UseTokens, UseUsers, UseSeal, UseModelNames}},
		{Name: FnStream, Purpose: "live events", Timeout: 15 * time.Minute, Memory: 256, Uses: []Use{UseTableRead, UseTokens}},
		// It reads and parses whole files while somebody waits: this much memory comes with a whole processor.
		{Name: FnUploads, Purpose: "looks into files that were sent", Timeout: 29 * time.Second, Memory: 1769,
			Uses: []Use{UseTable, UseData, UseTokens}},
		{Name: FnCluster, Purpose: "what the API shows of Ray", Timeout: 29 * time.Second, Memory: 256, InVPC: true,
			Uses: []Use{UseKeptKeys, UseTokens, UseHead}},
		{Name: FnDispatch, Purpose: "queue messages to workflows", Timeout: 10 * time.Second, Memory: 256, Uses: []Use{UseConsume, UseStart}},
		{Name: FnReaper, Purpose: "sends stuck jobs again, and stops what idles", Timeout: time.Minute, Memory: 256,
			Uses: []Use{UseTable, UseRemove, UseQueue, UseLook, UseBus, UseModelNames, UseIdle, UseKeepKeys}},
		{Name: FnPrepare, Purpose: "takes a job up", Timeout: 30 * time.Second, Memory: 256, Uses: []Use{UseTable}},
		{Name: FnGenerate, Purpose: "asks the model", Timeout: 10 * time.Minute, Memory: 256, Uses: model},
		{Name: FnValidate, Purpose: "proves a program on samples", Timeout: 15 * time.Minute, Memory: 256, Uses: place, InVPC: true},
		{Name: FnFix, Purpose: "mends a program", Timeout: 10 * time.Minute, Memory: 256, Uses: model},
		{Name: FnExecute, Purpose: "runs a program on the full data", Timeout: 15 * time.Minute, Memory: 256, Uses: place, InVPC: true},
		{Name: FnFinish, Purpose: "ends a job", Timeout: 30 * time.Second, Memory: 256,
			Uses: []Use{UseTable, UseBus, UseModelNames, UseEndCells}},
	}
}
