package commands

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/urfave/cli/v2"
)

// updateTrustOptions are what update-trust can be told.
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
		Usage:    "put a cluster's new thumbprint in place of the old, when its certificate was renewed",
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
	ctx = interruptible(ctx)
	if err := o.read(c); err != nil {
		return err
	}

	t, err := lookAt(o.tentacle)
	if err != nil {
		return err
	}
	if known := distinctThumbprints(t.servers); !containsThumbprint(known, o.oldThumbprint) && !containsThumbprint(known, o.newThumbprint) {
		c.warn("no trusted server has the thumbprint %s%s", o.oldThumbprint, trustedInstead(t.servers))
	}

	r := newReport(t)
	r.Thumbprint = o.newThumbprint
	decide := func(now []tentacleconfig.TrustedServer) ([]tentacleconfig.TrustedServer, error) {
		return withThumbprint(now, o.oldThumbprint, o.newThumbprint), nil
	}
	if err := apply(ctx, c, t, o.change, change{servers: decide}, r); err != nil {
		return err
	}
	return r.print(c, o.change)
}

func (o *updateTrustOptions) read(c *console) error {
	if err := errors.Join(o.tentacle.check(), o.change.check()); err != nil {
		return err
	}
	o.oldThumbprint, o.newThumbprint = strings.TrimSpace(o.oldThumbprint), strings.TrimSpace(o.newThumbprint)
	if o.oldThumbprint == "" || o.newThumbprint == "" {
		return errors.New("which thumbprints? Give --oldThumbprint=… and --newThumbprint=…, 40 hexadecimal digits each")
	}
	warnOfThumbprint(c, "--newThumbprint", o.newThumbprint)
	return nil
}

// withThumbprint is the decision of update-trust. Where an entry with the new
// thumbprint and the same address is there already, one of the two is enough.
func withThumbprint(now []tentacleconfig.TrustedServer, old, renewed string) []tentacleconfig.TrustedServer {
	after := slices.Clone(now)
	for i := range after {
		if sameThumbprint(after[i].Thumbprint, old) {
			after[i].Thumbprint = renewed
		}
	}
	return tentacleconfig.Upsert(nil, after...)
}
