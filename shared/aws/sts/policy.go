package sts

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/object"
)

// maxPolicy is the longest session policy in letters. STS also counts a packed form, whose size it alone knows.
const maxPolicy = 2048

type statement struct {
	Effect    string
	Action    []string
	Resource  []string
	Condition map[string]map[string][]string `json:",omitempty"`
}

type document struct {
	Version   string
	Statement []statement
}

// policies gives the session policies that would do, the narrowest first: exact keys, the folders of the keys, the session's
// folder. Those that are too long are left out; without any the run asks for too much.
func (g *Granter) policies(scope object.Scope) ([]string, error) {
	for _, key := range append(slices.Clone(scope.Read), scope.Write) {
		if strings.ContainsFunc(key, func(r rune) bool { return r < ' ' || r > 'ÿ' }) {
			return nil, fault.New(fault.Invalid, "A key holds letters that a policy cannot hold.")
		}
	}
	var reads [][]string
	reads = append(reads, g.arns(scope.Read, ""))
	if folders, ok := foldersOf(scope); ok {
		reads = append(reads, g.arns(folders, "*"))
	}
	if session, ok := sessionOf(scope); ok {
		reads = append(reads, g.arns([]string{session}, "*"))
	}
	var all []string
	for _, read := range reads {
		policy, err := g.policy(read, scope.Write)
		if err != nil {
			return nil, err
		}
		if len(policy) <= maxPolicy && !slices.Contains(all, policy) {
			all = append(all, policy)
		}
	}
	if len(all) == 0 {
		return nil, tooMany()
	}
	return all, nil
}

// policy allows to read the objects, to write below the prefix and to read that back. The prefix's name without the slash
// counts too, for that is how clients ask for a folder and make one. To list means to list one's own output: without that
// right S3 answers "forbidden" where nothing is, and clients could not tell that a folder is new. Nothing is deleted.
func (g *Granter) policy(read []string, write string) (string, error) {
	var all []statement
	if write != "" {
		output := append(g.arns([]string{write}, "*"), g.arns([]string{strings.TrimSuffix(write, "/")}, "")...)
		read = append(slices.Clone(read), output...)
		all = append(all,
			statement{Effect: "Allow", Action: []string{"s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"}, Resource: output},
			statement{Effect: "Allow", Action: []string{"s3:ListBucket"}, Resource: []string{"arn:aws:s3:::" + g.bucket},
				Condition: map[string]map[string][]string{"StringLike": {"s3:prefix": {literal(write) + "*"}}}})
	}
	if len(read) > 0 {
		all = append(all, statement{Effect: "Allow", Action: []string{"s3:GetObject"}, Resource: read})
	}
	if len(all) == 0 { // a policy must say something, and none at all would leave the whole role
		all = append(all, statement{Effect: "Deny", Action: []string{"*"}, Resource: []string{"*"}})
	}
	raw, err := json.Marshal(document{Version: "2012-10-17", Statement: all})
	return string(raw), fault.Wrap(err, fault.Internal, "The run's rights could not be written down.")
}

func (g *Granter) arns(keys []string, suffix string) []string {
	all := make([]string, 0, len(keys)+2)
	for _, key := range keys {
		all = append(all, "arn:aws:s3:::"+g.bucket+"/"+literal(key)+suffix)
	}
	return all
}

// literal keeps what IAM would take for a pattern or a variable from being one.
func literal(key string) string {
	return strings.NewReplacer("*", "${*}", "?", "${?}", "$", "${$}").Replace(key)
}

// foldersOf gives the folders of the keys, if all of them are inside the session's folder.
func foldersOf(scope object.Scope) ([]string, bool) {
	session, ok := sessionOf(scope)
	if !ok {
		return nil, false
	}
	var folders []string
	for _, key := range scope.Read {
		folder := key[:strings.LastIndex(key, "/")+1]
		if len(folder) <= len(session) {
			return nil, false
		}
		if !slices.Contains(folders, folder) {
			folders = append(folders, folder)
		}
	}
	return folders, true
}

// sessionOf gives the session's folder, u/<user>/s/<session>/, if everything of the scope lies in one.
func sessionOf(scope object.Scope) (string, bool) {
	if len(scope.Read) == 0 {
		return "", false
	}
	parts := strings.SplitN(scope.Read[0], "/", 5)
	if len(parts) < 5 || parts[0] != "u" || parts[2] != "s" || parts[1] == "" || parts[3] == "" {
		return "", false
	}
	session := strings.Join(parts[:4], "/") + "/"
	for _, key := range append(slices.Clone(scope.Read), scope.Write) {
		if key != "" && !strings.HasPrefix(key, session) {
			return "", false
		}
	}
	return session, true
}
