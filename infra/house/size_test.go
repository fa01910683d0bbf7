package house_test

import (
	"fmt"
	"go/ast"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	maxFileLines     = 400
	maxFunctionLines = 70
	maxMethods       = 5
)

func TestO58_FilesFunctionsAndInterfacesAreSmall(t *testing.T) {
	t.Parallel()
	var large []string
	for _, s := range sources(t) {
		if lines := strings.Count(s.Text, "\n"); lines > maxFileLines {
			large = append(large, fmt.Sprintf("%s: %d lines, at most %d", s.Path, lines, maxFileLines))
		}
		ast.Inspect(s.Tree, func(node ast.Node) bool {
			switch n := node.(type) {
			case *ast.FuncDecl:
				if n.Body == nil {
					return true
				}
				if lines := s.line(n.End()) - s.line(n.Pos()) + 1; lines > maxFunctionLines {
					large = append(large, fmt.Sprintf("%s:%d: %s has %d lines, at most %d", s.Path, s.line(n.Pos()), n.Name.Name, lines, maxFunctionLines))
				}
			case *ast.InterfaceType:
				if methods := methodsOf(n); methods > maxMethods {
					large = append(large, fmt.Sprintf("%s:%d: an interface of %d methods, at most %d", s.Path, s.line(n.Pos()), methods, maxMethods))
				}
			}
			return true
		})
	}
	none(t, "too large: split by responsibility", large)
}

func methodsOf(n *ast.InterfaceType) int {
	methods := 0
	for _, field := range n.Methods.List {
		methods += len(field.Names)
	}
	return methods
}

// Scripts, Python and TypeScript are held to the same size of a file.
func TestO58_OtherSourceFilesAreSmall(t *testing.T) {
	t.Parallel()
	var large []string
	for _, name := range tracked(t) {
		if !slices.Contains([]string{".py", ".sh", ".ts", ".tsx"}, filepath.Ext(name)) || strings.Contains(name, "/testdata/") ||
			strings.HasPrefix(name, "frontend/src/api/") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(root(t), name))
		if os.IsNotExist(err) {
			continue // removed, not yet committed
		} else if err != nil {
			t.Fatal(err)
		}
		if lines := strings.Count(string(text), "\n"); lines > maxFileLines {
			large = append(large, fmt.Sprintf("%s: %d lines, at most %d", name, lines, maxFileLines))
		}
	}
	none(t, "too large: split by responsibility", large)
}

func TestO58_NothingIsCalledUtil(t *testing.T) {
	t.Parallel()
	var vague []string
	for _, s := range sources(t) {
		name := s.Tree.Name.Name
		if slices.Contains([]string{"util", "utils", "common", "types", "models", "helpers", "helper", "misc"}, strings.TrimSuffix(name, "_test")) {
			vague = append(vague, s.Path+": package "+name)
		}
	}
	none(t, "name packages by what they are responsible for", vague)
}

// State of a package and init functions make one test, one server or one user depend on another.
func TestO58_NoInitFunctions(t *testing.T) {
	t.Parallel()
	var found []string
	for _, s := range sources(t) {
		for _, declaration := range s.Tree.Decls {
			if f, ok := declaration.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				found = append(found, fmt.Sprintf("%s:%d", s.Path, s.line(f.Pos())))
			}
		}
	}
	none(t, "init functions", found)
}
