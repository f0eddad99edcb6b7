package check

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/plural"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// nodes compares the polled addresses with the nodes of the cluster.
func (r *report) nodes() {
	polled := r.clusterAddresses()
	if len(polled) == 0 {
		return // it listens or polls another cluster; other findings say so
	}
	switch err := r.API.NodesErr; {
	case errors.Is(err, octoapi.ErrForbidden):
		r.ok(idNodes, "the nodes were not compared with the polled addresses: the account may not see the cluster's nodes")
		return
	case err != nil:
		r.warning(idNodes, err.Error(), "it is not known whether all nodes are polled", "")
		return
	}
	var working, drained []octoapi.Node
	for _, node := range r.API.Nodes {
		switch {
		case node.TakesTasks():
			working = append(working, node)
		case node.InMaintenanceMode && !node.Offline && !node.WebOnly:
			drained = append(drained, node)
		}
	}
	counted := fmt.Sprintf("%s polled, and %s of the cluster %s work",
		plural.Of(len(polled), "address is", "addresses are"), plural.Of(len(working), "node", "nodes"), handsOut(len(working)))
	switch {
	case r.API.SharedQueues:
		r.ok(idNodes, "%s: the nodes share their queues, so one address is enough", counted)
	case len(polled) < len(working):
		r.problem(idNodes, "only "+counted+": "+namesOf(working), r.whyAllNodes(polled), r.pollMissing(working, polled))
		r.notComplete(guesses)
	case len(polled) > len(r.API.Nodes):
		r.warning(idNodes, fmt.Sprintf("%s, %d known in total", counted, len(r.API.Nodes)),
			"more addresses than nodes: one may belong to a removed node or be a second address of the same node", r.removeDead(polled))
		r.notComplete("only if it is one of a removed node")
	case len(polled) < len(working)+len(drained):
		r.warning(idNodes, counted+"; in maintenance: "+namesOf(drained), "when maintenance ends, work queued on a node that is not polled waits forever", r.pollMissing(append(working, drained...), polled))
		r.notComplete(guesses)
	default:
		r.ok(idNodes, "%s", counted)
	}
}

func handsOut(nodes int) string {
	if nodes == 1 {
		return "hands out"
	}
	return "hand out"
}

func namesOf(nodes []octoapi.Node) string {
	names := make([]string, len(nodes))
	for i, node := range nodes {
		names[i] = node.Name
	}
	return strings.Join(names, ", ")
}

func (r *report) whyAllNodes(polled []string) string {
	why := "work queued on a node that is not polled waits forever"
	if len(polled) == 1 {
		why += "\na load balancer does not help, because it reaches only one node, unless the nodes share their queues (Octopus Server 2026.4 or later with Redis)"
	}
	if r.API.SharedQueuesErr != nil {
		why += "\nit is not known whether they share their queues: " + r.API.SharedQueuesErr.Error()
	}
	return why
}

const guesses = "its addresses are guesses"

// pollMissing polls the nodes that are not polled. Their addresses are a guess, which the command
// tries before it changes anything: further ports where all addresses have one host, else hosts
// named like the nodes.
func (r *report) pollMissing(nodes []octoapi.Node, polled []string) string {
	var missing []octoapi.Node
	like := ""
	for _, node := range nodes {
		i := slices.IndexFunc(polled, func(address string) bool {
			return strings.EqualFold(firstLabel(hostOf(address)), firstLabel(node.Name))
		})
		if i < 0 {
			missing = append(missing, node)
		} else {
			like = polled[i]
		}
	}
	command := "poll-server"
	switch {
	case like != "":
	case len(polled) > 1 && oneHost(polled):
		return r.Tentacle.Command(command, append(r.server(), "--server-comms-address=https://"+hostOf(polled[0]), "--server-comms-port="+nextPorts(polled, len(nodes)-len(polled)))...)
	default: // which of the nodes are polled is not known: declare all
		command, like = "sync-servers", fmt.Sprintf("https://node:%d", octoapi.DefaultPollingPort)
	}
	addresses := make([]string, len(missing))
	for i, node := range missing {
		addresses[i] = strings.Replace(like, firstLabel(hostOf(like)), strings.ToLower(firstLabel(node.Name)), 1)
	}
	return r.Tentacle.Command(command, append(r.server(), "--server-comms-address="+strings.Join(addresses, ","))...)
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(u.Host, ":"+u.Port()) // with the brackets of an IPv6 address
}

func firstLabel(host string) string {
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return host
	}
	label, _, _ := strings.Cut(host, ".")
	return label
}

func oneHost(addresses []string) bool {
	return !slices.ContainsFunc(addresses, func(a string) bool { return !strings.EqualFold(hostOf(a), hostOf(addresses[0])) })
}

// nextPorts are the given number of ports after the highest one, as an option takes them.
func nextPorts(addresses []string, count int) string {
	highest := 0
	for _, address := range addresses {
		if u, err := url.Parse(address); err == nil {
			port, _ := strconv.Atoi(u.Port()) // 0 where there is none
			highest = max(highest, port)
		}
	}
	if count == 1 {
		return strconv.Itoa(highest + 1)
	}
	return fmt.Sprintf("%d-%d", highest+1, highest+count)
}

// removeDead removes the addresses that do not respond, unless more of them are dead than
// superfluous.
func (r *report) removeDead(polled []string) string {
	var dead []string
	for _, p := range r.Ports {
		if p.Err != nil && tentacleconfig.ContainsAddress(polled, p.Address) {
			dead = append(dead, p.Address)
		}
	}
	if len(dead) == 0 || len(dead) > len(polled)-len(r.API.Nodes) {
		return ""
	}
	return r.Tentacle.Command("remove-server", dead...)
}
