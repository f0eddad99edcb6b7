package commands

import (
	"fmt"
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/commands/check"
	"github.com/octo-tentacle/octo-tentacle/internal/plural"
)

// print prints all, or if it is to be quiet, what somebody has to act on.
func (r checkReport) print(c *console, quiet bool) {
	if len(r.results) == 0 && (!quiet || len(r.required) > 0) {
		r.printNone(c)
	}
	printed := false
	for _, result := range r.results {
		if quiet {
			result = result.toActOn()
		}
		if quiet && len(result.Findings)+len(result.Missing) == 0 {
			continue
		}
		if printed {
			c.printf("\n")
		}
		printed = true
		result.print(c, quiet)
	}
}

func (r checkReport) printNone(c *console) {
	if r.agents {
		printNoAgent(c)
	} else {
		printNoInstance(c)
	}
}

func (r checkResult) title() string {
	if r.Instance == "" {
		return agentTitle(r.chosenContext, r.Configuration)
	}
	return title(r.Instance, r.Configuration)
}

// toActOn is the result without what nobody has to act on: what is well, and what was skipped and
// not required.
func (r checkResult) toActOn() checkResult {
	r.Findings = slices.DeleteFunc(slices.Clone(r.Findings), func(f check.Finding) bool {
		return f.Level == check.OK || !r.unseen && f.Level == check.Skipped && !slices.Contains(r.Missing, check.AreaOf(f))
	})
	return r
}

func (r checkResult) print(c *console, quiet bool) {
	c.printf("%s\n", c.bold(r.title()))
	for i, found := range r.Findings {
		sameFollows := i+1 < len(r.Findings) && r.Findings[i+1].Level == check.Skipped && r.Findings[i+1].Why == found.Why
		if found.Level == check.Skipped && sameFollows {
			found.Why = "" // said once, below the last of them
		}
		if i+1 < len(r.Findings) && sameAdvice(found, r.Findings[i+1]) {
			found.Why, found.Fix = "", ""
		}
		printFinding(c, found)
	}
	if !quiet {
		c.printf("%d ok, %d skipped, %s, %s\n", r.Summary.OK, r.Summary.Skipped,
			plural.Of(r.Summary.Warnings, "warning", "warnings"), plural.Of(r.Summary.Problems, "problem", "problems"))
	}
	if len(r.Missing) > 0 {
		c.printf("%s\n", c.red("required, but not looked at: "+strings.Join(r.Missing, ", ")))
	}
}

// sameAdvice says whether two findings about a file end alike: that is said once, below the last.
func sameAdvice(a, b check.Finding) bool {
	return a.Level == check.Problem && a.Key != "" && b.Key != "" && a.Why == b.Why && a.Fix == b.Fix && a.Open == b.Open
}

// printFinding prints a good finding in one line, and any other with its reason and its fix.
func printFinding(c *console, f check.Finding) {
	mark := fmt.Sprintf("%-7s", f.Level)
	if c.symbols {
		mark = [...]string{"✓", "–", "!", "✗"}[f.Level]
	}
	indent := strings.Repeat(" ", len("  ")+len([]rune(mark))+len("  "))
	paint := [...]paint{c.green, c.faint, c.yellow, c.red}[f.Level]
	c.printf("  %s  %s\n", paint(mark), f.What)
	if f.Level == check.OK {
		return
	}
	for line := range strings.Lines(f.Why) {
		c.printf("%s%s\n", indent, strings.TrimSpace(line))
	}
	switch {
	case f.Fix == "":
	case f.Complete:
		c.printf("%sfix: %s\n", indent, c.bold(f.Fix))
	default:
		c.printf("%sfix (%s): %s\n", indent, f.Open, c.bold(f.Fix))
	}
}
