package fleet

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/octo-tentacle/octo-tentacle/commands/coverage"
	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// Build says what the evidence shows.
func Build(e Evidence) *Report {
	b := &builder{Evidence: e, findings: map[findingKey]*Finding{}, judged: map[string]coverage.Result{}}
	b.report = &Report{
		Source: FromServer, Time: e.Now.UTC().Format(time.RFC3339), Version: e.Version, Server: e.Server, Thumbprint: e.Thumbprint,
		Queues: queuesOf(e.Queues), Spaces: orEmpty(e.Spaces), Filter: orEmpty(e.Filter), Tasks: slices.Clone(orEmpty(e.Tasks)),
		Nodes: []Node{}, Addresses: []Address{}, Machines: []Machine{},
	}
	for _, n := range e.Nodes {
		b.report.Nodes = append(b.report.Nodes, Node{Name: n.Name, ID: n.ID, State: stateOf(n)})
	}
	for i := range b.report.Tasks {
		b.report.Tasks[i].Node = b.nodeName(b.report.Tasks[i].Node)
	}
	b.prove()
	b.sameSubscription = b.doubles(func(m Evident) string { return lowerSubscription(m.Endpoint.URI) })
	for _, m := range e.Machines {
		b.report.Machines = append(b.report.Machines, b.machine(m))
	}
	b.addresses()
	b.unusual()
	b.duplicates()
	b.whole()
	return b.finish()
}

type builder struct {
	Evidence
	report           *Report
	findings         map[findingKey]*Finding
	order            []findingKey
	proved           map[string]bool            // addresses of which the whole fleet proves which node is there
	judged           map[string]coverage.Result // by addresses and node
	sameSubscription map[string][]Evident
}

func queuesOf(q coverage.Queues) Queues {
	switch {
	case q.State == coverage.Shared && len(q.Unasked) == 0:
		return SharedQueues
	case q.State == coverage.NotShared, q.State == coverage.PartlyShared:
		return OwnQueues
	}
	return UnknownQueues
}

func stateOf(n octoapi.Node) string {
	switch {
	case n.Offline:
		return "offline"
	case n.WebOnly:
		return "ui-only"
	case n.InMaintenanceMode:
		return "drained"
	}
	return "works"
}

// machine is the row of a Tentacle.
func (b *builder) machine(e Evident) Machine {
	kind := "target"
	if e.Kind == octoapi.Worker {
		kind = "worker"
	}
	m := Machine{
		Key: e.key(), Space: e.Space.Name, ID: e.ID, Name: e.Name, Kind: kind,
		Environments: orEmpty(e.Environments), Roles: orEmpty(e.Roles), Pools: orEmpty(e.Pools),
		Version: e.Version, OperatingSystem: e.System, Health: e.HealthStatus,
		State: e.State, Why: e.Why, Nodes: make([]Cell, len(b.Nodes)), Addresses: []string{}, Missing: []string{}, Unmatched: []string{},
	}
	for i := range m.Nodes {
		m.Nodes[i] = Unknown
	}
	b.registered(m, e)
	switch e.State {
	case Answered:
		b.answered(&m, e)
	case NoAnswer:
		b.about(m, Skipped, UnansweredScript, "did not answer the script"+b.ranOn(e), b.whySilent(e))
	case Unreadable:
		b.about(m, Skipped, UnreadableSetting, "what it polls could not be read: "+e.Why, "")
	case NotAsked:
		b.about(m, Skipped, ScriptsNotRun, "what it polls is not known: "+cmp.Or(e.Why, b.NotAsked), "")
	default:
		b.about(m, Skipped, LeftOutOfScripts, "left out: "+cmp.Or(e.Why, string(e.State)), "")
	}
	return m
}

