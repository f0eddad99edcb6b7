package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/urfave/cli/v2"
)

// updateTrustOptions are those of update-trust.
type updateTrustOptions struct {
	tentacle tentacleOptions
	api      apiOptions
	change   changeOptions

	oldThumbprint string // "" to find it among the trusted servers
	newThumbprint string // "" until the API has told it, or the trusted servers have
	keepOld       bool
	retire        bool
	force         bool

	asksAPI bool
}

func updateTrustCommand(c *console) *cli.Command {
	var o updateTrustOptions
	return &cli.Command{
		Name:     "update-trust",
		Category: "Trust and settings",
		Usage:    "trust the new certificate of a cluster",
		Description: `Replaces the old thumbprint in every entry that has it. While a polled port still
presents the old certificate, trusts both instead, and says how to retire the old
one later.

Before the renewal, so that no node is ever refused, and after it:
  octo-tentacle update-trust --keep-old \
    --oldThumbprint=0123456789ABCDEF0123456789ABCDEF01234567 \
    --newThumbprint=89ABCDEF0123456789ABCDEF0123456789ABCDEF
  octo-tentacle update-trust --retire

After the renewal, if nothing was done before:
  octo-tentacle update-trust --server=https://octopus.example.com \
    --apikey-file=key.txt
  octo-tentacle update-trust --server=https://octopus.example.com \
    --apikey-file=key.txt --namespace=octopus-agent`,
		Flags: allFlags([]cli.Flag{
			&cli.StringFlag{Name: "oldThumbprint", Category: theSettings, Destination: &o.oldThumbprint,
				Usage: "`THUMBPRINT` that is trusted now; may be omitted with --server and with --retire, if only one can be meant"},
			&cli.StringFlag{Name: "newThumbprint", Category: theSettings, Destination: &o.newThumbprint,
				Usage: "`THUMBPRINT` to trust, in every entry that has the old one (default: the one that --server names)"},
			&cli.BoolFlag{Name: "keep-old", Category: theSettings, Destination: &o.keepOld, DisableDefaultText: true,
				Usage: "trust both: add the new thumbprint wherever the old one is trusted, under the same subscription"},
			&cli.BoolFlag{Name: "retire", Category: theSettings, Destination: &o.retire, DisableDefaultText: true,
				Usage: "stop trusting the old thumbprint, if every polled port presents the new one"},
			&cli.BoolFlag{Name: "force", Aliases: []string{"f"}, Category: theSettings, Destination: &o.force, DisableDefaultText: true,
				Usage: "replace or retire the old thumbprint without trying the polled ports"},
		}, o.api.flags(), o.tentacle.flags(), o.change.agentFlags(), o.change.flags()),
		Action: func(ctx *cli.Context) error { return updateTrust(ctx.Context, c, o) },
	}
}

func updateTrust(ctx context.Context, c *console, o updateTrustOptions) error {
	if err := o.complete(c); err != nil {
		return err
	}
	return changeTentacle(ctx, c, o.tentacle, o.change, func(t *tentacle, out *outcome) (change, error) {
		o := o // each agent has its own
		if o.asksAPI {
			if err := o.askNew(ctx, c, t, out); err != nil {
				return change{}, err
			}
		}
		if o.retire {
			return o.retireOld(ctx, c, t)
		}
		return o.trustNew(ctx, c, t)
	})
}

func (o *updateTrustOptions) complete(c *console) error {
	if err := errors.Join(o.tentacle.complete(), o.change.completeFor(o.tentacle)); err != nil {
		return err
	}
	switch {
	case o.keepOld && o.retire:
		return errors.New("--keep-old and --retire cannot be combined: the first begins a renewal, the second ends it")
	case o.keepOld && o.force:
		return errors.New("--keep-old and --force cannot be combined: --force is about giving up the old thumbprint")
	case o.retire && o.force && o.oldThumbprint == "":
		return errors.New("--retire --force needs --oldThumbprint: without trying the ports, it is not known which thumbprint is the old one")
	case o.newThumbprint != "" && o.api.given():
		return errors.New("--newThumbprint and --server cannot be combined: with --server and credentials, the server names the new thumbprint")
	}
	o.oldThumbprint, o.newThumbprint = thumbprint.Clean(o.oldThumbprint), thumbprint.Clean(o.newThumbprint)
	if o.newThumbprint == "" && (o.api.given() || !o.retire) { // which needs no server, even if the environment has one
		var err error
		if o.asksAPI, err = o.api.completeIfGiven(c); err != nil || o.asksAPI {
			return err
		}
	}
	if err := o.api.refuseAlone(); err != nil {
		return err
	}
	switch {
	case o.retire && o.newThumbprint == "":
		return nil
	case o.newThumbprint == "" || o.oldThumbprint == "" && !o.retire:
		return hint.New("--oldThumbprint and --newThumbprint are required", "give 40 hexadecimal digits for each, as in list-servers, or --server and credentials, which name the new one")
	case !thumbprint.Valid(o.newThumbprint): // the Tentacle CLI writes it, and is cut off
		return fmt.Errorf("--newThumbprint %s is not a thumbprint (40 hexadecimal digits): no Octopus Server would match it", o.newThumbprint)
	}
	return nil
}

