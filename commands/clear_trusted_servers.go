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
	given    bool // --keep was
}

func clearTrustedServersCommand(c *console) *cli.Command {
	var o clearTrustedServersOptions
	return &cli.Command{
		Name:     "clear-trusted-servers",
		Category: "Trust and settings",
		Usage:    "trust no server any more, but those at the addresses to keep",
		Description: `Drops every entry that is not at one of these addresses, those of servers that
are listened to, which have no address, included; without --keep, all of them.

  octo-tentacle clear-trusted-servers --keep=https://octo1:10943,https://octo2:10943`,
		Flags: allFlags([]cli.Flag{
			&cli.StringSliceFlag{Name: "keep", Category: theSettings, Destination: &o.keep,
				Usage: "`ADDRESS` whose entries stay; several with commas, or several times"},
		}, o.tentacle.flags(), o.change.flags()),
		Action: func(ctx *cli.Context) error {
			o.given = ctx.IsSet("keep")
			return clearTrustedServers(ctx.Context, c, o)
		},
	}
}

func clearTrustedServers(ctx context.Context, c *console, o clearTrustedServersOptions) error {
	ctx = interruptible(ctx)
	keep, err := o.read()
	if err != nil {
		return err
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

// read checks the arguments. A --keep without any address is a script's empty
// variable, which must not end all trust.
func (o *clearTrustedServersOptions) read() (keep []string, err error) {
	if err := errors.Join(o.tentacle.check(), o.change.check()); err != nil {
		return nil, err
	}
	for _, text := range commaSeparated(o.keep.Value()) {
		address, err := tentacleconfig.AddressOf(text)
		if err != nil {
			return nil, fmt.Errorf("--keep: %w", err)
		}
		keep = append(keep, address)
	}
	if o.given && len(keep) == 0 {
		return nil, errors.New("--keep names no address: give one, like --keep=https://octo1:10943, or leave --keep out to drop every entry")
	}
	return keep, checkComplete("keep", o.keep.Value())
}

func isAt(server tentacleconfig.TrustedServer, addresses []string) bool {
	return server.Address != "" && containsAddress(addresses, server.Address)
}
