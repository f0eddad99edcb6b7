package commands

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
)

// A helpPage is what is said about a command or a topic, whoever lays it out: help for a terminal
// (help_screen.go), the manual for man (manual.go).
type helpPage struct {
	name        string // of the command or the topic
	isTopic     bool
	arguments   string
	usage       string // one phrase
	description []helpBlock
	permissions string // in Octopus; "" where no server is asked
	groups      []helpGroup
}

// A helpBlock is one of the three.
type helpBlock struct {
	paragraph string
	lines     []string // to be pasted, so they are not wrapped
	items     []helpItem
}

// A helpGroup is a heading with what is listed below it.
type helpGroup struct {
	name  string
	items []helpItem
}

// A helpItem is an option, a command or a word, and what it means.
type helpItem struct {
	name  string
	value string // the word that stands for the value of an option; "" for none
	text  string
}

// commandPage is the page of a command, in the order in which everything is defined.
func commandPage(command *cli.Command) helpPage {
	page := helpPage{name: command.Name, arguments: command.ArgsUsage, usage: command.Usage, description: helpBlocks(command.Description)}
	if needs := needsOf(command.Name); needs != nil {
		page.permissions = needs.String()
	}
	page.groups = flagGroups(command.Flags)
	return page
}

// helpBlocks reads a text: paragraphs, and between them lines that begin with a space.
func helpBlocks(text string) (blocks []helpBlock) {
	begins := true
	for line := range strings.SplitSeq(text, "\n") {
		isExample := strings.HasPrefix(line, " ")
		if !begins && isExample != (blocks[len(blocks)-1].lines != nil) {
			begins = true
		}
		switch {
		case line == "":
			begins = true
			continue
		case begins:
			blocks = append(blocks, helpBlock{})
		}
		last := &blocks[len(blocks)-1]
		if begins = false; isExample {
			last.lines = append(last.lines, line)
		} else {
			last.paragraph = strings.TrimPrefix(last.paragraph+" "+line, " ")
		}
	}
	return blocks
}

// leadsTo says whether a paragraph introduces the block after it.
func (b helpBlock) leadsTo(next helpBlock) bool {
	return strings.HasSuffix(b.paragraph, ":") && next.paragraph == ""
}

// flagGroups are the categories, in the order in which they appear.
func flagGroups(flags []cli.Flag) (groups []helpGroup) {
	for _, flag := range flags {
		if !flag.(cli.VisibleFlag).IsVisible() {
			continue
		}
		name := flag.(cli.CategorizableFlag).GetCategory()
		at := slices.IndexFunc(groups, func(g helpGroup) bool { return g.name == name })
		if at < 0 {
			at = len(groups)
			groups = append(groups, helpGroup{name: name})
		}
		groups[at].items = append(groups[at].items, flagItem(flag))
	}
	return groups
}

func flagItem(flag cli.Flag) helpItem {
	before, rest, _ := strings.Cut(flag.(cli.DocGenerationFlag).GetUsage(), "`")
	value, after, _ := strings.Cut(rest, "`")
	return helpItem{flagNames(flag), value, before + value + after + defaultOf(flag)}
}

func flagNames(flag cli.Flag) string {
	var names []string
	for _, name := range flag.Names() {
		dashes := "--"
		if len(name) == 1 {
			dashes = "-"
		}
		names = append(names, dashes+name)
	}
	return strings.Join(names, ", ")
}

// defaultOf is the default of a flag, if there is one to show.
func defaultOf(flag cli.Flag) string {
	switch flag := flag.(type) {
	case *cli.StringFlag:
		if flag.Value != "" {
			return fmt.Sprintf(" (default: %s)", flag.Value)
		}
	case *cli.DurationFlag:
		if flag.Value != 0 {
			return fmt.Sprintf(" (default: %s)", shortDuration(flag.Value))
		}
	}
	return ""
}

// shortDuration is 10m where Go says 10m0s.
func shortDuration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	return text
}

// commandGroups are the commands under the headings of help.
func commandGroups(commands []*cli.Command) (groups []helpGroup) {
	for _, command := range commands {
		if command.Hidden {
			continue
		}
		if len(groups) == 0 || groups[len(groups)-1].name != command.Category {
			groups = append(groups, helpGroup{name: command.Category})
		}
		last := &groups[len(groups)-1]
		last.items = append(last.items, helpItem{name: command.Name, text: command.Usage})
	}
	return groups
}

// aboutProgram is what the program is, in paragraphs.
const aboutProgram = `Provides the configuration commands of the Tentacle CLI, with the same names and
options, and adds commands for high-availability clusters. Those with the option
--namespace are for Kubernetes agents, too.`

// aboutOptions is how options are written.
const aboutOptions = "Option names ignore case. Write options as --name=value, --name value, -name:value or /name:value."

// everywhere are the options of every command.
func everywhere() (items []helpItem) {
	for _, flag := range globalFlags() {
		items = append(items, flagItem(flag))
	}
	return items
}

func topicItems() (items []helpItem) {
	for _, topic := range helpTopics {
		items = append(items, helpItem{name: topic.name, text: topic.usage})
	}
	return items
}
