package check

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/commands/coverage"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

const guesses = "its addresses are guesses"

// pollMissing polls the nodes that are not polled. Their addresses are a guess, which the command
// tries before it changes anything: hosts named like the nodes where others are, else further ports
// where all addresses have one host. It is "" where these addresses are polled already.
func (r *report) pollMissing(cover coverage.Result) string {
	missing, few := missingNodes(cover)
	polled := r.clusterAddresses()
	like, known := "", false // an address that is called like its node; the place of some node
	for _, p := range cover.Places {
		known = known || p.Node != ""
		if like == "" && slices.ContainsFunc(cover.Nodes, func(n coverage.Node) bool { return coverage.Alike(p.URL, n.Name) }) {
			like = p.URL
		}
	}
	command := "poll-server"
	switch {
	case like != "":
	case len(polled) > 1 && oneHost(polled):
		return r.Tentacle.Command(command, append(r.server(), "--server-comms-address=https://"+hostOf(polled[0]), "--server-comms-port="+nextPorts(polled, few))...)
	default:
		like = fmt.Sprintf("https://node:%d", octoapi.DefaultPollingPort)
		if !known { // which of the nodes are polled is not known: declare all
			command = "sync-servers"
		}
	}
	var addresses []string
	for _, node := range missing {
		address := strings.Replace(like, coverage.FirstLabel(hostOf(like)), strings.ToLower(coverage.FirstLabel(node.Name)), 1)
		if !tentacleconfig.ContainsAddress(polled, address) {
			addresses = append(addresses, address)
		}
	}
	if len(addresses) == 0 {
		return ""
	}
	return r.Tentacle.Command(command, append(r.server(), "--server-comms-address="+strings.Join(addresses, ","))...)
}

// missingNodes are the nodes that may not be polled, and how many of them at least are not.
func missingNodes(cover coverage.Result) (missing []coverage.Node, few int) {
	for _, n := range cover.Nodes {
		switch {
		case cover.Named() && !n.Unpolled:
		case n.Offline || n.WebOnly || len(n.PolledAt) > 0 || len(n.Proof) > 0 && !cover.Balanced:
		case n.InMaintenanceMode && !n.Unpolled && len(cover.Drained) == 0:
		case isNamedLike(cover, n): // that address is perhaps its own
		default:
			missing = append(missing, n)
		}
	}
	if cover.Named() {
		return missing, len(missing)
	}
	return missing, max(1, cover.Unpolled)
}

// isNamedLike says whether an address is called like the node, of which nothing else is known.
func isNamedLike(cover coverage.Result, n coverage.Node) bool {
	return !n.Unpolled && slices.ContainsFunc(cover.Places, func(p coverage.Place) bool { return coverage.Alike(p.URL, n.Name) })
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(u.Host, ":"+u.Port()) // with the brackets of an IPv6 address
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
