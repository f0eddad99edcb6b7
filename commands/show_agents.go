package commands

import (
	"context"
	"errors"
)

// showAgents shows the settings of Kubernetes agents: one as that of a Tentacle on this machine,
// several in a list. Those that cannot be read stop none of the others.
func showAgents(ctx context.Context, c *console, o showConfigurationOptions) error {
	if o.file.path != "" {
		if err := o.file.check(""); err != nil {
			return err
		}
	}
	agents, err := agentsOf(ctx, c, o.agents)
	if len(agents) == 0 && err != nil {
		return err
	}
	failures := joined(err)
	looked := make([]*tentacle, len(agents))
	lists := make([]agentList, len(agents))
	errs := make([]error, len(agents))
	eachAgent(len(agents), func(i int) {
		if looked[i], errs[i] = lookAtAgent(ctx, agents[i], o.agents); errs[i] == nil {
			lists[i] = agentListOf(ctx, looked[i])
		}
	})
	if err := ctx.Err(); err != nil {
		return err
	}
	all := []tree{} // an empty list is [], not null
	var unread []agentList
	for i, t := range looked {
		err := errs[i]
		if err == nil {
			var shown tree
			if shown, err = o.shown(ctx, c, t); err == nil {
				shown["Kubernetes"] = lists[i].tree()
				all = append(all, shown)
				unread = append(unread, lists[i])
				continue
			}
			err = about(t.suggest(), agentFailure{t.agent.Cluster.Context, t.agent.Namespace, len(o.agents.contexts) > 1, err})
		}
		failures = append(failures, err)
	}
	warnOfUnread(c, unread)
	for _, l := range failedLists(failures) {
		all = append(all, tree{"Kubernetes": tree{"Context": l.Context, "Namespace": l.Namespace, "Error": l.Error}})
	}
	switch {
	case o.agents.severalPossible():
		err = o.write(c, all)
	case len(failures) == 0:
		err = o.write(c, all[0])
	default:
		err = nil // the one that was to be shown could not be read
	}
	return errors.Join(append([]error{err}, failures...)...)
}

// tree is what is known of an agent in its cluster, in the form of the settings.
func (l agentList) tree() tree {
	shown := tree{
		"Context":    l.Context,
		"Namespace":  l.Namespace,
		"ConfigMap":  l.Configuration,
		"Deployment": tree{"Name": l.Service.Name, "State": l.Service.State},
		"Release":    nil,
		"Owner":      orNull(l.Owner),
		"Places": tree{
			"Helm": l.Places.Helm, "Environment": l.Places.Environment, "ConfigMap": l.Places.ConfigMap, "Running": l.Places.Running,
		},
		"NextStart": l.NextStart,
	}
	if r := l.Release; r != nil {
		shown["Release"] = tree{"Name": r.Name, "Revision": r.Revision, "Status": r.Status, "Chart": r.Chart, "ChartVersion": r.ChartVersion}
	}
	return shown
}
