package commands

import "github.com/urfave/cli/v2"

func registerWorkerCommand(c *console) *cli.Command {
	o := registerOptions{kind: worker}
	return &cli.Command{
		Name:     "register-worker",
		Category: "Registration",
		Usage:    "register this Tentacle as a worker",
		Description: `Registers this Tentacle as a worker, the way register-with registers it as a
deployment target.

  octo-tentacle register-worker --server=https://octopus.example.com \
    --apikey-file=key.txt --workerpool="Default Worker Pool" \
    --comms-style=TentacleActive \
    --server-comms-address=https://octo1:10943,https://octo2:10943`,
		Flags:  o.flags(),
		Action: func(ctx *cli.Context) error { return register(ctx, c, o) },
	}
}
