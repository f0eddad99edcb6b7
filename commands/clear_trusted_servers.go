package commands

import (
	"context"
	"errors"
	"fmt"

	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/urfave/cli/v2"
)

// clearTrustedServersOptions are those of clear-trusted-servers.
type clearTrustedServersOptions struct {
	tentacle tentacleOptions
	change   changeOptions
	keepList cli.StringSlice
	given    given

	keep []string // addresses
}

func clearTrustedServersCommand(c *console) *cli.Command {
	var o clearTrustedServersOptions
	return &cli.Command{
		Name:     "clear-trusted-servers",
		Category: "Trust and settings",
		Usage:    "remove all trusted servers except those to keep",
		Description: `Removes every entry that is not at one of the addresses to keep. This includes the
servers that connect to a listening Tentacle, whose entries have no address. Without
--keep, removes all entries.

  octo-tentacle clear-trusted-servers --keep=https://octo1:10943,https://octo2:10943`,
		Flags: allFlags([]cli.Flag{
			&cli.StringSliceFlag{Name: "keep", Category: theSettings, Destination: &o.keepList,
				Usage: "`ADDRESS` whose entries are kept; repeatable, or with commas"},
		}, o.tentacle.flags(), o.change.flags()),
		Action: func(ctx *cli.Context) error {
			o.given = ctx.IsSet
			return clearTrustedServers(ctx.Context, c, o)
		},
	}
}

func clearTrustedServers(ctx context.Context, c *console, o clearTrustedServersOptions) error {
	if err := o.complete(c); err != nil {
		return err
	}
	return changeTentacle(ctx, c, o.tentacle, o.change, func(*tentacle, *outcome) (change, error) {
		return change{servers: func(now []tentacleconfig.TrustedServer) (decision, error) {
			drop := func(s tentacleconfig.TrustedServer) bool { return !s.IsAt(o.keep) }
			return decision{servers: tentacleconfig.Without(now, drop)}, nil
		}}, nil
	})
}

// complete refuses a --keep without any address: it is probably an unset script variable, which
// must not remove all trusted servers.
func (o *clearTrustedServersOptions) complete(c *console) error {
	if err := errors.Join(o.tentacle.complete(), o.change.complete(c)); err != nil {
		return err
	}
	for _, text := range commaSeparated(o.keepList.Value()) {
		address, err := tentacleconfig.AddressOf(text)
		if err != nil {
			return fmt.Errorf("--keep: %w", err)
		}
		o.keep = append(o.keep, address)
	}
	if o.given("keep") && len(o.keep) == 0 {
		return errors.New("--keep names no address: give one, like --keep=https://octo1:10943, or omit --keep to remove every entry")
	}
	return refuseEmptyItem("keep", o.keepList.Value())
}
