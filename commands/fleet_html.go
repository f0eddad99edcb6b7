package commands

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/octo-tentacle/octo-tentacle/commands/fleet"
	"github.com/octo-tentacle/octo-tentacle/internal/plural"
)

// The page is one file: what it needs is in it, and its policy lets it load nothing and run no
// other script. What it says can be read without scripts; they add the filter.

//go:embed fleet_html.tmpl
var fleetTemplate string

//go:embed fleet_html.css
var fleetStyle string

//go:embed fleet_html.js
var fleetScript string

// fleetPage is what the template shows.
type fleetPage struct {
	Policy string
	Style  template.CSS
	Script template.JS

	About          []string
	Time, TimeText string
	Verdict        pageMark
	Counters       []pageCounter
	Shares         []pageShare
	SharesText     string
	Findings       []pageFinding
	Skipped        []pageFinding // findings that tell what was not looked at
	Nodes          []pageNode
	Columns        []pageColumn
	HasPlaces      bool // whether there is something in this column
	HasVersions    bool
	ColumnsAre     string
	Spaces         []pageSpace
	Missed         []pageChoice // columns that a Tentacle misses
	Addresses      []pageAddress
	MoreAddresses  int
	Notes          []string
	Tasks          []pageTask
}

// Width is the number of columns of the matrix.
func (p fleetPage) Width() int {
	return len(p.Columns) + 3 + int(oneIf(p.HasPlaces)+oneIf(p.HasVersions))
}

// pageMark says a level by a colour, a symbol and a word, so that none of them is needed.
type pageMark struct{ Class, Symbol, Word, Text string }

type pageCounter struct {
	pageMark
	Count int
}

// pageShare is a part of a bar that is 1000 wide.
type pageShare struct {
	Class    string
	X, Width int
}

type pageFinding struct {
	pageMark
	Number   int // from 1
	Title    string
	Why      []string
	Fix      string
	Machines []pageLink
	More     int
	Count    int
}

type pageLink struct {
	Number int // of the row or of the finding; 0 for none
	Text   string
}

type pageNode struct {
	Name, State              string
	Polled, Missing, Unknown int
	Class, Symbol            string // of Missing; "" where it does not matter
}

type pageColumn struct{ Name, State string }

type pageSpace struct {
	Number        int
	Name, Summary string
	Rows          []pageRow
}

type pageRow struct {
	pageMark
	Number   int
	Name     string
	Note     string // beside the name
	Misses   string // numbers of columns
	Findings string // numbers
	Cells    []pageCell
	Why      string // in place of the cells
	Said     []pageLink
	Where    string
	Roles    string
	Version  string
	Health   string
}

// Labels are the name in parts, between which a browser may begin a new line.
func (r pageRow) Labels() []string { return strings.SplitAfter(r.Name, ".") }

type pageCell struct{ Class, Text string }

type pageChoice struct {
	Value int
	Text  string
}

type pageAddress struct {
	URL, Node, Proof, Note string
	Machines               int
}

type pageTask struct{ ID, Space, State, Text string }

// printFleetHTML writes one page that can be looked at and kept as it is.
func printFleetHTML(c *console, r *fleet.Report) error {
	page, err := template.New("fleet").Parse(fleetTemplate)
	if err != nil {
		return err
	}
	var whole bytes.Buffer
	if err := page.Execute(&whole, pageMaker{c, newFleetMatrix(r)}.page()); err != nil {
		return err
	}
	c.endProgress()
	c.writeUTF8()
	if c.asciiJSON { // a shell there may write it in any encoding: see output.go
		_, err = io.WriteString(c.out, asciiHTML(whole.String()))
	} else {
		_, err = c.out.Write(whole.Bytes())
	}
	return err
}

// asciiHTML writes other characters as references. The script and the style have none.
func asciiHTML(page string) string {
	var ascii strings.Builder
	for _, r := range page {
		if r < utf8.RuneSelf {
			ascii.WriteRune(r)
		} else {
			fmt.Fprintf(&ascii, "&#x%x;", r)
		}
	}
	return ascii.String()
}

// pageMaker makes the page. All that others wrote goes through shown.
type pageMaker struct {
	c *console
	m *fleetMatrix
}

// shown is a value without secrets, and without what hides or reorders a text.
func (p pageMaker) shown(value string) string { return string(p.c.line(value)) }

func (p pageMaker) page() fleetPage {
	page := fleetPage{
		Policy: fmt.Sprintf("default-src 'none'; style-src '%s'; script-src '%s'; img-src data:; base-uri 'none'; form-action 'none'",
			digest(fleetStyle), digest(fleetScript)),
		Style: template.CSS(fleetStyle), Script: template.JS(fleetScript),
		Time: p.shown(p.m.Time), TimeText: p.time(),
	}
	if p.m.Server != "" {
		page.About = append(page.About, p.shown(p.m.Server))
	}
	if p.m.Source == fleet.FromReports {
		page.About = append(page.About, "from reports of check")
	}
	page.About = append(page.About, p.shown("octo-tentacle "+p.m.Version))
	level, verdict := p.m.verdict()
	page.Verdict = mark(level, strings.ToUpper(verdict[:1])+verdict[1:]+".")
	p.count(&page)
	p.addFindings(&page)
	p.addNodes(&page)
	p.addRows(&page)
	p.addAddresses(&page)
	p.addNotes(&page)
	return page
}

