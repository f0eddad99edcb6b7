package commands

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/octo-tentacle/octo-tentacle/octoapi"
)

// What check has to say about the polling ports and about what the API told.

func (j *judgement) judgePorts() {
	if j.proxyErr != nil {
		j.problem(idPollingProxy, firstLine(j.proxyErr), "the Tentacle cannot poll through it, and the ports were not tried\nset it anew with --proxyHost and --proxyPort; or, without a proxy", j.command("polling-proxy", "--proxyEnable=false", "--proxyPort=80"))
		return
	}
	for _, p := range j.ports {
		j.judgePort(p)
	}
}

func (j *judgement) judgePort(p portFact) {
	var silent *octoapi.PortError
	presented := p.port.Thumbprint
	switch {
	case errors.As(p.err, &silent):
		j.problem(idPollingPort, p.address+" does not answer: "+silent.Cause,
			"work queued on that node waits until the Tentacle reaches it: see that the node runs and nothing in between blocks the port", "")
	case p.err != nil:
		j.problem(idPollingPort, firstLine(p.err), "it cannot be polled", j.keepOnlyGood())
	case containsThumbprint(p.trusted, presented):
		j.ok(idPollingPort, "%s answers with the trusted certificate (%s)", p.address, took(p.port.Took))
	default:
		j.judgeStranger(p)
	}
}

func took(d time.Duration) string {
	if milliseconds := d.Seconds() * 1000; milliseconds < 10 {
		return fmt.Sprintf("%.1f ms", milliseconds)
	}
	return fmt.Sprintf("%d ms", d.Milliseconds())
}

// judgeStranger: the port presents a certificate that the Tentacle does not
// trust there.
func (j *judgement) judgeStranger(p portFact) {
	presented, trusted := p.port.Thumbprint, strings.Join(p.trusted, ", ")
	what := fmt.Sprintf("%s presents the certificate %s, but %s is trusted", p.address, presented, trusted)
	const refuses = "the Tentacle refuses to talk to it, and work queued there waits\n"
	const passThrough = "let a load balancer pass the port through as TCP, and check the address"
	asked := j.api.thumbprint != ""
	switch {
	case j.renewed(p) && containsThumbprint(j.polledThumbprints(), presented): // not update-trust: the other one may be another cluster's
		j.problem(idPollingPort, what, refuses+"it is the cluster's own certificate, under which others of its addresses are polled",
			j.command("remove-server", p.address, "--thumbprint="+p.trusted[0])+" && "+j.command("poll-server", append(j.server(), "--server-comms-address="+p.address)...))
	case j.renewed(p):
		j.problem(idPollingPort, what, refuses+"it is the cluster's own certificate, which was renewed", j.updateTrust(p.trusted[0], presented))
	case containsThumbprint(distinctThumbprints(j.servers), presented):
		j.problem(idPollingPort, what, refuses+"another server that this Tentacle trusts answers there: the address is wrong, or leads elsewhere now",
			j.command("remove-server", p.address, "--thumbprint="+p.trusted[0]))
	case asked && sameThumbprint(presented, j.api.thumbprint):
		j.problem(idPollingPort, what, refuses+"it is that of the cluster at "+j.url+", which does not know this Tentacle: the address leads to another cluster", "")
	case asked:
		j.problem(idPollingPort, what, refuses+"it is not the cluster's: something in between ends TLS (a load balancer, a proxy), another cluster answers there,\n"+
			"or the node was not restarted since the cluster's certificate was renewed\n"+passThrough, "")
	default:
		j.problem(idPollingPort, what, refuses+"either the cluster's certificate was renewed, or something in between ends TLS, or another cluster answers there: the Octopus Server knows\n"+passThrough,
			j.command("check", j.server()...))
	}
}

func (j *judgement) updateTrust(old, renewed string) string {
	return j.command("update-trust", "--oldThumbprint="+old, "--newThumbprint="+renewed)
}

func (j *judgement) judgeAPI() {
	if j.url == "" {
		if j.proxyErr == nil {
			j.ok(idAPI, "the Octopus Server was not asked about nodes and registration (give --server and credentials)")
		}
		return
	}
	if j.api.err != nil {
		what, why, _ := strings.Cut(j.api.err.Error(), "\n")
		j.problem(idAPI, what, strings.TrimSpace(why), "")
		return
	}
	j.ok(idAPI, "the Octopus Server at %s answers", j.url)
	if j.serversErr != nil {
		return // what is trusted and polled is not known
	}
	j.judgeClusterThumbprint()
	j.judgeRegistrations()
	j.judgeNodes()
}

