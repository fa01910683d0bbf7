package topology

// PathEvents are the live events of a job: the only answer that is sent while it is made.
const PathEvents = "/api/v1/jobs/{job}/events"

// PathObjects is where signed requests to the object store are answered, under the page's own origin: a page needs no second one.
const PathObjects = "/objects"

// PathFrame is the folder of documents that show what programs made, each in a sandbox of its own.
const PathFrame = "/sandbox/"

// PathAssets is the folder of files whose names change with their content.
const PathAssets = "/assets/"

// APIPrefixes are the addresses under the page's origin that belong to the API and never to the page.
func APIPrefixes() []string {
	return []string{"/api/", "/.well-known/", "/openapi.json", "/health", "/claude-models", "/ray/"}
}

// What documents may do in a browser.
const (
	// PolicyPage: nothing inline, no eval, no other origin. frontend/build/policy.ts says the same.
	PolicyPage = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; " +
		"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
	// PolicyFrame: a document of another origin than ours, without network, which only our page may show.
	PolicyFrame = "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; " +
		"img-src data: blob:; font-src data:; frame-ancestors 'self'"
	// PolicyData: an object that is opened as a document can do nothing.
	PolicyData = "sandbox; default-src 'none'"
)

// How long browsers keep files.
const (
	CacheNever  = "no-cache"
	CacheAlways = "public, max-age=31536000, immutable"
)
