package commands

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/fatih/color"
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/internal/visible"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
)

// shown is an error as it is printed.
func shown(err error) string { return string((&console{}).errorText(err)) }

func TestForeignTextNeitherControlsTheTerminalNorForgesALine(t *testing.T) {
	const evil = "octo1\nwarning: fine\r\t\x1b[8m\u009b2J\u202e\u200b\xff"
	for name, test := range map[string]struct {
		print func(*console)
		lines int
	}{
		"a value":    {func(c *console) { c.printf("%s\n", evil) }, 1},
		"a list":     {func(c *console) { c.printf("%v %d\n", []string{evil, evil}, 7) }, 1},
		"in quotes":  {func(c *console) { c.printf("%q %-20s\n", evil, evil) }, 1},
		"in colour":  {func(c *console) { c.printf("  %s\n", c.red("- "+evil)) }, 1},
		"a Stringer": {func(c *console) { c.printf("%v\n", stringer(evil)) }, 1},
		"a table": {func(c *console) {
			printTable(c, []column[string]{{"ADDRESS", func(s string) string { return s }}}, []string{evil})
		}, 2},
		"a warning":            {func(c *console) { c.warn("%s: %v", evil, errors.New(evil)) }, 1},
		"an error, with hints": {func(c *console) { c.fail(hint.Errorf(evil, "it is %s", evil)) }, 2},
		"hints of several lines": {func(c *console) {
			c.warnOf(hint.With(errors.New(evil), hint.Lines("see", evil, evil), evil))
		}, 5},
		"joined errors": {func(c *console) { c.fail(fmt.Errorf("all: %w", errors.Join(errors.New(evil), errors.New(evil)))) }, 2},
		"what is left to do": {func(c *console) {
			c.fail(fmt.Errorf("%s: %w!", evil, interruptedError{unfinishedError{done: evil, cause: errors.New(evil), finish: evil}}))
		}, 3},
		"a difference": {func(c *console) {
			c.fail(differsError{plan: registrationPlan{before: &octoapi.Machine{Name: evil}}, changes: []fieldChange{{Field: evil}}})
		}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			c := newConsole(nil, &out, &out)
			test.print(c)
			_ = c.out.flush()
			got := out.String()
			if strings.Count(got, "\n") != test.lines || !visible.Is(strings.ReplaceAll(got, "\n", "")) || !strings.Contains(got, `octo1\nwarning`) && name != "in quotes" {
				t.Errorf("%s", got)
			}
		})
	}
}

type stringer string

func (s stringer) String() string { return string(s) }

func TestOurOwnColoursAreShown(t *testing.T) {
	var out bytes.Buffer
	c := newConsole(nil, &out, &out)
	p := color.New(color.FgRed)
	p.EnableColor()
	red := c.painted(p)
	c.printf("%s\n", red("a", "\x1b[8m", red("b")))
	_ = c.out.flush()
	if got, want := out.String(), "\x1b[31ma\\x1b[8m\x1b[31mb\x1b[0m\x1b[0m\n"; got != want {
		t.Errorf("got %q, not %q", got, want)
	}
}

func TestJSONIsExactAndSafeToLookAt(t *testing.T) {
	const evil = "octo1\nwarning: fine\x1b[2J\u009b2J\u202e\u200b\U000e0041\u2028 web’s 🚀"
	var out bytes.Buffer
	c := newConsole(nil, &out, &out)
	var back string
	err := errors.Join(c.printJSON(evil), c.out.flush())
	if got := out.String(); err != nil || !visible.Is(strings.TrimSuffix(got, "\n")) || json.Unmarshal([]byte(got), &back) != nil || back != evil {
		t.Errorf("the JSON is %q, %v", got, err)
	}
}

func TestHiddenSecretsLeaveJSONValid(t *testing.T) {
	const secret = "hunter2hunter2"
	var out bytes.Buffer
	c := newConsole(nil, &out, &out)
	c.keepSecret(secret)
	type odd struct {
		Text, Name, End string
		List            []string
		Number          int
	}
	text, err := c.printableJSON(odd{`a ": "b`, `x":`, `C:\`, []string{"", `"`, `\"` + secret, "API-ABCDEFGHIJKLMNOPQRST:"}, 7}, "  ")
	var got odd
	if err := errors.Join(err, json.Unmarshal([]byte(text), &got)); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	if want := (odd{`a ": "b`, `x":`, `C:\`, []string{"", `"`, `\"***`, "***:"}, 7}); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
}

// TestOnlyTheConsoleMakesTexts: elsewhere, a value of others could be made one by mistake.
func TestOnlyTheConsoleMakesTexts(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") || slices.Contains([]string{"console.go", "console_text.go", "console_json.go", "table.go", "verbose.go"}, name) {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if call, is := n.(*ast.CallExpr); is {
				if made, is := call.Fun.(*ast.Ident); is && made.Name == "text" {
					t.Errorf("%s makes a text: use textf, line or lines, which clean it", name)
				}
			}
			return true
		})
	}
}
