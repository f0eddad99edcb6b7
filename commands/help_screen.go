package commands

import (
	"fmt"
	"runtime"
	"strings"
	"unicode/utf8"

	"github.com/urfave/cli/v2"
)

// A screen lays out help for people: not wider than the terminal, and in bold what the eye looks
// for. In a pipe it is always the same.
type screen struct {
	c     *console
	width int
	whole bool // a command line of an example is one line
}

const (
	narrowScreen = 40  // narrower, nothing is readable beside the names
	wideScreen   = 100 // wider, the eye loses the line

	// Where the texts begin that stand beside names.
	commandColumn = 25
	optionColumn  = 34
	narrowColumn  = 6 // below the names
)

func newScreen(c *console) *screen {
	return &screen{c: c, width: min(max(c.width(), narrowScreen), wideScreen), whole: runtime.GOOS == "windows" && c.out.terminal}
}

// Write is for the library, whose writer of help a screen is.
func (s *screen) Write(p []byte) (int, error) { return s.c.out.Write(p) }

func (s *screen) line(texts ...any) { fmt.Fprintln(s, texts...) }

func (s *screen) app(app *cli.App) {
	s.line("octo-tentacle, version " + version())
	s.paragraph(app.Usage)
	s.line()
	s.line("  octo-tentacle COMMAND [--option=value …]")
	s.line()
	s.paragraph(aboutProgram)
	for _, group := range commandGroups(app.Commands) {
		s.group(group, commandColumn)
	}
	s.group(helpGroup{"Topics: octo-tentacle help TOPIC", topicItems()}, commandColumn)
	s.group(helpGroup{"Every command has these options, too", everywhere()}, commandColumn)
	s.line()
	s.paragraph(aboutOptions)
	s.line()
	s.line(s.c.bold("Start with"))
	s.line(startWith)
	s.line()
	s.paragraph("Exit code: 0 done, 1 failed, 2 no such command, 3 changed but not finished.")
}

// startWith is for who reads help for the first time.
const startWith = `  octo-tentacle demo          the main commands, on a simulated cluster
  octo-tentacle check         what is wrong with this Tentacle; changes nothing
  octo-tentacle help COMMAND  the options of a command, and examples`

func (s *screen) topics() {
	s.line("octo-tentacle help TOPIC")
	s.line()
	s.items(topicItems(), commandColumn)
}

func (s *screen) page(page helpPage) {
	name := "octo-tentacle " + page.name
	if page.isTopic {
		name = page.name
	}
	lead := name + ":"
	if page.arguments != "" {
		lead = name + " " + page.arguments + ":"
	}
	s.wrapped(lead+" ", name, page.usage, 2)
	for i, block := range page.description {
		if i == 0 || !page.description[i-1].leadsTo(block) {
			s.line()
		}
		s.block(block)
	}
	if page.permissions != "" {
		s.line()
		s.paragraph("Permissions in Octopus: " + page.permissions)
	}
	for _, group := range page.groups {
		s.group(group, optionColumn)
	}
}

func (s *screen) block(block helpBlock) {
	if block.paragraph != "" {
		s.paragraph(block.paragraph)
	}
	lines := block.lines
	if s.whole {
		lines = wholeLines(lines)
	}
	for _, line := range lines {
		s.line(line)
	}
	if len(block.items) > 0 {
		s.items(block.items, columnFor(block.items))
	}
}

// wholeLines are examples to paste into cmd or PowerShell, which do not continue a line after \.
func wholeLines(lines []string) (whole []string) {
	for _, line := range lines {
		last := len(whole) - 1
		if last < 0 || !strings.HasSuffix(whole[last], ` \`) {
			whole = append(whole, line)
			continue
		}
		whole[last] = strings.TrimSuffix(whole[last], `\`) + strings.TrimLeft(line, " ")
	}
	return whole
}

// columnFor is where the texts begin: beside short names, or below long ones.
func columnFor(items []helpItem) int {
	longest := 0
	for _, item := range items {
		longest = max(longest, utf8.RuneCountInString(item.label()))
	}
	if longest+4 > optionColumn {
		return narrowColumn
	}
	return longest + 4
}

func (s *screen) group(group helpGroup, column int) {
	s.line()
	s.line(s.c.bold(group.name))
	s.items(group.items, column)
}

// items writes names and, beside each, what it means; below it where the name is too long.
func (s *screen) items(items []helpItem, column int) {
	column = min(column, max(narrowColumn, s.width-narrowScreen))
	for _, item := range items {
		lead := "  " + item.label()
		missing := column - utf8.RuneCountInString(lead)
		if missing < 2 {
			s.line("  " + string(s.c.bold(item.name)) + strings.TrimPrefix(item.label(), item.name))
			s.wrapped(strings.Repeat(" ", column), "", item.text, column)
			continue
		}
		s.wrapped(lead+strings.Repeat(" ", missing), item.name, item.text, column)
	}
}

// label is the name, and the word for the value.
func (i helpItem) label() string { return strings.TrimSuffix(i.name+" "+i.value, " ") }

func (s *screen) paragraph(text string) { s.wrapped("", "", text, 0) }

// wrapped writes a text after a lead, and continues in the column. The strong part of the lead is
// bold.
func (s *screen) wrapped(lead, strong, text string, column int) {
	lines := wrap(lead, text, column, s.width)
	if strong != "" {
		lines[0] = strings.Replace(lines[0], strong, string(s.c.bold(strong)), 1)
	}
	for _, line := range lines {
		s.line(line)
	}
}

// wrap breaks a text after a lead into lines of at most that width, unless a word is longer.
func wrap(lead, text string, column, width int) (lines []string) {
	line, begun := lead, false
	for word := range strings.FieldsSeq(text) {
		if begun && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			lines = append(lines, line)
			line, begun = strings.Repeat(" ", column), false
		}
		if begun {
			line += " "
		}
		line, begun = line+word, true
	}
	return append(lines, line)
}
