package check

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

func (r *report) agentConfiguration() {
	if r.ConfigurationErr != nil {
		r.problem(idConfiguration, r.ConfigurationErr.Error(), lines("the agent cannot start without its configuration", hints(r.ConfigurationErr)), "")
		return
	}
	r.ok(idConfiguration, "the ConfigMap %s can be read", r.Kubernetes.ConfigMap)
}

// agentCertificate is certificate where the key of the secrets may be out of reach.
func (r *report) agentCertificate() {
	var unreadable *tentacleconfig.SecretError
	switch err := r.CertificateErr; {
	case err != nil && r.Kubernetes.SecretErr != nil && !errors.Is(err, tentacleconfig.ErrNoCertificate):
		r.skipped(idCertificate, "the certificate was not looked at", r.whyNoSecret())
	case errors.As(err, &unreadable):
		r.problem(idCertificate, "the certificate cannot be decrypted with the Secret: "+err.Error(),
			"the agent cannot start: the Secret was made again, or is another agent's", "")
	case errors.Is(err, tentacleconfig.ErrNoCertificate) && r.Agent:
		r.problem(idCertificate, "the certificate is missing from the ConfigMap",
			"at its next start the agent makes a new one, which the server refuses"+nextLine+
				"put the old one back from a backup of the cluster, or give the chart one with agent.certificate", "")
	default:
		r.certificate()
	}
}

// whyNoSecret is why the key of the agent's secrets is not known.
func (r *report) whyNoSecret() string {
	return "it is encrypted, and its key is not known: " + r.refused(r.Kubernetes.SecretErr)
}

// agentServers is trustedServers where the list can end empty while the agent goes on to run.
func (r *report) agentServers() {
	switch {
	case r.ServersErr != nil:
		r.problem(idTrustedServers, r.ServersErr.Error(), "the agent cannot start, or trusts no server: repair the setting "+tentacleconfig.KeyTrustedServers, "")
	case len(r.Servers) == 0 && r.Agent:
		r.trustsNobody()
	case len(r.Servers) == 0:
		r.warning(idTrustedServers, "the agent trusts no Octopus Server yet", "it is not registered: it registers itself when its pod starts", "")
	default:
		r.trustedServers()
	}
}

// trustsNobody is about an agent that is registered, and whose list is empty: its start script
// dropped every entry once, and does not register it again.
func (r *report) trustsNobody() {
	what := "critical: the agent is registered, but trusts no Octopus Server: it polls nobody"
	if r.Kubernetes.says() && len(r.Kubernetes.Log.Polls) > 0 {
		what += " once its pod starts again"
	}
	const why = "a start dropped every entry, because its first address was not among them; no later start brings them back" + nextLine
	subscription, trusted, source := r.lostIdentity()
	addresses := r.Kubernetes.Environment.All()
	if subscription == "" || trusted == "" || len(addresses) == 0 {
		again := "the server's record of it would bring its subscription back"
		if r.Server == "" {
			again = "ask the Octopus Server: its record of this agent has the subscription (give --server and credentials)"
		}
		r.problem(idTrustedServers, what, why+again+nextLine+
			"the command makes it register again at its start: environments and roles stay, the subscription is new. "+
			"That needs an API key or token in the values of the chart that is still valid", r.removeSetting(tentacleconfig.KeyIsRegistered)+" && "+r.Tentacle.Restart())
		r.notComplete("only if the server's record is of no use, and the chart still has valid credentials")
		return
	}
	var entries []tentacleconfig.TrustedServer
	for _, address := range addresses {
		if stored, err := tentacleconfig.AddressOf(address); err == nil {
			address = stored
		}
		entries = append(entries, tentacleconfig.TrustedServer{Thumbprint: trusted, Style: tentacleconfig.StylePolling, Address: address, SubscriptionID: subscription})
	}
	patch, _ := json.Marshal(map[string]any{"data": map[string]string{tentacleconfig.KeyTrustedServers: tentacleconfig.FormatTrustedServers(entries)}})
	r.problem(idTrustedServers, what, why+"the command writes an entry for each address of the next start, with the subscription and the thumbprint that "+source,
		r.kubectl("patch", "configmap", r.Kubernetes.ConfigMap, "--type=merge", "--patch="+string(patch))+" && "+r.Tentacle.Restart())
}

// lostIdentity is what an empty list has lost, as far as the server or the log of the agent know
// it.
func (r *report) lostIdentity() (subscription, trusted, source string) {
	var known []string
	for _, one := range r.API.Registrations {
		if one.Machine.Endpoint.Polls() {
			known = append(known, strings.ToLower(strings.TrimRight(one.Machine.Endpoint.URI, "/"))+"/")
		}
	}
	if len(known) > 0 && r.API.Err == nil && allEqual(known) {
		return known[0], r.API.Thumbprint, "the server has of this agent"
	}
	var subscriptions, thumbprints []string
	for _, said := range r.Kubernetes.Log.Polls {
		subscriptions, thumbprints = append(subscriptions, said.Subscription), append(thumbprints, said.Thumbprint)
	}
	if len(known) == 0 && len(subscriptions) > 0 && allEqual(subscriptions) && allEqual(thumbprints) {
		return subscriptions[0], thumbprints[0], "the log of the agent has"
	}
	return "", "", ""
}

func allEqual(texts []string) bool {
	for _, text := range texts {
		if text != texts[0] {
			return false
		}
	}
	return true
}
