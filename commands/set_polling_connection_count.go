package commands

import (
	"context"
	"errors"
	"fmt"

	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/urfave/cli/v2"
)

// connectionCountOptions are those of set-polling-connection-count.
type connectionCountOptions struct {
	tentacle tentacleOptions
	change   changeOptions
	count    string
}

func setPollingConnectionCountCommand(c *console) *cli.Command {
	var o connectionCountOptions
	return &cli.Command{
		Name:     "set-polling-connection-count",
		Category: "Trust and settings",
		Usage:    "set how many connections poll each node",
		Description: `A connection carries one request of a node at a time. A registration sets 1 for
a deployment target, and at least 5 for a worker, where no number is set.

  octo-tentacle set-polling-connection-count --pollingConnectionCount=5`,
		Flags:  allFlags([]cli.Flag{connectionsFlag(&o.count)}, o.tentacle.flags(), o.change.flags()),
		Action: func(ctx *cli.Context) error { return setPollingConnectionCount(ctx.Context, c, o) },
	}
}

func setPollingConnectionCount(ctx context.Context, c *console, o connectionCountOptions) error {
	if err := o.complete(); err != nil {
		return err
	}
	settings := []tentacleconfig.Setting{{Key: tentacleconfig.KeyPollingConnectionCount, Value: o.count}}
	return changeTentacle(ctx, c, o.tentacle, o.change, func(*tentacle, *outcome) (change, error) {
		return change{settings: setAll(settings), settingsAbout: keysOf(settings)}, nil
	})
}

func (o *connectionCountOptions) complete() error {
	if err := errors.Join(o.tentacle.complete(), o.change.complete()); err != nil {
		return err
	}
	count, err := formatConnections(o.count)
	if err != nil {
		return fmt.Errorf("--pollingConnectionCount %q: %w", o.count, err)
	}
	o.count = count
	return nil
}
