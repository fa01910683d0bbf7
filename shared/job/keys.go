package job

import (
	"fmt"

	"github.com/orcray/orcray/shared/table"
)

// The key schema of jobs. The owner is part of every partition.
//
//	U#<user>            J#<job>        the job
//	U#<user>            IDEM#<route>#… an idempotency record
//	U#<user>#S#<sess>   J#<job>        a pointer: the jobs of one session
//	U#<user>#J#<job>    E#<seq>        an event
//	U#<user>#J#<job>    A#<attempt>    an attempt
//	U#<user>#J#<job>    S#<n>          a bound source with its whole profile
//	U#<user>#J#<job>    R#<run>        a run: where it is, and how far its events were copied
//	OPEN                <job>          every job that is not terminal, for the reaper
func ownerPK(owner string) string            { return "U#" + owner }
func sessionPK(owner, session string) string { return "U#" + owner + "#S#" + session }
func jobPK(owner, id string) string          { return "U#" + owner + "#J#" + id }

func jobKey(owner, id string) table.Key { return table.Key{PK: ownerPK(owner), SK: "J#" + id} }

func pointerKey(owner, session, id string) table.Key {
	return table.Key{PK: sessionPK(owner, session), SK: "J#" + id}
}

func eventKey(owner, id string, seq int64) table.Key {
	return table.Key{PK: jobPK(owner, id), SK: fmt.Sprintf("E#%012d", seq)}
}

func attemptKey(owner, id string, n int) table.Key {
	return table.Key{PK: jobPK(owner, id), SK: fmt.Sprintf("A#%06d", n)}
}

func runKey(owner, id, run string) table.Key {
	return table.Key{PK: jobPK(owner, id), SK: "R#" + run}
}

func bindingKey(owner, id string, n int) table.Key {
	return table.Key{PK: jobPK(owner, id), SK: fmt.Sprintf("S#%03d", n)}
}

func resultKey(owner, id string) table.Key { return table.Key{PK: jobPK(owner, id), SK: "RESULT"} }

func openKey(id string) table.Key { return table.Key{PK: "OPEN", SK: id} }

func idempotencyKey(owner, route, key string) table.Key {
	return table.Key{PK: ownerPK(owner), SK: "IDEM#" + route + "#" + key}
}
