package topology

// Environment variables that the stacks set on functions and tasks, and that shared/config reads there.
const (
	EnvEnvironment  = "ORCRAY_ENV"               // dev, staging or prod
	EnvTable        = "ORCRAY_TABLE"             // name of the DynamoDB table
	EnvBucket       = "ORCRAY_BUCKET"            // name of the data bucket
	EnvQueueURL     = "ORCRAY_QUEUE_URL"         // of the queue of jobs
	EnvDeadURL      = "ORCRAY_DEAD_URL"          // of its dead letters
	EnvMachineARN   = "ORCRAY_MACHINE_ARN"       // of the state machine interpret
	EnvBus          = "ORCRAY_BUS"               // name of the event bus
	EnvUserPool     = "ORCRAY_USER_POOL"         // id of the Cognito user pool
	EnvUserClient   = "ORCRAY_USER_CLIENT"       // id of its app client
	EnvIssuer       = "ORCRAY_ISSUER"            // issuer of access tokens: the user pool's address
	EnvAudience     = "ORCRAY_AUDIENCE"          // audience of access tokens: the app client
	EnvSealSecret   = "ORCRAY_SEAL_SECRET_ARN"   // secret that seals cursors
	EnvECSCluster   = "ORCRAY_ECS_CLUSTER"       // name of the ECS cluster
	EnvHeadService  = "ORCRAY_HEAD_SERVICE"      // name of the service of Ray's head
	EnvHeadHost     = "ORCRAY_HEAD_HOST"         // DNS name of the head inside the VPC
	EnvCellService  = "ORCRAY_CELL_SERVICE"      // name of the service of cells
	EnvCellsWarm    = "ORCRAY_CELLS_WARM"        // cells that are kept ready; 0: they start on demand
	EnvCellsMax     = "ORCRAY_CELLS_MAX"         // cells that may exist at once
	EnvIdleStop     = "ORCRAY_IDLE_STOP"         // after how long without work head and cells stop, such as 30m; 0: never
	EnvRunnerSecret = "ORCRAY_RUNNER_SECRET_ARN" // secret of the head's runner: the bearer token
	EnvRaySecret    = "ORCRAY_RAY_SECRET_ARN"    // secret of Ray's own token, which its processes and its dashboard ask for
	EnvRunRole      = "ORCRAY_RUN_ROLE_ARN"      // role whose narrowed credentials a cluster run gets
	EnvModels       = "ORCRAY_BEDROCK_MODELS"    // ids of the Bedrock models that are offered, with commas
)

// Environment variables of the tasks, beside EnvEnvironment, EnvBucket, EnvECSCluster and EnvIdleStop.
const (
	EnvRole          = "ORCRAY_ROLE"           // head, worker or cell
	EnvRunnerToken   = "ORCRAY_RUNNER_TOKEN"   // of the head: the bearer token of its runner, out of the secret
	EnvRayToken      = "RAY_AUTH_TOKEN"        // of head and workers: Ray's own token, out of the secret
	EnvRayAuth       = "RAY_AUTH_MODE"         // of head and workers: token
	EnvTaskCPUs      = "ORCRAY_CPUS"           // CPUs that Ray is told of; a task sees more of its machine than it has
	EnvTaskMemory    = "ORCRAY_MEMORY"         // memory that Ray is told of, in bytes
	EnvObjectStore   = "ORCRAY_OBJECT_STORE"   // size of the object store, in bytes
	EnvPlasma        = "ORCRAY_PLASMA"         // folder of the object store: a tmpfs
	EnvWorkerTask    = "ORCRAY_WORKER_TASK"    // of the head: the task definition of workers
	EnvWorkersMax    = "ORCRAY_WORKERS_MAX"    // of the head: workers that may exist at once
	EnvWorkerCPUs    = "ORCRAY_WORKER_CPUS"    // of the head: CPUs of one worker
	EnvWorkerMemory  = "ORCRAY_WORKER_MEMORY"  // of the head: memory of one worker that Ray is told of, in bytes
	EnvWorkerIdle    = "ORCRAY_WORKER_IDLE"    // of the head: after how long without work a worker goes, such as 5m
	EnvWorkerSubnets = "ORCRAY_WORKER_SUBNETS" // of the head: where workers start, with commas
	EnvWorkerGroup   = "ORCRAY_WORKER_GROUP"   // of the head: the security group of workers
	EnvPort          = "ORCRAY_PORT"           // of head and cells: the port of the runner
)

// Ports of the tasks inside the VPC.
const (
	PortRunner    = 8700 // runner protocol, of the head and of cells
	PortDashboard = 8265 // Ray's dashboard and Jobs API, of the head
)
