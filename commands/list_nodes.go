package commands

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/urfave/cli/v2"
)

// listNodesOptions are those of list-nodes.
type listNodesOptions struct {
	tentacle tentacleOptions
	api      apiOptions
	format   string

	asksAPI bool
}

func listNodesCommand(c *console) *cli.Command {
	o := listNodesOptions{api: apiOptions{timeout: checkTimeout}}
	return &cli.Command{
		Name:     "list-nodes",
		Category: "Polling",
		Usage:    "list the nodes of the cluster, and where this Tentacle polls them",
		Description: `Shows each node with its state, the addresses at which it is polled, what proves
that, and whether it accepts this Tentacle. Addresses whose node is not known are
listed, too. Without --server and credentials, asks the polled hosts which nodes they
are. Changes nothing.

  octo-tentacle list-nodes --server=https://octopus.example.com --apikey-file=key.txt
  octo-tentacle list-nodes --format=json`,
		Flags:  allFlags(o.api.flags(), o.tentacle.flags(), []cli.Flag{formatFlag(&o.format)}),
		Action: func(ctx *cli.Context) error { return listNodes(ctx.Context, c, o) },
	}
}

func listNodes(ctx context.Context, c *console, o listNodesOptions) error {
	if err := o.complete(c); err != nil {
		return err
	}
	t, err := locate(o.tentacle)
	if err != nil {
		return err
	}
	noteUse(t.instance)
	s := takeSnapshot(ctx, t, time.Now())
	if err := errors.Join(s.ConfigurationErr, s.ServersErr, s.ProxyErr); err != nil {
		return err
	}
	if err := o.ask(ctx, c, s); err != nil {
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

func (o *listNodesOptions) complete(c *console) error {
	err := errors.Join(o.tentacle.complete(), completeFormat(&o.format))
	if err != nil {
		return err
	}
	o.asksAPI, err = o.api.completeIfGiven(c)
	return err
}

// ask asks what check asks, so that both say the same.
func (o *listNodesOptions) ask(ctx context.Context, c *console, s *snapshot) error {
	asCheck := checkOptions{tentacle: o.tentacle, api: o.api, asksAPI: o.asksAPI}
	if err := asCheck.ask(ctx, c, []*snapshot{s}); err != nil {
		return err
	}
	if err := s.API.NodesErr; s.API.Err == nil && !errors.Is(err, octoapi.ErrForbidden) {
		return err
	}
	return s.API.Err
}

// warn warns of what makes the list less than it seems.
func (o *listNodesOptions) warn(c *console, s *snapshot) {
	switch {
	case !o.asksAPI:
		c.warnOf(hint.New("the nodes of the cluster are not known, only those at the polled addresses", "give --server and credentials"))
	case s.API.NodesErr != nil:
		c.warnOf(fmt.Errorf("the nodes of the cluster are not known, only those at the polled addresses: %w", s.API.NodesErr))
	}
	if restartPending(s.Tentacle.Instance, s.Service) {
		c.warnOf(hint.Errorf("to finish: "+s.Tentacle.Restart(),
			"service %s started before the last change of %s and still uses the old list: a restart is pending", s.Service.Name, s.Tentacle.Instance.ConfigPath))
	}
	for _, o := range overriding(s.Variables, []string{tentacleconfig.KeyTrustedServers}, s.Tentacle.GOOS) {
		c.warnOf(hint.With(errors.New(o.instead()), "what to do about it: "+s.Tentacle.Command("check")))
	}
}
