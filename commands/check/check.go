package check

import "sync"

// Findings judges a snapshot. The result depends on nothing else.
func (s *Snapshot) Findings() []Finding {
	r := &report{Snapshot: s, findings: []Finding{}, open: map[string]string{}, coverage: sync.OnceValue(s.Coverage)} // an empty list is [], not null
	if s.IndexErr != nil {
		r.problem(idIndex, s.IndexErr.Error(), "its Tentacle cannot be found by name and was not checked\n"+hints(s.IndexErr), "")
		return r.findings
	}
	r.configuration()
	if s.ConfigurationErr == nil {
		r.certificate()
		r.trustedServers()
		r.environment()
	}
	r.service()
	r.instances()
	if s.ConfigurationErr == nil {
		r.ports()
		r.renewals()
		r.cluster()
		r.sameNodes()
	}
	return r.findings
}
