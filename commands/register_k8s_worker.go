package commands

import "github.com/urfave/cli/v2"

func registerK8sWorkerCommand(c *console) *cli.Command {
	o := registerOptions{kind: kubernetesWorker}
	return &cli.Command{
		Name:     "register-k8s-worker",
		Category: "Registration",
		Usage:    "register this Kubernetes agent as a worker",
		Description: `Registers a Kubernetes agent as a worker, the way register-worker registers a
Tentacle. An agent that is already registered (Tentacle.Services.IsRegistered) is
left alone. One that was installed again gets the registration of its name back: only
how it is reached changes, unless --update is given.

  octo-tentacle register-k8s-worker \
    --server=https://octopus.example.com --apikey-file=key.txt \
    --workerpool="Default Worker Pool" --comms-style=TentacleActive \
    --server-comms-address=https://octo1:10943,https://octo2:10943`,
		Flags:  o.flags(),
		Action: func(ctx *cli.Context) error { return register(ctx, c, o) },
	}
}
