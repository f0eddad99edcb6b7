package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/plural"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// fourPlaces compares the four places that have the list of nodes: what each says, and which will
// hold.
func (r *report) fourPlaces() {
	a := r.Kubernetes
	configMap, next := r.polledAddresses(), a.Environment.All()
	if len(configMap)+len(next) == 0 {
		return // it listens
	}
	r.single()
	helm := r.helmList()
	end, _ := r.endOfStart(a.Environment)
	if end == StartGoesWell && len(configMap) > 0 && len(next) > 0 { // else there is a finding of its own
		r.differs("the ConfigMap", configMap, "the Deployment", next, "the next start of the pod polls "+list(next))
	}
	if helm != nil {
		r.differs("the Deployment", next, "the Helm release", helm, "the next helm upgrade, as when the server upgrades the agent, gives the Deployment "+list(helm))
	}
	switch {
	case r.found(idPlaces) || len(configMap) == 0 || len(next) == 0 || end != StartGoesWell:
	case helm == nil:
		r.ok(idPlaces, "the Deployment and the ConfigMap have the same list of %s", countOf(next))
	default:
		r.ok(idPlaces, "the Helm release, the Deployment and the ConfigMap have the same list of %s", countOf(next))
	}
}

func countOf(addresses []string) string { return plural.Of(len(addresses), "address", "addresses") }

// helmList are the addresses of the release's values; nil where they are not known.
func (r *report) helmList() []string {
	if release := r.Kubernetes.Release; release != nil && release.List != nil {
		return release.List.All()
	}
	return nil
}

// polledAddresses are those of the ConfigMap.
func (s *Snapshot) polledAddresses() (addresses []string) {
	for _, p := range s.Ports {
		addresses = append(addresses, p.Address)
	}
	return addresses
}

// differs warns where two places have different lists. The second one will hold.
func (r *report) differs(one string, now []string, other string, then []string, holds string) {
	gone, added := without(now, then), without(then, now)
	if len(gone)+len(added) == 0 {
		return
	}
	var texts []string
	if len(gone) > 0 {
		texts = append(texts, other+" lacks "+list(gone))
	}
	if len(added) > 0 {
		texts = append(texts, one+" lacks "+list(added))
	}
	fix, open := r.agree()
	r.warning(idPlaces, one+" and "+other+" have different lists of nodes: "+strings.Join(texts, ", "), holds, fix)
	if open != "" {
		r.notComplete(open)
	}
}

// without are the addresses of the first list that are not in the second.
func without(addresses, others []string) []string {
	return slices.DeleteFunc(slices.Clone(addresses), func(address string) bool { return tentacleconfig.ContainsAddress(others, address) })
}

// agree is the command that gives all places one list.
func (r *report) agree() (fix, open string) {
	a := r.Kubernetes
	lists := Lists{Environment: a.Environment.All(), ConfigMap: r.polledAddresses(), Helm: r.helmList()}
	if a.says() {
		for _, p := range a.Log.Polls {
			lists.Running = append(lists.Running, shown(p.Address))
		}
	}
	lists.HelmIsNewer = a.Release != nil && a.Release.ListIsNewer
	all, open := lists.One()
	if len(all) == 0 {
		return "", ""
	}
	return r.sync(all, open)
}

// shown is an address as the settings have it: the log has a slash behind it.
func shown(address string) string { return strings.TrimSuffix(address, "/") }

// sync is the command that makes an agent poll these addresses, and what else has to be done.
func (r *report) sync(addresses []string, open string) (fix, alsoOpen string) {
	options := []string{"--server-comms-address=" + strings.Join(addresses, ",")}
	if r.Server != "" { // else no key is needed: the new ports must present what is trusted
		options = append(r.server(), options...)
	}
	if !r.isHelms() {
		options = append(options, PrepareOption)
		open = lines(open, RollOutByOthers)
	}
	return r.Tentacle.Command("sync-servers", options...), strings.ReplaceAll(open, nextLine, "; ")
}

// isHelms says whether a change of the Helm release is what changes the agent.
func (r *report) isHelms() bool {
	a := r.Kubernetes
	return a.Owner == "" && (a.Release != nil || a.ReleaseErr != nil)
}

// single warns of the one address beside the list of nodes: before there was a list, it was that of
// the load balancer. The server's health check compares its nodes with both (OctopusTentacle, pull
// request 954).
func (r *report) single() {
	start := r.Kubernetes.Environment
	if start.Single == "" || len(start.Many) == 0 || tentacleconfig.ContainsAddress(start.Many, start.Single) {
		return
	}
	fix, open := r.sync(start.Many, "")
	r.warning(idPlaces, fmt.Sprintf("serverCommsAddress %s is polled beside the %s of serverCommsAddresses", start.Single, countOf(start.Many)),
		"if it leads to a load balancer, a node is polled twice, and the health check of the server, which compares its nodes with both values, fails", fix).Address = start.Single
	r.notComplete(strings.TrimSuffix("only if no node is there that has no other address; "+open, "; "))
}

// nextStart looks for a start that would end all trust. The start script keeps the entry of one
// address, and takes thumbprint and subscription of all others from it (OctopusTentacle,
// configure-and-run.sh of the agent).
func (r *report) nextStart() {
	a := r.Kubernetes
	start := a.Environment
	end, reason := r.endOfStart(start)
	switch {
	case end == StartEndsTrust:
		fix, open := r.agree()
		r.problem(idNextStart, "critical: the next start of the pod ends all trust: its first address "+start.First()+" is not in the ConfigMap",
			"the start drops every entry but that one, and with them thumbprint and subscription: the agent polls nobody, and neither a restart nor helm rollback heals it"+nextLine+
				"do not restart the pod before the address is there: the command adds it first", fix).Address = start.First()
		if open != "" {
			r.notComplete(open)
		}
	case end == StartFails:
		r.problem(idNextStart, "critical: the pod does not start again: "+reason,
			"the start script fails at it, and the container ends each time", "")
	case !start.listens() && r.Agent && len(r.Ports) > 0:
		r.ok(idNextStart, "the next start of the pod keeps its trust: its first address %s is in the ConfigMap", start.First())
	}
	former := r.former()
	if former != nil && r.endsTrust(former.List) && !tentacleconfig.SameAddress(former.List.First(), start.First()) {
		r.warning(idNextStart, fmt.Sprintf("helm rollback to revision %d would end all trust: its first address %s is not in the ConfigMap", former.Revision, former.List.First()),
			"the pod would start with that address, and drop every entry: change the nodes with sync-servers instead, which adds the address first", "").Address = former.List.First()
	}
}

func (r *report) former() *Former {
	if r.Kubernetes.Release == nil {
		return nil
	}
	return r.Kubernetes.Release.Former
}
