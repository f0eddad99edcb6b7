package coverage

import (
	"cmp"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/octoapi"
)

// placesOf finds out where each address leads, and which lead to one node.
func placesOf(e Evidence) ([]Place, []SameNode) {
	w := webPorts{nodes: e.Nodes, several: e.Several, places: make([]Place, len(e.Addresses)), hosts: ends{}, ips: ends{}, webs: ends{}, all: map[string]bool{}}
	for i, a := range e.Addresses {
		p := Place{Address: a}
		w.places[i] = p
		w.all[p.End()] = true
		w.hosts.add(strings.ToLower(hostOf(p.URL)), p)
		if ip := ipOf(p.Remote); ip.IsValid() {
			w.ips.add(ip.String(), p)
		}
		w.webs.add(p.Host.Remote, p)
	}
	for i, p := range w.places {
		if p.Answers {
			w.places[i].Doubt = w.doubt(p)
			w.places[i].Node = w.name(w.places[i])
		}
	}
	w.agree()
	w.onlyNode()
	for i, p := range w.places {
		w.places[i].Perhaps = w.perhaps(p)
	}
	return w.places, w.same()
}

// End tells apart where addresses lead: two of which that is known to be one port have the same.
func (p Place) End() string {
	if p.Answers && p.Remote != "" {
		return p.Remote
	}
	return p.URL
}

// webPorts are what the web ports of the addresses' hosts say.
type webPorts struct {
	nodes   []octoapi.Node
	several bool
	places  []Place

	hosts, ips, webs ends            // by host, by where that is, and by where its web port is
	all              map[string]bool // every end
}

// ends are those of several addresses that have something in common.
type ends map[string]map[string]bool

func (e ends) add(what string, p Place) {
	if what == "" {
		return
	}
	if e[what] == nil {
		e[what] = map[string]bool{}
	}
	e[what][p.End()] = true
}

// doubt is why the web port of an address's host does not prove which node is there.
func (w *webPorts) doubt(p Place) Doubt {
	ip, webIP := ipOf(p.Remote), ipOf(p.Host.Remote)
	switch {
	case len(w.hosts[strings.ToLower(hostOf(p.URL))]) > 1, ip.IsValid() && len(w.ips[ip.String()]) > 1:
		return SharedHost
	case p.Host.Node.Name == "":
		return NoName
	case !p.Host.Verified:
		return NotVerified
	case len(w.webs[p.Host.Remote]) > 1:
		return FrontDoor
	case ip.IsValid() && webIP.IsValid() && ip != webIP:
		return OtherHost
	case len(w.nodes) != 1 && len(w.all) == 1 && !w.several && !Alike(p.URL, p.Host.Node.Name):
		return OneForAll
	}
	return NoDoubt
}

// name is the node that a web port proves to be there: as the API calls it, if it does.
func (w *webPorts) name(p Place) string {
	if p.Doubt != NoDoubt {
		return ""
	}
	return w.listed(p.Host.Node)
}

func (w *webPorts) listed(said octoapi.Node) string {
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
func (w *webPorts) agree() {
	names, ends := map[string]map[string]bool{}, map[string]map[string]bool{} // of an end, of a name
	hidden := map[string]bool{}                                               // names from a web port of which it is not known where it is
	for _, p := range w.places {
		if p.Node == "" {
			continue
		}
		name := strings.ToLower(p.Node)
		if names[p.End()] == nil {
			names[p.End()] = map[string]bool{}
		}
		if ends[name] == nil {
			ends[name] = map[string]bool{}
		}
		names[p.End()][name], ends[name][p.End()] = true, true
		hidden[name] = hidden[name] || p.Host.Remote == ""
	}
	known := map[string]string{} // the node at an end
	for i, p := range w.places {
		name := strings.ToLower(p.Node)
		switch {
		case p.Node == "":
		case len(names[p.End()]) > 1 || len(ends[name]) > 1 && hidden[name]:
			w.places[i].Node, w.places[i].Doubt = "", FrontDoor
		default:
			known[p.End()] = p.Node
		}
	}
	for i, p := range w.places {
		if node := known[p.End()]; p.Node == "" && node != "" {
			w.places[i].Node, w.places[i].Doubt = node, NoDoubt
		}
	}
}

// onlyNode names the node of a cluster that has one: whatever presents the cluster's certificate is
// that node, unless it says that it is another.
func (w *webPorts) onlyNode() {
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
func (w *webPorts) perhaps(p Place) string {
	if p.Node != "" {
		return ""
	}
	doubt := p.Doubt
	if !p.Answers {
		doubt = w.doubt(p)
	}
	if p.Host.Node.Name != "" && doubt != SharedHost && doubt != FrontDoor {
		return w.listed(p.Host.Node)
	}
	for _, listed := range w.nodes {
		if Alike(p.URL, listed.Name) {
			return listed.Name
		}
	}
	return ""
}

// same are the addresses that lead to one node.
func (w *webPorts) same() (all []SameNode) {
	at := map[string]int{} // by the name of the node, or where it is
	for _, p := range w.places {
		if !p.Answers {
			continue
		}
		key := cmp.Or(strings.ToLower(p.Node), p.End())
		i, known := at[key]
		if !known {
			i = len(all)
			at[key] = i
			all = append(all, SameNode{Remote: p.Remote, Node: p.Node})
		}
		all[i].Addresses = append(all[i].Addresses, p.URL)
		if all[i].Remote != p.Remote {
			all[i].Remote = ""
		}
	}
	return slices.DeleteFunc(all, func(one SameNode) bool { return len(one.Addresses) < 2 })
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
