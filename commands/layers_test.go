package commands

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/octo-tentacle/octo-tentacle/"

// source parses the files of a folder of the project, those for other systems included and tests
// excluded, by their path from its root.
func source(t *testing.T, folder string) map[string]*ast.File {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("..", folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]*ast.File{}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files[strings.TrimPrefix(filepath.ToSlash(path), "../")] = file
	}
	if len(files) == 0 {
		t.Fatalf("there are no files in %s", folder)
	}
	return files
}

// TestTheLayersBelowKnowNothingOfThoseAbove: what is on the host, on the network and in the service
// manager can be read and used without the commands, and check cannot but judge what it is given.
func TestTheLayersBelowKnowNothingOfThoseAbove(t *testing.T) {
	t.Parallel()
	for folder, forbidden := range map[string][]string{
		"octoapi":               {module + "tentacleconfig", module + "service", module + "commands", "os"},
		"tentacleconfig":        {module + "octoapi", module + "service", module + "commands", "net", "net/http"},
		"service":               {module + "octoapi", module + "tentacleconfig", module + "commands", "net", "net/http"},
		"kubernetes":            {module + "tentacleconfig", module + "octoapi", module + "service", module + "commands"},
		"commands/check":        {module + "commands", "os", "net", "net/http", "io", "context"},
		"commands/tentaclefile": {module + "commands", "net", "net/http", "context"},
		"commands/coverage":     {module + "commands", "os", "net/http", "io", "context"},
	} {
		for path, file := range source(t, folder) {
			for _, imported := range file.Imports {
				if name, _ := strconv.Unquote(imported.Path.Value); slices.Contains(forbidden, name) {
					t.Errorf("%s imports %s", path, name)
				}
			}
		}
	}
}

// notOurs are the literals of the layers below that look like advice on how to type a command of
// octo-tentacle, and are not.
var notOurs = map[string]string{
	"service/definition.go: --config=":           tentacleRun,
	"service/definition.go: --instance=":         tentacleRun,
	"service/definition.go:  --noninteractive":   tentacleRun,
	"service/definition.go:  --noninteractive\n": tentacleRun,
	"service/scm_definition.go: --config=":       tentacleRun,
	"service/scm_definition.go: --instance=":     tentacleRun,
}

const tentacleRun = "how a service runs Tentacle: Tentacle run --instance=… --noninteractive"

// TestTheLayersBelowDoNotSayWhatToType: their errors say what went wrong, as values;
// commands/hints_*.go say which option or command helps.
func TestTheLayersBelowDoNotSayWhatToType(t *testing.T) {
	t.Parallel()
	var names []string
	for _, command := range testCommands() {
		if strings.Contains(command.Name, "-") {
			names = append(names, command.Name)
		} else {
			names = append(names, "octo-tentacle "+command.Name)
		}
	}
	ours := regexp.MustCompile(`(^|[^-])--[A-Za-z]|\bOCTOPUS_[A-Z]|\b(` + strings.Join(names, "|") + `)\b`)
	seen := map[string]bool{}
	for _, folder := range []string{"octoapi", "tentacleconfig", "service", "kubernetes"} {
		for path, file := range source(t, folder) {
			ast.Inspect(file, func(n ast.Node) bool {
				literal, is := n.(*ast.BasicLit)
				if !is || literal.Kind != token.STRING {
					return true
				}
				text, err := strconv.Unquote(literal.Value)
				if err != nil {
					t.Fatal(err)
				}
				at := path + ": " + text
				if seen[at] = true; ours.MatchString(text) && notOurs[at] == "" {
					t.Errorf("%s: %q names an option, a command or a variable of octo-tentacle", path, text)
				}
				return true
			})
		}
	}
	for at := range notOurs {
		if !seen[at] {
			t.Errorf("%s is not there any more", at)
		}
	}
}
