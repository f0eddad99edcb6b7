package commands

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/commands/check"
	"github.com/octo-tentacle/octo-tentacle/internal/visible"
	"github.com/octo-tentacle/octo-tentacle/service"
)

const formatPrometheus = "prometheus"

// metric is a gauge in Prometheus' text format, as node_exporter's textfile collector reads it.
type metric struct {
	name, help string
	samples    []string
}

// label is a label of a sample, with its value.
type label struct{ name, value string }

func (m *metric) add(value int64, labels ...label) {
	texts := make([]string, len(labels))
	for i, l := range labels {
		texts[i] = fmt.Sprintf(`%s="%s"`, l.name, labelValue(l.value))
	}
	m.samples = append(m.samples, fmt.Sprintf("%s{%s} %d\n", m.name, strings.Join(texts, ","), value))
}

// labelValue is a value as the format writes it, and as a terminal may show it.
func labelValue(value string) string {
	lines := strings.Split(value, "\n")
	for i, line := range lines {
		lines[i] = escapedLabel.Replace(visible.Line(line))
	}
	return strings.Join(lines, `\n`)
}

var escapedLabel = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// prometheus are the metrics of all Tentacles. The label is called tentacle, and not instance:
// that is the label of the machine, which Prometheus sets itself.
func (r checkReport) prometheus() string {
	build := metric{name: "octo_tentacle_build_info", help: "The version of octo-tentacle that checked."}
	build.add(1, label{"version", version()})
	checked := metric{name: "octo_tentacle_check_timestamp_seconds", help: "When the Tentacle was checked, as Unix time."}
	findings := metric{name: "octo_tentacle_check_findings", help: "Number of findings, by level."}
	bad := metric{name: "octo_tentacle_check_finding", help: "Number of findings that are not ok, by what they are about."}
	missing := metric{name: "octo_tentacle_check_missing_areas", help: "Number of areas that were required and not looked at."}
	running := metric{name: "octo_tentacle_service_running", help: "Whether the service runs and stays up: 1 or 0."}
	up := metric{name: "octo_tentacle_port_up", help: "Whether the polled address responds with a trusted certificate: 1 or 0."}
	polled := metric{name: "octo_tentacle_node_polled", help: "Whether the node is proved to be polled: 1 or 0."}
	expiry := metric{name: "octo_tentacle_certificate_expiry_timestamp_seconds", help: "When the certificate of the Tentacle expires, as Unix time."}

	if len(r.results) == 0 && len(r.required) > 0 { // there is no Tentacle to name
		missing.add(int64(len(r.missing())), label{"tentacle", ""}, label{"configuration", ""})
	}
	for _, result := range r.results {
		own := []label{{"tentacle", cmp.Or(result.Instance, result.Namespace)}, {"configuration", result.Configuration}}
		if result.Context != "" { // several clusters may have such a namespace
			own = append(own, label{"context", result.Context})
		}
		with := func(more ...label) []label { return slices.Concat(own, more) }
		if result.unseen { // its last time stays, for the alert
			missing.add(max(1, int64(len(result.Missing))), own...)
			continue
		}
		checked.add(result.checked.Unix(), own...)
		findings.add(int64(result.Summary.OK), with(label{"level", check.OK.String()})...)
		findings.add(int64(result.Summary.Skipped), with(label{"level", check.Skipped.String()})...)
		findings.add(int64(result.Summary.Warnings), with(label{"level", check.Warning.String()})...)
		findings.add(int64(result.Summary.Problems), with(label{"level", check.Problem.String()})...)
		result.addBad(&bad, own)
		missing.add(int64(len(result.Missing)), own...)
		if result.Service.State != "" && result.Service.State != service.Unmanaged {
			running.add(oneIf(result.Service.State == service.Running), own...)
		}
		ports := result.ports()
		for _, address := range slices.Sorted(maps.Keys(ports)) {
			up.add(oneIf(ports[address]), with(label{"address", address})...)
		}
		nodes := result.nodes()
		for _, node := range slices.Sorted(maps.Keys(nodes)) {
			polled.add(oneIf(nodes[node]), with(label{"node", node})...)
		}
		if !result.certificate.IsZero() {
			expiry.add(result.certificate.Unix(), own...)
		}
	}

	var metrics strings.Builder
	for _, m := range []metric{build, checked, findings, bad, missing, running, up, polled, expiry} {
		if len(m.samples) > 0 {
			fmt.Fprintf(&metrics, "# HELP %s %s\n# TYPE %s gauge\n%s", m.name, m.help, m.name, strings.Join(m.samples, ""))
		}
	}
	return metrics.String()
}

// addBad counts the findings that are not ok. Several may be about the same.
func (r checkResult) addBad(m *metric, own []label) {
	type about struct{ level, id, address, node, registration string }
	counts := map[about]int64{}
	var order []about
	for _, f := range r.Findings {
		a := about{f.Level.String(), f.ID, f.Address, f.Node, f.Registration}
		if f.Level == check.OK {
			continue
		}
		if counts[a]++; counts[a] == 1 {
			order = append(order, a)
		}
	}
	for _, a := range order {
		m.add(counts[a], slices.Concat(own, []label{{"level", a.level}, {"id", a.id}, {"address", a.address}, {"node", a.node}, {"registration", a.registration}})...)
	}
}

func oneIf(yes bool) int64 {
	if yes {
		return 1
	}
	return 0
}
