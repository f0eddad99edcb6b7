package fleet

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Checked is the JSON of check about one Tentacle.
type Checked struct {
	Schema        int              `json:"schema"`
	Host          string           `json:"host"`
	Time          time.Time        `json:"time"`
	Version       string           `json:"version"`
	Context       string           `json:"context"`
	Namespace     string           `json:"namespace"`
	Instance      string           `json:"instance"`
	Configuration string           `json:"configuration"`
	Server        string           `json:"server"`
	Findings      []CheckedFinding `json:"findings"`
}

// CheckedFinding is a finding of check.
type CheckedFinding struct {
	Level   Level  `json:"level"`
	ID      string `json:"id"`
	What    string `json:"what"`
	Why     string `json:"why"`
	Address string `json:"address"`
	Node    string `json:"node"`
	Polled  *bool  `json:"polled"`
}

// The findings of check that say what is polled.
const (
	checkPort  = "polling-port"
	checkNodes = "nodes"
)

// errNotCheck is JSON of something else.
var errNotCheck = errors.New("this is not the JSON of check")

// ReadChecked reads what check printed: any number of JSON values one after the other, of which
// each is an object or an array of objects.
func ReadChecked(from io.Reader) (all []Checked, err error) {
	values := json.NewDecoder(from)
	for {
		var value json.RawMessage
		err := values.Decode(&value)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("this is not JSON: %w", err)
		}
		some := []Checked{{}}
		if strings.HasPrefix(string(value), "[") {
			err = json.Unmarshal(value, &some)
		} else {
			err = json.Unmarshal(value, &some[0])
		}
		if err != nil {
			return nil, errNotCheck
		}
		for _, one := range some {
			if err := one.check(); err != nil {
				return nil, err
			}
		}
		all = append(all, some...)
	}
	if len(all) == 0 {
		return nil, errors.New("there is no report of check in it")
	}
	return all, nil
}

// knownSchema is that of the reports that are understood.
const knownSchema = 1

func (c Checked) check() error {
	switch {
	case c.Schema == 0 || c.Findings == nil:
		return errNotCheck
	case c.Schema != knownSchema:
		return fmt.Errorf("the report has the schema %d, and this version of octo-tentacle knows %d", c.Schema, knownSchema)
	}
	for _, f := range c.Findings {
		if rank(f.Level) < 0 || f.ID == "" {
			return errNotCheck
		}
	}
	return nil
}

// key tells Tentacles apart, also agents.
func (c Checked) key() string {
	parts := []string{cmp.Or(c.Host, "?"), cmp.Or(c.Instance, c.Configuration)}
	if c.Namespace != "" {
		parts = []string{cmp.Or(c.Context, "kubernetes"), c.Namespace}
	}
	return strings.Join(parts, "/")
}

// What reports that name ever new nodes may cost.
const (
	mostNodes = 1000
	mostCells = 20_000_000
)

// FromChecked makes a report of what check found on many machines. Of several about one Tentacle,
// the newest counts.
func FromChecked(all []Checked, now time.Time, version string) (*Report, error) {
	newest := map[string]Checked{}
	for _, c := range all {
		if before, is := newest[c.key()]; !is || !c.Time.Before(before.Time) {
			newest[c.key()] = c
		}
	}
	b := &builder{Evidence: Evidence{Now: now, Version: version}, findings: map[findingKey]*Finding{}}
	b.report = &Report{
		Source: FromReports, Time: now.UTC().Format(time.RFC3339), Version: version, Queues: UnknownQueues,
		Spaces: []string{}, Filter: []string{}, Nodes: []Node{}, Addresses: []Address{}, Machines: []Machine{}, Tasks: []Task{},
	}
	list := make([]Checked, 0, len(newest))
	for _, c := range newest {
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, z Checked) int { return strings.Compare(a.key(), z.key()) })
	if err := b.nodesOf(list); err != nil {
		return nil, err
	}
	texts := map[findingKey]*texts{}
	for _, c := range list {
		b.report.Machines = append(b.report.Machines, b.checked(c, texts))
	}
	for key, t := range texts {
		t.write(b.findings[key])
	}
	b.count()
	return b.finish(), nil
}