func (j *judgement) judgeClusterThumbprint() {
	cluster := j.api.thumbprint
	if containsThumbprint(distinctThumbprints(j.servers), cluster) {
		j.ok(idClusterThumbprint, "the cluster's thumbprint is trusted, %s", cluster)
		return
	}
	what := fmt.Sprintf("the cluster's thumbprint is %s, which is not trusted", cluster)
	for _, p := range j.ports {
		if j.renewed(p) {
			j.problem(idClusterThumbprint, what, "the cluster's certificate was renewed: the Tentacle refuses to talk to its nodes", j.updateTrust(p.trusted[0], cluster))
			return
		}
	}
	j.problem(idClusterThumbprint, what+trustedInstead(j.servers), "the Tentacle gets no work from it; either --server is another cluster than the one that is polled, or its certificate was renewed",
		j.registerAgain("", nil))
}

func (j *judgement) judgeRegistrations() {
	switch err := j.api.registrationsErr; {
	case errors.Is(err, octoapi.ErrForbidden):
		j.ok(idRegistration, "the account may not see machines: whether the Tentacle is registered was not checked")
		return
	case err != nil:
		j.warning(idRegistration, firstLine(err), "whether the Tentacle is registered could not be checked", "")
		return
	case j.ownThumbprint() == "":
		return // it has no certificate, which is said
	case len(j.api.registrations) == 0 && j.api.hidden:
		j.warning(idRegistration, "none of the machines and workers that the account may see has this Tentacle's thumbprint "+j.ownThumbprint(),
			"whether it is registered is not known: the account may not see all of them (the permissions MachineView and WorkerView)", "")
		return
	case len(j.api.registrations) == 0:
		j.problem(idRegistration, "the Octopus Server knows no machine or worker with this Tentacle's thumbprint "+j.ownThumbprint(),
			"it gets no work: it was never registered, or deleted, or has a new certificate since, or is in a space that the account may not see", j.registerAgain("", j.clusterAddresses()))
		return
	}
	subscriptions := j.clusterSubscriptions()
	for _, r := range j.api.registrations {
		j.judgeRegistration(r, subscriptions)
	}
}

func (j *judgement) judgeRegistration(r registered, subscriptions []string) {
	wrong := false
	if text := r.unreachable(subscriptions); text != "" {
		one := *j.facts // a command that registers this one anew
		one.api.registrations = []registered{r}
		wrong = true
		j.problem(idRegistration, fmt.Sprintf("%v: %s", r, text), "its work does not come to this Tentacle", one.registerAgain("", j.clusterAddresses()))
	}
	if text := r.disabled(); text != "" {
		wrong = true
		j.warning(idRegistration, fmt.Sprintf("%v: %s", r, text), "it gets no work until it is enabled in the web portal", "")
	} else if text := r.unwell(); text != "" {
		wrong = true
		j.problem(idRegistration, fmt.Sprintf("%v: %s", r, text), "deployments leave it out, or fail; its last health check in the web portal says more", "")
	} else if r.Machine.HealthStatus == "HasWarnings" {
		wrong = true
		j.warning(idRegistration, fmt.Sprintf("%v: its health check has warnings", r), "the web portal shows them", "")
	}
	if !wrong {
		j.ok(idRegistration, "%v fits%s", r, healthOf(r))
	}
}

func healthOf(r registered) string {
	if r.Machine.HealthStatus == "Healthy" {
		return ", enabled and healthy"
	}
	return ", enabled, its health not known yet"
}

// clusterAddresses are those at which the cluster is polled.
func (f *facts) clusterAddresses() (addresses []string) {
	for _, p := range f.ports {
		if f.ofCluster(p) {
			addresses = append(addresses, p.address)
		}
	}
	return addresses
}

