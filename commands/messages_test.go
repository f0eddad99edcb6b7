package commands

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/urfave/cli/v2"
)

// The words of this program. The tests below keep those that can be checked mechanically.
//
//   - machine: the computer that octo-tentacle runs on ("on this machine"), because Octopus's
//     documentation says so, and "host" looks like a part of an address
//   - host: the host name or IP address in an address
//   - deployment target, worker: what the Octopus Server manages; never "machine", although its API
//     says so ("machine policy" is Octopus's own term)
//   - registration: what the server has stored about a Tentacle
//   - node: an Octopus Server of a cluster; address: the URL at which a node is polled; polling
//     port: what responds there
//   - Tentacle: the agent and its program; the Tentacle CLI: its command line
//   - healthy, unhealthy: the result of a health check of Octopus
//   - an error says what failed, a hint says what to do about it in the imperative; a finding of
//     check says what is the case (What) and why that matters (Why)
//   - an option that may be given several times is "repeatable"; what counts without the option is
//     its "(default: …)"

// dialect are words that once made readers stumble, in texts and in comments.
var dialect = regexp.MustCompile(`(?i:\b(mend(s|ed|ing)?|anew|unwell|in vain|the real (one|ones|tentacle)|left out:` +
	`|several times for several|all the same to|whosoever|strangers?|insists?|patience|unsure|deeds?|misplaced|of no weight` +
	`|may be had|that is to be|does not answer as one|polls? .* no longer)\b)|\bIds?\b`)

// textDialect are words that are unclear in texts only.
var textDialect = regexp.MustCompile(`(?i)\b(leave(s)? .{1,40} out|exclude each other|too much|outstanding|whoever|whom|nobody's` +
	`|this host|all the same|may not be had)\b`)

// A sourceText is a string that a person can read.
type sourceText struct {
	file    string // from the root of the project
	line    int
	isError bool // the message of an error
	text    string
}