// registered says what the API alone tells of a Tentacle.
func (b *builder) registered(m Machine, e Evident) {
	if !e.IsDisabled && (e.HealthStatus == "Unhealthy" || e.HealthStatus == "Unavailable") {
		b.about(m, Warning, Unhealthy, "the server reports it as "+strings.ToLower(e.HealthStatus), "look at its last health check in the Octopus web portal")
	}
	if e.UpgradeRequired {
		b.about(m, Warning, OldVersion, "the server says that Tentacle "+cmp.Or(e.Version, "there")+" must be upgraded", "upgrade it in the Octopus web portal, under Infrastructure")
	}
	if well, ill := flaps(e.Checks); len(ill) > 0 {
		names := func(ids []string) string {
			for i, id := range ids {
				ids[i] = b.nodeName(id)
			}
			slices.Sort(ids)
			return strings.Join(ids, ", ")
		}
		b.about(m, Warning, Flapping, fmt.Sprintf("health checks that %s ran succeed, and those that %s ran do not", names(well), names(ill)),
			"a Tentacle that does not poll every node, or cannot reach one, looks like this")
	}
}

func (b *builder) nodeName(ref string) string {
	for _, n := range b.Nodes {
		if n.Is(ref) {
			return n.Name
		}
	}
	return ref
}

func (b *builder) ranOn(e Evident) string {
	if e.Node == "" {
		return ""
	}
	return " that " + b.nodeName(e.Node) + " ran"
}

// whySilent says what it may mean that a Tentacle did not answer. Without shared queues, only the
// node that ran the task can have handed the script to it.
func (b *builder) whySilent(e Evident) string {
	why := "it may be off, busy, or not reached"
	if e.Why != "" {
		why = e.Why
	}
	if e.Node != "" && b.Queues.State != coverage.Shared {
		why += ", or not poll " + b.nodeName(e.Node)
	}
	return why
}

// answered compares what a Tentacle polls with the nodes.
func (b *builder) answered(m *Machine, e Evident) {
	polled := b.polledBy(e)
	for _, s := range polled {
		if !tentacleconfig.ContainsAddress(m.Addresses, s.Address) {
			m.Addresses = append(m.Addresses, s.Address)
		}
	}
	if len(m.Addresses) == 0 {
		b.about(*m, Problem, NotPolling, "its configuration has no entry that polls this cluster", "it answered, so it still polls with a list that is not in its configuration any more: its next start cuts it off")
		return
	}
	b.subscription(*m, e, polled)
	if e.Overridden {
		b.about(*m, Warning, Overridden, "a variable of its service overrides its configuration", "a change of the file has no effect there")
	}
	cloned := len(b.sameSubscription[lowerSubscription(e.Endpoint.URI)]) > 1
	cover := b.judge(m.Addresses, e.Node, cloned)
	b.cells(m, e, cover, cloned)
	b.unknownAddresses(m, cover)
	b.verdict(m, cover)
}

// polledBy are the entries that poll this cluster: those with its thumbprint, and where there is
// none, those with the subscription that is registered, as while a certificate is renewed.
func (b *builder) polledBy(e Evident) []tentacleconfig.TrustedServer {
	var own, registered []tentacleconfig.TrustedServer
	for _, s := range e.Servers {
		switch {
		case !s.Polls():
		case b.Thumbprint != "" && thumbprint.Same(s.Thumbprint, b.Thumbprint):
			own = append(own, s)
		case SubscriptionFits(s.SubscriptionID, e.Endpoint.URI):
			registered = append(registered, s)
		}
	}
	if len(own) > 0 {
		return own
	}
	return registered
}

// subscription compares what a Tentacle subscribes to with what is registered.
func (b *builder) subscription(m Machine, e Evident, polled []tentacleconfig.TrustedServer) {
	other := slices.ContainsFunc(polled, func(s tentacleconfig.TrustedServer) bool { return !SubscriptionFits(s.SubscriptionID, e.Endpoint.URI) })
	if other {
		b.about(m, Problem, OtherSubscription, "polls with another subscription than the one that is registered", "no work is queued for that one; register it again, or restore its configuration")
	}
}

// SubscriptionFits compares a subscription that a script has cut with a whole one.
func SubscriptionFits(cut, whole string) bool {
	cut, whole = lowerSubscription(cut), lowerSubscription(whole)
	return cut == whole || len(cut) == len("poll://")+cutSubscription && strings.HasPrefix(whole, cut)
}

// cutSubscription is how many characters of a subscription a script prints: enough to tell
// Tentacles apart, and too few to poll in their place.
const cutSubscription = 8

