package octoapi

import (
	"strings"
	"testing"
)

func TestARegistrationThatMatchesHasNoProblem(t *testing.T) {
	const aSubscription = "poll://abcdefghij0123456789/"
	good := Registration{Machine: Machine{ID: "Machines-1", Name: "web1", HealthStatus: "Healthy",
		Endpoint: Endpoint{CommunicationStyle: Polling, URI: aSubscription}}}
	for _, c := range []struct {
		what          string
		change        func(m *Machine)
		subscriptions []string
		want          string // "" for one that matches
	}{
		{"as it is", func(*Machine) {}, []string{"poll://other/", aSubscription}, ""},
		{"without a slash, in another case", func(m *Machine) { m.Endpoint.URI = strings.ToUpper(strings.TrimRight(aSubscription, "/")) }, []string{aSubscription}, ""},
		{"another subscription", func(*Machine) {}, []string{"poll://other/"}, "registered with the subscription " + aSubscription},
		{"the Tentacle listens", func(*Machine) {}, nil, "registered as polling"},
		{"the registration listens", func(m *Machine) { m.Endpoint.CommunicationStyle = Listening }, []string{aSubscription}, "registered as listening"},
		{"both listen", func(m *Machine) { m.Endpoint.CommunicationStyle = Listening }, nil, ""},
		{"a Kubernetes agent", func(m *Machine) {
			m.Endpoint.CommunicationStyle, m.Endpoint.Mode = Kubernetes, ModePolling
		}, []string{aSubscription}, ""},
		{"a Kubernetes agent that listens", func(m *Machine) {
			m.Endpoint.CommunicationStyle, m.Endpoint.Mode = Kubernetes, ModeListening
		}, []string{aSubscription}, "registered as listening"},
		{"disabled and unhealthy", func(m *Machine) { m.IsDisabled, m.HealthStatus = true, "Unhealthy" }, []string{aSubscription}, "unhealthy; it is disabled"},
		{"not checked yet", func(m *Machine) { m.HealthStatus = "Unknown" }, []string{aSubscription}, ""},
	} {
		r := good
		c.change(&r.Machine)
		got := strings.Trim(r.Mismatch(c.subscriptions)+"; "+r.Unhealthy()+"; "+r.Disabled(), "; ")
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q", c.what, got)
		}
	}
}
