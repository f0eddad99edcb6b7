package commands

import "github.com/urfave/cli/v2"

func registerK8sTargetCommand(c *console) *cli.Command {
	o := registerOptions{kind: kubernetesTarget}
	return &cli.Command{
		Name:     "register-k8s-target",
		Category: "Registration",
		Usage:    "register this Kubernetes agent as a deployment target",
		Description: `Registers a Kubernetes agent the way register-with registers a Tentacle. An agent
that is already registered (Tentacle.Services.IsRegistered) is left alone, because
its container runs this command at every start. One that was installed again gets the
registration of its name back: only how it is reached changes, unless --update is given.

  octo-tentacle register-k8s-target \
    --server=https://octopus.example.com --apikey-file=key.txt \
    --environment=Production --role=k8s --default-namespace=apps \
    --comms-style=TentacleActive \
    --server-comms-address=https://octo1:10943,https://octo2:10943`,
		Flags:  o.flags(),
		Action: func(ctx *cli.Context) error { return register(ctx, c, o) },
	}
}
