package check

import (
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/commands/tentaclefile"
	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// wishedCommunication compares who calls whom.
func (r *report) wishedCommunication() {
	f := r.Wish.File
	if f.Communication == "" || r.ServersErr != nil {
		return
	}
	cluster, _ := r.wishedCluster()
	if len(cluster) == 0 { // any server, where none is polled, or several are
		cluster = tentacleconfig.Thumbprints(r.Servers)
	}
	polled := r.polledOf(cluster)
	switch f.Communication {
	case tentaclefile.Listening:
		switch {
		case len(polled) > 0:
			r.unlike("communication", "the Tentacle polls %s", list(polled))
		case !r.connects(cluster):
			r.unlike("communication", "the Tentacle trusts no server that connects to it")
		}
	case tentaclefile.Polling:
		if len(polled) == 0 && f.Nodes == nil {
			r.unlike("communication", "the Tentacle polls no node")
		}
	}
}

// polledOf are the addresses at which one of these is polled, each once.
func (r *report) polledOf(cluster []string) (addresses []string) {
	for _, p := range r.Ports {
		if slices.ContainsFunc(p.Trusted, func(t string) bool { return thumbprint.Contains(cluster, t) }) {
			addresses = append(addresses, p.Address)
		}
	}
	return addresses
}

// connects says whether one of these is trusted to connect to the Tentacle.
func (r *report) connects(cluster []string) bool {
	return slices.ContainsFunc(r.Servers, func(s tentacleconfig.TrustedServer) bool {
		return !s.Polls() && thumbprint.Contains(cluster, s.Thumbprint)
	})
}

// wishedCluster are the thumbprints of the cluster that the file is about: those that it names,
// that of the server that was asked, or those of the cluster that is polled. It is not known where
// several are polled, and none of them, or more than one, at the addresses of the file.
func (r *report) wishedCluster() (thumbprints []string, known bool) {
	switch f := r.Wish.File; {
	case len(f.Thumbprints) > 0:
		return tentacleconfig.ClusterOf(r.Servers, f.Thumbprints...), true
	case r.API.Thumbprint != "":
		return r.clusterThumbprints(), true
	}
	clusters := tentacleconfig.PolledClusters(r.Servers)
	var those [][]string
	for _, one := range clusters {
		if slices.ContainsFunc(r.polledOf(one), func(address string) bool { return tentacleconfig.ContainsAddress(r.Wish.File.Nodes, address) }) {
			those = append(those, one)
		}
	}
	switch {
	case len(those) == 1:
		return those[0], true
	case len(clusters) == 1:
		return clusters[0], true
	}
	return nil, len(clusters) == 0
}

// wishedNodes compares the addresses that are polled, and the thumbprints under which.
func (r *report) wishedNodes() {
	f := r.Wish.File
	key := "nodes"
	if f.Nodes == nil {
		key = "thumbprints"
	}
	if f.Nodes == nil && f.Thumbprints == nil {
		return
	}
	cluster, known := r.wishedCluster()
	switch {
	case r.ServersErr != nil:
		r.notCompared(key, "the nodes were not compared: the list of trusted servers cannot be read", "another finding says why")
		return
	case !known:
		r.notCompared(key, "the nodes were not compared: several clusters are polled", "name the cluster under thumbprints, or give --server and credentials")
		return
	}
	r.wishedThumbprints(cluster)
	for i, address := range f.Nodes {
		r.wishedNode(tentaclefile.Key("nodes", i), address, cluster)
	}
	if f.Nodes == nil {
		return
	}
	for _, address := range r.polledOf(cluster) {
		if !tentacleconfig.ContainsAddress(f.Nodes, address) {
			r.unlike("nodes", "%s is polled, but is not in the list", address).Address = address
		}
	}
}

// wishedNode compares one address, which is polled under each thumbprint of the file or, where it
// names none, under one of the cluster.
func (r *report) wishedNode(key, address string, cluster []string) {
	var under []string
	for _, s := range r.Servers {
		if s.Polls() && tentacleconfig.SameAddress(s.Address, address) {
			under = append(under, thumbprint.Clean(s.Thumbprint))
		}
	}
	of := slices.DeleteFunc(slices.Clone(under), func(t string) bool { return !thumbprint.Contains(cluster, t) })
	switch {
	case len(under) == 0:
		r.unlike(key, "%s is not polled", address).Address = address
	case len(of) == 0 && len(cluster) > 0:
		r.unlike(key, "%s is polled with the thumbprint %s, not with %s", address, strings.Join(under, ", "), strings.Join(cluster, " or ")).Address = address
	default:
		for _, t := range r.Wish.File.Thumbprints {
			if !thumbprint.Contains(of, t) && r.trusts(t) { // else that it is not trusted has been said
				r.unlike(key, "%s is not polled with the thumbprint %s", address, t).Address = address
			}
		}
	}
}

// trusts says whether any entry has the thumbprint.
func (r *report) trusts(one string) bool {
	return thumbprint.Contains(tentacleconfig.Thumbprints(r.Servers), one)
}

// wishedThumbprints compares the thumbprints under which the cluster is trusted, if the file names
// them.
func (r *report) wishedThumbprints(cluster []string) {
	want := r.Wish.File.Thumbprints
	if want == nil {
		return
	}
	for i, one := range want {
		if !r.trusts(one) {
			r.unlike(tentaclefile.Key("thumbprints", i), "%s is not trusted", one).Thumbprint = one
		}
	}
	for _, one := range cluster {
		if !thumbprint.Contains(want, one) {
			r.unlike("thumbprints", "the cluster is trusted under %s, too", one).Thumbprint = one
		}
	}
}
