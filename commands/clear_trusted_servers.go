package commands

import (
	"context"
	"errors"
	"fmt"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/urfave/cli/v2"
)

// clearTrustedServersOptions are those of clear-trusted-servers.
type clearTrustedServersOptions struct {
	tentacle tentacleOptions
	change   changeOptions
	keepList cli.StringSlice
	force    bool

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
--keep, removes all entries. If none of the addresses to keep has an entry, refuses to
remove an address that is polled and answers now.

  octo-tentacle clear-trusted-servers \
    --keep=https://octo1:10943,https://octo2:10943`,
		Flags: allFlags([]cli.Flag{
			&cli.StringSliceFlag{Name: "keep", Category: theSettings, Destination: &o.keepList,
				Usage: "`ADDRESS` whose entries are kept; repeatable, or with commas"},
			&cli.BoolFlag{Name: "force", Aliases: []string{"f"}, Category: theSettings, Destination: &o.force, DisableDefaultText: true,
				Usage: "remove all entries if none is to keep, even addresses that answer now"},
		}, o.tentacle.flags(), o.change.flags()),
		Action: func(ctx *cli.Context) error { return clearTrustedServers(ctx.Context, c, o) },
	}
}

func clearTrustedServers(ctx context.Context, c *console, o clearTrustedServersOptions) error {
	if err := o.complete(); err != nil {
		return err
	}
	return changeTentacle(ctx, c, o.tentacle, o.change, func(t *tentacle, _ *outcome) (change, error) {
		ch := change{servers: func(now []tentacleconfig.TrustedServer) (decision, error) {
			kept := tentacleconfig.AddressSetOf(o.keep)
			drop := func(s tentacleconfig.TrustedServer) bool { return !kept.HasServer(s) }
			after := tentacleconfig.Without(now, drop)
			if len(after) == 0 && len(now) > 0 && len(o.keep) > 0 && !o.force && !isKeptInFile(t.instance) {
				return decision{}, o.keepsNone(t, now)
			}
			return decision{servers: after}, nil
		}, settingsAbout: []string{tentacleconfig.KeyTrustedServers}}
		ports := &answering{console: c}
		switch missing := o.missing(t.servers); {
		case len(t.servers) == 0:
			if err := t.lostTrust(); err != nil {
				c.warnOf(err)
			}
		case len(o.keep) == 0:
			ch.verify = ports.looking(ctx)
			ch.applied = func() { ports.warn(o.change.dryRun) }
		case len(missing) == len(o.keep) && !o.force:
			ch.verify = ports.refusing(ctx)
			fallthrough
		case len(missing) > 0:
			ch.applied = func() { warnOfMissing(c, missing) }
		}
		return ch, nil
	})
}

// keepsNone is for the list of an agent, which its start makes again each time: with none of its
// entries left, thumbprint and subscription are lost, and no later start finds them again.
func (o *clearTrustedServersOptions) keepsNone(t *tentacle, now []tentacleconfig.TrustedServer) error {
	err := hint.Errorf("to trust none, use --force",
		"no trusted server is at %s: the agent would trust none, and lose its subscription", shortList(o.keep))
	if t.isOwnAgent() {
		err = hint.With(err, "to have it poll what its start is given: "+t.suggest().Command("sync-servers"))
	}
	if polled := polledAddresses(now); len(polled) > 0 {
		err = hint.With(err, "it polls "+shortList(polled))
	}
	return err
}

// missing are the addresses to keep at which there is no entry.
func (o *clearTrustedServersOptions) missing(servers []tentacleconfig.TrustedServer) (missing []string) {
	there := tentacleconfig.AddressSet{}
	for _, s := range servers {
		there.Add(s.Address)
	}
	for _, address := range o.keep {
		if !there.Has(address) {
			missing = append(missing, address)
		}
	}
	return missing
}

func warnOfMissing(c *console, missing []string) {
	c.warn("no trusted server is at %s: --keep keeps none there", shortList(missing))
}

func (o *clearTrustedServersOptions) complete() error {
	if err := errors.Join(o.tentacle.complete(), o.change.complete()); err != nil {
		return err
	}
	for _, text := range commaSeparated(o.keepList.Value()) {
		address, err := tentacleconfig.AddressOf(text)
		if err != nil {
			return fmt.Errorf("--keep: %w", err)
		}
		o.keep = append(o.keep, address)
	}
	return nil
}
