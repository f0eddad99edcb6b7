package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/urfave/cli/v2"
)

// listNodesOptions are those of list-nodes.
type listNodesOptions struct {
	tentacle tentacleOptions
	agents   agentOptions
	api      apiOptions
	format   string

	asksAPI bool
	warned  string // why the nodes are not known, once that was said
}

func listNodesCommand(c *console) *cli.Command {
	o := listNodesOptions{api: apiOptions{timeout: checkTimeout}}
	return &cli.Command{
		Name:     "list-nodes",
		Category: "Polling",
		Usage:    "list the cluster's nodes, and where each is polled",
		Description: `Shows each node with its state, the addresses at which it is polled, what proves
that, and whether it accepts this Tentacle. Addresses whose node is not known are
listed, too. Without --server and credentials, asks the polled hosts which nodes they
are. Changes nothing.

  octo-tentacle list-nodes --server=https://octopus.example.com \
    --apikey-file=key.txt
  octo-tentacle list-nodes --format=json

The nodes that Kubernetes agents poll:
  octo-tentacle list-nodes --namespace=octopus-agent \
    --server=https://octopus.example.com --apikey-file=key.txt
  octo-tentacle list-nodes --all-agents`,
		Flags:  allFlags(o.api.flags(), o.tentacle.flags(), o.agents.flags(), []cli.Flag{formatFlag(&o.format)}),
		Action: func(ctx *cli.Context) error { return listNodes(ctx.Context, c, o) },
	}
}

func listNodes(ctx context.Context, c *console, o listNodesOptions) error {
	if err := o.complete(c); err != nil {
		return err
	}
	if o.agents.given() {
		return o.listOfAgents(ctx, c)
	}
	t, err := locate(ctx, o.tentacle)
	if err != nil {
		return err
	}
	s := takeSnapshot(ctx, t, time.Now())
	if err := errors.Join(s.ConfigurationErr, s.ServersErr, s.ProxyErr); err != nil {
		return err
	}
	if err := o.ask(ctx, c, s); err != nil {
		return err
	}
	if err := nodesErr(s); err != nil {
		return err
	}
	o.warn(c, s)
	list := clusterListOf(s)
	if o.format == "json" {
		return c.printJSON(list)
	}
	list.print(c)
	return nil
}

// listOfAgents lists the nodes that agents poll. If several may be meant, one of which they are not
// known must not hide the others.
func (o *listNodesOptions) listOfAgents(ctx context.Context, c *console) error {
	asCheck := o.asCheck()
	snapshots, err := asCheck.look(ctx, c)
	if err != nil {
		return err
	}
	if err := o.ask(ctx, c, snapshots...); err != nil {
		return err
	}
	lists, failed := []clusterList{}, []clusterList{}
	var failures []error
	for _, s := range snapshots {
		list := clusterListOf(s)
		if err := errors.Join(s.UnseenErr, s.ServersErr, nodesErr(s)); err != nil {
			list.Nodes, list.Error = []listedNode{}, err.Error()
			failed, failures = append(failed, list), append(failures, err)
			continue
		}
		o.warn(c, s)
		lists = append(lists, list)
	}
	return errors.Join(append([]error{o.printAgents(c, lists, failed)}, failures...)...)
}

// printAgents prints the nodes of each agent; in JSON, those of which they are not known stand at
// the end.
func (o *listNodesOptions) printAgents(c *console, lists, failed []clusterList) error {
	switch {
	case o.format == "json" && o.agents.severalPossible():
		return c.printJSON(slices.Concat(lists, failed))
	case o.format == "json" && len(lists) == 1:
		return c.printJSON(lists[0])
	case o.format == "json":
		return nil
	case len(lists)+len(failed) == 0:
		printNoAgent(c)
	}
	for i, list := range lists {
		if i > 0 {
			c.printf("\n")
		}
		if o.agents.severalPossible() {
			c.printf("%s\n", c.bold(agentTitle(list.chosenContext, list.Configuration)))
		}
		list.print(c)
	}
	return nil
}

func (o *listNodesOptions) complete(c *console) error {
	err := errors.Join(o.tentacle.complete(), o.agents.complete(o.tentacle, false), completeFormat(&o.format))
	if err != nil {
		return err
	}
	o.asksAPI, err = o.api.completeIfGiven(c)
	return err
}

func (o *listNodesOptions) asCheck() checkOptions {
	return checkOptions{tentacle: o.tentacle, agents: o.agents, api: o.api, asksAPI: o.asksAPI}
}

// ask asks what check asks, so that both say the same.
func (o *listNodesOptions) ask(ctx context.Context, c *console, snapshots ...*snapshot) error {
	asCheck := o.asCheck()
	return asCheck.ask(ctx, c, snapshots)
}

// nodesErr is why the nodes cannot be listed. An account that may not see them is no reason: those
// at the polled addresses are known.
func nodesErr(s *snapshot) error {
	if err := s.API.NodesErr; s.API.Err == nil && !errors.Is(err, octoapi.ErrForbidden) {
		return err
	}
	return s.API.Err
}

// warnOfAgent warns where an agent polls something else than its ConfigMap says, or where that is
// not known.
func warnOfAgent(c *console, s *snapshot) {
	switch a := s.Kubernetes; {
	case a.Log.Err != nil:
		c.warnOf(hint.Errorf(strings.Join(hint.Of(a.Log.Err), hint.Break), // which one role has for all that was refused
			"%s: what the running agent polls is not known: %v", s.Tentacle.Instance.ConfigPath, a.Log.Err))
	case s.RestartPending() || !s.PollsAsConfigured():
		c.warnOf(hint.Errorf("what to do about it: "+s.Tentacle.Command("check"),
			"the running agent does not use what %s says now", s.Tentacle.Instance.ConfigPath))
	}
}

// warn warns of what makes the list less than it seems.
func (o *listNodesOptions) warn(c *console, s *snapshot) {
	var err error
	switch {
	case !o.asksAPI:
		err = hint.New("the nodes of the cluster are not known, only those at the polled addresses", "give --server and credentials")
	case s.API.NodesErr != nil:
		err = fmt.Errorf("the nodes of the cluster are not known, only those at the polled addresses: %w", s.API.NodesErr)
	}
	if err != nil && err.Error() != o.warned { // of several agents it is said once
		c.warnOf(err)
		o.warned = err.Error()
	}
	if s.Kubernetes != nil {
		warnOfAgent(c, s)
		return
	}
	if restartPending(s.Tentacle.Instance, s.Service) {
		c.warnOf(hint.Errorf("to finish: "+s.Tentacle.Restart(),
			"service %s started before the last change of %s and still uses the old list: a restart is pending", s.Service.Name, s.Tentacle.Instance.ConfigPath))
	}
	for _, o := range overriding(s.Variables, []string{tentacleconfig.KeyTrustedServers}, s.Tentacle.GOOS) {
		c.warnOf(hint.With(errors.New(o.instead()), "what to do about it: "+s.Tentacle.Command("check")))
	}
}
