package commands

import "github.com/urfave/cli/v2"

func registerWithCommand(c *console) *cli.Command {
	o := registerOptions{kind: deploymentTarget}
	return &cli.Command{
		Name:     "register-with",
		Category: "Registration",
		Usage:    "register this Tentacle as a deployment target",
		Description: `Registers this Tentacle with an Octopus Server and trusts the server. A polling
Tentacle (--comms-style=TentacleActive) polls every given address; each port is
tried first and must present the cluster's own certificate. Afterwards it says which
ports accept this Tentacle.

Running it again changes nothing but what is missing. If the registration differs from the
options, it fails and shows the difference; with --update it changes the registration.

A polling Tentacle:
  octo-tentacle register-with --server=https://octopus.example.com \
    --apikey-file=key.txt --environment=Production --role=web-server \
    --comms-style=TentacleActive \
    --server-comms-address=https://octo1:10943,https://octo2:10943

A listening Tentacle:
  octo-tentacle register-with --server=https://octopus.example.com \
    --apikey-file=key.txt --environment=Production --role=web-server \
    --publicHostName=web01.example.com`,
		Flags:  o.flags(),
		Action: func(ctx *cli.Context) error { return register(ctx, c, o) },
	}
}
