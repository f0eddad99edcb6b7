package commands

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/commands/check"
	"github.com/octo-tentacle/octo-tentacle/commands/coverage"
	"github.com/octo-tentacle/octo-tentacle/commands/suggest"
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/service"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/rogpeppe/go-internal/diff"
)

// Golden files hold what a user sees, to be looked at when it changes. They are the same on every
// system: values that depend on the host are given, or replaced.

var update = flag.Bool("update", false,
	"write testdata/golden, testdata/differences, docs/compatibility.md and the files in scripts again")

const goldenFolder = "../testdata/golden"

// golden compares a text with a golden file.
func golden(t *testing.T, name, text string) {
	t.Helper()
	compareWithFile(t, filepath.Join(goldenFolder, name), text)
}

func compareWithFile(t *testing.T, file, text string) {
	t.Helper()
	if *update {
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	known, err := os.ReadFile(file)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	if string(known) != text {
		t.Errorf("%s differs; if that is right: go test ./commands -update\n%s", file, diff.Diff("known", known, "now", []byte(text)))
	}
}

// comparePart compares the part of a document that is made, between two of its lines.
func comparePart(t *testing.T, file, begin, end, made string) {
	t.Helper()
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, hasBegin := strings.Cut(string(page), begin)
	_, after, hasEnd := strings.Cut(rest, end)
	if !hasBegin || !hasEnd {
		t.Fatalf("%s has no part to generate", file)
	}
	compareWithFile(t, file, before+begin+made+end+after)
}

// helpScreens are what help says in a pipe: in general, of each command and of each topic.
func helpScreens(t *testing.T) map[string]string {
	t.Helper()
	asked := map[string][]string{"octo-tentacle": {"help"}, "topics": {"help", "topics"}}
	for _, command := range testCommands() {
		asked[command.Name] = []string{"help", command.Name}
	}
	for _, name := range topicNames() {
		asked[name] = []string{"help", name}
	}
	screens := map[string]string{}
	for name, arguments := range asked {
		var out, err bytes.Buffer
		if code := run(t.Context(), newConsole(strings.NewReader(""), &out, &err), arguments); code != exitDone || err.Len() > 0 {
			t.Errorf("%s: %d, %s", name, code, err.String())
		}
		screens[name] = strings.Replace(out.String(), "octo-tentacle, version "+version(), "octo-tentacle, version VERSION", 1)
	}
	return screens
}

func TestHelpIsGolden(t *testing.T) {
	t.Parallel()
	screens := helpScreens(t)
	for name, text := range screens {
		golden(t, "help/"+name+".txt", text)
	}
	files, err := os.ReadDir(filepath.Join(goldenFolder, "help"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if screens[strings.TrimSuffix(file.Name(), ".txt")] == "" {
			t.Errorf("%s is the help of nothing", file.Name())
		}
	}
}

const (
	goldenConfig        = "/etc/octopus/Tentacle/Tentacle.config"
	goldenThumbprint    = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	goldenOwnThumbprint = "CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC"
	goldenSubscription  = "poll://abcdefghij0123456789/"
)

// goldenSnapshot is that of a Tentacle that is set up correctly for a cluster of three nodes.
func goldenSnapshot() *check.Snapshot {
	now := time.Date(2026, 8, 1, 10, 0, 0, 0, time.UTC)
	s := &check.Snapshot{
		Tentacle:   suggest.Tentacle{Instance: tentacleconfig.Instance{Name: "Tentacle", ConfigPath: goldenConfig}, Service: "Tentacle", GOOS: "linux"},
		HostName:   "web01",
		Alone:      true,
		Now:        now,
		Thumbprint: goldenOwnThumbprint,
		Certificate: tentacleconfig.CertificateDates{
			Thumbprint: goldenOwnThumbprint, NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(99, 0, 0), KeyBits: 2048,
		},
		File:    tentacleconfig.FileTimes{Created: now.AddDate(0, -2, 0), Modified: now.AddDate(0, -2, 0)},
		Service: service.Status{Name: "Tentacle", State: service.Running, MainPID: 1, Started: now.AddDate(0, -1, 0)},
		Server:  "https://octopus.example.com", ServerOptions: []string{"--server=https://octopus.example.com"},
		API: check.API{
			ClockKnown: true,
			Thumbprint: goldenThumbprint,
			Nodes:      []octoapi.Node{{Name: "OCTO1"}, {Name: "OCTO2"}, {Name: "OCTO3"}},
			Queues:     coverage.Queues{State: coverage.NotShared},
			Registrations: []octoapi.Registration{{Space: octoapi.Named{ID: "Spaces-1", Name: "Default"}, Machine: octoapi.Machine{
				ID: "Machines-1", Name: "web01", HealthStatus: "Healthy", EnvironmentIDs: []string{"Environments-1"}, Roles: []string{"web"},
				Endpoint: octoapi.Endpoint{CommunicationStyle: octoapi.Polling, Thumbprint: goldenOwnThumbprint, URI: goldenSubscription},
			}}},
		},
	}
	for i := range 3 {
		s.Servers = append(s.Servers, tentacleconfig.TrustedServer{Style: tentacleconfig.StylePolling, Thumbprint: goldenThumbprint,
			Address: fmt.Sprintf("https://octo%d.example.com:10943", i+1), SubscriptionID: goldenSubscription})
	}
	goldenPorts(s)
	return s
}

// goldenPorts lets every polled port answer, and the running Tentacle be connected to it.
func goldenPorts(s *check.Snapshot) {
	s.Ports, s.Connections = check.PortsOf(s.Servers), nil
	for i := range s.Ports {
		end, name := netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(1 + i)}), 10943), fmt.Sprintf("OCTO%d", i+1)
		s.Ports[i].Answer = octoapi.Port{Address: s.Ports[i].Address, Thumbprint: goldenThumbprint, Remote: end.String(), Latency: 12300 * time.Microsecond}
		s.Ports[i].Trust, s.Ports[i].AskedIt = octoapi.PortTrust{Address: s.Ports[i].Address, Trust: octoapi.Trusted, Thumbprint: goldenThumbprint}, true
		s.Ports[i].Host = octoapi.NodeAtHost{Node: octoapi.Node{Name: name}, Verified: true, Remote: end.Addr().String() + ":443"}
		s.Connections = append(s.Connections, end)
	}
}

