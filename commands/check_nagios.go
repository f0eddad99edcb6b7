package commands

import (
	"fmt"
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/commands/check"
	"github.com/octo-tentacle/octo-tentacle/internal/lazyregexp"
	"github.com/octo-tentacle/octo-tentacle/internal/plural"
)

// What Nagios, Icinga and their kin expect of a plugin: one line with a status and, behind a |,
// numbers; and the exit code of that status (Monitoring Plugins Development Guidelines).

const formatNagios = "nagios"

// The exit codes, which are not those of any other format.
const (
	nagiosOK = iota
	nagiosWarning
	nagiosCritical
	nagiosUnknown
)

func (r checkReport) nagiosCode() int {
	worst := r.worst()
	switch {
	case worst == check.Problem:
		return nagiosCritical
	case len(r.results) == 0 || len(r.missing()) > 0 || r.unseen(): // there may be a problem
		return nagiosUnknown
	case worst == check.Warning:
		return nagiosWarning
	}
	return nagiosOK
}

// nagios is the line for all Tentacles together.
func (r checkReport) nagios() string {
	if len(r.results) == 0 {
		if r.agents {
			return nagiosLine(nagiosUnknown, "there is no Kubernetes agent that this account can see")
		}
		return nagiosLine(nagiosUnknown, "there is no Tentacle instance on this machine")
	}
	var sum checkSummary
	for _, result := range r.results {
		sum.OK += result.Summary.OK
		sum.Skipped += result.Summary.Skipped
		sum.Warnings += result.Summary.Warnings
		sum.Problems += result.Summary.Problems
	}
	numbers := fmt.Sprintf("ok=%d skipped=%d warnings=%d problems=%d", sum.OK, sum.Skipped, sum.Warnings, sum.Problems)
	polled, nodes := r.nodesPolled()
	if nodes > 0 {
		numbers += fmt.Sprintf(" nodes=%d polled=%d", nodes, polled)
	}
	code := r.nagiosCode()
	text := fmt.Sprintf("%d ok, %d skipped", sum.OK, sum.Skipped)
	switch {
	case code == nagiosCritical:
		text = r.first(check.Problem, sum.Problems)
	case code == nagiosUnknown && r.unseen():
		text = r.whyUnseen()
	case code == nagiosUnknown:
		text = "not looked at: " + strings.Join(r.missing(), ", ")
	case code == nagiosWarning:
		text = r.first(check.Warning, sum.Warnings)
	case nodes > 0:
		text = fmt.Sprintf("%d of %s polled, %s", polled, plural.Of(nodes, "node", "nodes"), text)
	}
	return nagiosLine(code, text) + " | " + numbers
}

// nagiosLine is a line without numbers. In the text, nothing may end it.
func nagiosLine(code int, text string) string {
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' }), "; ")
	status := [...]string{"OK", "WARNING", "CRITICAL", "UNKNOWN"}[code]
	return "OCTO-TENTACLE " + status + " - " + strings.ReplaceAll(text, "|", "/")
}

// first is the first finding of a level, and how many more there are.
func (r checkReport) first(level check.Level, count int) string {
	for _, result := range r.results {
		for _, f := range result.Findings {
			if f.Level != level {
				continue
			}
			text := f.What
			if len(r.results) > 1 {
				text = result.title() + ": " + text
			}
			if count > 1 {
				text += fmt.Sprintf(" (and %d more)", count-1)
			}
			return text
		}
	}
	return ""
}

// whyUnseen is why the first of those could not be looked at that could not.
func (r checkReport) whyUnseen() string {
	i := slices.IndexFunc(r.results, func(one checkResult) bool { return one.unseen })
	return r.results[i].Findings[0].What
}

// nodesPolled counts the nodes that findings name, and those that are proved to be polled, of all
// Tentacles together.
func (r checkReport) nodesPolled() (polled, nodes int) {
	for _, result := range r.results {
		for _, isPolled := range result.nodes() {
			nodes++
			if isPolled {
				polled++
			}
		}
	}
	return polled, nodes
}

// nagiosFailure is the line for a check that could not look, with what to do about it.
func nagiosFailure(c *console, err error) string {
	return nagiosLine(nagiosUnknown, strings.ReplaceAll(string(c.errorText(err)), "\n  ", "\n"))
}

var (
	formatOption = lazyregexp.New(`(?i)^(--?|/)format$`)
	nagiosOption = lazyregexp.New(`(?i)^(--?|/)format[=:]nagios$`)
)

// wantsNagios says whether a command line of check asks for that format, also if it is not
// understood otherwise.
func wantsNagios(arguments []string) bool {
	for i, argument := range arguments {
		if nagiosOption().MatchString(argument) || i > 0 && formatOption().MatchString(arguments[i-1]) && strings.EqualFold(argument, formatNagios) {
			return true
		}
	}
	return false
}
