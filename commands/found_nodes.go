package commands

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// foundNodes is what was found out about which node is polled at which address, where they are
// called differently. Nothing is known of the zero value.
type foundNodes struct {
	at     map[string]string // by address, the name of the node whose web port is at that host
	silent []string          // addresses at which nothing answers
}

// findNodes asks the hosts of a change that takes away addresses which are called like no node. An
// address at which nothing answers must not count as that of a node which another one proves.
func (s *connection) findNodes(ctx context.Context, nodes []octoapi.Node, before, after []string) (f foundNodes) {
	unlike := func(address string) bool {
		return !slices.ContainsFunc(nodes, func(n octoapi.Node) bool { return namedLike([]string{address}, n.Name) })
	}
	if !slices.ContainsFunc(notPolled(before, after), unlike) {
		return f
	}
	defer s.console.endProgress()
	s.console.progress("asking which nodes are polled")
	f.at = s.nodesAt(ctx, nodes, slices.Concat(before, notPolled(after, before)))
	working := workingNodes(nodes)
	if was := len(f.known(working, before)); was <= len(f.known(working, after)) || was > f.left(working, after) {
		return f // whoever is at the others
	}
	kept := slices.DeleteFunc(notPolled(before, notPolled(before, after)), func(address string) bool { return f.at[address] != "" })
	ctx, cancel := context.WithTimeout(ctx, hostTime)
	defer cancel()
	for address, tried := range s.tryPorts(ctx, kept, "", false) {
		if failure, is := errors.AsType[*octoapi.PortError](tried.err); is && failure.Silent() {
			f.silent = append(f.silent, address)
		}
	}
	return f
}

// nodesAt asks which node is at the host of each address. Behind several ports of one host are
// several nodes, of which it would be one.
func (s *connection) nodesAt(ctx context.Context, nodes []octoapi.Node, addresses []string) map[string]string {
	ctx, cancel := context.WithTimeout(ctx, hostTime)
	defer cancel()
	said := make([]octoapi.NodeAtHost, len(addresses))
	var all sync.WaitGroup
	for i, address := range addresses {
		host := hostsOf([]string{address})
		others := hostsOf(slices.Delete(slices.Clone(addresses), i, i+1))
		if len(host) == 1 && !slices.Contains(others, host[0]) {
			all.Go(func() { said[i], _ = askHost(ctx, s.optionsAt(host[0])) }) // who does not say is not known
		}
	}
	all.Wait()
	at := map[string]string{}
	for i, address := range addresses {
		for _, n := range nodes {
			if n.Is(said[i].Node.Name) {
				at[address] = n.Name
			}
		}
	}
	return at
}

// known are the working nodes that are at one of the addresses.
func (f foundNodes) known(working, addresses []string) []string {
	return slices.DeleteFunc(slices.Clone(working), func(node string) bool {
		return !slices.ContainsFunc(addresses, func(address string) bool { return f.at[address] == node })
	})
}

// left is how many of the working nodes may be at the addresses: those that are known, and one for
// each address of which it is not known who is there, if somebody is.
func (f foundNodes) left(working, addresses []string) int {
	silent, unknown := tentacleconfig.AddressSetOf(f.silent), 0
	for _, address := range addresses {
		if f.at[address] == "" && !silent.Has(address) {
			unknown++
		}
	}
	return min(len(working), len(f.known(working, addresses))+unknown)
}
