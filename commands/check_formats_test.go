package commands

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/commands/check"
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/service"
)

// formatReport has a finding of every level, and texts that a format has to escape.
func formatReport() checkReport {
	web := checkResult{
		Instance: `we"b\`, Configuration: "C:\\Octopus\\web\n.config", checked: time.Unix(1784894400, 0), certificate: time.Unix(4949251200, 0),
		Service: checkedService{State: service.Crashing}, worst: check.Problem, Missing: []string{"registration"},
		Summary: checkSummary{OK: 3, Skipped: 1, Warnings: 2, Problems: 1},
		Findings: []check.Finding{
			{Level: check.OK, ID: "polling-port", Address: "https://octo1:10943", What: "responds"},
			{Level: check.Warning, ID: "polling-port", Address: "https://octo2:10943", What: "slow"},
			{Level: check.Warning, ID: "trusted-servers", What: "one | two"},
			{Level: check.OK, ID: "nodes", Node: "node1", Polled: new(true), What: "node1 is polled"},
			{Level: check.OK, ID: "nodes", Node: "node2", Polled: new(true), What: "node2 is polled"},
			{Level: check.Problem, ID: "nodes", Node: "node3", What: "node3 is not polled\nat | all\r"},
			{Level: check.Skipped, ID: "registration", What: "not checked"},
		},
	}
	listens := checkResult{Instance: "listens", checked: time.Unix(1784894400, 0), Service: checkedService{State: service.Unmanaged}, Missing: []string{}}
	return checkReport{results: []checkResult{web, listens}, required: []string{"registration"}}
}

// AllMetrics are samples of every metric that there is.
func AllMetrics() string { return formatReport().prometheus() }

// FleetJSON is what check printed on the machines of a fleet, by the name of the machine: web01
// polls all nodes, web02 not node3, web03 has two Tentacles, of which one was not looked at, and of
// web04 it is not proved that it polls node3.
func FleetJSON() (map[string][]byte, error) {
	node := func(level check.Level, name string) check.Finding {
		polled := level == check.OK
		return check.Finding{Level: level, ID: "nodes", Node: name, Polled: &polled}
	}
	all := []check.Finding{{Level: check.OK, ID: "api"}, node(check.OK, "node1"), node(check.OK, "node2"), node(check.OK, "node3")}
	files := map[string][]byte{}
	for host, value := range map[string]any{
		"web01": checkResult{Host: "web01", Instance: "Tentacle", Findings: all},
		"web02": checkResult{Host: "web02", Instance: "Tentacle", Findings: []check.Finding{node(check.OK, "node1"), node(check.OK, "node2"), node(check.Problem, "node3"), {Level: check.Problem, ID: "service"}}},
		"web03": []checkResult{
			{Host: "web03", Instance: "Tentacle", Findings: []check.Finding{{Level: check.Skipped, ID: "nodes"}}},
			{Host: "web03", Instance: "second", Findings: all},
		},
		"web04": checkResult{Host: "web04", Instance: "Tentacle", Findings: []check.Finding{{Level: check.Warning, ID: "nodes", Node: "node3"}}},
	} {
		text, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		files[host] = text
	}
	return files, nil
}

func TestTheNagiosLineIsOneLineWithNumbersWhateverTheFindingsSay(t *testing.T) {
	t.Parallel()
	report := formatReport()
	want := `OCTO-TENTACLE CRITICAL - we"b\ (C:\Octopus\web; .config): node3 is not polled; at / all | ok=3 skipped=1 warnings=2 problems=1 nodes=3 polled=2`
	if got := report.nagios(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := nagiosFailure(&console{}, hint.New("it is\ntwo | lines", "do this", "or that")); got != "OCTO-TENTACLE UNKNOWN - it is\\ntwo / lines; do this; or that" {
		t.Error(got)
	}
}

func TestTheExitCodeOfNagiosIsTheWorstThatMayBe(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		worst   check.Level
		missing []string
		want    int
	}{
		{check.OK, nil, 0}, {check.Skipped, nil, 0}, {check.Warning, nil, 1}, {check.Problem, nil, 2},
		{check.Skipped, []string{"nodes"}, 3}, {check.Warning, []string{"nodes"}, 3}, {check.Problem, []string{"nodes"}, 2},
	} {
		report := checkReport{results: []checkResult{{worst: c.worst, Missing: c.missing}}}
		if got := report.nagiosCode(); got != c.want {
			t.Errorf("%v, missing %v: %d, want %d", c.worst, c.missing, got, c.want)
		}
	}
}

func TestWhetherNagiosIsAskedForIsKnownWithoutUnderstandingTheRest(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]bool{
		"check --format=nagios": true, "check --FORMAT NAGIOS --bogus": true, "check /format:nagios": true, "check -format nagios": true,
		"check": false, "check --format=json": false, "check nagios": false, "check --instance=nagios --format": false,
	} {
		if got := wantsNagios(strings.Fields(line)); got != want {
			t.Errorf("%s: %v", line, got)
		}
	}
}

var (
	metricName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	sampleLine = regexp.MustCompile(`^([a-z][a-z0-9_]*)\{(.*)\} ([0-9]+)$`)
	labelPair  = regexp.MustCompile(`^([a-z][a-z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"(?:,|$)`)
)

