package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/urfave/cli/v2"
)

// updateTrustOptions are those of update-trust.
type updateTrustOptions struct {
	tentacle tentacleOptions
	change   changeOptions

	oldThumbprint string
	newThumbprint string
}

func updateTrustCommand(c *console) *cli.Command {
	var o updateTrustOptions
	return &cli.Command{
		Name:     "update-trust",
		Category: "Trust and settings",
		Usage:    "replace a cluster's old thumbprint after its certificate was renewed",
		Description: `  octo-tentacle update-trust --oldThumbprint=0123456789ABCDEF0123456789ABCDEF01234567 \
    --newThumbprint=89ABCDEF0123456789ABCDEF0123456789ABCDEF`,
		Flags: allFlags([]cli.Flag{
			&cli.StringFlag{Name: "oldThumbprint", Category: theSettings, Destination: &o.oldThumbprint,
				Usage: "`THUMBPRINT` that is trusted now"},
			&cli.StringFlag{Name: "newThumbprint", Category: theSettings, Destination: &o.newThumbprint,
				Usage: "`THUMBPRINT` to trust instead, in every entry that has the old one"},
		}, o.tentacle.flags(), o.change.flags()),
		Action: func(ctx *cli.Context) error { return updateTrust(ctx.Context, c, o) },
	}
}

func updateTrust(ctx context.Context, c *console, o updateTrustOptions) error {
	if err := o.complete(c); err != nil {
		return err
	}
	return changeTentacle(ctx, c, o.tentacle, o.change, func(t *tentacle, _ *outcome) (change, error) {
		known := tentacleconfig.Thumbprints(t.servers)
		if !thumbprint.Contains(known, o.oldThumbprint) && !thumbprint.Contains(known, o.newThumbprint) {
			c.warnOf(hint.Errorf(trustedHint(t.servers), "no trusted server has the thumbprint %s", o.oldThumbprint))
		}
		return change{servers: func(now []tentacleconfig.TrustedServer) (decision, error) {
			return decision{servers: withThumbprint(now, o.oldThumbprint, o.newThumbprint), thumbprint: o.newThumbprint}, nil
		}}, nil
	})
}

func (o *updateTrustOptions) complete(c *console) error {
	if err := errors.Join(o.tentacle.complete(), o.change.complete(c)); err != nil {
		return err
	}
	o.oldThumbprint, o.newThumbprint = thumbprint.Clean(o.oldThumbprint), thumbprint.Clean(o.newThumbprint)
	if o.oldThumbprint == "" || o.newThumbprint == "" {
		return hint.New("--oldThumbprint and --newThumbprint are required", "give 40 hexadecimal digits for each, as in list-servers")
	}
	if !thumbprint.Valid(o.newThumbprint) { // the Tentacle CLI writes it, and is cut off
		return fmt.Errorf("--newThumbprint %s is not a thumbprint (40 hexadecimal digits): no Octopus Server would match it", o.newThumbprint)
	}
	return nil
}

// withThumbprint replaces a thumbprint. Where there is an entry with the new thumbprint and the
// same address already, one of the two remains.
func withThumbprint(now []tentacleconfig.TrustedServer, expired, renewed string) []tentacleconfig.TrustedServer {
	after := slices.Clone(now)
	for i := range after {
		if thumbprint.Same(after[i].Thumbprint, expired) {
			after[i].Thumbprint = renewed
		}
	}
	return tentacleconfig.Upsert(nil, after...)
}
