package commands

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/plural"
	"github.com/octo-tentacle/octo-tentacle/kubernetes"
)

// changeAgents is changeTentacle for Kubernetes agents from outside. With several of them, those
// that fail stop none of the others.
func changeAgents(ctx context.Context, c *console, o changeOptions, prepare func(*tentacle, *outcome) (change, error)) error {
	agents, err := agentsOf(ctx, c, o.agents)
	if len(agents) == 0 && err != nil {
		return err
	}
	if !o.agents.severalPossible() {
		t, err := outsideTentacle(ctx, c, agents[0], o)
		if err != nil {
			return err
		}
		return changeThis(ctx, c, t, o, prepare)
	}
	changed := make([]changedAgent, len(agents))
	c.progress("changing " + plural.Of(len(agents), "agent", "agents"))
	eachAgent(len(agents), func(i int) { changed[i] = changeOneAgent(ctx, c, agents[i], o, prepare) })
	c.endProgress()
	return printChanged(c, o, changed, joined(err))
}

// changedAgent is how the change of one of several agents ended.
type changedAgent struct {
	outcome  *outcome
	err      error
	warnings string // that it gave rise to
}

// changeOneAgent changes one of several agents.
func changeOneAgent(ctx context.Context, c *console, a *kubernetes.Agent, o changeOptions, prepare func(*tentacle, *outcome) (change, error)) (changed changedAgent) {
	own, warnings := c.quietly()
	t, err := outsideTentacle(ctx, own, a, o)
	if err == nil {
		changed.outcome, err = outcomeOf(ctx, own, t, o, prepare)
	} else {
		named := o.agents.named(a.Namespace, a.Cluster.Context)
		named.Instance.ConfigPath = configMapNamed(a)
		changed.outcome = newOutcome(named, o.dryRun)
		changed.outcome.conclude(err)
	}
	if changed.outcome.agentOutcome == nil {
		changed.outcome.agentOutcome = &agentOutcome{Context: a.Cluster.Context, Namespace: a.Namespace}
	}
	if err != nil {
		changed.err = failureOf(a, o.agents, err)
		changed.outcome.Error = err.Error()
		changed.outcome.Result = resultOf(o.dryRun, changed.outcome.Changed, err)
	}
	changed.warnings = warnings.String()
	return changed
}

// failureOf says of which of several agents an error is.
func failureOf(a *kubernetes.Agent, o agentOptions, err error) error {
	return agentFailure{a.Cluster.Context, a.Namespace, len(o.contexts) > 1, fmt.Errorf("namespace %s: %w", a.Namespace, err)}
}

// quietly is a console that shows nothing, and collects warnings.
func (c *console) quietly() (own *console, warnings *bytes.Buffer) {
	warnings = &bytes.Buffer{}
	own = newConsole(strings.NewReader(""), &bytes.Buffer{}, warnings)
	own.secrets, own.arguments, own.systemLog = c.cloneSecrets(), c.arguments, c.systemLog
	own.log, own.logFile = c.log, c.logFile
	return own, warnings
}

// passOn shows the warnings that quietly collected.
func (c *console) passOn(warnings string) {
	if warnings != "" {
		c.endProgress()
		_ = c.out.flush() // keeps the order where both streams go to one place; answered sees a failure
		fmt.Fprint(c.err, warnings)
	}
}

// printChanged prints how the changes of several agents ended. Its error has those that failed, and
// the failures before.
func printChanged(c *console, o changeOptions, changed []changedAgent, failures []error) error {
	var outcomes []*outcome
	warned := map[string]bool{} // what is about the cluster of Octopus is the same for each
	printed := false
	for _, one := range changed {
		outcomes = append(outcomes, one.outcome)
		if !warned[one.warnings] {
			c.passOn(one.warnings)
		}
		warned[one.warnings] = true
		if one.err != nil {
			failures = append(failures, one.err)
		}
		if !o.json() && one.err == nil && (one.outcome.Changed || !o.quiet) {
			if printed {
				c.printf("\n")
			}
			printOutcome(c, one.outcome, o)
			printed = true
		}
	}
	var err error
	switch {
	case o.json():
		err = c.printJSON(append([]*outcome{}, outcomes...))
	case len(changed)+len(failures) == 0:
		printNoAgent(c)
	case len(changed) > 1 && (len(failures) > 0 || !o.quiet):
		if printed {
			c.printf("\n")
		}
		printTable(c, withContexts(changedColumns, changed, func(a changedAgent) string { return a.outcome.Context }), changed)
	}
	return errors.Join(append([]error{err}, failures...)...)
}

// changedColumns define the table of several agents.
var changedColumns = []column[changedAgent]{
	{"NAMESPACE", func(a changedAgent) string { return a.outcome.Namespace }},
	{"OUTCOME", func(a changedAgent) string { return string(a.outcome.Result) }},
	{"POLLS", func(a changedAgent) string {
		if a.outcome.Places.Running == nil {
			return "?"
		}
		return plural.Of(len(a.outcome.Places.Running), "address", "addresses")
	}},
}
