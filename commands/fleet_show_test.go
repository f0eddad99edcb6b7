package commands

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/csv"
	"fmt"
	"html"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/fatih/color"
	"github.com/octo-tentacle/octo-tentacle/commands/fleet"
	"github.com/octo-tentacle/octo-tentacle/internal/visible"
)

// madeUpFleet has findings of every kind.
func madeUpFleet() *fleet.Report {
	const octo1, octo2, octo3 = "https://octo1.example.com:10943", "https://octo2.example.com:10943", "https://octo3.example.com:10943"
	r := &fleet.Report{
		Source: fleet.FromServer, Time: "2026-08-01T10:00:00Z", Version: "1.2.3", Server: "https://octopus.example.com",
		Thumbprint: goldenThumbprint, Queues: fleet.OwnQueues, Spaces: []string{"Default", "Shop, “EU”"}, Filter: []string{"environment Production"},
		Nodes: []fleet.Node{
			{Name: "octo1", ID: "OctopusServerNodes-octo1", State: "works"}, {Name: "octo2", ID: "OctopusServerNodes-octo2", State: "works"},
			{Name: "octo3", ID: "OctopusServerNodes-octo3", State: "works"}, {Name: "octo4", ID: "OctopusServerNodes-octo4", State: "drained"},
		},
		Addresses: []fleet.Address{
			{URL: octo1, Node: "octo1", Proved: true}, {URL: octo2, Node: "octo2", Proved: true}, {URL: octo3, Node: "octo3"},
			{URL: "https://old.example.com:10943", Note: "no node of the cluster is there"},
		},
		Tasks: []fleet.Task{
			{ID: "ServerTasks-101", Space: "Default", State: "Success", Node: "octo1", Machines: 9, Answered: 8},
			{ID: "ServerTasks-102", Space: "Shop, “EU”", State: "Executing", Machines: 1, Answered: 0, Running: true},
		},
	}
	add := func(level fleet.Level, state fleet.State, name, cells string, addresses []string, with ...func(*fleet.Machine)) {
		m := fleet.Machine{
			Key: fmt.Sprintf("Spaces-1/Machines-%d", 101+len(r.Machines)), Space: "Default", ID: fmt.Sprintf("Machines-%d", 101+len(r.Machines)), Name: name,
			Kind: "target", Environments: []string{"Production"}, Roles: []string{"web-server"}, Pools: []string{},
			Version: "8.3.2", OperatingSystem: "Linux", Health: "Healthy", State: state, Level: level, Addresses: addresses,
			Missing: []string{}, Unmatched: []string{}, Findings: []string{},
		}
		for i, cell := range cells {
			m.Nodes = append(m.Nodes, map[rune]fleet.Cell{'y': fleet.Polled, 'm': fleet.Perhaps, 'n': fleet.Missing, '?': fleet.Unknown}[cell])
			if cell == 'n' && r.Nodes[i].State == "works" {
				m.Missing = append(m.Missing, r.Nodes[i].Name)
			}
		}
		for _, change := range with {
			change(&m)
		}
		r.Machines = append(r.Machines, m)
	}
	worker := func(m *fleet.Machine) {
		m.Key, m.ID = strings.Replace(m.Key, "/Machines", "/Workers", 1), strings.Replace(m.ID, "Machines", "Workers", 1)
		m.Kind, m.Pools, m.Environments, m.Roles = "worker", []string{"Linux"}, []string{}, []string{}
	}
	shop := func(m *fleet.Machine) {
		m.Space, m.Key = "Shop, “EU”", strings.Replace(m.Key, "Spaces-1", "Spaces-2", 1)
	}
	why := func(text string) func(*fleet.Machine) { return func(m *fleet.Machine) { m.Why = text } }
	health := func(text string) func(*fleet.Machine) { return func(m *fleet.Machine) { m.Health = text } }
	windows := func(m *fleet.Machine) { m.OperatingSystem, m.Version = "Microsoft Windows NT 10.0.20348.0", "6.2.277" }

	add(fleet.Problem, fleet.Answered, "web01", "yyny", []string{octo1, octo2})
	add(fleet.Problem, fleet.Answered, "web02", "yynn", []string{octo1, octo2, "https://old.example.com:10943"}, windows, func(m *fleet.Machine) {
		m.Unmatched = []string{"https://old.example.com:10943"}
	})
	add(fleet.Problem, fleet.Answered, "web03", "yymy", []string{octo1, octo2, octo3})
	add(fleet.Problem, fleet.Answered, "web03-copy", "yymy", []string{octo1, octo2, octo3})
	add(fleet.Problem, fleet.Answered, "build01", "nnny", []string{}, worker)
	add(fleet.Problem, fleet.Answered, "=cmd|' /C calc'!A0", "nyyy", []string{octo2, octo3}, shop)
	add(fleet.Problem, fleet.Answered, "<script>alert(1)</script>\n\u202egnp.exe", "nyyy", []string{octo2, octo3}, shop)
	add(fleet.Warning, fleet.Answered, "web04", "yymn", []string{octo1, octo2, octo3}, health("Unhealthy"))
	add(fleet.Warning, fleet.Answered, "db01", "yyyy", []string{octo1, octo2, octo3}, windows, health("HasWarnings"))
	add(fleet.Skipped, fleet.NoAnswer, "web05", "????", []string{}, why("the task ended before it answered"))
	add(fleet.Skipped, fleet.Unreadable, "web06", "????", []string{}, why("Tentacle.config could not be read: permission denied"))
	add(fleet.Skipped, fleet.Unavailable, "web07", "????", []string{}, why("Octopus does not reach it"), health("Unavailable"))
	add(fleet.Skipped, fleet.Disabled, "web08", "????", []string{}, why("it is disabled"), health("Unknown"))
	add(fleet.Skipped, fleet.NotAsked, "shop01", "????", []string{}, shop, why("the account may not start scripts in this space"))
	add(fleet.OK, fleet.Answered, "web09", "yyyy", []string{octo1, octo2, octo3})
	add(fleet.OK, fleet.Answered, "web10", "yyyy", []string{octo1, octo2, octo3})
	add(fleet.OK, fleet.Answered, "shop02", "yyyy", []string{octo1, octo2, octo3}, shop)

	find := func(f fleet.Finding, names ...string) {
		f.Machines = []string{}
		for i := range r.Machines {
			for _, name := range names {
				if strings.HasPrefix(r.Machines[i].Name, name) {
					f.Machines = append(f.Machines, r.Machines[i].Key)
					r.Machines[i].Findings = append(r.Machines[i].Findings, f.ID)
				}
			}
		}
		r.Findings = append(r.Findings, f)
	}
	const waits = "work queued on a node that is not polled waits forever"
	find(fleet.Finding{Level: fleet.Problem, ID: fleet.DuplicateSubscription, What: "2 registrations with different certificates have one subscription",
		Why: "whichever of these Tentacles polls first takes the work of the others; give each a subscription of its own"}, "web03")
	find(fleet.Finding{Level: fleet.Problem, ID: fleet.MissingNode, What: "octo1 is not polled", Why: waits, Node: "octo1",
		Fix: "octo-tentacle poll-server --server-comms-address=" + octo1}, "=cmd", "<script>")
	find(fleet.Finding{Level: fleet.Problem, ID: fleet.MissingNode, What: "octo3 is not polled", Why: waits, Node: "octo3",
		Fix: "octo-tentacle poll-server --server-comms-address=" + octo3}, "web01", "web02")
	find(fleet.Finding{Level: fleet.Problem, ID: fleet.NotPolling, What: "its configuration has no entry that polls this cluster", Why: "its next start cuts it off"}, "build01")
	find(fleet.Finding{Level: fleet.Problem, ID: fleet.OtherSubscription, What: "polls with another subscription than the one that is registered",
		Why: "no work is queued for that one; register it again, or restore its configuration"}, "web03-copy")
	find(fleet.Finding{Level: fleet.Warning, ID: fleet.DrainedNode, Node: "octo4", What: "octo4 is not polled; it is drained",
		Why: "once it hands out work again, work that is queued there waits"}, "web02", "web04")
	find(fleet.Finding{Level: fleet.Warning, ID: fleet.DuplicateRegistration, What: "one Tentacle is registered 2 times in the space Default, or machines were cloned"}, "web04", "db01")
	find(fleet.Finding{Level: fleet.Warning, ID: fleet.DuplicateThumbprint, What: "2 registrations of several Tentacles have one certificate",
		Why: "a fleet may share a certificate on purpose; else give each its own, with new-certificate"}, "web04", "db01")
	find(fleet.Finding{Level: fleet.Warning, ID: fleet.Overridden, What: "a variable of its service overrides its configuration",
		Why: "a change of the file has no effect there"}, "db01")
	find(fleet.Finding{Level: fleet.Warning, ID: fleet.Flapping, What: "health checks that octo1 and octo2 ran succeed, and those that octo3 ran do not",
		Why: "a Tentacle that does not poll every node, or cannot reach one, looks like this"}, "web04")
	find(fleet.Finding{Level: fleet.Warning, ID: fleet.Unhealthy, What: "the server reports it as unhealthy",
		Why: "look at its last health check in the Octopus web portal"}, "web04")
	find(fleet.Finding{Level: fleet.Warning, ID: fleet.UnknownAddress, What: "https://old.example.com:10943 leads to octo0, which is no node of the cluster",
		Why: "it may be that of a node that was replaced", Address: "https://old.example.com:10943",
		Fix: "octo-tentacle remove-server --server-comms-address=https://old.example.com:10943"}, "web02")
	find(fleet.Finding{Level: fleet.Warning, ID: fleet.OldVersion, What: "the server says that Tentacle 6.2.277 must be upgraded",
		Why: "upgrade it in the Octopus web portal, under Infrastructure"}, "db01")
	find(fleet.Finding{Level: fleet.Warning, ID: "certificate-strength", What: "the certificate has a key of 1024 bits, and newer servers accept none below 2048"}, "db01")
	find(fleet.Finding{Level: fleet.Skipped, ID: fleet.LeftOutOfScripts, What: "left out: Octopus does not reach it"}, "web07")
	find(fleet.Finding{Level: fleet.Skipped, ID: fleet.LeftOutOfScripts, What: "left out: it is disabled"}, "web08")
	find(fleet.Finding{Level: fleet.Skipped, ID: fleet.UnansweredScript, What: "did not answer the script, which octo2 ran"}, "web05")
	find(fleet.Finding{Level: fleet.Skipped, ID: fleet.ScriptsNotRun, What: "what it polls is not known: the account may not start scripts in this space"}, "shop01")
	find(fleet.Finding{Level: fleet.Skipped, ID: fleet.ListUnread, What: "the workers of the space Shop, “EU” could not be listed"}, "nothing of this name")
	find(fleet.Finding{Level: fleet.Skipped, ID: fleet.UnprovedNode, What: "it is not known whether it polls octo3",
		Why: "its addresses do not tell, as seen from here; octo-tentacle check on the machine may know"}, "web03", "web04")
	find(fleet.Finding{Level: fleet.Skipped, ID: fleet.UnreadableSetting, What: "what it polls could not be read: permission denied"}, "web06")
	count(r)
	return r
}

