package house_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// banned is text that must not stand in the project, whatever the file.
type banned struct {
	rule    string
	pattern *regexp.Regexp
	spared  *regexp.Regexp // paths that may hold it
	fine    func(match string) bool
}

var (
	testFiles = regexp.MustCompile(`_test\.go$|(^|/)\w*tests?/|(^|/)test_[^/]*\.py$|\.test\.tsx?$|(^|/)e2e/|(^|/)testdata/`)
	locks     = regexp.MustCompile(`go\.sum$|\.lock$|package-lock\.json$`)
)

var bans = []banned{
	{rule: "the machine of whoever wrote it", pattern: regexp.MustCompile(`(?:^|[\s"'=(:])(/(?:work|home|Users|root)/[\w.-]+)`), spared: testFiles},
	{rule: "a folder beside the repository", pattern: regexp.MustCompile(`\.\./` + `shared\b`), spared: testFiles},
	{rule: "the host of a package registry", pattern: regexp.MustCompile(`(?:registry\.npmjs|files\.pythonhosted|proxy\.golang|pypi)\.org|repo1?\.maven`), spared: locks},
	{rule: "an account of AWS", pattern: regexp.MustCompile(`(?:arn:aws[\w-]*:[\w-]*:[\w-]*:|\b)(\d{12})(?::|\.dkr\.)`), spared: locks, fine: exampleAccount},
	{rule: "an address of a machine", pattern: regexp.MustCompile(`\b(\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})\b`), spared: regexp.MustCompile(locks.String() + "|" + testFiles.String()), fine: neutralAddress},
	{rule: "a key of AWS", pattern: regexp.MustCompile(`\b((?:AKIA|ASIA)[0-9A-Z]{16})\b`), spared: testFiles},
	{rule: "a private key", pattern: regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----`), spared: testFiles},
}

// exampleAccount knows the account ids that AWS's own documentation uses.
func exampleAccount(id string) bool {
	return slices.Contains([]string{"123456789012", "111122223333", "444455556666", "000000000000", "111111111111"}, id)
}

// neutralAddress knows loopback, unspecified, metadata, private ranges and documentation addresses: no machine of anyone.
func neutralAddress(address string) bool {
	for _, prefix := range []string{"127.", "0.0.0.0", "169.254.", "10.", "192.168.", "172.16.", "192.0.2.", "198.51.100.", "203.0.113.", "255.", "1.1.1.1"} {
		if strings.HasPrefix(address, prefix) {
			return true
		}
	}
	return false
}

func TestR57_TheProjectNamesNoMachineAccountOrKey(t *testing.T) {
	t.Parallel()
	for name, text := range texts(t) {
		for _, b := range bans {
			none(t, name+" names "+b.rule, b.in(name, text))
		}
	}
}

// in finds the ban's text, one finding a line.
func (b banned) in(name, text string) []string {
	if b.spared != nil && b.spared.MatchString(name) {
		return nil
	}
	var found []string
	for number, line := range strings.Split(text, "\n") {
		for _, m := range b.pattern.FindAllStringSubmatch(line, -1) {
			if b.fine == nil || !b.fine(m[len(m)-1]) {
				found = append(found, fmt.Sprintf("line %d: %s", number+1, strings.TrimSpace(m[0])))
			}
		}
	}
	return found
}

func TestR57_WhatIsBannedIsFound(t *testing.T) {
	t.Parallel()
	for text, rule := range map[string]int{
		`run := "/home/ann/orcray"`:             0,
		"see ../" + "shared/testdata":           1,
		"https://pypi" + ".org/simple":          2,
		"arn:aws:iam::987654321" + "098:role/x": 3,
		"host: 54.12." + "33.9":                 4,
		"AKIA" + "ABCDEFGHIJKLMNOP":             5,
		"-----BEGIN RSA " + "PRIVATE KEY-----":  6,
	} {
		if len(bans[rule].in("docs/x.md", text)) == 0 {
			t.Errorf("%q is not found", text)
		}
	}
}

// texts reads every file that git knows and that is text, but this one, which spells out what it looks for.
func texts(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, name := range tracked(t) {
		text, err := os.ReadFile(filepath.Join(root(t), name))
		if os.IsNotExist(err) || strings.HasPrefix(name, "infra/house/") {
			continue
		} else if err != nil {
			t.Fatal(err)
		}
		if utf8.Valid(text) {
			all[name] = string(text)
		}
	}
	return all
}
