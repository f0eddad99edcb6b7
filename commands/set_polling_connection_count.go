package commands

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/urfave/cli/v2"
)

// connectionCountOptions are what set-polling-connection-count can be told.
type connectionCountOptions struct {
	tentacle tentacleOptions
	change   changeOptions
	count    string
}

func connectionsFlag(destination *string) cli.Flag {
	return &cli.StringFlag{Name: "pollingConnectionCount", Category: theSettings, Destination: destination,
		Usage: "`NUMBER` of connections that a polling Tentacle keeps to each node, 1 or more"}
}

func setPollingConnectionCountCommand(c *console) *cli.Command {
	var o connectionCountOptions
	return &cli.Command{
		Name:        "set-polling-connection-count",
		Category:    "Trust and settings",
		Usage:       "set how many connections a polling Tentacle keeps to each node",
		Description: `  octo-tentacle set-polling-connection-count --pollingConnectionCount=5`,
		Flags:       allFlags([]cli.Flag{connectionsFlag(&o.count)}, o.tentacle.flags(), o.change.flags()),
		Action:      func(ctx *cli.Context) error { return setPollingConnectionCount(ctx.Context, c, o) },
	}
}

func setPollingConnectionCount(ctx context.Context, c *console, o connectionCountOptions) error {
	ctx = interruptible(ctx)
	if err := errors.Join(o.tentacle.check(), o.change.check()); err != nil {
		return err
	}
	count, err := canonicalConnections(o.count)
	if err != nil {
		return fmt.Errorf("--pollingConnectionCount %q: %w", o.count, err)
	}

	t, err := lookAt(o.tentacle)
	if err != nil {
		return err
	}

	r := newReport(t)
	settings := []tentacleconfig.Setting{{Key: tentacleconfig.KeyPollingConnectionCount, Value: count}}
	if err := apply(ctx, c, t, o.change, change{settings: setAll(settings)}, r); err != nil {
		return err
	}
	return r.print(c, o.change)
}

func canonicalConnections(text string) (string, error) {
	count, err := strconv.ParseInt(text, 10, 32) // .NET's int
	if err != nil || count < 1 {
		return "", errors.New("it is a whole number from 1, like 5")
	}
	return strconv.FormatInt(count, 10), nil
}
