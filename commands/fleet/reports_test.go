package fleet

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestOnlyWhatCheckPrintedIsReadAsAReport(t *testing.T) {
	t.Parallel()
	const one = `{"schema": 1, "host": "web", "findings": [{"level": "ok", "id": "service"}]}`
	for content, want := range map[string]string{
		one:                               "1",
		one + "\n" + one:                  "2",
		"[" + one + "," + one + "]" + one: "3",
		`{"schema": 1, "findings": []}`:   "1",
		"":                                "there is no report of check in it",
		"[]":                              "there is no report of check in it",
		"instance: web":                   "this is not JSON",
		one + "{":                         "this is not JSON",
		"42":                              "this is not the JSON of check",
		"null":                            "this is not the JSON of check",
		`{"instance": "web"}`:             "this is not the JSON of check",
		`{"schema": 1}`:                   "this is not the JSON of check",
		`{"schema": 2, "findings": []}`:   "the report has the schema 2, and this version of octo-tentacle knows 1",
		`{"schema": 1, "findings": [{"level": "ok"}]}`:                  "this is not the JSON of check",
		`{"schema": 1, "findings": [{"level": "grave", "id": "node"}]}`: "this is not the JSON of check",
		`{"schema": 1, "findings": "none"}`:                             "this is not the JSON of check",
	} {
		read, err := ReadChecked(strings.NewReader(content))
		got := fmt.Sprint(len(read))
		if err != nil {
			got = err.Error()
		}
		if !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s, not %s", content, got, want)
		}
	}
}

var reportTime = time.Date(2026, 8, 1, 10, 0, 0, 0, time.UTC)

// checkedOn is the report of a Tentacle that polls some of the cluster's nodes, and not others.
func checkedOn(host string, polled, missing []string, more ...CheckedFinding) Checked {
	c := Checked{Schema: 1, Host: host, Instance: "Tentacle", Server: "https://octopus.example.com", Time: reportTime, Findings: more}
	for _, node := range polled {
		c.Findings = append(c.Findings,
			CheckedFinding{Level: OK, ID: checkPort, Address: "https://" + strings.ToLower(node) + ":10943"},
			CheckedFinding{Level: OK, ID: checkNodes, Node: node, Polled: new(true)})
	}
	for _, node := range missing {
		c.Findings = append(c.Findings, CheckedFinding{Level: Problem, ID: checkNodes, Node: node, Polled: new(false), What: "it is not polled"})
	}
	return c
}

