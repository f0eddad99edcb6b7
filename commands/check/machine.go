package check

import (
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// Machine are all instances of a machine, in groups of what only one of them may have: each is
// compared with the others of its groups alone, so that ten thousand take no time either.
type Machine struct {
	count  int
	unread []string // the first instances whose configuration cannot be read, by name
	groups map[string]*group
}

// group are the instances that have one thing in common.
type group struct {
	what    string // like "the port 10933"
	members []*Snapshot
}

// mostCompared is how many others of a group are named for each instance, and how many that cannot
// be read.
const mostCompared = 20

// OnOneMachine notes in the snapshots of all instances of a machine what they have in common.
// Shared are those with the same configuration file.
func OnOneMachine(all []*Snapshot, shared [][]tentacleconfig.Instance) {
	m := &Machine{count: len(all), groups: map[string]*group{}}
	files := map[string]string{}
	for _, instances := range shared {
		for _, i := range instances {
			files[i.Name] = instances[0].ConfigPath
		}
	}
	for _, s := range all {
		s.Machine, s.sharedFile = m, files[s.Tentacle.Instance.Name]
		if s.ConfigurationErr != nil && len(m.unread) < mostCompared {
			m.unread = append(m.unread, s.Tentacle.Instance.Name)
		}
		has, _ := s.groups()
		for key, what := range has {
			if m.groups[key] == nil {
				m.groups[key] = &group{what: what}
			}
			m.groups[key].members = append(m.groups[key].members, s)
		}
	}
}

// groups are those that the instance is in, with what their members have in common, and those whose
// members it has to be compared with.
func (s *Snapshot) groups() (has map[string]string, compared []string) {
	has = map[string]string{}
	add := func(key, what string) {
		has[key] = what
		compared = append(compared, key)
	}
	if s.sharedFile != "" {
		add("file "+s.sharedFile, "the configuration "+s.sharedFile)
	}
	if s.ConfigurationErr != nil {
		return has, compared
	}
	if s.Listens {
		every, open := "port "+s.ListenPort, "open port "+s.ListenPort
		has[every] = "the port " + s.ListenPort
		if what := has[every]; anyAddress(s.ListenIP) {
			has[open] = what
			compared = append(compared, every)
		} else {
			add(every+" "+s.ListenIP, what)
			compared = append(compared, open)
		}
	}
	for _, cluster := range s.polledThumbprints() {
		for _, one := range s.subscriptionsOf(cluster) {
			add("subscription "+strings.ToUpper(thumbprint.Clean(cluster))+" "+one.id, "the subscription "+one.id+"/")
		}
	}
	if own := s.OwnThumbprint(); own != "" {
		add("certificate "+strings.ToUpper(thumbprint.Clean(own)), "the certificate "+own)
	}
	return has, compared
}

// anyAddress says whether a setting stands for every address of the machine.
func anyAddress(ip string) bool {
	return slices.Contains([]string{"", "0.0.0.0", "::", "[::]"}, ip)
}
