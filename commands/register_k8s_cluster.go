package commands

import "github.com/urfave/cli/v2"

// registerK8sClusterCommand is the old name of register-k8s-target, which start scripts of Docker
// images still call (OctopusTentacle, RegisterKubernetesClusterCommand.cs and
// docker/linux/scripts/configure-tentacle.sh).
func registerK8sClusterCommand(c *console) *cli.Command {
	o := registerOptions{kind: kubernetesTarget}
	return &cli.Command{
		Name:     "register-k8s-cluster",
		Category: "Registration",
		Usage:    "the old name of register-k8s-target",
		Description: `Does what register-k8s-target does, and warns that this name is deprecated.

  octo-tentacle register-k8s-cluster \
    --server=https://octopus.example.com --apikey-file=key.txt \
    --environment=Production --role=k8s --default-namespace=apps \
    --comms-style=TentacleActive \
    --server-comms-address=https://octo1:10943,https://octo2:10943`,
		Flags: o.flags(),
		Action: func(ctx *cli.Context) error {
			c.warn("register-k8s-cluster is deprecated: use register-k8s-target, which does the same")
			return register(ctx, c, o)
		},
	}
}