// TestTheTextOfCheckIsGolden: what is right, what is not, and what could not be looked at.
func TestTheTextOfCheckIsGolden(t *testing.T) {
	t.Parallel()
	snapshots := []struct {
		what string
		with func(*check.Snapshot)
	}{
		{"all is well", func(*check.Snapshot) {}},
		{"the API was not asked", func(s *check.Snapshot) { s.Server, s.ServerOptions, s.API = "", nil, check.API{} }},
		{"a node is not polled, one does not answer, and a restart is pending", func(s *check.Snapshot) {
			s.Servers = s.Servers[:2]
			goldenPorts(s)
			s.Ports[1].Answer = octoapi.Port{}
			s.Ports[1].Err = &octoapi.PortError{Address: s.Ports[1].Address, Reason: octoapi.Refused,
				Cause: "nothing listens on octo2.example.com:10943 (connection refused)"}
			s.File.Created = s.Now
		}},
		{"a list in the environment, which lacks a node, and secrets that everybody can read", func(s *check.Snapshot) {
			files := []string{"/etc/systemd/system/Tentacle.service.d/list.conf", "/etc/default/tentacle"}
			s.Variables = []service.Variable{{Name: "OCTOPUS_CONTRIBUTE_ENV_SETTINGS", Value: "true"}, {Name: check.TrustedServersVariable, Value: "[]", Files: files}}
			s.Connections = s.Connections[:2]
			s.Access = check.FileAccess{Account: "root", Reads: true}
			s.Access.Key, s.Access.Files = "/etc/machine-id", []string{s.Tentacle.Instance.ConfigPath}
		}},
		{"a node to which the running Tentacle is not connected", func(s *check.Snapshot) { s.Connections = s.Connections[:2] }},
		{"another certificate, another subscription, and twice the same address", func(s *check.Snapshot) {
			s.Servers[2].SubscriptionID = "poll://another0123456789012/"
			s.Servers = append(s.Servers, s.Servers[0])
			goldenPorts(s)
			s.Ports[1].Answer.Thumbprint = strings.Repeat("E", 40)
		}},
		{"nothing that is registered, and a weak certificate that ends soon", func(s *check.Snapshot) {
			s.API.Registrations = nil
			for i := range s.Ports {
				s.Ports[i].Trust.Trust = octoapi.NotTrusted
			}
			s.Certificate.NotAfter, s.Certificate.KeyBits = s.Now.AddDate(0, 0, 30), 1024
			s.Service = service.Status{Name: "Tentacle", State: service.Failed, Reason: "exit status 7"}
		}},
		{"registered twice, and a copy that has the subscription, too", func(s *check.Snapshot) {
			again, copied := s.API.Registrations[0], s.API.Registrations[0]
			again.Machine.ID, again.Machine.Name = "Machines-2", "old"
			copied.Machine.ID, copied.Machine.Name, copied.Machine.Endpoint.Thumbprint = "Machines-3", "web02", strings.Repeat("D", 40)
			s.API.Registrations = append(s.API.Registrations, again)
			s.API.Subscribers = []octoapi.Registration{copied}
		}},
		{"a fleet with one certificate, of which none is registered under this subscription", func(s *check.Snapshot) {
			other := s.API.Registrations[0]
			other.Machine.ID, other.Machine.Name, other.Machine.Endpoint.URI = "Machines-2", "web02", "poll://another0123456789012/"
			s.API.Registrations[0].Machine.Name = "web03"
			s.API.Registrations[0].Machine.Endpoint.URI = "poll://athird00123456789012/"
			s.API.Registrations = append(s.API.Registrations, other)
		}},
		{"a file that cannot be read", func(s *check.Snapshot) {
			s.ConfigurationErr = hint.New("Tentacle.config, line 3: the end of <set> is missing", "Tentacle may have been stopped while it wrote it")
			s.Backup = "20260731T120000Z"
		}},
		{"an index file that cannot be read", func(s *check.Snapshot) {
			*s = check.Snapshot{IndexErr: errors.New("/etc/octopus/Tentacle/Instances/web.config is empty")}
			s.Tentacle.Instance.ConfigPath = "/etc/octopus/Tentacle/Instances/web.config"
		}},
	}
	var text bytes.Buffer
	c := newConsole(strings.NewReader(""), &text, &text)
	for _, s := range snapshots {
		snapshot := goldenSnapshot()
		s.with(snapshot)
		c.printf("# %s\n", s.what)
		newCheckResult(snapshot, nil).print(c, false)
		c.printf("\n")
	}
	if err := c.out.flush(); err != nil {
		t.Fatal(err)
	}
	golden(t, "check.txt", text.String())
}