// count counts what a report counts of its Tentacles.
func count(r *fleet.Report) {
	s := fleet.Summary{Machines: len(r.Machines), LeftOutBy: map[fleet.State]int{}, Versions: []fleet.Version{}}
	versions := map[string]int{}
	for _, m := range r.Machines {
		*map[fleet.Level]*int{fleet.OK: &s.OK, fleet.Skipped: &s.Skipped, fleet.Warning: &s.Warnings, fleet.Problem: &s.Problems}[m.Level]++
		versions[m.Version]++
		switch {
		case m.State == fleet.Answered:
			s.Answered++
			if len(m.Missing) > 0 {
				s.MissesNode++
			}
			if m.Level == fleet.OK {
				s.AllPolled++
			}
		case m.State.LeftOut():
			s.LeftOut++
			s.LeftOutBy[m.State]++
		case m.State == fleet.NotAsked:
			s.NotAsked++
		default:
			s.NoAnswer++
		}
		for i, cell := range m.Nodes {
			*map[fleet.Cell]*int{fleet.Polled: &r.Nodes[i].Polled, fleet.Missing: &r.Nodes[i].Missing,
				fleet.Unknown: &r.Nodes[i].Unknown, fleet.Perhaps: &r.Nodes[i].Unknown}[cell]++
		}
		for _, address := range m.Addresses {
			for i := range r.Addresses {
				if r.Addresses[i].URL == address {
					r.Addresses[i].Machines++
				}
			}
		}
	}
	for _, version := range []string{"8.3.2", "6.2.277"} {
		if versions[version] > 0 {
			s.Versions = append(s.Versions, fleet.Version{Version: version, Machines: versions[version]})
		}
	}
	r.Summary = s
}

