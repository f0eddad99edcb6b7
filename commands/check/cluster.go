package check

import (
	"fmt"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

func (r *report) cluster() {
	if r.Server == "" {
		r.notAsked()
		return
	}
	if r.API.Err != nil {
		r.problem(idAPI, r.API.Err.Error(), hints(r.API.Err), "")
		return
	}
	r.ok(idAPI, "the Octopus Server at %s responds", r.Server)
	r.clock()
	if r.ServersErr != nil {
		return // what is trusted and polled is not known
	}
	if r.Kubernetes == nil || len(r.Servers) > 0 { // else a finding says that it trusts nobody
		r.eachAbout(Finding{Thumbprint: r.API.Thumbprint}, r.clusterThumbprint)
	}
	r.eachAbout(Finding{Thumbprint: r.OwnThumbprint()}, r.registrations)
	r.nodes()
}

// notAsked says what only the server knows. Each has a finding of its own, under the ID that it
// would have had.
func (r *report) notAsked() {
	why := "give --server and credentials, like --apikey-file: only the server knows"
	if r.ProxyErr != nil {
		why = "first repair the polling proxy, through which the server is asked, too"
	}
	r.skipped(idAPI, "the Octopus Server was not asked", why)
	r.skipped(idRegistration, "the registration was not checked", why)
	if len(r.Ports) > 0 {
		r.skipped(idNodes, "the nodes of the cluster were not compared with the polled addresses", why)
	}
}

func (r *report) clusterThumbprint() {
	cluster := r.API.Thumbprint
	if thumbprint.Contains(tentacleconfig.Thumbprints(r.Servers), cluster) {
		r.ok(idClusterThumbprint, "the cluster's thumbprint %s is trusted", cluster)
		return
	}
	what := fmt.Sprintf("the cluster's thumbprint is %s, which is not trusted", cluster)
	for _, p := range r.Ports {
		if r.renewed(p) {
			r.problem(idClusterThumbprint, what, "the cluster's certificate was renewed, so the Tentacle refuses to talk to its nodes", r.updateTrust(p.Trusted[0], cluster))
			return
		}
	}
	if old := r.replaced(); old != "" {
		r.problem(idClusterThumbprint, what, "the cluster's certificate was renewed, and the Tentacle refuses to talk to a node as soon as it presents the new one", r.keepOld(old, cluster))
		return
	}
	r.problem(idClusterThumbprint, what+trustedOnly(r.Servers),
		"the Tentacle gets no work from this cluster: either --server is not the cluster that it polls, or the certificate was renewed",
		r.register("", nil))
}

// trustedOnly names the clusters that are trusted: asking the API of another cluster is a common
// mistake.
func trustedOnly(servers []tentacleconfig.TrustedServer) string {
	if len(servers) == 0 {
		return ""
	}
	return ", only " + strings.Join(tentacleconfig.Thumbprints(servers), ", ")
}