// TestTheTextOfServiceIsGolden is for systemd: that of Windows differs in the definition alone.
func TestTheTextOfServiceIsGolden(t *testing.T) {
	t.Parallel()
	definition := service.Definition{Name: "Tentacle", Program: "/opt/octopus/tentacle/Tentacle", Instance: "Tentacle", Account: "root"}
	wanted := definition.Text("linux")
	absent := service.Installation{File: "/etc/systemd/system/Tentacle.service"}
	absent.Status = service.Status{Name: "Tentacle", State: service.Absent}
	stopped := absent
	stopped.State, stopped.Exists, stopped.Current, stopped.Text = service.Stopped, true, true, wanted
	running := stopped
	running.State, running.MainPID = service.Running, 4711
	old := running
	old.Text = strings.Replace(wanted, "User=root", "User=octopus", 1)
	byHand := old
	byHand.Customized, byHand.Text = true, strings.Replace(wanted, "[Service]\n", "[Service]\nEnvironment=HTTP_PROXY=http://proxy:3128\n", 1)
	foreign := running
	foreign.UnitPath, foreign.Text = "/lib/systemd/system/Tentacle.service", "[Unit]\nDescription=another program\n"

	var text bytes.Buffer
	c := newConsole(strings.NewReader(""), &text, &text)
	for _, run := range []struct {
		typed  string
		found  service.Installation
		status service.State // in the end
		do     service.Request
	}{
		{"--install --start", absent, service.Running, service.Request{Install: true, Start: true}},
		{"--install --start", running, service.Running, service.Request{Install: true, Start: true}},
		{"--install", old, service.Running, service.Request{Install: true}},
		{"--install", byHand, service.Running, service.Request{Install: true}},
		{"--reconfigure", old, service.Running, service.Request{Reconfigure: true}},
		{"--reconfigure --no-restart", old, service.Running, service.Request{Reconfigure: true, NoRestart: true}},
		{"--restart", running, service.Running, service.Request{Restart: true}},
		{"--restart", stopped, service.Running, service.Request{Restart: true}},
		{"--stop", running, service.Stopped, service.Request{Stop: true}},
		{"--stop", stopped, service.Stopped, service.Request{Stop: true}},
		{"--stop --uninstall", running, service.Absent, service.Request{Stop: true, Uninstall: true}},
		{"--uninstall", absent, service.Absent, service.Request{Uninstall: true}},
		{"--start", absent, service.Absent, service.Request{Start: true}},
		{"--uninstall", foreign, service.Running, service.Request{Uninstall: true}},
	} {
		for _, dryRun := range []bool{true, false} {
			c.printf("$ octo-tentacle service %s%s  # it is %s\n", run.typed, map[bool]string{true: " --dry-run"}[dryRun], run.found.State)
			r, err := plannedReport(run.do, run.found, wanted, dryRun)
			if err != nil {
				c.printf("octo-tentacle: %s\n\n", c.errorText(err))
				break // it is the same without --dry-run
			}
			if r.status = run.found.Status; r.Changed && !dryRun {
				r.status = service.Status{Name: "Tentacle", State: run.status}
			}
			r.Service = serviceState{Name: "Tentacle", State: r.status.State}
			r.print(c)
			c.printf("\n")
		}
	}
	if err := c.out.flush(); err != nil {
		t.Fatal(err)
	}
	golden(t, "service.txt", text.String())
}

// plannedReport is the report of a plan whose steps succeed.
func plannedReport(request service.Request, found service.Installation, wanted string, dryRun bool) (*serviceReport, error) {
	plan, err := service.MakePlan(request, found, wanted, "linux")
	if err != nil {
		return nil, err
	}
	r := &serviceReport{Instance: "Tentacle", Configuration: goldenConfig, DryRun: dryRun, Difference: plan.Difference}
	for _, step := range plan.Steps {
		r.add("Tentacle", step)
	}
	return r, nil
}
