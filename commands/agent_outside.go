package commands

import (
	"context"
	"errors"

	"github.com/octo-tentacle/octo-tentacle/commands/suggest"
	"github.com/octo-tentacle/octo-tentacle/kubernetes"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// outsidePlace is a Kubernetes agent, seen from outside its container. What it polls after its next
// start is made of the values of its Helm release: a change is one of the release, and its rollout
// takes it into use. While that is under way, the ConfigMap has old and new together.
type outsidePlace struct {
	console  *console
	agent    *kubernetes.Agent
	tentacle suggest.Tentacle
	options  changeOptions

	lists   agentLists
	wanted  []tentacleconfig.TrustedServer // that the command decided on
	plan    agentPlan                      // for that, as the agent was then
	decided bool                           // on what the agent is now: it has to be read again
	waited  bool                           // for scripts
	warned  bool                           // of what a start does not keep

	stage, stages int // rollouts that are made, and that are needed

	// Before the change.
	former   []string // addresses of the environment
	revision int      // of the release
}

func (p *outsidePlace) name() string { return configMapNamed(p.agent) }

func configMapNamed(a *kubernetes.Agent) string {
	return agentLocation{namespace: a.Namespace, configMap: a.ConfigMap.Meta.Name}.name()
}

// readLists reads what the places of the agent have. entries are those of its ConfigMap.
func (p *outsidePlace) readLists(ctx context.Context, entries []tentacleconfig.TrustedServer) (l agentLists, err error) {
	a := p.agent
	if err := errors.Join(a.ReleaseErr, a.PodsErr); err != nil {
		return l, err
	}
	l = agentLists{configMap: entries, environment: a.Environment().List()}
	if a.Deployed != nil {
		l.helm = known(a.Deployed.Addresses().List())
	}
	if a.Release != nil {
		if a.Release.Status == kubernetes.StatusPendingUpgrade && a.Release.IsOurs() {
			l.pending = [][]string{a.Release.Addresses().List()}
		}
	}
	log, err := currentLog(ctx, a)
	if err == nil && log != nil && log.Started && a.Running() != nil {
		l.polls = log.Polls
	}
	return l, nil // without the log, what runs is not known
}

// readAgain reads the agent again.
func (p *outsidePlace) readAgain(ctx context.Context) (err error) {
	now, err := p.agent.Cluster.Agent(ctx, p.agent.Namespace)
	if err != nil {
		return err
	}
	p.agent = now
	configMap, err := lookAtAgent(ctx, p.agent, p.options.agents)
	if err != nil {
		return err
	}
	p.lists, err = p.readLists(ctx, configMap.servers)
	return err
}

// save writes a list into the ConfigMap, unless it has it.
func (p *outsidePlace) save(ctx context.Context, servers []tentacleconfig.TrustedServer) (changed bool, err error) {
	if sameEntries(p.lists.configMap, servers) && len(p.lists.configMap) == len(servers) {
		return false, nil
	}
	before := tentacleconfig.FromMap(p.name(), p.agent.ConfigMap.Data, nil)
	after := before.Clone()
	after.SetTrustedServers(servers)
	written, err := p.agent.Cluster.PatchConfigMap(ctx, &p.agent.ConfigMap, after.Changes(before))
	if err != nil {
		return false, err
	}
	p.agent.ConfigMap, p.lists.configMap = *written, servers
	return true, nil
}

// description says in helm history what a revision changes.
func (p *outsidePlace) description(list []string, of string) string {
	text := "polls " + shortList(list)
	if of != "" {
		text += " (rollout" + of + ")"
	}
	if p.options.reason != "" {
		text += " (" + p.options.reason + ")"
	}
	return text
}
