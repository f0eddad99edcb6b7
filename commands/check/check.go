package check

import (
	"cmp"
	"strings"
	"sync"

	"github.com/octo-tentacle/octo-tentacle/commands/coverage"
)

// Findings judges a snapshot. The result depends on nothing else.
func (s *Snapshot) Findings() []Finding {
	r := newReport(s)
	if s.UnseenErr != nil {
		r.skipped(idConfiguration, strings.ReplaceAll(s.UnseenErr.Error(), "\n", "; "), cmp.Or(hints(s.UnseenErr), "it could not be looked at"))
		return r.findings
	}
	if s.IndexErr != nil {
		r.problem(idIndex, s.IndexErr.Error(), "its Tentacle cannot be found by name and was not checked"+nextLine+hints(s.IndexErr), "")
		return r.findings
	}
	if s.Kubernetes != nil {
		r.agent()
		return r.findings
	}
	if s.Wish != nil && s.Wish.Absent != nil {
		r.wish()
		return r.findings
	}
	r.configuration()
	if s.ConfigurationErr == nil {
		r.eachAbout(Finding{Thumbprint: r.OwnThumbprint()}, r.certificate)
		r.fileAccess()
		r.openAccess()
		r.trustedServers()
		r.environment()
	}
	r.service()
	r.instances()
	if s.ConfigurationErr == nil {
		r.ports()
		r.accepted()
		r.connections()
		r.renewals()
		r.cluster()
		r.proving()
		r.sameNodes()
	}
	r.wish()
	return r.findings
}

func newReport(s *Snapshot) *report {
	r := &report{Snapshot: s, findings: []Finding{}, open: map[string]string{}} // an empty list is [], not null
	r.coverage = sync.OnceValue(s.Coverage)
	r.places = sync.OnceValue(func() map[string]coverage.Place {
		places := map[string]coverage.Place{}
		for _, p := range r.coverage().Places {
			places[p.URL] = p
		}
		return places
	})
	return r
}