func lowerSubscription(s string) string { return strings.ToLower(strings.TrimRight(s, "/")) }

// prove finds out which node is at each address that any Tentacle polls. Together they prove more
// than one of them alone, which may be that of a load balancer.
func (b *builder) prove() {
	b.proved = map[string]bool{}
	for _, p := range b.judge(slices.Sorted(maps.Keys(b.Addresses)), "", false).Places {
		b.proved[p.URL] = p.Node != ""
	}
}

// judge says which nodes are polled at addresses.
func (b *builder) judge(addresses []string, node string, cloned bool) coverage.Result {
	key := fmt.Sprintf("%q %q %t", addresses, node, cloned)
	if known, is := b.judged[key]; is {
		return known
	}
	e := coverage.Evidence{Nodes: b.Nodes, Queues: b.Queues, Cloned: cloned, Several: len(addresses) == 1 && b.proved[addresses[0]]}
	for _, address := range addresses {
		seen, is := b.Addresses[address]
		if !is {
			seen.URL = address
		}
		e.Addresses = append(e.Addresses, seen.Address)
	}
	if node != "" { // it ran a script there
		e.Fresh = []octoapi.Task{{ServerNode: node}}
	}
	b.judged[key] = coverage.Judge(e)
	return b.judged[key]
}

// cells are what is known of each node. The node that ran a script of this Tentacle is polled,
// unless the queues are shared, or another Tentacle may have answered.
func (b *builder) cells(m *Machine, e Evident, cover coverage.Result, cloned bool) {
	for i, n := range cover.Nodes {
		ran := n.Is(e.Node) && b.Queues.State == coverage.NotShared && !cloned
		switch {
		case len(n.Proof) > 0 || ran:
			m.Nodes[i] = Polled
		case len(n.Perhaps) > 0:
			m.Nodes[i] = Perhaps
		case n.Unpolled && b.Queues.State != coverage.Shared:
			m.Nodes[i] = Missing
			if n.TakesTasks() {
				m.Missing = append(m.Missing, n.Name)
			}
		}
	}
}

// unknownAddresses are those that stand for no node of the cluster.
func (b *builder) unknownAddresses(m *Machine, cover coverage.Result) {
	for _, p := range cover.Places {
		listed := cover.NodeCalled(p.Node) != nil || cover.NodeCalled(p.Perhaps) != nil
		if !listed {
			m.Unmatched = append(m.Unmatched, p.URL)
		}
		switch seen := b.Addresses[p.URL]; {
		case seen.Other != "":
			f := b.about(*m, Warning, UnknownAddress, p.URL+" presents another certificate, as seen from here: "+seen.Other, "a Tentacle talks only to the certificate that it trusts")
			f.Address = p.URL
		case p.Lost == coverage.NotListed && b.Nodes != nil:
			f := b.about(*m, Warning, UnknownAddress, p.URL+" leads to "+p.Node+", which is no node of the cluster", "it may be that of a node that was replaced")
			f.Address = p.URL
		}
	}
}

const waits = "work that is queued there for these Tentacles waits; a runbook with sync-servers polls every node"

// verdict says whether the nodes that hand out work are polled.
func (b *builder) verdict(m *Machine, cover coverage.Result) {
	if b.Nodes == nil || b.Queues.State == coverage.Shared && len(b.Queues.Unasked) == 0 {
		return
	}
	level := Problem
	why := waits
	if b.Queues.State == coverage.Unknown || b.Queues.State == coverage.Shared {
		level = Warning
		why = "it is not known whether the nodes share their queues; if they do not, " + waits
	}
	unknown := []string{}
	for i, n := range cover.Nodes {
		switch {
		case m.Nodes[i] == Missing && n.TakesTasks():
			b.about(*m, level, MissingNode, n.Name+" is not polled", why).Node = n.Name
		case m.Nodes[i] == Missing && n.InMaintenanceMode && !n.Offline:
			b.about(*m, Warning, DrainedNode, n.Name+" is not polled; it is drained", "once it hands out work again, work that is queued there waits").Node = n.Name
		case m.Nodes[i] == Unknown && n.TakesTasks():
			unknown = append(unknown, n.Name)
		}
	}
	switch {
	case len(m.Missing) > 0:
	case cover.Unpolled > 0:
		some := "one of these nodes is not polled: "
		if cover.Unpolled > 1 {
			some = fmt.Sprintf("%d of these nodes are not polled: ", cover.Unpolled)
		}
		b.about(*m, level, MissingNodes, some+strings.Join(unknown, ", "), why)
	case len(unknown) > 0:
		b.about(*m, Skipped, UnprovedNode, "it is not known whether it polls "+strings.Join(unknown, ", "), "its addresses do not tell, as seen from here; check on the machine may know")
	}
}

