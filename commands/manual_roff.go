package commands

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/lazyregexp"
	"github.com/urfave/cli/v2"
)

// A roffPage is a page of the manual that is being written, with the macros of man(7).
type roffPage struct {
	name   string
	number int
	begun  bool // the section has a paragraph
	text   bytes.Buffer
}

// begin writes the title and the name of a page.
func (m *manual) begin(name string, section int, usage string) *roffPage {
	r := &roffPage{name: manualName(name), number: section}
	r.raw(fmt.Sprintf(`.TH "%s" "%d" "%s" "octo\-tentacle %s" "Octopus Tentacles"`,
		roff(strings.ToUpper(r.name)), section, m.day.UTC().Format("2006-01-02"), roff(m.version)))
	r.raw(".nh") // an option that is hyphenated cannot be pasted
	r.raw(".ad l")
	r.section("NAME")
	r.raw(roff(r.name) + ` \- ` + roff(usage))
	return r
}

func (r *roffPage) page() ManualPage {
	return ManualPage{Name: fmt.Sprintf("%s.%d", r.name, r.number), Section: r.number, Text: r.text.Bytes()}
}

// raw writes a line that is roff already.
func (r *roffPage) raw(line string) {
	r.text.WriteString(line)
	r.text.WriteByte('\n')
}

func (r *roffPage) section(name string) {
	r.raw(".SH " + roff(name))
	r.begun = false
}

func (r *roffPage) subsection(name string) {
	r.raw(".SS " + roff(name))
	r.begun = false
}

// apart separates a paragraph from the one before it.
func (r *roffPage) apart() {
	if r.begun {
		r.raw(".PP")
	}
	r.begun = true
}

func (r *roffPage) paragraph(text string) {
	r.apart()
	r.prose(text)
}

// prose writes a text, with each sentence on a line of its own, as roff wants it.
func (r *roffPage) prose(text string) {
	var line []string
	for word := range strings.FieldsSeq(text) {
		line = append(line, roffWord(word))
		if strings.HasSuffix(word, ".") {
			r.raw(unlikeMacro(strings.Join(line, " ")))
			line = nil
		}
	}
	if len(line) > 0 {
		r.raw(unlikeMacro(strings.Join(line, " ")))
	}
}

func (r *roffPage) blocks(blocks []helpBlock) {
	for _, block := range blocks {
		switch {
		case block.paragraph != "":
			r.paragraph(block.paragraph)
		case block.lines != nil:
			r.example(block.lines)
		default:
			r.items(block.items)
		}
	}
}

// example writes lines as they are, in the indentation of the page.
func (r *roffPage) example(lines []string) {
	r.apart()
	r.raw(".EX")
	for _, line := range lines {
		r.raw(unlikeMacro(roff(strings.TrimPrefix(line, "  "))))
	}
	r.raw(".EE")
}

func (r *roffPage) items(items []helpItem) {
	for _, item := range items {
		r.raw(".TP")
		label := `\fB` + roff(item.name) + `\fR`
		if item.value != "" {
			label += ` \fI` + roff(item.value) + `\fR`
		}
		r.raw(label)
		r.prose(item.text)
	}
	r.begun = true
}

// references writes items that are pages of the manual.
func (r *roffPage) references(items []helpItem, section int) {
	for _, item := range items {
		r.raw(".TP")
		r.raw(manualReference(item.name, section))
		r.prose(item.text)
	}
}

func (r *roffPage) variables(variables []environmentVariable) {
	var items []helpItem
	for _, variable := range variables {
		items = append(items, helpItem{name: variable.name, text: variable.meaning})
	}
	r.items(items)
}

func (r *roffPage) exitCodes(command *cli.Command) { r.items(exitCodesOf(command)) }

// roffEscapes make characters what they are: without them, roff sets typographic ones, which cannot
// be pasted or searched for.
var roffEscapes = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`, `"`, `\(dq`,
	"…", "...", "→", "\\(->", "–", `\(en`)

// roff is a text as roff reads it.
func roff(text string) string {
	var escaped strings.Builder
	for _, char := range roffEscapes.Replace(text) {
		if char > 126 {
			fmt.Fprintf(&escaped, `\[u%04X]`, char)
		} else {
			escaped.WriteRune(char)
		}
	}
	return escaped.String()
}

// unlikeMacro is a line that does not begin like a macro.
func unlikeMacro(line string) string {
	if strings.HasPrefix(line, ".") {
		return `\&` + line
	}
	return line
}

// optionInProse is the name of an option, and what may stand before it.
var optionInProse = lazyregexp.New(`^(\(?"?)(--[A-Za-z][A-Za-z-]*)(.*)$`)

// roffWord is a word as roff reads it; options are bold.
func roffWord(word string) string {
	if parts := optionInProse().FindStringSubmatch(word); parts != nil {
		return roff(parts[1]) + `\fB` + roff(parts[2]) + `\fR` + roff(parts[3])
	}
	return roff(word)
}