// fleetOf has so many Tentacles, of which every tenth misses a node.
func fleetOf(machines int) *fleet.Report {
	r := madeUpFleet()
	few := r.Machines
	r.Machines = nil
	for i := range machines {
		m := few[len(few)-3]
		if i < machines/10 {
			m = few[0]
		}
		m.ID, m.Name = fmt.Sprintf("Machines-%d", 1000+i), fmt.Sprintf("web%05d", i+1)
		m.Key = "Spaces-1/" + m.ID
		r.Machines = append(r.Machines, m)
	}
	r.Findings = slices.DeleteFunc(r.Findings, func(f fleet.Finding) bool { return f.Node != "octo3" })
	r.Findings[0].Machines = nil
	for _, m := range r.Machines[:machines/10] {
		r.Findings[0].Machines = append(r.Findings[0].Machines, m.Key)
	}
	r.Findings = r.Findings[:1]
	for i := range r.Nodes {
		r.Nodes[i].Polled, r.Nodes[i].Missing, r.Nodes[i].Unknown = 0, 0, 0
	}
	r.Tasks = nil
	count(r)
	return r
}

// shownFleet is what a command with this format prints.
func shownFleet(t *testing.T, show func(*console) error) string {
	t.Helper()
	var out bytes.Buffer
	c := newConsole(nil, &out, io.Discard)
	if err := show(c); err != nil {
		t.Fatal(err)
	}
	if err := c.out.flush(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestTheReportOfAFleetIsGolden(t *testing.T) {
	t.Parallel()
	golden(t, "fleet.txt", shownFleet(t, func(c *console) error { printFleet(c, madeUpFleet(), false); return nil }))
	golden(t, "fleet-all.txt", shownFleet(t, func(c *console) error { printFleet(c, madeUpFleet(), true); return nil }))
	golden(t, "fleet.csv", shownFleet(t, func(c *console) error { return printFleetCSV(c, madeUpFleet()) }))
	golden(t, "fleet.html", shownFleet(t, func(c *console) error { return printFleetHTML(c, madeUpFleet()) }))
}

func TestTheCSVOfAFleetHasALineForEachTentacleAndNoFormula(t *testing.T) {
	t.Parallel()
	r := madeUpFleet()
	for _, value := range []string{"+1", "-1", "@SUM(A1)", "\t=1", " =1", "＝1"} {
		m := r.Machines[0]
		m.Name, m.Roles = value, []string{"web", value}
		r.Machines = append(r.Machines, m)
	}
	whole := shownFleet(t, func(c *console) error { return printFleetCSV(c, r) })
	if lines := strings.Count(whole, "\n"); lines != len(r.Machines)+1 || strings.Count(whole, "\r\n") != lines {
		t.Errorf("%d lines for %d Tentacles", lines, len(r.Machines))
	}
	rows, err := csv.NewReader(strings.NewReader(whole)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		for _, cell := range row {
			for part := range strings.SplitSeq(cell, ";") {
				if part = strings.TrimSpace(part); strings.ContainsAny(part[:min(1, len(part))], "=+-@") || strings.HasPrefix(part, "＝") {
					t.Errorf("a spreadsheet may calculate %q", part)
				}
			}
			if !visible.Is(cell) {
				t.Errorf("%q", cell)
			}
		}
	}
}

func TestTheMatrixOfAFleetCountsWhatIsWell(t *testing.T) {
	t.Parallel()
	text := shownFleet(t, func(c *console) error { printFleet(c, fleetOf(1000), false); return nil })
	if listed := strings.Count(text, "problem  web"); listed != 100 {
		t.Errorf("%d Tentacles that miss a node are listed, and not 100", listed)
	}
	for _, wanted := range []string{"\nand 900 ok\n", "100 Tentacles: web00001, web00002, web00003,", " and 92 more\n",
		"\n1000 Tentacles: 900 ok, 0 skipped, 0 warnings, 100 problems (--all lists all)\n100 of 1000 Tentacles miss a node that hands out work\n"} {
		if !strings.Contains(text, wanted) {
			t.Errorf("it does not say %q:\n%s", wanted, text)
		}
	}
	if strings.Contains(text, "ok       web") {
		t.Error("what is well is listed")
	}
	text = shownFleet(t, func(c *console) error { printFleet(c, fleetOf(1000), true); return nil })
	if listed := strings.Count(text, "ok       web"); listed != 900 {
		t.Errorf("%d that are well are listed with --all, and not 900", listed)
	}
}

func TestTheMatrixOfAFleetFitsATerminal(t *testing.T) {
	t.Parallel()
	for name, wantNumbers := range map[string]bool{"octo%d": false, "OCTOPUS-PROD-%02d": true, "octopus-server-%d.corp.example.com": true} {
		r := fleetOf(20)
		for i := range r.Nodes {
			r.Nodes[i].Name = fmt.Sprintf(name, i+1)
		}
		r.Findings = nil
		text := shownFleet(t, func(c *console) error { printFleet(c, r, true); return nil })
		for line := range strings.Lines(text) {
			if len(line) > 80 {
				t.Errorf("%s: a line of %d characters: %s", name, len(line), line)
			}
		}
		if strings.Contains(text, "1 = "+r.Nodes[0].Name) != wantNumbers {
			t.Errorf("%s: the columns are numbers: %v:\n%s", name, !wantNumbers, text)
		}
	}
}

func TestColoursDoNotMoveTheColumnsOfAMatrix(t *testing.T) {
	t.Parallel()
	var plain, coloured bytes.Buffer
	for _, out := range []*bytes.Buffer{&plain, &coloured} {
		c := newConsole(nil, out, io.Discard)
		if out == &coloured {
			for paint, attribute := range map[*paint]color.Attribute{&c.green: color.FgGreen, &c.red: color.FgRed, &c.yellow: color.FgYellow, &c.faint: color.Faint} {
				p := color.New(attribute)
				p.EnableColor()
				*paint = c.painted(p)
			}
		}
		printFleet(c, madeUpFleet(), true)
		if err := c.out.flush(); err != nil {
			t.Fatal(err)
		}
	}
	if !strings.Contains(coloured.String(), "\x1b[31mproblem\x1b[0m  web01                                     \x1b[32myes\x1b[0m") {
		t.Errorf("%q", coloured.String())
	}
	if got := regexp.MustCompile(`\x1b\[\d+m`).ReplaceAllString(coloured.String(), ""); got != plain.String() {
		t.Errorf("without its colours it is\n%s", got)
	}
}

func TestThePageOfAFleetNeedsNothingElse(t *testing.T) {
	t.Parallel()
	const secret = "API-ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	r := madeUpFleet()
	r.Machines[0].Name, r.Machines[0].Why, r.Nodes[0].Name, r.Server = secret, secret, secret, "https://"+secret+".example.com"
	r.Findings[0].What, r.Findings[0].Fix, r.Tasks[0].State = secret, secret, secret
	r.Machines[1].Name, r.Machines[1].Roles = `"><img src=x onerror=alert(1)>`, []string{"</script><script>alert(1)</script>", "' onclick='alert(1)"}
	var pages []string
	for range 2 {
		pages = append(pages, shownFleet(t, func(c *console) error {
			c.keepSecret(secret)
			return printFleetHTML(c, r)
		}))
	}
	page := pages[0]
	if pages[1] != page {
		t.Error("the same report makes different pages")
	}
	if strings.Contains(page, secret) {
		t.Error("has a secret")
	}
	if found := regexp.MustCompile(`(?i)<(img|link|iframe|object|embed|base|source|video|audio)\b[^>]*>|\s(src|srcset|action|formaction|on[a-z]+|style)\s*=|url\(|@import`).FindAllString(
		strings.Replace(page, `<link rel="icon" href="data:,">`, "", 1), -1); len(found) > 0 {
		// A role has what looks like an attribute, and is a text.
		if found = slices.DeleteFunc(found, func(s string) bool { return s == " onclick=" || s == " onerror=" || s == " src=" }); len(found) > 0 {
			t.Errorf("%q", found)
		}
	}
	for _, link := range regexp.MustCompile(`href="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if id, isOwn := strings.CutPrefix(link[1], "#"); link[1] != "data:," && (!isOwn || strings.Count(page, `id="`+id+`"`) != 1) {
			t.Errorf("leads to %s", link[1])
		}
	}
	for _, element := range []string{"style", "script"} {
		_, rest, _ := strings.Cut(page, "<"+element+">")
		content, _, _ := strings.Cut(rest, "</"+element+">")
		sum := sha256.Sum256([]byte(content))
		if policy := fmt.Sprintf("%s-src 'sha256-%s'", element, base64.StdEncoding.EncodeToString(sum[:])); !strings.Contains(html.UnescapeString(page), policy) {
			t.Errorf("the policy does not allow the %s: %s", element, policy)
		}
	}
	if strings.Count(page, "<script") != 1 || strings.Contains(page, "unsafe-inline") {
		t.Error("runs other scripts")
	}
}

// TestThePageOfAFleetSurvivesAShell: Windows PowerShell 5.1 writes what a program prints in another
// encoding, after it has read it by a code page.
func TestThePageOfAFleetSurvivesAShell(t *testing.T) {
	t.Parallel()
	r := madeUpFleet()
	r.Machines[0].Name = "Büro 日本 🚀"
	page := shownFleet(t, func(c *console) error { return printFleetHTML(c, r) })
	ascii := shownFleet(t, func(c *console) error { c.asciiJSON = true; return printFleetHTML(c, r) })
	if !isASCII([]byte(ascii)) || isASCII([]byte(page)) || html.UnescapeString(ascii) != html.UnescapeString(page) {
		t.Errorf("it is ASCII: %v, and is\n%s", isASCII([]byte(ascii)), ascii)
	}
	if !isASCII([]byte(fleetStyle + fleetScript)) {
		t.Error("the style and the script cannot have references")
	}
}

func TestThePageOfAFleetIsSmall(t *testing.T) {
	t.Parallel()
	const machines = 10000
	page := shownFleet(t, func(c *console) error { return printFleetHTML(c, fleetOf(machines)) })
	if each := len(page) / machines; each > 400 {
		t.Errorf("%d bytes for each Tentacle", each)
	}
}
