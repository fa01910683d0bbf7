package source

// Binding is a source as a job has it: a snapshot, so that a later question never changes what this job read.
type Binding struct {
	ID      string  `json:"id"`
	Name    string  `json:"name"`
	URI     string  `json:"uri"`
	Key     string  `json:"key"`
	ETag    string  `json:"etag,omitempty"` // of the object that Profile describes: one with another was exchanged
	Profile Profile `json:"profile"`
}
