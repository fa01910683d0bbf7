package topology

// Metrics that functions write into their logs (embedded metric format), each with the one dimension DimensionEnv.
const (
	MetricSpace     = "orcray"
	DimensionEnv    = "Environment"
	MetricJobs      = "JobsEnded"   // of each end of a job: 1
	MetricJobFailed = "JobsFailed"  // of each end of a job: 1 when it failed by our fault
	MetricJobTime   = "JobSeconds"  // of each end of a job: from its start to its end
	MetricJobCost   = "JobDollars"  // of each end of a job: what models took
	MetricStuck     = "StuckJobs"   // of each sweep: jobs that are not moved by anything
	MetricOpen      = "OpenJobs"    // of each sweep: jobs that have not ended
	MetricQueue     = "QueueDepth"  // of each sweep: messages that wait or are being worked on
	MetricDead      = "DeadLetters" // of each sweep: messages that were given up
	MetricCells     = "Cells"       // of each sweep: cells that exist
	MetricLeased    = "CellsLeased" // of each sweep: those of them that a session has
)
