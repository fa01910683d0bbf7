// Package asl runs Amazon States Language machines on one machine, durably: the state machine files that Step Functions
// runs in the cloud run here unchanged.
//
// The query language is JSONPath; a definition that asks for JSONata is refused. Tasks call Lambda functions through the
// Invoker port, by name or through arn:aws:states:::lambda:invoke; every other service integration is refused when the
// definition is read, not when it runs.
//
// # How it lasts
//
// An execution is a tree of frames: the root, and one frame for each branch of a Parallel and each iteration of a Map. A
// frame says which state it is in and what that state was given. Between two effects (the call of a task, a wait, the end)
// the tree moves in memory; before each effect everything that changed is committed to the Journal in one step. After a
// crash the frames are read back: a wait goes on with the time that is left, a retry with the attempts that are left, and
// a task whose result was not committed is called again with the very same payload: at least once, never after its commit.
//
// # Limits
//
// As in the cloud: 262,144 bytes for any input, output or result, 25,000 history events for an execution. Retry and Catch
// with States.ALL do not see States.DataLimitExceeded and States.Runtime; States.Runtime cannot be caught at all.
//
// # Where it differs
//
// Objects come out with sorted keys (the cloud's order is that of a Java hash map). A distributed Map runs its iterations
// inside the same execution and reads no S3: ItemReader, ItemBatcher and ResultWriter are refused.
package asl
