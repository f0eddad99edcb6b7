package commands

import "github.com/urfave/cli/v2"

func registerK8sTargetCommand(c *console) *cli.Command {
	o := registerOptions{kind: kubernetesTarget}
	return &cli.Command{
		Name:     "register-k8s-target",
		Category: "Registration",
		Usage:    "register this Kubernetes agent as a deployment target",
		Description: `Registers a Kubernetes agent, as register-with does a Tentacle. One that is
registered already (Tentacle.Services.IsRegistered) is left as it is: the agent's
container runs this at every start.

  octo-tentacle register-k8s-target --server=https://octopus.example.com --apikey-file=key.txt \
    --environment=Production --role=k8s --default-namespace=apps --comms-style=TentacleActive \
    --server-comms-address=https://octo1:10943,https://octo2:10943`,
		Flags:  o.flags(),
		Action: func(ctx *cli.Context) error { return register(ctx.Context, c, o) },
	}
}