// judgeNodes compares what is polled with the nodes there are.
func (j *judgement) judgeNodes() {
	polled := j.clusterAddresses()
	if len(polled) == 0 {
		return // it listens, or polls another cluster, which is said
	}
	switch err := j.api.nodesErr; {
	case errors.Is(err, octoapi.ErrForbidden):
		j.ok(idNodes, "the account may not see the nodes of the cluster: whether all are polled was not checked")
		return
	case err != nil:
		j.warning(idNodes, firstLine(err), "whether all nodes are polled could not be checked", "")
		return
	}
	var working, drained []octoapi.Node
	for _, node := range j.api.nodes {
		switch {
		case node.TakesTasks():
			working = append(working, node)
		case node.InMaintenanceMode && !node.Offline && !node.WebOnly:
			drained = append(drained, node)
		}
	}
	counted := fmt.Sprintf("%s polled, and %s of the cluster %s work", plural(len(polled), "address is", "addresses are"), plural(len(working), "node", "nodes"), handsOut(len(working)))
	switch {
	case j.api.shared:
		j.ok(idNodes, "%s: the nodes share their queues, so that any address is enough", counted)
	case len(polled) < len(working):
		j.problem(idNodes, "only "+counted+": "+namesOf(working), j.whyAllNodes(polled), j.pollMissing(working, polled))
	case len(polled) > len(j.api.nodes):
		j.warning(idNodes, counted+", "+plural(len(j.api.nodes), "is known", "are known")+" altogether", "an address too many leads to a node that is gone, or to one that has another address, too", j.dropDead(polled))
	case len(polled) < len(working)+len(drained):
		j.warning(idNodes, counted+"; in maintenance: "+namesOf(drained), "when it is over, work queued on a node that is not polled waits forever\n"+guessedAddresses, j.pollMissing(append(working, drained...), polled))
	default:
		j.ok(idNodes, "%s", counted)
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

func (j *judgement) whyAllNodes(polled []string) string {
	why := "work queued on a node that is not polled waits forever"
	if len(polled) == 1 {
		why += "\na load balancer does not help: it leads to one node and not to the others, unless the nodes share their queues (Octopus Server 2026.4 and later, Redis)"
	}
	if j.api.sharedErr != nil {
		why += "\nwhether they share their queues could not be asked: " + firstLine(j.api.sharedErr)
	}
	return why + "\n" + guessedAddresses
}

const guessedAddresses = "the addresses below are a guess from what is known of the nodes: put in the real ones"

// pollMissing polls the nodes that are not polled. Their addresses are a guess,
// which the command tries before it changes anything: other ports where all have
// one host, else hosts called like the nodes.
func (j *judgement) pollMissing(nodes []octoapi.Node, polled []string) string {
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
		return j.command(command, append(j.server(), "--server-comms-address=https://"+hostOf(polled[0]), "--server-comms-port="+nextPorts(polled, len(nodes)-len(polled)))...)
	default: // which of them are polled cannot be told: declare all
		command, like = "sync-servers", fmt.Sprintf("https://node:%d", defaultPollingPort)
	}
	addresses := make([]string, len(missing))
	for i, node := range missing {
		addresses[i] = strings.Replace(like, firstLabel(hostOf(like)), strings.ToLower(firstLabel(node.Name)), 1)
	}
	return j.command(command, append(j.server(), "--server-comms-address="+strings.Join(addresses, ","))...)
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return bracketed(u.Hostname())
}

func firstLabel(host string) string {
	if net.ParseIP(strings.Trim(host, "[]")) != nil {
		return host
	}
	label, _, _ := strings.Cut(host, ".")
	return label
}

func oneHost(addresses []string) bool {
	return !slices.ContainsFunc(addresses, func(a string) bool { return !strings.EqualFold(hostOf(a), hostOf(addresses[0])) })
}

// nextPorts are so many ports after the highest one.
func nextPorts(addresses []string, count int) string {
	highest := 0
	for _, address := range addresses {
		if u, err := url.Parse(address); err == nil {
			port, _ := strconv.Atoi(u.Port()) // none is 0
			highest = max(highest, port)
		}
	}
	if count == 1 {
		return strconv.Itoa(highest + 1)
	}
	return fmt.Sprintf("%d-%d", highest+1, highest+count)
}

// dropDead removes addresses that do not answer, if they explain what is too
// much.
func (j *judgement) dropDead(polled []string) string {
	var dead []string
	for _, p := range j.ports {
		if p.err != nil && containsAddress(polled, p.address) {
			dead = append(dead, p.address)
		}
	}
	if len(dead) == 0 || len(dead) > len(polled)-len(j.api.nodes) {
		return ""
	}
	return j.command("remove-server", dead...)
}