// parseMetrics reads Prometheus' text format, and refuses what its parser or promtool would: a
// metric in two groups, without help or type, or with the same labels twice. The result is the
// value of each sample, by its name and labels.
func parseMetrics(text string) (map[string]int64, error) {
	if text != "" && !strings.HasSuffix(text, "\n") {
		return nil, errors.New("the last line does not end")
	}
	samples, helped, current, typed := map[string]int64{}, map[string]bool{}, "", false
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		fields := strings.SplitN(line, " ", 4)
		switch {
		case strings.HasPrefix(line, "# HELP "):
			current, typed = fields[2], false
			if helped[current] || !metricName.MatchString(current) || len(fields) < 4 {
				return nil, fmt.Errorf("%q", line)
			}
			helped[current] = true
		case strings.HasPrefix(line, "# TYPE "):
			if fields[2] != current || typed || fields[3] != "gauge" {
				return nil, fmt.Errorf("%q in the group of %s", line, current)
			}
			typed = true
		default:
			sample := sampleLine.FindStringSubmatch(line)
			if sample == nil || sample[1] != current || !typed {
				return nil, fmt.Errorf("%q in the group of %s", line, current)
			}
			names, rest := []string{}, sample[2]
			for rest != "" {
				pair := labelPair.FindStringSubmatch(rest)
				if pair == nil || slices.Contains(names, pair[1]) {
					return nil, fmt.Errorf("the labels of %q from %q on", line, rest)
				}
				names, rest = append(names, pair[1]), rest[len(pair[0]):]
			}
			key := sample[1] + "{" + sample[2] + "}"
			if _, twice := samples[key]; twice {
				return nil, fmt.Errorf("%s twice", key)
			}
			samples[key], _ = strconv.ParseInt(sample[3], 10, 64)
		}
	}
	return samples, nil
}

func TestTheMetricsCanBeReadWhateverTheNamesAre(t *testing.T) {
	t.Parallel()
	report := formatReport()
	bad := &report.results[0].Findings
	*bad = append(*bad, check.Finding{Level: check.Warning, ID: "trusted-servers", What: "the same again"})
	samples, err := parseMetrics(report.prometheus())
	if err != nil {
		t.Fatalf("%v in\n%s", err, report.prometheus())
	}
	own := `tentacle="we\"b\\",configuration="C:\\Octopus\\web\n.config"`
	for sample, want := range map[string]int64{
		"octo_tentacle_check_timestamp_seconds{" + own + "}":                                                               1784894400,
		"octo_tentacle_certificate_expiry_timestamp_seconds{" + own + "}":                                                  4949251200,
		"octo_tentacle_check_findings{" + own + `,level="skipped"}`:                                                        1,
		"octo_tentacle_check_finding{" + own + `,level="warning",id="trusted-servers",address="",node="",registration=""}`: 2,
		"octo_tentacle_check_finding{" + own + `,level="problem",id="nodes",address="",node="node3",registration=""}`:      1,
		"octo_tentacle_check_missing_areas{" + own + "}":                                                                   1,
		"octo_tentacle_service_running{" + own + "}":                                                                       0,
		"octo_tentacle_port_up{" + own + `,address="https://octo1:10943"}`:                                                 1,
		"octo_tentacle_port_up{" + own + `,address="https://octo2:10943"}`:                                                 0,
		"octo_tentacle_node_polled{" + own + `,node="node2"}`:                                                              1,
		"octo_tentacle_node_polled{" + own + `,node="node3"}`:                                                              0,
		`octo_tentacle_check_missing_areas{tentacle="listens",configuration=""}`:                                           0,
		`octo_tentacle_build_info{version="` + version() + `"}`:                                                            1,
	} {
		if got, there := samples[sample]; !there || got != want {
			t.Errorf("%s is %d (%v), want %d", sample, got, there, want)
		}
	}
	for _, unknown := range []string{"octo_tentacle_service_running", "octo_tentacle_certificate_expiry_timestamp_seconds"} {
		if _, there := samples[unknown+`{tentacle="listens",configuration=""}`]; there {
			t.Errorf("%s is not known, but has a value", unknown)
		}
	}
}

func TestTheReaderOfMetricsRefusesWhatPrometheusWould(t *testing.T) {
	t.Parallel()
	const head = "# HELP a b c\n# TYPE a gauge\n"
	if samples, err := parseMetrics(head + "a{} 1\na{b=\"c\"} 2\n"); err != nil || len(samples) != 2 {
		t.Error(samples, err)
	}
	for _, text := range []string{"a{} 1\n", head + "b{} 1\n", head + "a{} 1", head + "a{b=\"\"\"} 1\n", head + head, head + "a{} 1\na{} 1\n", "# HELP a b\na{} 1\n", head + "a{b=\"c\",b=\"d\"} 1\n"} {
		if _, err := parseMetrics(text); err == nil {
			t.Errorf("%q was read", text)
		}
	}
}

func TestQuietKeepsWhatSomebodyHasToActOn(t *testing.T) {
	t.Parallel()
	result := formatReport().results[0]
	count := func() map[check.Level]int {
		levels := map[check.Level]int{}
		for _, f := range result.toActOn().Findings {
			levels[f.Level]++
		}
		return levels
	}
	if got := count(); got[check.OK] != 0 || got[check.Skipped] != 1 || got[check.Warning] != 2 || got[check.Problem] != 1 {
		t.Error(got)
	}
	result.Missing = nil
	if got := count(); got[check.Skipped] != 0 || got[check.Problem] != 1 {
		t.Error("not required:", got)
	}
}