// askNew asks the API for the new thumbprint.
func (o *updateTrustOptions) askNew(ctx context.Context, c *console, t *tentacle, out *outcome) error {
	server, err := t.connect(c, o.api)
	if err != nil {
		return err
	}
	c.progress(askingText(server.URL(), 0))
	defer c.endProgress()
	err = server.within(ctx, func(ctx context.Context) (err error) {
		o.newThumbprint, err = server.Thumbprint(ctx)
		return err
	})
	out.Server = server.URL()
	return err
}

// trustNew trusts the new thumbprint, instead of the old one or beside it.
func (o *updateTrustOptions) trustNew(ctx context.Context, c *console, t *tentacle) (change, error) {
	if o.oldThumbprint == "" {
		old, err := replacedBy(t, o.newThumbprint)
		if err != nil || old == "" {
			return nothing(o.newThumbprint), err
		}
		o.oldThumbprint = old
	}
	isWebSite := func(address string) bool { return strings.HasPrefix(address, "wss:") }
	if o.asksAPI && slices.ContainsFunc(polledPorts(t.servers, o.oldThumbprint), isWebSite) {
		return change{}, hint.New("this Tentacle polls a web socket, whose certificate is that of a web server: the Octopus Server does not know its thumbprint",
			"name it with --newThumbprint, without --server")
	}
	o.warnOfNone(c, t)
	follow, both := tentacleconfig.Renewed, o.keepOld
	if !both && !o.force {
		var err error
		if both, err = o.isPresented(ctx, c, t); err != nil {
			return change{}, err
		}
	}
	if both {
		follow = tentacleconfig.AlsoTrusting
	}
	return change{servers: func(now []tentacleconfig.TrustedServer) (decision, error) {
		return ofRenewal(follow(now, o.oldThumbprint, o.newThumbprint), o.newThumbprint), nil
	}}, nil
}

// warnOfNone warns where there is nothing to do because of a wrong thumbprint, perhaps.
func (o *updateTrustOptions) warnOfNone(c *console, t *tentacle) {
	trusted := tentacleconfig.Thumbprints(t.servers)
	if !thumbprint.Contains(trusted, o.oldThumbprint) && (o.newThumbprint == "" || !thumbprint.Contains(trusted, o.newThumbprint)) {
		c.warnOf(hint.Errorf(trustedHint(t.servers), "no trusted server has the thumbprint %s", o.oldThumbprint))
	}
}

// isPresented says whether a port that is polled under the old thumbprint still presents it. Then
// the Tentacle would no longer reach it, and the command that is to follow is named.
func (o *updateTrustOptions) isPresented(ctx context.Context, c *console, t *tentacle) (bool, error) {
	if thumbprint.Same(o.oldThumbprint, o.newThumbprint) {
		return false, nil
	}
	addresses := polledPorts(t.servers, o.oldThumbprint)
	answers, err := t.presentedAt(ctx, c, addresses)
	if err != nil {
		return false, ctx.Err() // through a proxy that cannot be used, nothing is reached
	}
	var still []string
	for _, address := range addresses {
		if thumbprint.Same(answers[address], o.oldThumbprint) {
			still = append(still, address)
		}
	}
	if len(still) == 0 {
		return false, nil
	}
	c.warnOf(hint.With(fmt.Errorf("the old certificate is still presented at %s, so both thumbprints are trusted for now", shortList(still)),
		"when every node presents the new one: "+t.retireCommand(o.oldThumbprint, o.newThumbprint),
		"--force replaces the old thumbprint at once"))
	return true, nil
}
