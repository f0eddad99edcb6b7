package check

import (
	"slices"

	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// areas are what can be required to be looked at, each with the IDs of the findings that tell.
var areas = []struct {
	name    string
	ids     []string
	polling bool // there is nothing to look at in a Tentacle that only listens
}{
	{name: "file", ids: []string{idFile}},
	{name: "nodes", ids: []string{idNodes}, polling: true},
	{name: "ports", ids: []string{idPollingPort}, polling: true},
	{name: "registration", ids: []string{idRegistration}},
	{name: "server", ids: []string{idAPI}},
	{name: "service", ids: []string{idService}},
}

// Areas are the names of what can be required to be looked at.
func Areas() (names []string) {
	for _, a := range areas {
		names = append(names, a.name)
	}
	return names
}

// AreaOf is the area of a finding; "" if it has none.
func AreaOf(f Finding) string {
	for _, a := range areas {
		if slices.Contains(a.ids, f.ID) {
			return a.name
		}
	}
	return ""
}

// Missing are those of the required areas about which the findings say nothing, or that they were
// not looked at.
func (s *Snapshot) Missing(required []string, findings []Finding) []string {
	missing := []string{}
	for _, a := range areas {
		if !slices.Contains(required, a.name) || a.polling && s.onlyListens() {
			continue
		}
		looked := false
		for _, f := range findings {
			if !slices.Contains(a.ids, f.ID) {
				continue
			}
			if looked = f.Level != Skipped && !f.Unknown; !looked {
				break
			}
		}
		if !looked {
			missing = append(missing, a.name)
		}
	}
	return missing
}

// onlyListens says whether the Tentacle certainly polls nothing, and is meant to.
func (s *Snapshot) onlyListens() bool {
	return s.ConfigurationErr == nil && s.ServersErr == nil && len(s.Servers) > 0 && !tentacleconfig.Polling(s.Servers)
}
