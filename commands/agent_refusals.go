package commands

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/internal/plural"
	"github.com/octo-tentacle/octo-tentacle/kubernetes"
)

// What of agents is not changed, before anything is written.

// refuse refuses a change that would not come to its end.
func (p *outsidePlace) refuse(ctx context.Context) error {
	if err := p.refuseAltogether(); err != nil {
		return err
	}
	if err := p.refuseForbidden(ctx); err != nil || p.options.prepare {
		return err
	}
	return p.waitForScripts(ctx)
}

// refuseAltogether refuses what nobody should do.
func (p *outsidePlace) refuseAltogether() error {
	a := p.agent
	if len(p.plan.stages) > 0 && !honoursList(a) {
		return hint.Errorf("upgrade the chart first, with helm upgrade --version and its values; from 1.3.0 on it does",
			"chart %s %s of the agent does not honour a changed list of addresses", a.Release.Chart, a.Release.ChartVersion)
	}
	if p.options.prepare {
		return nil
	}
	prepare := "--prepare changes the ConfigMap alone, so that the roll-out is safe, and prints what to commit"
	switch {
	case a.Owner != "":
		return hint.Errorf(prepare, "%s deploys this agent from a repository, and would undo a change that is made beside it", a.Owner)
	case a.Release == nil:
		return hint.Errorf(prepare, "no Helm release made the agent in namespace %s: a change of its Deployment would be undone by what did", a.Namespace)
	case a.Release.Status == kubernetes.StatusDeployed || a.Release.Status == kubernetes.StatusFailed || len(p.lists.pending) > 0:
		return nil
	}
	return about(p.tentacle, &kubernetes.PendingError{Release: a.Release})
}

// honoursList says whether the image that the chart of an agent installs makes its list again at
// each start (helm-charts, kubernetes-agent, CHANGELOG.md: 1.3.0).
func honoursList(a *kubernetes.Agent) bool {
	if a.Release == nil {
		return true // not known
	}
	major, rest, _ := strings.Cut(strings.TrimPrefix(a.Release.ChartVersion, "v"), ".")
	minor, _, _ := strings.Cut(rest, ".")
	m, err := strconv.Atoi(major)
	n, err2 := strconv.Atoi(minor)
	return err != nil || err2 != nil || m > 1 || m == 1 && n >= 3
}

// refuseForbidden refuses what the account may not do, or what the API would not take.
func (p *outsidePlace) refuseForbidden(ctx context.Context) error {
	a := p.agent
	wanted := a.UpgradeAccess()
	wanted = slices.DeleteFunc(wanted, func(access kubernetes.Access) bool {
		return p.options.prepare && access.Resource != "configmaps" || len(p.plan.stages) == 0 && access.Resource == "secrets"
	})
	if denied := a.Cluster.Denied(ctx, wanted); len(denied) > 0 {
		return deniedError{a.Namespace, denied, wanted}
	}
	if p.options.prepare || len(p.plan.stages) == 0 {
		return nil
	}
	u, err := a.Interrupted()
	if err == nil && u == nil {
		u, err = a.Upgrade(p.plan.stages[0], "")
	}
	if err == nil {
		err = u.Rehearse(ctx)
	}
	if kubernetes.IsFieldConflict(err) {
		err = hint.With(err, fmt.Sprintf("%s set the addresses beside Helm, and helm upgrade would be refused, too; --prepare prints the helm upgrade that takes them back", orOthers(a.SetByOthers())))
	}
	return about(p.tentacle, err)
}

func orOthers(managers []string) string {
	if len(managers) == 0 {
		return "others"
	}
	return strings.Join(managers, ", ")
}

// deniedError is what an account may not do of what a change needs.
type deniedError struct {
	namespace      string
	denied, wanted []kubernetes.Access
}

func (e deniedError) Error() string {
	var list []string
	for _, a := range e.denied {
		list = append(list, a.Verb+" "+a.Resource)
	}
	return "this account may not " + strings.Join(list, ", ") + " in namespace " + e.namespace
}

// Hints have the role for all that changing agents needs, so that it is given once.
func (e deniedError) Hints() []string {
	role := kubernetes.RoleFor("octo-tentacle", "", append(kubernetes.Reading(e.namespace), e.wanted...))
	return []string{hint.Lines(append([]string{"an administrator of the cluster can allow it with this, by kubectl apply -f FILE (ACCOUNT is yours: kubectl auth whoami):"}, splitLines(role)...)...)}
}

// lookForScripts is how often a wait looks whether scripts run.
const lookForScripts = 2 * time.Second

// waitForScripts warns of deployment scripts that run, or waits for them if it is told so. Their
// pods survive the restart of the agent, which then goes on to watch them.
func (p *outsidePlace) waitForScripts(ctx context.Context) error {
	if p.waited {
		return nil
	}
	p.waited = true
	o := p.options.restart
	for end := time.Now().Add(o.wait); ; {
		pods, err := p.agent.ScriptPods(ctx)
		running := plural.Of(len(pods), "deployment script runs", "deployment scripts run")
		switch {
		case err != nil && ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			p.console.warnOf(fmt.Errorf("it is not known whether deployment scripts run: %w", err))
			return nil
		case len(pods) == 0:
			return nil
		case !o.waitGiven:
			p.console.warnOf(hint.With(fmt.Errorf("%s in namespace %s: the restart of the agent does not end it, but its log may be late", running, p.agent.Namespace), "--restart-wait=10m waits for its end first"))
			return nil
		case time.Now().After(end):
			return fmt.Errorf("%s in namespace %s after %s", running, p.agent.Namespace, o.wait)
		}
		p.console.progress("waiting: " + running)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(lookForScripts):
		}
	}
}