// TestMessages lists every text that a person can read in testdata/messages.txt, to be read there
// whenever it changes, and checks the rules that can be checked mechanically.
func TestMessages(t *testing.T) {
	t.Parallel()
	texts := sourceTexts(t)
	var list strings.Builder
	for _, s := range texts {
		for line := range strings.Lines(s.text) {
			fmt.Fprintf(&list, "%s: %s\n", s.file, strings.TrimRight(line, "\r\n"))
		}
		for _, problem := range s.problems() {
			t.Errorf("%s:%d: %s: %q", s.file, s.line, problem, s.text)
		}
	}
	const golden = "../testdata/messages.txt"
	if *update {
		if err := os.WriteFile(golden, []byte(list.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	known, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if string(known) != list.String() {
		t.Errorf("%s is out of date; read the difference aloud, then: go test ./commands -run TestMessages -update\n%s",
			golden, diff.Diff("listed", known, "in the source", []byte(list.String())))
	}
}

// problems are the rules that a text breaks.
func (s sourceText) problems() (problems []string) {
	check := func(broken bool, problem string) {
		if broken {
			problems = append(problems, problem)
		}
	}
	check(dialect.MatchString(s.text), "dialect: "+dialect.FindString(s.text))
	check(textDialect.MatchString(s.text), "dialect: "+textDialect.FindString(s.text))
	check(strings.Contains(s.text, "\t") && !strings.Contains(s.text, "[Unit]"), "has a tab")
	if s.isError {
		check(strings.Contains(s.text, "\n"), "an error is one line; what to do about it is a hint")
		check(strings.Contains(s.text, "  "), "has two spaces in a row")
		check(strings.HasSuffix(s.text, "."), "an error does not end with a full stop")
		first, _ := utf8.DecodeRuneInString(s.text)
		check('A' <= first && first <= 'Z' && !beginsWithName.MatchString(s.text), "an error begins in lower case")
	}
	return problems
}

// beginsWithName matches errors that begin with the name of something.
var beginsWithName = regexp.MustCompile(`^(Windows|JSON|Tentacle|Octopus|GET|API)\b`)

// TestHelpTexts checks what a command and its options say about themselves.
func TestHelpTexts(t *testing.T) {
	t.Parallel()
	for _, command := range testCommands() {
		usage := command.Usage
		if utf8.RuneCountInString(usage) > 80 || strings.HasSuffix(usage, ".") || strings.ToLower(usage[:1]) != usage[:1] {
			t.Errorf("%s: the usage is one phrase of at most 80 characters, in lower case and without a full stop: %q", command.Name, usage)
		}
		for _, flag := range command.Flags {
			text := flag.(cli.DocGenerationFlag).GetUsage()
			name := command.Name + " --" + flag.Names()[0]
			if strings.Contains(text, "default") && !strings.Contains(text, "(default: ") {
				t.Errorf("%s: a default is written (default: …): %q", name, text)
			}
			if strings.HasSuffix(text, ".") {
				t.Errorf("%s: ends with a full stop: %q", name, text)
			}
			if _, isList := flag.(*cli.StringSliceFlag); isList && !strings.Contains(text, "repeatable") && !strings.Contains(text, "comma") && !strings.Contains(text, "list") {
				t.Errorf("%s: says neither repeatable nor list: %q", name, text)
			}
		}
	}
}

// TestComments checks the comments of all Go files.
func TestComments(t *testing.T) {
	t.Parallel()
	const width = 100 // columns, with tabs of 4
	for _, source := range goFiles(t) {
		content, err := os.ReadFile(filepath.Join("..", source))
		if err != nil {
			t.Fatal(err)
		}
		number := 0
		for line := range strings.Lines(string(content)) {
			number++
			line = strings.TrimRight(line, "\r\n")
			code, comment, found := strings.Cut(line, "// ")
			if !found || strings.HasSuffix(code, ":") || strings.ContainsAny(code, "\"`") {
				continue
			}
			if word := dialect.FindString(comment); word != "" && source != "commands/messages_test.go" {
				t.Errorf("%s:%d: dialect: %s: %s", source, number, word, comment)
			}
			columns := utf8.RuneCountInString(strings.ReplaceAll(line, "\t", "    "))
			if strings.TrimSpace(code) == "" && columns > width {
				t.Errorf("%s:%d: a comment of %d columns, more than %d", source, number, columns, width)
			}
		}
	}
}

// goFiles are the Go files of the project, from its root.
func goFiles(t *testing.T) (files []string) {
	t.Helper()
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != ".." && strings.HasPrefix(entry.Name(), "."):
			return fs.SkipDir
		case strings.HasSuffix(path, ".go"):
			files = append(files, strings.TrimPrefix(filepath.ToSlash(path), "../"))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 100 {
		t.Skipf("the source is not here (%s)", runtime.GOOS)
	}
	return files
}

// sourceTexts finds the texts in the files of all systems, without those that only tests have.
func sourceTexts(t *testing.T) (texts []sourceText) {
	t.Helper()
	for _, name := range goFiles(t) {
		if strings.HasSuffix(name, "_test.go") || strings.HasPrefix(name, "testdata/") || strings.HasPrefix(name, "octoapi/octotest/") {
			continue
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, filepath.Join("..", name), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, textsIn(name, files, file)...)
	}
	return texts
}

// prose matches strings of several words, and parts of messages around a value.
var prose = regexp.MustCompile(`\pL\S*[ \n]+\S*\pL|\pL{3,} %|%[a-z] \pL{3}|%[a-z]: `)

func textsIn(name string, files *token.FileSet, file *ast.File) (texts []sourceText) {
	messages := map[ast.Expr]bool{}
	ast.Inspect(file, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.ImportSpec:
			return false
		case *ast.Field:
			node.Tag = nil
		case *ast.CallExpr:
			if at := messageArgument(node.Fun); 0 <= at && at < len(node.Args) {
				messages[node.Args[at]] = true
			}
		case *ast.FuncDecl:
			if node.Name.Name == "Error" && node.Recv != nil && node.Body != nil {
				noteReturned(node.Body, messages)
			}
		case ast.Expr:
			text, isText := literal(node)
			if !isText {
				return true
			}
			if prose.MatchString(text) {
				texts = append(texts, sourceText{name, files.Position(node.Pos()).Line, messages[node], text})
			}
			return false
		}
		return true
	})
	return texts
}

// messageArgument is which argument of a function is the message of an error; -1 for none.
func messageArgument(function ast.Expr) int {
	selector, is := function.(*ast.SelectorExpr)
	if !is {
		return -1
	}
	qualifier, _ := selector.X.(*ast.Ident)
	switch {
	case qualifier == nil:
		return -1
	case qualifier.Name == "fmt" && selector.Sel.Name == "Errorf", qualifier.Name == "errors" && selector.Sel.Name == "New", qualifier.Name == "hint" && selector.Sel.Name == "New":
		return 0
	case qualifier.Name == "hint" && selector.Sel.Name == "Errorf", qualifier.Name == "r" && selector.Sel.Name == "fail", qualifier.Name == "d" && selector.Sel.Name == "damaged":
		return 1
	}
	return -1
}

// noteReturned notes what an Error method returns, also by fmt.Sprintf.
func noteReturned(body *ast.BlockStmt, messages map[ast.Expr]bool) {
	ast.Inspect(body, func(node ast.Node) bool {
		statement, is := node.(*ast.ReturnStmt)
		if !is || len(statement.Results) != 1 {
			return true
		}
		messages[statement.Results[0]] = true
		if call, isCall := statement.Results[0].(*ast.CallExpr); isCall && len(call.Args) > 0 {
			messages[call.Args[0]] = true
		}
		return true
	})
}

// literal is the text of a string, or of several that are added, with … for what is not a literal.
func literal(expression ast.Expr) (text string, isText bool) {
	switch expression := expression.(type) {
	case *ast.BasicLit:
		if expression.Kind == token.STRING {
			text, err := strconv.Unquote(expression.Value)
			return text, err == nil
		}
	case *ast.ParenExpr:
		return literal(expression.X)
	case *ast.BinaryExpr:
		if expression.Op != token.ADD {
			return "", false
		}
		parts := []string{"…", "…"}
		for i, side := range []ast.Expr{expression.X, expression.Y} {
			if part, is := literal(side); is {
				parts[i], isText = part, true
			}
		}
		return strings.Join(parts, ""), isText
	case *ast.Ident:
		return "\n", expression.Name == "nextLine" // of package check
	}
	return "", false
}

func TestTheRulesForMessagesFindWhatBreaksThem(t *testing.T) {
	t.Parallel()
	for text, isBad := range map[string]bool{
		"cannot read %s":             false,
		"Cannot read %s":             true,
		"Windows cannot read %s":     false,
		"cannot read %s.":            true,
		"cannot read %s\ntry again":  true,
		"mend %s":                    true,
		"recommended: %s":            false,
		"there is no space of Id %s": true,
		"there is no ID %s":          false,
		"on this host":               true,
	} {
		if got := len((sourceText{text: text, isError: true}).problems()) > 0; got != isBad {
			t.Errorf("%q: %t, want %t", text, got, isBad)
		}
	}
	if !slices.ContainsFunc(sourceTexts(t), func(s sourceText) bool {
		return s.isError && s.text == "no command given" || s.file == "commands/arguments.go" && s.isError
	}) {
		t.Error("no error was found in commands/arguments.go")
	}
}