func fromChecked(t *testing.T, all ...Checked) *Report {
	t.Helper()
	r, err := FromChecked(all, reportTime, "1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestReportsOfManyMachinesAreOneMatrix(t *testing.T) {
	t.Parallel()
	r := fromChecked(t,
		checkedOn("well", []string{"octo1", "octo2"}, nil),
		checkedOn("one", []string{"Octo1"}, []string{"OCTO2"})) // as another server writes them
	if got, want := shown(r), []string{
		"one problem: polled missing", "well ok: polled polled", "problem missing-node: octo2 is not polled [one/Tentacle]"}; !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwanted\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if r.Source != FromReports || r.Server != "https://octopus.example.com" || r.Version != "1.2.3" || r.Time != "2026-08-01T10:00:00Z" {
		t.Errorf("%+v", r)
	}
	if got := fmt.Sprint(r.Addresses); len(r.Addresses) != 2 || r.Addresses[0].URL != "https://octo1:10943" || r.Addresses[0].Machines != 2 || r.Addresses[1].Machines != 1 {
		t.Errorf("the addresses are %s", got)
	}
	if !slices.Equal(r.Machines[0].Missing, []string{"octo2"}) {
		t.Errorf("it misses %v", r.Machines[0].Missing)
	}
}

func TestTheNewestReportOfATentacleCounts(t *testing.T) {
	t.Parallel()
	old, now := checkedOn("one", []string{"octo1"}, []string{"octo2"}), checkedOn("one", []string{"octo1", "octo2"}, nil)
	now.Time = old.Time.Add(time.Minute)
	other := checkedOn("one", []string{"octo1", "octo2"}, nil)
	other.Instance = "second"
	for _, all := range [][]Checked{{old, now, other}, {now, other, old}} {
		compare(t, fromChecked(t, all...), "one ok: polled polled", "one ok: polled polled")
	}
	same := now
	same.Findings = old.Findings // of the same moment: the later one in the files
	compare(t, fromChecked(t, now, same), "one problem: polled missing", "problem missing-node: octo2 is not polled [one/Tentacle]")
}

func TestAgentsAreToldApartByContextAndNamespace(t *testing.T) {
	t.Parallel()
	agent := func(context, namespace string) Checked {
		c := checkedOn("ci", []string{"octo1"}, nil)
		c.Context, c.Namespace = context, namespace
		return c
	}
	r := fromChecked(t, agent("prod", "octopus"), agent("test", "octopus"), agent("", "octopus"))
	var got []string
	for _, m := range r.Machines {
		got = append(got, m.Key+" "+m.Name+" "+m.Instance)
	}
	if want := []string{"kubernetes/octopus octopus ", "prod/octopus octopus prod", "test/octopus octopus test"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

func TestWhatIsNotKnownOfAReportedTentacleIsNotClaimed(t *testing.T) {
	t.Parallel()
	unknown := checkedOn("unknown", []string{"octo1"}, nil, CheckedFinding{Level: Skipped, ID: checkNodes, Node: "octo2"})
	listens := checkedOn("listens", nil, nil, CheckedFinding{Level: OK, ID: "service"})
	broken := checkedOn("broken", nil, nil, CheckedFinding{Level: Problem, ID: "configuration", What: "the file is damaged", Why: "it is empty"})
	nameless := checkedOn("", []string{"octo1", "octo2"}, nil)
	nameless.Server = "https://other.example.com"
	r := fromChecked(t, unknown, listens, broken, nameless)
	states := map[string]string{}
	for _, m := range r.Machines {
		states[m.Name] = string(m.State) + " " + fmt.Sprint(m.Nodes)
	}
	for name, want := range map[string]string{
		"unknown": string(Answered) + " [polled unknown]",
		"listens": string(Listening) + " [unknown unknown]",
		"broken":  string(Unreadable) + " [unknown unknown]",
		"?":       string(Answered) + " [polled polled]",
	} {
		if states[name] != want {
			t.Errorf("%s is %s, not %s", name, states[name], want)
		}
	}
	if r.Server != "" {
		t.Errorf("of two servers, the report names %s", r.Server)
	}
}

// A finding of the fleet stands for those of all Tentacles: what only one of them has said is an
// example.
func TestAFindingOfSeveralReportsSaysSoWhereTheyDiffer(t *testing.T) {
	t.Parallel()
	finding := func(what string) CheckedFinding {
		return CheckedFinding{Level: Warning, ID: "clock", What: what, Why: "it is wrong"}
	}
	for what, want := range map[string]string{"the clock is late": "the clock is late", "the clock is early": "for example: the clock is late"} {
		r := fromChecked(t, checkedOn("a", []string{"octo1"}, nil, finding("the clock is late")), checkedOn("b", []string{"octo1"}, nil, finding(what)))
		if len(r.Findings) != 1 || r.Findings[0].What != want || r.Findings[0].Why != "it is wrong" || len(r.Findings[0].Machines) != 2 {
			t.Errorf("%s: %+v", what, r.Findings)
		}
	}
}

func TestReportsThatNameNodesWithoutEndAreRefused(t *testing.T) {
	t.Parallel()
	var nodes []string
	for i := range mostNodes {
		nodes = append(nodes, fmt.Sprintf("octo%d", i))
	}
	fromChecked(t, checkedOn("one", nodes, nil))
	if _, err := FromChecked([]Checked{checkedOn("one", append(nodes, "another"), nil)}, reportTime, ""); err == nil || !strings.Contains(err.Error(), "1001 nodes") {
		t.Errorf("%v", err)
	}
}
