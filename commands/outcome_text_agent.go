package commands

import (
	"fmt"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/plural"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// printAgentResult says what was done to an agent, and what is left to do.
func printAgentResult(c *console, o *outcome) {
	plan := o.agentOutcome.plan
	switch {
	case o.Prepared != nil:
		o.Prepared.print(c, o)
	case o.DryRun && o.Changed:
		c.printf("%s %s\n", dryRunLine, plan.would(o.Release))
	case !o.Changed:
		c.printf("%s\n", resultLine(o.DryRun, false, ""))
	case len(plan.addresses) == 0:
		c.printf("Saved.\n")
	default:
		c.printf("%s\n", o.rolledOut())
		if way := o.wayBack(); way != "" {
			c.printf("%s\n", way)
		}
	}
}

// would says what a change is about to do.
func (p agentPlan) would(r *agentRelease) string {
	switch {
	case len(p.stages) > 0 && r != nil:
		return fmt.Sprintf("Helm release %s would get revision %d, with %s.", r.Name, r.Revision+len(p.stages), plural.Of(len(p.stages), "rollout", "rollouts"))
	case p.restart:
		return "The agent would be restarted."
	}
	return "The ConfigMap would change, and the agent would not be restarted."
}

// rolledOut says what is in effect now.
func (o *outcome) rolledOut() string {
	text := "Rolled out"
	if r := o.Release; r != nil && o.upgraded {
		text += fmt.Sprintf(": Helm release %s has revision %d", r.Name, r.Revision)
	}
	if running := o.Places.Running; running != nil {
		text += "; the running agent polls " + plural.Of(len(running), "address", "addresses")
	}
	return text + "."
}

// wayBack warns of a helm rollback after which the agent would poll nobody.
func (o *outcome) wayBack() string {
	if len(o.former) == 0 || tentacleconfig.ContainsAddress(o.Places.ConfigMap, o.former[0]) {
		return ""
	}
	return fmt.Sprintf("Do not go back to revision %d with helm rollback: its first address, %s, no longer has an entry, so the next start would end all trust. To go back: %s",
		o.revision, o.former[0], o.suggest().Command("sync-servers", "--server-comms-address="+strings.Join(o.former, ",")))
}

func (p *prepared) print(c *console, o *outcome) {
	indented := func(text string) {
		for line := range strings.Lines(text) {
			c.printf("  %s\n", strings.TrimSuffix(line, "\n"))
		}
	}
	left := "What is left to do"
	switch {
	case o.DryRun:
		c.printf("%s\n", dryRunLine)
		left = "What would be left to do then"
	case o.Changed:
		c.printf("Prepared: whichever pod starts now finds its first address in %s. ", o.Configuration)
	default:
		c.printf("Prepared already. ")
	}
	if steps := 1 + len(p.Further); steps > 1 {
		c.printf("%s takes %d rollouts. Begin the next one only when the one before has succeeded, for which %s waits: else the agent can lose its identity. To go back, take them in reverse.\n", left, steps, p.waits())
	} else {
		c.printf("%s:\n", left)
	}
	if p.Then != "" {
		indented(p.Then)
		return
	}
	for i, step := range append([]preparedStep{p.preparedStep}, p.Further...) {
		if steps := 1 + len(p.Further); steps > 1 {
			c.printf("Rollout %d of %d:\n", i+1, steps)
		}
		switch {
		case step.Helm != "":
			indented(step.Helm)
			if i == 0 && !p.exact {
				c.printf("CHART is where this chart is installed from.\n")
			}
			if i == 0 && len(p.force) > 0 {
				c.printf("--force-conflicts (Helm 4) takes the addresses back from %s.\n", strings.Join(p.force, ", "))
			}
			c.printf("Or, where a repository has the values, commit these:\n")
		case i == 0 && p.owner != "":
			c.printf("%s deploys this agent. As values of the chart, commit these:\n", p.owner)
		case i == 0:
			c.printf("No Helm release made this agent: give it these addresses as it was made. As values of the chart:\n")
		}
		indented(step.Values)
	}
	if p.unsafe {
		c.printf("%s\n", fmt.Sprintf("Do it soon: if the agent's pod starts before that, it drops what was prepared. Then %s first.", again))
	}
}

// waits is what waits for the rollout of a step.
func (p *prepared) waits() string {
	if p.Helm != "" {
		return "--wait, or " + p.rollout + ","
	}
	return p.rollout
}
