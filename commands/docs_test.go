package commands

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/internal/history"
)

// documents are the project's Markdown files, by their path from its root.
func documents(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for _, pattern := range []string{"*.md", "docs/*.md", "deploy/*/*.md", ".github/*.md"} {
		paths, err := filepath.Glob(filepath.Join("..", pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			name := strings.TrimPrefix(filepath.ToSlash(path), "../")
			texts[name] = strings.ReplaceAll(string(text), "\r\n", "\n")
		}
	}
	if texts["README.md"] == "" || texts["docs/json.md"] == "" {
		t.Fatal("README.md or docs/json.md was not found")
	}
	return texts
}

// TestEveryExampleInHelpAndDocumentsIsUnderstood reads the command lines there
// as the program would. Those with a placeholder are patterns, and refused because of that alone.
func TestEveryExampleInHelpAndDocumentsIsUnderstood(t *testing.T) {
	t.Parallel()
	texts := documents(t)
	for _, command := range testCommands() {
		texts["help "+command.Name] = command.Description
	}
	for _, name := range topicNames() {
		for _, block := range topicPage(name, testCommands()).description {
			texts["help "+name] += "\n" + strings.Join(block.lines, "\n")
		}
	}
	count := map[string]int{}
	for name, text := range texts {
		for _, example := range examples(text) {
			count[name]++
			if _, err := rewriteArguments(testCommands(), words(example)); err != nil && !strings.Contains(err.Error(), "is a placeholder") {
				t.Errorf("%s: octo-tentacle %s\n%v", name, example, err)
			}
		}
	}
	for _, name := range []string{"README.md", "docs/check.md", "docs/windows.md", "docs/sync-servers.md", "docs/fleet.md", "help poll-server", "help credentials", "help json"} {
		if count[name] < 2 {
			t.Errorf("only %d examples were found in %s", count[name], name)
		}
	}
}

// inline is a command line within a sentence. What follows a mere name is prose
// or a placeholder.
var inline = regexp.MustCompile("`octo-tentacle ([^`]+)`")

// examples are the arguments of the octo-tentacle command lines in a text: those
// in indented or fenced lines, behind a prompt, a pipe or &&, and those within a
// sentence.
func examples(text string) (found []string) {
	fenced := false
	for line := range strings.Lines(strings.ReplaceAll(text, "\\\n", " ")) {
		if strings.HasPrefix(line, "```") {
			fenced = !fenced
		}
		for _, match := range inline.FindAllStringSubmatch(line, -1) {
			if !strings.HasPrefix(match[1], "help COMMAND") {
				arguments, _, _ := strings.Cut(match[1], ` \|`) // a pipe in a table
				found = append(found, arguments)
			}
		}
		if !fenced && !strings.HasPrefix(line, "  ") {
			continue
		}
		for part := range strings.SplitSeq(strings.ReplaceAll(line, "&&", "|"), "|") {
			part, _, _ = strings.Cut(strings.TrimPrefix(strings.TrimSpace(part), "$ "), " >")
			if arguments, is := strings.CutPrefix(part, "octo-tentacle "); is {
				found = append(found, strings.TrimSuffix(arguments, " …"))
			}
		}
	}
	return found
}

// word is an argument, of which a part may be quoted.
var word = regexp.MustCompile(`(?:[^\s"]|"[^"]*")+`)

// words splits a command line as a shell does.
func words(line string) []string {
	list := word.FindAllString(line, -1)
	for i := range list {
		list[i] = strings.ReplaceAll(list[i], `"`, "")
	}
	return list
}

// TestTheJSONReferenceNamesEveryField: a script can rely on nothing else. The
// commands that print what Tentacle prints are not looked at.
func TestTheJSONReferenceNamesEveryField(t *testing.T) {
	t.Parallel()
	reference := documents(t)["docs/json.md"]
	seen := map[reflect.Type]bool{}
	var look func(reflect.Type)
	look = func(of reflect.Type) {
		for of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice {
			of = of.Elem()
		}
		if of.Kind() != reflect.Struct || seen[of] {
			return
		}
		seen[of] = true
		for field := range of.Fields() {
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			if name == "" || name == "-" {
				continue
			}
			if !strings.Contains(reference, "`"+name+"`") {
				t.Errorf("%s: docs/json.md does not name %s", of.Name(), name)
			}
			look(field.Type)
		}
	}
	for _, printed := range []any{outcome{}, serverList{}, restartOutcome{}, checkResult{}, serviceReport{}, instanceOutcome{}, backupEntry{}, exported{}, history.Entry{}} {
		look(reflect.TypeOf(printed))
	}
	if len(seen) < 14 {
		t.Errorf("only %d types were looked at", len(seen))
	}
}

func TestTheLoadBalancerInTheDocumentsIsTheOneThatIsTested(t *testing.T) {
	t.Parallel()
	config, err := os.ReadFile("../testdata/haproxy/nat.cfg")
	if err != nil {
		t.Fatal(err)
	}
	_, quoted, _ := strings.Cut(string(config), "global\n")
	if !strings.Contains(documents(t)["docs/load-balancer.md"], quoted) {
		t.Error("the configuration in docs/load-balancer.md is not that of testdata/haproxy/nat.cfg")
	}
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	symbols = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// anchors are the names under which a page's headings can be linked to.
func anchors(text string) (list []string) {
	for _, match := range heading.FindAllStringSubmatch(text, -1) {
		name := symbols.ReplaceAllString(strings.ToLower(match[1]), "")
		list = append(list, strings.ReplaceAll(name, " ", "-"))
	}
	return list
}

func TestEveryLinkInTheDocumentsLeadsSomewhere(t *testing.T) {
	t.Parallel()
	texts := documents(t)
	linked := map[string]bool{}
	for name, text := range texts {
		for _, match := range link.FindAllStringSubmatch(text, -1) {
			if strings.Contains(match[1], "://") {
				continue
			}
			file, anchor, _ := strings.Cut(match[1], "#")
			target := name
			if file != "" {
				target = filepath.ToSlash(filepath.Join(filepath.Dir(name), file))
			}
			if _, err := os.Stat(filepath.Join("..", target)); err != nil {
				t.Errorf("%s links to %s, which does not exist", name, match[1])
			}
			if anchor != "" && !slices.Contains(anchors(texts[target]), anchor) {
				t.Errorf("%s links to %s, where there is no such heading", name, match[1])
			}
			if name == "docs/README.md" {
				linked[target] = true
			}
		}
	}
	for name := range texts {
		if strings.HasPrefix(name, "docs/") && name != "docs/README.md" && !linked[name] {
			t.Errorf("docs/README.md does not link to %s", name)
		}
	}
}

// findingID is how check declares what it looks at.
var findingID = regexp.MustCompile(`(?m)^\tid\w+ += "([a-z-]+)"`)

func TestTheLayoutNamesEveryPackage(t *testing.T) {
	t.Parallel()
	layout := documents(t)["CONTRIBUTING.md"]
	packages := 0
	for _, pattern := range []string{"*/*.go", "commands/*/*.go", "internal/*/*.go", "kubernetes/*/*.go", "octoapi/*/*.go"} {
		files, err := filepath.Glob(filepath.Join("..", pattern))
		if err != nil {
			t.Fatal(err)
		}
		folder := ""
		for _, file := range files {
			if filepath.Dir(file) == folder {
				continue
			}
			folder = filepath.Dir(file)
			packages++
			name := strings.TrimPrefix(filepath.ToSlash(folder), "../")
			if !strings.Contains(layout, "| `"+name+"` |") && !strings.Contains(layout, "| `"+name+"/` |") {
				t.Errorf("the layout in CONTRIBUTING.md does not name %s", name)
			}
		}
	}
	if packages < 20 {
		t.Errorf("only %d packages were found", packages)
	}
}

func TestThePageAboutCheckNamesEveryFinding(t *testing.T) {
	t.Parallel()
	page := documents(t)["docs/check.md"]
	sources, err := filepath.Glob("check*/*.go")
	if err != nil {
		t.Fatal(err)
	}
	more, err := filepath.Glob("check*.go")
	if err != nil {
		t.Fatal(err)
	}
	ids := 0
	for _, path := range append(sources, more...) {
		source, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range findingID.FindAllStringSubmatch(string(source), -1) {
			ids++
			if !strings.Contains(page, "| `"+match[1]+"` |") {
				t.Errorf("docs/check.md does not name %s", match[1])
			}
		}
	}
	if ids < 15 {
		t.Errorf("only %d findings were found", ids)
	}
}
