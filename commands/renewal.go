package commands

import "github.com/octo-tentacle/octo-tentacle/tentacleconfig"

// renewal is that of a cluster's certificate, which is not over.
type renewal struct {
	old, renewed string // thumbprints
	retire       string // the command that ends it
}

func renewalsOf(t *tentacle) (list []renewal) {
	for _, cluster := range tentacleconfig.Renewals(t.servers) {
		old, renewed := cluster[0], cluster[len(cluster)-1]
		list = append(list, renewal{old, renewed, t.retireCommand(old, renewed)})
	}
	return list
}

func (r renewal) print(c *console) {
	c.printf("\n")
	c.printf("Renewal under way: %s is trusted beside %s.\n", r.renewed, r.old)
	c.printf("When every node presents it: %s\n", r.retire)
}
