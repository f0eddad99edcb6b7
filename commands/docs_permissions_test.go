package commands

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/urfave/cli/v2"
)

// The part of docs/permissions.md that is made from needsOf.
const (
	permissionsPage  = "../docs/permissions.md"
	permissionsBegin = "<!-- Generated from commands/permissions.go: go test ./commands -run PermissionsPage -update -->\n"
	permissionsEnd   = "<!-- End of what is generated. -->\n"
)

func TestThePermissionsPageIsMadeFromWhatCommandsNeed(t *testing.T) {
	t.Parallel()
	comparePart(t, permissionsPage, permissionsBegin, permissionsEnd, permissionsText())

	page, err := os.ReadFile(permissionsPage)
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(page), permissionsEnd)
	var explained []string
	for _, row := range regexp.MustCompile(`(?m)^\| ([A-Za-z]+(?:View|Edit|Create|Delete)) \|`).FindAllStringSubmatch(after, -1) {
		explained = append(explained, row[1])
	}
	needed := map[string]bool{}
	for _, command := range testCommands() {
		for _, p := range needsOf(command.Name).all() {
			needed[string(p)] = true
		}
	}
	for name := range needed {
		if !slices.Contains(explained, name) {
			t.Errorf("%s does not say what %s is for", permissionsPage, name)
		}
	}
	if len(explained) != len(needed) {
		t.Errorf("%s explains %q, but the commands need %v", permissionsPage, explained, needed)
	}
}

// all are the permissions in any case.
func (n *accountNeeds) all() (all []octoapi.Permission) {
	if n == nil {
		return nil
	}
	all = slices.Concat(n.always, n.extra.permissions)
	for _, w := range n.when {
		all = append(all, w.permissions...)
	}
	return all
}

// permissionsText is a table with a row for commands that need the same.
func permissionsText() string {
	var text strings.Builder
	text.WriteString("\n| command | needs | in addition | useful |\n|---|---|---|---|\n")
	for _, group := range permissionGroups(testCommands()) {
		fmt.Fprintf(&text, "| `%s` | %s |\n", strings.Join(group.commands, "`, `"), group.needs.row())
	}
	text.WriteString("\n")
	return text.String()
}

var optionName = regexp.MustCompile(`--[a-z-]+`)

func (n *accountNeeds) row() string {
	always, useful := "nothing", ""
	if len(n.always) > 0 {
		always = andList(n.always)
	}
	var when []string
	for _, w := range n.when {
		when = append(when, optionName.ReplaceAllString(andList(w.permissions)+" "+w.condition, "`$0`"))
	}
	if len(n.extra.permissions) > 0 {
		useful = andList(n.extra.permissions) + ": it also " + n.extra.condition
	}
	return always + " | " + strings.Join(when, "; ") + " | " + useful
}

func TestEveryCommandThatAsksAServerSaysWhichPermissionsItNeeds(t *testing.T) {
	for _, command := range testCommands() {
		asks := slices.ContainsFunc(command.Flags, func(f cli.Flag) bool { return f.Names()[0] == "apiKey" })
		if asks != (needsOf(command.Name) != nil) {
			t.Errorf("%s: asks a server: %t, has permissions: %t", command.Name, asks, !asks)
		}
	}
}
