// Package house_test holds the rules of the house (docs/decisions.md) against every file of the repository: what may import
// what, how large things are, what they may be called, and what must never stand in the project.
package house_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/orcray/orcray/"

// root gives the folder of go.mod.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// source is one parsed Go file.
type source struct {
	Path string // from the root, with slashes
	Text string
	Tree *ast.File
	Set  *token.FileSet
}

// dir is the package's folder from the root.
func (s source) dir() string { return filepath.ToSlash(filepath.Dir(s.Path)) }

func (s source) isTest() bool { return strings.HasSuffix(s.Path, "_test.go") }

// isSupport reports whether the file belongs to a package that only tests import.
func (s source) isSupport() bool { return supportPackage(s.dir()) }

func (s source) line(at token.Pos) int { return s.Set.Position(at).Line }

// imports gives the import paths of the file.
func (s source) imports() []string {
	var paths []string
	for _, spec := range s.Tree.Imports {
		paths = append(paths, strings.Trim(spec.Path.Value, `"`))
	}
	return paths
}

// skipped folders hold nothing that people write.
var skipped = []string{".git", ".venv", "node_modules", "build", "bin", "var", "dist", "cdk.out", "testdata", ".state"}

// sources parses every Go file of the repository.
func sources(t *testing.T) []source {
	t.Helper()
	top := root(t)
	var all []source
	err := filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains(skipped, entry.Name()):
			return filepath.SkipDir
		case entry.IsDir() || !strings.HasSuffix(path, ".go"):
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		set := token.NewFileSet()
		tree, err := parser.ParseFile(set, path, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(top, path)
		if err != nil {
			return err
		}
		all = append(all, source{Path: filepath.ToSlash(name), Text: string(text), Tree: tree, Set: set})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 100 {
		t.Fatalf("only %d Go files were found below %s", len(all), top)
	}
	return slices.DeleteFunc(all, func(s source) bool { return ast.IsGenerated(s.Tree) })
}

// tracked lists the files that git knows, from the root.
func tracked(t *testing.T) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "git", "-C", root(t), "ls-files", "-z").Output()
	if err != nil {
		t.Fatalf("git ls-files: %v", err)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
}

// none fails with every finding, one a line.
func none(t *testing.T, rule string, findings []string) {
	t.Helper()
	if len(findings) > 0 {
		slices.Sort(findings)
		t.Errorf("%s:\n  %s", rule, strings.Join(findings, "\n  "))
	}
}