// flaps are the nodes whose health checks of a Tentacle went well and those of which none did. Of a
// check of several Tentacles it is not known which of them it failed for: then one is not enough.
func flaps(checks []octoapi.HealthTask) (well, ill []string) {
	type count struct{ well, alone, others int }
	counts := map[string]*count{}
	var nodes []string
	for _, t := range checks {
		node := t.ServerNode
		if node == "" {
			continue
		}
		if counts[node] == nil {
			counts[node] = &count{}
			nodes = append(nodes, node)
		}
		switch c := counts[node]; {
		case t.Succeeded && !t.Warned:
			c.well++
		case t.Machines == 1:
			c.alone++
		default:
			c.others++
		}
	}
	for _, node := range nodes {
		switch c := counts[node]; {
		case c.well > 0 && c.alone == 0:
			well = append(well, node)
		case c.well == 0 && (c.alone > 0 || c.others > 1):
			ill = append(ill, node)
		}
	}
	if len(well) == 0 || len(ill) == 0 {
		return nil, nil
	}
	return well, ill
}

// addresses lists what is polled.
func (b *builder) addresses() {
	count := map[string]int{}
	for _, m := range b.report.Machines {
		for _, address := range m.Addresses {
			count[address]++
		}
	}
	list := make([]string, 0, len(count))
	for address := range count {
		list = append(list, address)
	}
	slices.SortFunc(list, func(a, z string) int { return cmp.Or(count[z]-count[a], strings.Compare(a, z)) })
	cover := b.judge(list, "", false)
	for i, address := range list {
		a := Address{URL: address, Machines: count[address]}
		p := cover.Places[i]
		a.Node, a.Proved = cmp.Or(p.Node, p.Perhaps), p.Node != ""
		if b.Nodes != nil && cover.NodeCalled(a.Node) == nil {
			a.Node, a.Proved = "", false
		}
		seen, looked := b.Addresses[address]
		switch {
		case !looked:
			a.Note = "not looked at"
		case seen.Other != "":
			a.Note = "presents another certificate"
		case !seen.Answers:
			a.Note = "does not answer from here"
		case p.Lost == coverage.NotListed:
			a.Note = "leads to " + p.Node + ", which is no node of the cluster"
		case p.Lost == coverage.CutOff:
			a.Note = "leads to a node that the cluster calls offline"
		}
		b.report.Addresses = append(b.report.Addresses, a)
	}
}

// unusual finds those that do not poll what most others do, where it is not known which node is
// where, as behind NAT.
func (b *builder) unusual() {
	if b.Queues.State == coverage.Shared {
		return
	}
	answered := 0
	for _, m := range b.report.Machines {
		if len(m.Addresses) > 0 {
			answered++
		}
	}
	const fewest = 3
	for _, a := range b.report.Addresses {
		if a.Node != "" || a.Machines == answered || a.Machines*2 <= answered || a.Machines < fewest {
			continue
		}
		for _, m := range b.report.Machines {
			whole := len(m.Addresses) == 0 || !slices.Contains(m.Nodes, Unknown)
			if whole || tentacleconfig.ContainsAddress(m.Addresses, a.URL) {
				continue
			}
			f := b.about(m, Warning, UnusualAddresses, fmt.Sprintf("does not poll %s, which %d of %d poll", a.URL, a.Machines, answered), "there may be a node at that address, which it misses")
			f.Address = a.URL
		}
	}
}
