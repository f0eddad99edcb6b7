package commands

import (
	"context"
	"errors"
	"fmt"

	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/urfave/cli/v2"
)

// clearTrustedServersOptions are what clear-trusted-servers can be told.
type clearTrustedServersOptions struct {
	tentacle tentacleOptions
	change   changeOptions
	keep     cli.StringSlice
}

func clearTrustedServersCommand(c *console) *cli.Command {
	var o clearTrustedServersOptions
	return &cli.Command{
		Name:        "clear-trusted-servers",
		Category:    "Trust and settings",
		Usage:       "trust no server any more, but those at the addresses to keep",
		Description: `  octo-tentacle clear-trusted-servers --keep=https://octo1:10943,https://octo2:10943`,
		Flags: allFlags([]cli.Flag{
			&cli.StringSliceFlag{Name: "keep", Category: theSettings, Destination: &o.keep,
				Usage: "`ADDRESS` whose entries stay; several with commas, or several times"},
		}, o.tentacle.flags(), o.change.flags()),
		Action: func(ctx *cli.Context) error { return clearTrustedServers(ctx.Context, c, o) },
	}
}

func clearTrustedServers(ctx context.Context, c *console, o clearTrustedServersOptions) error {
	ctx = interruptible(ctx)
	if err := errors.Join(o.tentacle.check(), o.change.check()); err != nil {
		return err
	}
	var keep []string
	for _, text := range commaSeparated(o.keep.Value()) {
		address, err := tentacleconfig.AddressOf(text)
		if err != nil {
			return fmt.Errorf("--keep: %w", err)
		}
		keep = append(keep, address)
	}

	t, err := lookAt(o.tentacle)
	if err != nil {
		return err
	}

	r := newReport(t)
	decide := func(now []tentacleconfig.TrustedServer) ([]tentacleconfig.TrustedServer, error) {
		return tentacleconfig.Without(now, func(s tentacleconfig.TrustedServer) bool { return !isAt(s, keep) }), nil
	}
	if err := apply(ctx, c, t, o.change, change{servers: decide}, r); err != nil {
		return err
	}
	return r.print(c, o.change)
}

func isAt(server tentacleconfig.TrustedServer, addresses []string) bool {
	for _, address := range addresses {
		if server.Address != "" && tentacleconfig.SameAddress(server.Address, address) {
			return true
		}
	}
	return false
}
