package commands

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/plural"
	"github.com/octo-tentacle/octo-tentacle/kubernetes"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// agentOutcome is what the JSON of a change has of a Kubernetes agent besides.
type agentOutcome struct {
	Context   string        `json:"context"` // of the kubeconfig; "" in a pod
	Namespace string        `json:"namespace"`
	Release   *agentRelease `json:"release"` // null where Helm did not make it
	Places    places        `json:"places"`  // as they are at the end
	Error     string        `json:"error"`   // why it was not changed, or not to the end; "" if it was

	plan     agentPlan
	former   []string // addresses of the environment before the change
	revision int      // of the release before the change
	upgraded bool     // it got another one
}

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
	own.secrets, own.arguments, own.mayChange, own.systemLog = c.secrets.Clone(), c.arguments, c.mayChange, c.systemLog
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
	for i, one := range changed {
		outcomes = append(outcomes, one.outcome)
		c.passOn(one.warnings)
		if one.err != nil {
			failures = append(failures, one.err)
		}
		if !o.json() && one.err == nil && (one.outcome.Changed || !o.quiet) {
			if i > 0 {
				c.printf("\n")
			}
			printOutcome(c, one.outcome, o)
		}
	}
	var err error
	switch {
	case o.json():
		err = c.printJSON(append([]*outcome{}, outcomes...))
	case len(changed)+len(failures) == 0:
		c.printf("There is no Kubernetes agent that this account can see.\n")
	case len(changed) > 1 && (len(failures) > 0 || !o.quiet):
		c.printf("\n")
		printTable(c, changedColumns, changed)
	}
	return errors.Join(append([]error{err}, failures...)...)
}

// changedColumns define the table of several agents.
var changedColumns = []column[changedAgent]{
	{"NAMESPACE", func(a changedAgent) string { return a.outcome.Namespace }},
	{"CONTEXT", func(a changedAgent) string { return a.outcome.Context }},
	{"OUTCOME", func(a changedAgent) string { return string(a.outcome.Result) }},
	{"POLLS", func(a changedAgent) string {
		if a.outcome.Places.Running == nil {
			return "?"
		}
		return fmt.Sprint(len(a.outcome.Places.Running))
	}},
}

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
		c.printf("%s", o.wayBack())
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
	return fmt.Sprintf("Revision %d is not one to go back to with helm rollback: a start with its first address, %s, which has no entry any more, ends all trust. To go back: %s\n",
		o.revision, o.former[0], o.suggest().Command("sync-servers", "--server-comms-address="+strings.Join(o.former, ",")))
}