func digest(content string) string {
	sum := sha256.Sum256([]byte(content))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

func mark(l fleet.Level, text string) pageMark {
	return pageMark{string(l), symbol(l), string(l), text}
}

func (p pageMaker) time() string {
	at, err := time.Parse(time.RFC3339, p.m.Time)
	if err != nil {
		return p.shown(p.m.Time)
	}
	return at.UTC().Format("2 January 2006, 15:04 UTC")
}

func (p pageMaker) count(page *fleetPage) {
	s := p.m.Summary
	where := ""
	if n := len(p.m.Spaces); n > 0 {
		where = "in " + plural.Of(n, "space", "spaces")
	}
	broken := "something is broken"
	if s.MissesNode > 0 && s.Problems > 0 {
		broken = plural.Of(s.MissesNode, "misses a node", "miss a node")
	}
	page.Counters = []pageCounter{
		{pageMark{Word: "Tentacles", Text: where}, s.Machines},
		{mark(fleet.Problem, broken), s.Problems},
		{mark(fleet.Warning, "should be looked at"), s.Warnings},
		{mark(fleet.OK, "nothing is wrong"), s.OK},
		{mark(fleet.Skipped, "were not looked at, or not completely"), s.Skipped},
	}
	if s.Machines == 0 {
		return
	}
	x := 0
	for _, counter := range page.Counters[1:] {
		if counter.Count > 0 {
			width := counter.Count * 1000 / s.Machines
			page.Shares = append(page.Shares, pageShare{counter.Class, x, max(width, 4)})
			x += width
		}
	}
	page.Shares[len(page.Shares)-1].Width = 1000
	page.SharesText = fmt.Sprintf("%d problem, %d warning, %d ok, %d skipped", s.Problems, s.Warnings, s.OK, s.Skipped)
}

// maxLinks is how many Tentacles a finding names: the table has the others.
const maxLinks = 24

func (p pageMaker) addFindings(page *fleetPage) {
	numbers := p.numbers()
	for i, f := range p.m.Findings {
		shown := pageFinding{
			pageMark: mark(f.Level, ""), Number: i + 1, Title: p.shown(f.What), Fix: p.shown(f.Fix), Count: len(f.Machines),
			More: max(0, len(f.Machines)-maxLinks),
		}
		for line := range strings.Lines(f.Why) {
			shown.Why = append(shown.Why, p.shown(strings.TrimSpace(line)))
		}
		for _, key := range f.Machines[:min(maxLinks, len(f.Machines))] {
			shown.Machines = append(shown.Machines, pageLink{numbers[key], p.shown(p.m.name(key))})
		}
		if f.Level == fleet.Skipped {
			page.Skipped = append(page.Skipped, shown)
		} else {
			page.Findings = append(page.Findings, shown)
		}
	}
}

// numbers are those of the rows, in the order of the page.
func (p pageMaker) numbers() map[string]int {
	numbers := make(map[string]int, len(p.m.Machines))
	for _, space := range p.m.spaces {
		for _, machine := range space.machines {
			numbers[machine.Key] = len(numbers) + 1
		}
	}
	return numbers
}

func (p pageMaker) addNodes(page *fleetPage) {
	all := make([]int, len(p.m.Findings))
	for i := range all {
		all[i] = i
	}
	for i, n := range p.m.Nodes {
		shown := pageNode{Name: p.shown(n.Name), State: p.shown(n.State), Polled: n.Polled, Missing: n.Missing, Unknown: n.Unknown}
		if level := p.m.missingLevel(all, p.m.columns[i]); n.Missing > 0 && level != fleet.Skipped {
			shown.Class, shown.Symbol = levelClass(level), symbol(level)
		}
		page.Nodes = append(page.Nodes, shown)
	}
	page.ColumnsAre = "nodes"
	if len(p.m.Nodes) == 0 {
		page.ColumnsAre = "addresses"
	}
	for i, column := range p.m.columns {
		page.Columns = append(page.Columns, pageColumn{p.shown(column.name), p.shown(column.state)})
		page.Missed = append(page.Missed, pageChoice{i + 1, p.shown(column.name)})
	}
}

func (p pageMaker) addRows(page *fleetPage) {
	number := 0
	for i, space := range p.m.spaces {
		counts := map[fleet.Level]int{}
		shown := pageSpace{Number: i + 1, Name: p.shown(space.name)}
		for _, machine := range space.machines {
			number++
			counts[machine.Level]++
			row := p.row(machine, number)
			page.HasPlaces = page.HasPlaces || row.Where+row.Roles != ""
			page.HasVersions = page.HasVersions || row.Version+row.Health != ""
			shown.Rows = append(shown.Rows, row)
		}
		parts := []string{plural.Of(len(space.machines), "Tentacle", "Tentacles")}
		for _, level := range []fleet.Level{fleet.Problem, fleet.Warning, fleet.OK, fleet.Skipped} {
			switch n := counts[level]; {
			case n == 0:
			case level == fleet.Problem, level == fleet.Warning:
				parts = append(parts, plural.Of(n, string(level), string(level)+"s"))
			default:
				parts = append(parts, fmt.Sprintf("%d %s", n, level))
			}
		}
		shown.Summary = strings.Join(parts, ", ")
		page.Spaces = append(page.Spaces, shown)
	}
}

func (p pageMaker) row(machine *fleet.Machine, number int) pageRow {
	row := pageRow{
		pageMark: mark(machine.Level, ""), Number: number, Name: p.shown(machine.Place()),
		Where: p.shown(strings.Join(slices.Concat(machine.Environments, machine.Pools), ", ")), Roles: p.shown(strings.Join(machine.Roles, ", ")),
		Version: p.shown(machine.Version), Health: p.shown(machine.Health),
	}
	if machine.Kind == "worker" {
		row.Note = "worker"
	}
	cells := p.m.cells(machine)
	if cells == nil {
		row.Why = p.shown(cmp.Or(machine.Why, stateWord(machine.State), "not known"))
	}
	row.Misses = numberList(missed(cells))
	for _, cell := range cells {
		row.Cells = append(row.Cells, htmlCell(cell))
	}
	row.Findings = numberList(p.m.findings[machine.Key])
	for _, i := range p.m.findings[machine.Key] {
		row.Said = append(row.Said, pageLink{i + 1, p.shown(aboutOne(p.m.Findings[i]))})
	}
	return row
}

// numberList counts from 1, as the page does.
func numberList(indices []int) string {
	numbers := make([]string, len(indices))
	for i, index := range indices {
		numbers[i] = strconv.Itoa(index + 1)
	}
	return strings.Join(numbers, " ")
}

// levelClass is the class of a cell. It is short: there are many.
func levelClass(l fleet.Level) string {
	switch l {
	case fleet.OK:
		return "o"
	case fleet.Warning:
		return "w"
	case fleet.Problem:
		return "p"
	}
	return "u"
}

// htmlCell says it in a symbol and in a word.
func htmlCell(cell fleetCell) pageCell {
	class := levelClass(cell.level)
	switch cell.cell {
	case fleet.Polled:
		return pageCell{class, "✓ yes"}
	case fleet.Perhaps:
		return pageCell{class, "~ maybe"}
	case fleet.Missing:
		return pageCell{class, "✗ no"}
	}
	return pageCell{class, "? unknown"}
}

// maxAddresses is how many addresses the page lists.
const maxAddresses = 100

func (p pageMaker) addAddresses(page *fleetPage) {
	page.MoreAddresses = max(0, len(p.m.Addresses)-maxAddresses)
	for _, a := range p.m.Addresses[:min(maxAddresses, len(p.m.Addresses))] {
		proof := ""
		switch {
		case a.Proved:
			proof = "proved"
		case a.Node != "":
			proof = "by its name"
		}
		page.Addresses = append(page.Addresses, pageAddress{p.shown(a.URL), p.shown(a.Node), proof, p.shown(a.Note), a.Machines})
	}
}

func (p pageMaker) addNotes(page *fleetPage) {
	s := p.m.Summary
	note := func(format string, a ...any) { page.Notes = append(page.Notes, p.shown(fmt.Sprintf(format, a...))) }
	if len(p.m.Spaces) > 0 {
		note("Spaces: %s.", strings.Join(p.m.Spaces, ", "))
	}
	if len(p.m.Filter) > 0 {
		note("Only: %s.", strings.Join(p.m.Filter, ", "))
	}
	if s.Machines > 0 {
		note("It is known what %d of %s.", s.Answered, plural.Of(s.Machines, "Tentacle polls", "Tentacles poll"))
	}
	if s.NoAnswer > 0 {
		note("Without an answer: %d.", s.NoAnswer)
	}
	if s.NotAsked > 0 {
		note("Not asked: %d.", s.NotAsked)
	}
	if left := p.m.leftOut(); left != "" {
		note("Left out: %s.", left)
	}
	switch p.m.Queues {
	case fleet.SharedQueues:
		note("The nodes share their queues: to poll one of them is enough.")
	case fleet.OwnQueues:
		note("Each node has a queue of its own: every node that hands out work has to be polled.")
	default:
		note("It is not known whether the nodes share their queues.")
	}
	if p.m.Thumbprint != "" {
		note("Thumbprint of the cluster: %s.", p.m.Thumbprint)
	}
	if versions := p.m.versions(); versions != "" {
		note("Versions of Tentacle: %s.", versions)
	}
	for _, t := range p.m.Tasks {
		text := fmt.Sprintf("%d of %d answered", t.Answered, t.Machines)
		if t.Running {
			text += "; it was left running"
		}
		page.Tasks = append(page.Tasks, pageTask{p.shown(t.ID), p.shown(t.Space), p.shown(t.State), text})
	}
}
