package commands

import (
	"context"

	"github.com/urfave/cli/v2"
)

func applyCommand(c *console) *cli.Command {
	var o applyOptions
	return &cli.Command{
		Name:     "apply",
		Category: "The whole Tentacle",
		Usage:    "make this Tentacle what a file says",
		Description: `Takes from one file what the Tentacle should be: instance, folders, certificate, nodes,
proxy, registrations, service. Leaves alone what the file does not name; its lists are
exact. Checks everything before it changes anything. Then saves once, sends a request
for each registration that differs, and restarts the service once. Running it again
changes nothing, and finishes what was interrupted.

An option that says the same as a key of the file takes the place of that key.
Credentials are needed if the file has registrations.

Such a file:
  instance: web
  configuration: /etc/octopus/web/Tentacle.config
  certificate: if-blank
  communication: polling
  server: https://octopus.example.com
  nodes: [https://octo1:10943, https://octo2:10943]
  registrations:
    - {environments: [Production], roles: [web-server]}
  service: {install: true, start: true}

  octo-tentacle apply --file=tentacle.yaml --apikey-file=key.txt \
    --dry-run
  octo-tentacle apply --file=tentacle.yaml --apikey-file=key.txt
  octo-tentacle apply --file=tentacle.yaml --no-registrations

To move the Tentacle to another cluster:
  octo-tentacle apply --file=tentacle.yaml \
    --server=https://dr.example.com --apikey-file=key.txt \
    --server-comms-address=https://dr1:10943,https://dr2:10943`,
		Flags: allFlags([]cli.Flag{
			&cli.StringFlag{Name: "file", Category: theFile, Destination: &o.file,
				Usage: "`FILE` (YAML or JSON) that says what the Tentacle should be; - for standard input"},
			&cli.BoolFlag{Name: "force", Aliases: []string{"f"}, Category: theFile, Destination: &o.force, DisableDefaultText: true,
				Usage: "take over registrations of other Tentacles, cut off nodes that answer or hand out work, and give an instance another configuration"},
			&cli.BoolFlag{Name: "no-registrations", Category: theFile, Destination: &o.noRegistrations, DisableDefaultText: true,
				Usage: "leave the registrations of the file alone, so that no credentials are needed"},
			&cli.StringFlag{Name: "tentacle", Category: theFile, Destination: &o.program,
				Usage: "`FILE` of the Tentacle program, for its service (default: its usual location, else Tentacle on the PATH)"},
			&cli.StringFlag{Name: "namespace", Hidden: true, Destination: &o.namespace},
		}, o.nodes.flags(), o.api.flags(), o.space.flags(theServer), o.tentacle.flags(), o.change.flags(), o.health.flags(), []cli.Flag{
			quietFlag(&o.change.quiet),
		}),
		Action: func(ctx *cli.Context) error { return applyFile(ctx.Context, c, o) },
	}
}

// applyFile changes a Tentacle in the usual way, one that is not there yet, too: its place makes
// it.
func applyFile(ctx context.Context, c *console, o applyOptions) error {
	if err := o.complete(c); err != nil {
		return err
	}
	for {
		a, err := o.locate(ctx, c)
		if err != nil {
			return err
		}
		err = changeThis(ctx, c, a.tentacle, o.change, func(_ *tentacle, out *outcome) (change, error) { return a.prepare(ctx, out) })
		if !a.place.overtaken {
			return err
		}
	}
}
