package house_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// wanted are the targets that people look for first.
var wanted = []string{"setup", "build", "run", "down", "dev", "doctor", "health", "test", "bench", "coverage", "acceptance", "verify", "lint", "fmt", "clean"}

func TestO55_MakeHelpListsEveryTarget(t *testing.T) {
	t.Parallel()
	help := output(t, "make", "-C", root(t))
	listed := names(regexp.MustCompile(`(?m)^  ([a-z][a-z-]*) {2,}\S`), help)
	targets := targetsOf(t)
	for _, name := range wanted {
		if !slices.Contains(targets, name) {
			t.Errorf("there is no target %s", name)
		}
	}
	slices.Sort(listed)
	slices.Sort(targets)
	if !slices.Equal(listed, targets) {
		t.Errorf("make help lists %v, the Makefile has %v", listed, targets)
	}
}

func TestO55_EveryTargetCanBeMade(t *testing.T) {
	t.Parallel()
	for _, target := range targetsOf(t) {
		recipe := output(t, "make", "-C", root(t), "--dry-run", target)
		for _, script := range names(regexp.MustCompile(`(scripts/[\w.-]+)`), recipe) {
			info, err := os.Stat(filepath.Join(root(t), script))
			if err != nil || info.Mode()&0o111 == 0 {
				t.Errorf("make %s runs %s, which is missing or cannot be run (%v)", target, script, err)
			}
		}
	}
}

// Documents, scripts and messages of the product may only name targets that exist.
func TestO55_O61_TargetsThatAreNamedExist(t *testing.T) {
	t.Parallel()
	targets := append(targetsOf(t), "deploy", "diff", "destroy") // those of the AWS application come with it
	named := regexp.MustCompile("`make ([a-z][a-z-]*)|(?:^|[;:>(] ?|run )make ([a-z][a-z-]*)[`.;,\"]")
	for name, text := range texts(t) {
		for _, m := range named.FindAllStringSubmatch(text, -1) {
			if target := m[1] + m[2]; !slices.Contains(targets, target) {
				t.Errorf("%s names `make %s`, which does not exist", name, target)
			}
		}
	}
}

// A merge of two branches that both wrote the same sections keeps both.
func TestO61_NoHeadingOfAPageStandsTwice(t *testing.T) {
	t.Parallel()
	heading, fenced := regexp.MustCompile(`(?m)^#+ .+$`), regexp.MustCompile("(?ms)^```.*?^```$")
	var found []string
	pages := 0
	for path, text := range texts(t) {
		if !strings.HasPrefix(path, "docs/") || !strings.HasSuffix(path, ".md") {
			continue
		}
		pages++
		seen := map[string]bool{}
		for _, line := range heading.FindAllString(fenced.ReplaceAllString(text, ""), -1) {
			if seen[line] {
				found = append(found, path+": "+line)
			}
			seen[line] = true
		}
	}
	if pages == 0 {
		t.Fatal("there are no pages")
	}
	none(t, "no heading stands twice on a page", found)
}

func TestO55_ScriptsAreStrictAndParse(t *testing.T) {
	t.Parallel()
	scripts, err := filepath.Glob(filepath.Join(root(t), "scripts", "*.sh"))
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, script := range append(scripts, filepath.Join(root(t), ".ci", "run")) {
		output(t, "bash", "-n", script)
		text, err := os.ReadFile(script)
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Base(script) != "lib.sh" && !regexp.MustCompile(`(?m)^set -e?uo pipefail$`).Match(text) {
			t.Errorf("%s does not begin with set -uo pipefail", script)
		}
	}
}

// targetsOf reads the phony targets, which is all of them.
func targetsOf(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root(t), "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	targets := names(regexp.MustCompile(`(?m)^([a-z][a-z-]*):`), string(text))
	if len(targets) == 0 {
		t.Fatal("the Makefile has no targets")
	}
	return targets
}

func names(pattern *regexp.Regexp, text string) []string {
	var found []string
	for _, m := range pattern.FindAllStringSubmatch(text, -1) {
		found = append(found, m[1])
	}
	return found
}

// output runs a program and gives what it printed; a failure fails the test.
func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}
