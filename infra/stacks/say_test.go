package stacks_test

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

var (
	hash    = regexp.MustCompile(`[0-9A-F]{8}$`)
	pseudo  = regexp.MustCompile(`\$\{AWS::(\w+)\}`)
	ordered = strings.NewReplacer("arn:Partition:", "arn:aws:", ":Region:AccountId:", ":here:")
)

// say writes a value of a template as a person would: the names of resources without the hashes of the CDK, and "here" for the
// account and region of whoever deploys.
func (w *world) say(v any) string { return ordered.Replace(w.raw(v)) }

func (w *world) raw(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	case map[string]any:
		return w.intrinsic(v)
	}
	return fmt.Sprint(v)
}

func (w *world) intrinsic(v map[string]any) string {
	if name, ok := v["Ref"].(string); ok {
		return hash.ReplaceAllString(strings.TrimPrefix(name, "AWS::"), "")
	}
	if parts, ok := v["Fn::GetAtt"].([]any); ok {
		name := hash.ReplaceAllString(parts[0].(string), "")
		if parts[1] == "Arn" {
			return name
		}
		return name + "." + fmt.Sprint(parts[1])
	}
	if name, ok := v["Fn::ImportValue"].(string); ok {
		_, export, _ := strings.Cut(name, ":")
		if value, known := w.exports[name]; known {
			return w.raw(value)
		}
		return export
	}
	if text, ok := v["Fn::Sub"].(string); ok {
		return pseudo.ReplaceAllString(text, "$1")
	}
	if join, ok := v["Fn::Join"].([]any); ok {
		var parts []string
		for _, p := range join[1].([]any) {
			parts = append(parts, w.raw(p))
		}
		return strings.Join(parts, join[0].(string))
	}
	return fmt.Sprint(v)
}
