package identity

// DefaultPolicy is the one table of who may call what. An operation of the API without a row fails the tests of the API,
// and is denied to everyone until then.
func DefaultPolicy() Policy {
	rows := map[string]Permission{}
	for _, part := range []struct {
		permission Permission
		operations []string
	}{
		{Public, publicOperations()},
		{UserOnly, userOperations()},
		{AdminOnly, adminOperations()}, // last: of two rows by mistake the stricter one counts
	} {
		for _, operation := range part.operations {
			rows[operation] = part.permission
		}
	}
	return Policy{rows: rows}
}

func publicOperations() []string {
	return []string{
		"get-health", "get-index", "get-openapi", "get-keys", "create-token", "register-user", "alias-health", "alias-index",
	}
}

// userOperations work on the caller's own things; the services find nothing else.
func userOperations() []string {
	return []string{
		"get-me", "change-password",
		"create-session", "list-sessions", "get-session", "update-session", "delete-session", "reset-session", "get-examples", "get-history",
		"create-upload", "complete-upload", "list-sources", "get-source", "update-source", "delete-source",
		"create-job", "list-jobs", "get-job", "cancel-job", "delete-job", "list-attempts",
		"get-job-events", "get-job-program", "get-job-result", "get-job-logs", "get-job-output",
		"get-ray-status", "list-models", "get-settings",
		"alias-generate", "alias-execute", "alias-history", "alias-reset", "alias-models", "alias-get-ray-status",
	}
}

// adminOperations show or change what belongs to everybody: the settings, and the cluster's own list of jobs, which names the jobs
// of all users.
func adminOperations() []string {
	return []string{
		"update-settings", "reset-settings", "list-ray-jobs", "get-ray-job-logs", "stop-ray-job", "alias-list-ray-jobs", "alias-get-ray-job-logs", "alias-stop-ray-job",
	}
}
