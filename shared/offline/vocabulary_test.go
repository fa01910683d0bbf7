package offline

import (
	"go/ast"
	goparser "go/parser"
	gotoken "go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestR1_TheVocabularyHoldsEveryWordOfTheRules: a word that a rule takes must never be called unknown, nor be taken for a value.
func TestR1_TheVocabularyHoldsEveryWordOfTheRules(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) < 15 {
		t.Fatal(files, err)
	}
	known, set := vocabulary(), gotoken.NewFileSet()
	var lacking []string
	for _, name := range files {
		file, err := goparser.ParseFile(set, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if f, ok := call.Fun.(*ast.SelectorExpr); !ok || !slices.Contains([]string{"take", "takeAll", "sees", "seesAny"}, f.Sel.Name) {
				return true
			}
			for _, arg := range call.Args {
				literal, ok := arg.(*ast.BasicLit)
				if !ok || literal.Kind != gotoken.STRING {
					continue
				}
				phrase, err := strconv.Unquote(literal.Value)
				if err != nil {
					t.Fatal(err)
				}
				for w := range strings.FieldsSeq(phrase) {
					if isWordRune([]rune(w)[0]) && !known[w] && !slices.Contains(lacking, w) && lex(w)[0].kind == word {
						lacking = append(lacking, w)
					}
				}
			}
			return true
		})
	}
	if len(lacking) > 0 {
		t.Errorf("missing: %s", strings.Join(lacking, " "))
	}
}
