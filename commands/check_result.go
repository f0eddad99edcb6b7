package commands

import (
	"os"
	"slices"
	"time"

	"github.com/octo-tentacle/octo-tentacle/commands/check"
	"github.com/octo-tentacle/octo-tentacle/service"
)

// checkSchema is the number of the JSON's layout. It grows when a field is renamed or removed, or
// means something else; not with a new field, level or finding.
const checkSchema = 1

// checkResult is the JSON of check for one Tentacle, from which the other formats are made.
type checkResult struct {
	Schema        int             `json:"schema"`
	Host          string          `json:"host"`
	Time          string          `json:"time"`                // RFC 3339, UTC
	Version       string          `json:"version"`             // of octo-tentacle
	Context       string          `json:"context,omitempty"`   // of an agent: that of the kubeconfig
	Namespace     string          `json:"namespace,omitempty"` // of an agent
	Instance      string          `json:"instance"`
	Configuration string          `json:"configuration"`
	Server        string          `json:"server"` // the address of the API; "" when it was not asked
	Service       checkedService  `json:"service"`
	Findings      []check.Finding `json:"findings"`
	Missing       []string        `json:"missing"` // the areas that were required and not looked at
	Summary       checkSummary    `json:"summary"`

	chosenContext string // "" where the current one was meant
	unseen        bool   // it could not be looked at
	worst         check.Level
	checked       time.Time
	certificate   time.Time // when it expires; zero where that is not known
}

type checkedService struct {
	Name    string        `json:"name"`
	State   service.State `json:"state"`
	Started string        `json:"started"` // RFC 3339; "" when it is not known, or nothing runs
}

type checkSummary struct {
	OK       int `json:"ok"`
	Skipped  int `json:"skipped"`
	Warnings int `json:"warnings"`
	Problems int `json:"problems"`
}

func newCheckResult(s *check.Snapshot, required []string) checkResult {
	host, _ := os.Hostname() // "" is better than no result
	r := checkResult{
		Schema: checkSchema, Host: host, Time: s.Now.UTC().Format(time.RFC3339), Version: version(),
		Instance: s.Tentacle.Instance.Name, Configuration: s.Tentacle.Instance.ConfigPath,
		Service:  checkedService{Name: s.Service.Name, State: s.Service.State},
		Server:   s.Server,
		Findings: s.Findings(),
		checked:  s.Now,
		unseen:   s.UnseenErr != nil,
	}
	if a := s.Kubernetes; a != nil {
		r.Context, r.Namespace, r.chosenContext = a.Context, a.Namespace, s.Tentacle.Agent.Context
	}
	r.Missing = s.Missing(required, r.Findings)
	if !s.Service.Started.IsZero() && s.Service.State == service.Running {
		r.Service.Started = s.Service.Started.UTC().Format(time.RFC3339)
	}
	if s.CertificateErr == nil {
		r.certificate = s.Certificate.NotAfter
	}
	for _, found := range r.Findings {
		r.worst = max(r.worst, found.Level)
		switch found.Level {
		case check.OK:
			r.Summary.OK++
		case check.Skipped:
			r.Summary.Skipped++
		case check.Warning:
			r.Summary.Warnings++
		case check.Problem:
			r.Summary.Problems++
		}
	}
	return r
}

// checkReport is about all Tentacles that were checked.
type checkReport struct {
	results  []checkResult
	agents   bool     // it is about Kubernetes agents
	required []string // the areas that had to be looked at
}

func (r checkReport) worst() (worst check.Level) {
	for _, result := range r.results {
		worst = max(worst, result.worst)
	}
	return worst
}

// unseen says whether one of them could not be looked at.
func (r checkReport) unseen() bool {
	return slices.ContainsFunc(r.results, func(one checkResult) bool { return one.unseen })
}

// missing are the required areas that were not looked at in one of the Tentacles, or because there
// is none.
func (r checkReport) missing() (missing []string) {
	if len(r.results) == 0 {
		return r.required
	}
	for _, result := range r.results {
		for _, area := range result.Missing {
			if !slices.Contains(missing, area) {
				missing = append(missing, area)
			}
		}
	}
	return missing
}

// nodes are those that findings name, and whether they are proved to be polled.
func (r checkResult) nodes() map[string]bool {
	polled := map[string]bool{}
	for _, f := range r.Findings {
		if f.Node != "" && check.AreaOf(f) == "nodes" {
			polled[f.Node] = polled[f.Node] || f.Polled != nil && *f.Polled
		}
	}
	return polled
}

// ports are the polled addresses, and whether all that was found there is well.
func (r checkResult) ports() map[string]bool {
	up := map[string]bool{}
	for _, f := range r.Findings {
		if f.Address != "" && check.AreaOf(f) == "ports" && f.Level != check.Skipped {
			before, known := up[f.Address]
			up[f.Address] = f.Level == check.OK && (before || !known)
		}
	}
	return up
}