// nodesOf finds the nodes that reports name.
func (b *builder) nodesOf(list []Checked) error {
	names := map[string]string{}
	servers := map[string]bool{}
	for _, c := range list {
		servers[c.Server] = true
		for _, f := range c.Findings {
			if f.ID == checkNodes && f.Node != "" && f.Polled != nil {
				names[strings.ToLower(f.Node)] = f.Node
			}
		}
	}
	delete(servers, "")
	if len(servers) == 1 {
		for server := range servers {
			b.report.Server = server
		}
	}
	if len(names) > mostNodes || len(names)*len(list) > mostCells {
		return fmt.Errorf("the reports name %d nodes, which no cluster has", len(names))
	}
	for _, name := range names {
		b.report.Nodes = append(b.report.Nodes, Node{Name: name, State: "unknown"})
	}
	slices.SortFunc(b.report.Nodes, func(a, z Node) int { return strings.Compare(a.Name, z.Name) })
	return nil
}

// texts are what check said in several reports under one ID.
type texts struct {
	what, why string
	different bool
}

// write puts what was said into a finding.
func (t *texts) write(f *Finding) {
	f.What, f.Why = t.what, t.why
	if t.different {
		f.What = "for example: " + t.what
	}
}

// checked is the row of a Tentacle that was checked.
func (b *builder) checked(c Checked, said map[findingKey]*texts) Machine {
	m := Machine{
		Key: c.key(), Name: cmp.Or(c.Host, "?"), Instance: c.Instance, Environments: []string{}, Roles: []string{}, Pools: []string{},
		State: Answered, Nodes: make([]Cell, len(b.report.Nodes)), Addresses: []string{}, Missing: []string{}, Unmatched: []string{},
	}
	if c.Namespace != "" {
		m.Name, m.Instance = c.Namespace, c.Context
	}
	for i := range m.Nodes {
		m.Nodes[i] = Unknown
	}
	for _, f := range c.Findings {
		if f.ID == checkPort && f.Address != "" && !slices.Contains(m.Addresses, f.Address) {
			m.Addresses = append(m.Addresses, f.Address)
		}
	}
	for _, f := range c.Findings {
		if f.ID == checkNodes && f.Node != "" {
			b.node(&m, f)
		}
		if f.Level == OK || f.Level == Skipped || f.ID == checkNodes && f.Polled != nil && !*f.Polled {
			continue
		}
		key := findingKey{f.Level, f.ID, ""}
		if said[key] == nil {
			said[key] = &texts{what: f.What, why: f.Why}
		}
		said[key].different = said[key].different || said[key].what != f.What
		b.about(m, f.Level, f.ID, "", "")
	}
	if len(m.Addresses) == 0 {
		m.State, m.Why = Listening, "no polled address is in the report: it listens, or could not be looked at"
		if slices.ContainsFunc(c.Findings, func(f CheckedFinding) bool { return f.Level == Problem }) {
			m.State, m.Why = Unreadable, "no polled address is in the report"
		}
	}
	return m
}

// node notes what a report says of a node.
func (b *builder) node(m *Machine, f CheckedFinding) {
	i := slices.IndexFunc(b.report.Nodes, func(n Node) bool { return strings.EqualFold(n.Name, f.Node) })
	switch {
	case i < 0:
	case f.Polled != nil && *f.Polled:
		m.Nodes[i] = Polled
	case f.Polled != nil:
		name := b.report.Nodes[i].Name
		m.Nodes[i] = Missing
		if f.Level == Problem || f.Level == Warning {
			m.Missing = append(m.Missing, name)
		}
		b.about(*m, f.Level, MissingNode, name+" is not polled", f.Why).Node = name
	}
}

// count counts the addresses of reports.
func (b *builder) count() {
	count := map[string]int{}
	for _, m := range b.report.Machines {
		for _, address := range m.Addresses {
			count[address]++
		}
	}
	for address, n := range count {
		b.report.Addresses = append(b.report.Addresses, Address{URL: address, Machines: n})
	}
	slices.SortFunc(b.report.Addresses, func(a, z Address) int { return cmp.Or(z.Machines-a.Machines, strings.Compare(a.URL, z.URL)) })
}
