package coverage

import (
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/octoapi"
)

// placesOf finds out where each address leads, and which lead to one node.
func placesOf(e Evidence) ([]Place, []SameNode) {
	places := make([]Place, len(e.Addresses))
	for i, a := range e.Addresses {
		places[i].Address = a
	}
	w := webPorts{places: places, nodes: e.Nodes}
	for i := range places {
		if places[i].Answers {
			places[i].Doubt = w.doubt(i)
			places[i].Node = w.name(i)
		}
	}
	w.agree()
	w.onlyNode()
	for i := range places {
		places[i].Perhaps = w.perhaps(i)
	}
	return places, w.same()
}

// webPorts are what the web ports of the addresses' hosts say.
type webPorts struct {
	places []Place
	nodes  []octoapi.Node
}

// doubt is why the web port of an address's host does not prove which node is there.
func (w webPorts) doubt(i int) Doubt {
	p := w.places[i]
	other := func(is func(Place) bool) bool {
		return slices.ContainsFunc(w.places, func(other Place) bool { return !p.IsAt(other) && is(other) })
	}
	ip, webIP := ipOf(p.Remote), ipOf(p.Host.Remote)
	switch {
	case other(func(o Place) bool { return strings.EqualFold(hostOf(o.URL), hostOf(p.URL)) }):
		return SharedHost
	case p.Host.Node.Name == "":
		return NoName
	case !p.Host.Verified:
		return NotVerified
	case p.Host.Remote != "" && other(func(o Place) bool { return o.Host.Remote == p.Host.Remote }):
		return FrontDoor
	case ip.IsValid() && webIP.IsValid() && ip != webIP:
		return OtherHost
	case len(w.nodes) != 1 && !Alike(p.URL, p.Host.Node.Name) && !other(func(Place) bool { return true }):
		return OneForAll
	}
	return NoDoubt
}

// IsAt says whether two addresses are known to end at one port.
func (p Place) IsAt(other Place) bool {
	return p.URL == other.URL || p.Answers && other.Answers && p.Remote != "" && p.Remote == other.Remote
}

// name is the node that a web port proves to be there: as the API calls it, if it does.
func (w webPorts) name(i int) string {
	if w.places[i].Doubt != NoDoubt {
		return ""
	}
	return w.listed(w.places[i].Host.Node)
}

func (w webPorts) listed(said octoapi.Node) string {
	for _, listed := range w.nodes {
		if listed.Is(said.Name) || listed.Is(said.ID) {
			return listed.Name
		}
	}
	return said.Name
}

// agree takes names back that prove nothing: those of one port that contradict each other, and one
// name from several web ports that may be one port, since it is not known where they are. What one
// address of a port proves, it proves for the others.
func (w webPorts) agree() {
	doubtful := make([]bool, len(w.places))
	for i, p := range w.places {
		for _, other := range w.places {
			switch {
			case p.Node == "" || other.Node == "" || p.URL == other.URL:
			case p.IsAt(other):
				doubtful[i] = doubtful[i] || !strings.EqualFold(p.Node, other.Node)
			case strings.EqualFold(p.Node, other.Node):
				doubtful[i] = doubtful[i] || p.Host.Remote == "" || other.Host.Remote == ""
			}
		}
	}
	for i := range w.places {
		if doubtful[i] {
			w.places[i].Node, w.places[i].Doubt = "", FrontDoor
		}
	}
	for i, p := range w.places {
		if p.Node != "" || p.Doubt == FrontDoor {
			continue
		}
		known := func(other Place) bool { return other.Node != "" && p.IsAt(other) }
		if at := slices.IndexFunc(w.places, known); at >= 0 {
			w.places[i].Node, w.places[i].Doubt = w.places[at].Node, NoDoubt
		}
	}
}

// onlyNode names the node of a cluster that has one: whatever presents the cluster's certificate is
// that node, unless it says that it is another.
func (w webPorts) onlyNode() {
	if len(w.nodes) != 1 {
		return
	}
	for i, p := range w.places {
		if p.Answers && p.Node == "" {
			w.places[i].Node, w.places[i].Doubt = w.nodes[0].Name, NoDoubt
		}
	}
}

// perhaps is the node that may be at an address, where none is proved to be there: the one that a
// web port of its own names, or one that is called like the address.
func (w webPorts) perhaps(i int) string {
	p := w.places[i]
	if p.Node != "" {
		return ""
	}
	if p.Host.Node.Name != "" {
		doubt := p.Doubt
		if !p.Answers {
			doubt = w.doubt(i)
		}
		switch doubt {
		case NoDoubt, NotVerified, OtherHost, OneForAll:
			return w.listed(p.Host.Node)
		}
	}
	for _, listed := range w.nodes {
		if Alike(p.URL, listed.Name) {
			return listed.Name
		}
	}
	return ""
}

// same are the addresses that lead to one node.
func (w webPorts) same() (all []SameNode) {
	done := map[string]bool{} // by URL
	for _, p := range w.places {
		if !p.Answers || done[p.URL] {
			continue
		}
		one := SameNode{Remote: p.Remote, Node: p.Node}
		for _, other := range w.places {
			isSame := p.Node != "" && strings.EqualFold(p.Node, other.Node)
			if !p.IsAt(other) && !isSame {
				continue
			}
			done[other.URL] = true
			one.Addresses = append(one.Addresses, other.URL)
			if !p.IsAt(other) {
				one.Remote = ""
			}
		}
		if len(one.Addresses) > 1 {
			all = append(all, one)
		}
	}
	return all
}

// Alike says whether the first label of an address's host is that of a node's name, as people often
// call them.
func Alike(address, node string) bool {
	host := hostOf(address)
	return host != "" && strings.EqualFold(FirstLabel(host), FirstLabel(node))
}

// FirstLabel is a host name up to its first dot, and an IP address as it is.
func FirstLabel(host string) string {
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return host
	}
	label, _, _ := strings.Cut(host, ".")
	return label
}

// hostOf is "" where it cannot be told. A person may have left out https://.
func hostOf(address string) string {
	if !strings.Contains(address, "://") {
		address = "https://" + address
	}
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// ipOf is the IP address of an IP address and port; invalid for none.
func ipOf(remote string) netip.Addr {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return netip.Addr{}
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Addr{}
	}
	return ip.Unmap().WithZone("")
}
