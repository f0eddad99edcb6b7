package commands_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/octo-tentacle/octo-tentacle/commands"
	"github.com/octo-tentacle/octo-tentacle/internal/history"
	"github.com/octo-tentacle/octo-tentacle/kubernetes"
	"github.com/octo-tentacle/octo-tentacle/kubernetes/kubetest"
	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/urfave/cli/v2"
)

// repetition is a command line that changes something, and what it does the
// second time.
type repetition struct {
	name      string
	arguments func(*scene) []string
	setup     func(*testing.T, *scene)

	// again says why the second run is to fail, or to change something again: the
	// meaning of the Tentacle CLI. "" is the rule: it changes nothing.
	again string
	fails string // what the error of the second run says

	// unknown are values that a dry run cannot know, each as an expression that has
	// to match in the dry run and in the first run; they are not compared.
	unknown []string
}

func line(arguments ...string) func(*scene) []string {
	return func(*scene) []string { return arguments }
}

// wish writes a file that says what the Tentacle should be.
func (s *scene) wish(keys string) string {
	file := filepath.Join(s.wishes, "wish.yaml")
	if err := os.WriteFile(file, []byte(keys), 0o600); err != nil {
		panic(err)
	}
	return file
}

// pollsTwo makes the Tentacle poll the first two nodes.
func pollsTwo(t *testing.T, s *scene) {
	s.trusts(t, s.entry(0), s.entry(1))
}

// isRenewed makes the Tentacle trust the thumbprint from before the renewal as well.
func isRenewed(t *testing.T, s *scene) {
	old := []tentacleconfig.TrustedServer{s.entry(0), s.entry(1)}
	for i := range old {
		old[i].Thumbprint = strings.Repeat("D", 40)
	}
	s.trusts(t, tentacleconfig.AlsoTrusting(old, old[0].Thumbprint, s.cluster.Thumbprint())...)
}

// noKey leaves the commands a server's address, but no key.
func noKey(_ *testing.T, s *scene) { s.noKey = true }

func thirdIsDown(t *testing.T, s *scene) {
	if err := s.cluster.SetNodeFault(3, octotest.NodeFault{Closed: true}); err != nil {
		t.Fatal(err)
	}
}

func secondIsDrained(t *testing.T, s *scene) {
	s.trusts(t, s.entry(0), s.entry(1), s.entry(2))
	s.cluster.SetServerNode(2, octotest.ServerNode{Maintenance: true})
}

func trustsNobody(t *testing.T, s *scene) { s.trusts(t) }

func registered(worker bool) func(*testing.T, *scene) {
	return func(t *testing.T, s *scene) {
		if err := s.cluster.AddMachine(octotest.Machine{Name: "web01", Thumbprint: tentacleThumbprint(), Subscription: sceneSubscription, Worker: worker}); err != nil {
			t.Fatal(err)
		}
	}
}

func registeredInEverySpace(t *testing.T, s *scene) {
	registered(false)(t, s)
	if err := s.cluster.AddMachine(octotest.Machine{Space: "Spaces-2", Name: "web01", Thumbprint: tentacleThumbprint(), Subscription: sceneSubscription}); err != nil {
		t.Fatal(err)
	}
}

// registeredBesideOthers is one of a fleet that shares a certificate.
func registeredBesideOthers(t *testing.T, s *scene) {
	registered(false)(t, s)
	for _, m := range []octotest.Machine{{Name: "vm-a", Subscription: "poll://aaaaaaaaaaaaaaaaaaaa/"}, {Name: "vm-b", Subscription: "poll://bbbbbbbbbbbbbbbbbbbb/"}} {
		m.Thumbprint = tentacleThumbprint()
		if err := s.cluster.AddMachine(m); err != nil {
			t.Fatal(err)
		}
	}
}

// withoutCertificate is a Tentacle that has just been created.
func withoutCertificate(t *testing.T, s *scene) {
	if err := errors.Join(os.Remove(s.config), os.RemoveAll(filepath.Join(s.home, "Tentacle"))); err != nil {
		t.Fatal(err)
	}
	s.run(t, 0, "create-instance", "--config="+s.config)
}

// hasCertificate gives the Tentacle a certificate, and a backup.
func hasCertificate(t *testing.T, s *scene) { s.run(t, 0, "new-certificate") }

// inPodWithHook puts the program into the container of an agent that the chart's hook registered.
func inPodWithHook(t *testing.T, s *scene) {
	api, err := kubetest.Start("hook")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(api.Close)
	p := &pod{scene: s, api: api}
	p.preinstalled(t, "octopus")
	environment, err := api.WritePod(filepath.Join(filepath.Dir(s.config), podAccount), api.AgentAccount("octopus"), "octopus")
	if err != nil {
		t.Fatal(err)
	}
	s.pod = append(environment, kubernetes.VariableNamespace+"=octopus")
}

const (
	newMachineID    = `"id": ".*"`
	newSubscription = `"subscription": "poll://[a-z0-9]{20}/"`
	newThumbprint   = `"value": "(\(that of the new certificate\)|[0-9A-F]{40})"`

	nothingToDelete = "Tentacle fails where nothing is registered"
	namesWhatIsGone = "naming an address that is not polled is usually a mistake"
)

// repetitions are command lines of every command that changes something.
var repetitions = []repetition{
	{name: "apply to a new machine", setup: func(t *testing.T, s *scene) {
		if err := errors.Join(os.Remove(s.config), os.RemoveAll(filepath.Join(s.home, "Tentacle"))); err != nil {
			t.Fatal(err)
		}
	}, unknown: []string{newMachineID, newSubscription, newThumbprint}, arguments: func(s *scene) []string {
		return []string{"apply", "--file=" + s.wish(fmt.Sprintf(`{instance: Tentacle, configuration: '%s', applications: apps, certificate: if-blank, communication: polling,
			nodes: ["%s"], registrations: [{name: web01, environments: [Development], roles: [web]}, {kind: worker, workerPools: [Default Worker Pool]}]}`,
			s.config, strings.ReplaceAll(s.nodes(), ",", `","`)))}
	}},
	{name: "apply to a Tentacle that polls", setup: pollsTwo, arguments: func(s *scene) []string {
		return []string{"apply", "--file=" + s.wish(fmt.Sprintf(`{listen: {port: 10940}, pollingConnectionCount: 3, nodes: ["%s"]}`, strings.ReplaceAll(s.nodes(), ",", `","`)))}
	}},
	{name: "poll-server", arguments: func(s *scene) []string { return []string{"poll-server", "--server-comms-address=" + s.nodes()} }},
	{name: "poll-server that reuses", arguments: func(s *scene) []string {
		return []string{"poll-server", "--reuse-server-thumbprint", "--server-comms-address=" + s.nodes()}
	}},
	{name: "poll-server without a key", arguments: func(s *scene) []string {
		return []string{"poll-server", "--server-comms-address=" + s.nodes()}
	}, setup: noKey},
	{name: "poll-server of a node that is down", arguments: func(s *scene) []string {
		return []string{"poll-server", "--allow-unreachable", "--server-comms-address=" + s.nodes()}
	}, setup: thirdIsDown},
	{name: "poll-server that replaces", setup: pollsTwo, arguments: func(s *scene) []string {
		return []string{"poll-server", "--replace", "--force", "--server-comms-address=" + s.cluster.Addresses()[2]}
	}},
	{name: "sync-servers", setup: pollsTwo, arguments: func(s *scene) []string {
		return []string{"sync-servers", "--server-comms-address=" + strings.Join(s.cluster.Addresses()[1:], ",")}
	}},
	{name: "remove-server", setup: secondIsDrained, again: namesWhatIsGone, fails: "is not polled", arguments: func(s *scene) []string {
		return []string{"remove-server", s.cluster.Addresses()[1]}
	}},
	{name: "remove-server of what is polled", setup: secondIsDrained, arguments: func(s *scene) []string {
		return []string{"remove-server", "--if-polled", s.cluster.Addresses()[1]}
	}},
	{name: "register-with that polls", setup: trustsNobody, unknown: []string{newMachineID, newSubscription}, arguments: func(s *scene) []string {
		return []string{"register-with", "--comms-style=TentacleActive", "--name=web01", "--environment=Development", "--role=web", "--server-comms-address=" + s.nodes()}
	}},
	{name: "register-with by force", setup: trustsNobody, unknown: []string{newMachineID, newSubscription}, arguments: func(s *scene) []string {
		return []string{"register-with", "--force", "--comms-style=TentacleActive", "--name=web01", "--environment=Development", "--role=web", "--server-comms-address=" + s.nodes()}
	}},
	{name: "register-with that listens", setup: trustsNobody, unknown: []string{newMachineID},
		arguments: line("register-with", "--name=web01", "--publicHostName=web01", "--environment=Development", "--role=web")},
	{name: "register-worker", setup: trustsNobody, unknown: []string{newMachineID, newSubscription}, arguments: func(s *scene) []string {
		return []string{"register-worker", "--comms-style=TentacleActive", "--name=web01", "--workerpool=Default Worker Pool", "--server-comms-address=" + s.nodes()}
	}},
	{name: "register-k8s-target", setup: trustsNobody, unknown: []string{newMachineID, newSubscription}, arguments: func(s *scene) []string {
		return []string{"register-k8s-target", "--comms-style=TentacleActive", "--name=agent", "--environment=Development", "--role=web", "--server-comms-address=" + s.nodes()}
	}},
	{name: "register-k8s-cluster", setup: trustsNobody, unknown: []string{newMachineID, newSubscription}, arguments: func(s *scene) []string {
		return []string{"register-k8s-cluster", "--comms-style=TentacleActive", "--name=agent", "--environment=Development", "--role=web", "--server-comms-address=" + s.nodes()}
	}},
	{name: "register-k8s-worker", setup: trustsNobody, unknown: []string{newMachineID, newSubscription}, arguments: func(s *scene) []string {
		return []string{"register-k8s-worker", "--comms-style=TentacleActive", "--name=agent", "--workerpool=Default Worker Pool", "--server-comms-address=" + s.nodes()}
	}},
	{name: "deregister-from", setup: registered(false), again: nothingToDelete, fails: "has no deployment target", arguments: line("deregister-from")},
	{name: "deregister-from that ends trust", setup: registered(false), arguments: line("deregister-from", "--remove-trust")},
	{name: "deregister-from that ends trust in every space", setup: registeredInEverySpace, arguments: line("deregister-from", "--remove-trust", "--all-spaces")},
	{name: "deregister-from that ends trust of one of a fleet", setup: registeredBesideOthers, arguments: line("deregister-from", "--remove-trust")},
	{name: "deregister-from that ends trust by name", setup: registeredBesideOthers, arguments: line("deregister-from", "--remove-trust", "--name=web01")},
	{name: "deregister-from that ends trust of all", setup: registeredBesideOthers, arguments: line("deregister-from", "--remove-trust", "--multiple")},
	{name: "deregister-worker", setup: registered(true), again: nothingToDelete, fails: "has no worker", arguments: line("deregister-worker")},
	{name: "deregister-worker that ends trust", setup: registered(true), arguments: line("deregister-worker", "--remove-trust")},
	{name: "configure", arguments: func(s *scene) []string {
		return []string{"configure", "--port=10934", "--noListen=true", "--listenIpAddress=127.0.0.1", "--app=" + filepath.Join(filepath.Dir(s.config), "apps"),
			"--pollingConnectionCount=3", "--trust=" + tentacleThumbprint()}
	}},
	{name: "configure that resets", arguments: line("configure", "--reset-trust", "--trust="+strings.Repeat("C", 40))},
	{name: "server-comms that polls", arguments: line("server-comms", "--style=TentacleActive", "--host=octo9.example.com")},
	{name: "server-comms that polls for the first time", setup: func(t *testing.T, s *scene) {
		s.trusts(t, tentacleconfig.TrustedServer{Thumbprint: s.cluster.Thumbprint(), Style: tentacleconfig.StyleListening})
	}, unknown: []string{newSubscription}, arguments: line("server-comms", "--style=TentacleActive", "--host=octo9.example.com")},
	{name: "server-comms that listens", arguments: line("server-comms", "--style=TentaclePassive")},
	{name: "update-trust", arguments: func(s *scene) []string {
		return []string{"update-trust", "--oldThumbprint=" + s.cluster.Thumbprint(), "--newThumbprint=" + tentacleThumbprint()}
	}},
	{name: "update-trust by force", arguments: func(s *scene) []string {
		return []string{"update-trust", "--force", "--oldThumbprint=" + s.cluster.Thumbprint(), "--newThumbprint=" + tentacleThumbprint()}
	}},
	{name: "update-trust that keeps the old one", setup: pollsTwo, arguments: func(s *scene) []string {
		return []string{"update-trust", "--keep-old", "--oldThumbprint=" + s.cluster.Thumbprint(), "--newThumbprint=" + tentacleThumbprint()}
	}},
	{name: "update-trust that retires the old one", setup: isRenewed, arguments: line("update-trust", "--retire")},
	{name: "update-trust that asks the server", setup: isRenewed, arguments: func(s *scene) []string {
		return []string{"update-trust", "--server=" + s.cluster.URL()}
	}},
	{name: "clear-trusted-servers", setup: pollsTwo, arguments: func(s *scene) []string {
		return []string{"clear-trusted-servers", "--keep=" + s.cluster.Addresses()[0]}
	}},
	{name: "clear-trusted-servers that keeps none", arguments: line("clear-trusted-servers")},
	{name: "set-polling-connection-count", arguments: line("set-polling-connection-count", "--pollingConnectionCount=4")},
	{name: "polling-proxy", setup: trustsNobody, arguments: line("polling-proxy", "--proxyEnable=true", "--proxyHost=proxy.example.com", "--proxyPort=3128", "--proxyUsername=u", "--proxyPassword=Password02!")},
	{name: "proxy", arguments: line("proxy", "--proxyEnable=true", "--proxyHost=proxy.example.com", "--proxyUsername=u", "--proxyPassword=Password02!")},
	{name: "restore-backup", setup: func(t *testing.T, s *scene) { s.run(t, 0, "configure", "--port=10950") }, arguments: func(s *scene) []string {
		backups, err := tentacleconfig.Backups(s.config)
		if err != nil || len(backups) == 0 {
			return []string{"restore-backup"} // fails
		}
		return []string{"restore-backup", backups[len(backups)-1].ID()} // --latest undoes itself
	}},
	{name: "create-instance", arguments: func(s *scene) []string {
		return []string{"create-instance", "--instance=web", "--config=" + filepath.Join(filepath.Dir(s.config), "web", "Tentacle.config")}
	}},
	{name: "create-instance of a file that is there", arguments: func(s *scene) []string {
		return []string{"create-instance", "--instance=web", "--config=" + s.config, "--home=" + filepath.Join(filepath.Dir(s.config), "web")}
	}},
	{name: "delete-instance", again: "Tentacle fails where there is no such instance", fails: "Tentacle", arguments: line("delete-instance", "--instance=Tentacle")},
	{name: "new-certificate", again: "it makes a new one each time, as Tentacle does; --if-blank does not", unknown: []string{newThumbprint}, arguments: line("new-certificate")},
	{name: "new-certificate --if-blank", setup: withoutCertificate, unknown: []string{newThumbprint}, arguments: line("new-certificate", "--if-blank")},
	{name: "new-certificate that exports", again: "a key is not replaced without --force", fails: "holds a key", unknown: []string{`"thumbprint": "([0-9A-F]{40})?"`}, arguments: func(s *scene) []string {
		return []string{"new-certificate", "--export-file=" + filepath.Join(filepath.Dir(s.config), "c.txt")}
	}},
	{name: "new-certificate that exports by force", again: "it makes a new one each time, as Tentacle does", unknown: []string{`"thumbprint": "([0-9A-F]{40})?"`}, arguments: func(s *scene) []string {
		return []string{"new-certificate", "--force", "--export-file=" + filepath.Join(filepath.Dir(s.config), "c.txt")}
	}},
	{name: "export-certificate", setup: hasCertificate, arguments: func(s *scene) []string {
		return []string{"export-certificate", "--pfx-password=Password02!", "--export-file=" + filepath.Join(filepath.Dir(s.config), "c.pfx")}
	}},
	{name: "generalize", setup: hasCertificate, arguments: line("generalize", "--force", "--service=octo-tentacle-no-such-service")},
	{name: "migrate-preinstalled-k8s-config", setup: inPodWithHook, arguments: line("migrate-preinstalled-k8s-config")},
	{name: "import-certificate", setup: func(t *testing.T, s *scene) {
		s.run(t, 0, "new-certificate", "--export-file="+filepath.Join(filepath.Dir(s.config), "c.txt"))
	}, arguments: func(s *scene) []string {
		return []string{"import-certificate", "--from-file=" + filepath.Join(filepath.Dir(s.config), "c.txt")}
	}},
}

// elsewhereRepeated are the commands that need a service manager.
var elsewhereRepeated = map[string]string{
	"service":         "TestSystemdServiceTwiceIsDoneOnce",
	"checkservices":   "TestSystemdServiceTwiceIsDoneOnce",
	"restart-service": "restarts each time, as it says: TestSystemdRestart…",
}

// onlyShow are the commands that change nothing.
var onlyShow = []string{"list-servers", "list-nodes", "check", "fleet", "show-configuration", "list-backups", "history", "list-instances", "show-thumbprint", "demo", "completion", "version", "help"}

// TestEveryCommandThatChangesSomethingIsRepeated: who adds a command has to say
// what its second run does.
func TestEveryCommandThatChangesSomethingIsRepeated(t *testing.T) {
	s := newScene(t, "Tentacle", octotest.Options{})
	repeated := map[string]bool{}
	for _, r := range repetitions {
		repeated[r.arguments(s)[0]] = true
	}
	for _, command := range commands.Commands() {
		_, elsewhere := elsewhereRepeated[command.Name]
		shows := slices.Contains(onlyShow, command.Name)
		if repeated[command.Name] == shows && !elsewhere {
			t.Errorf("%s has to be either in repetitions or in onlyShow", command.Name)
		}
		dryRun := slices.ContainsFunc(command.Flags, func(f cli.Flag) bool { return f.Names()[0] == "dry-run" })
		if dryRun == shows {
			t.Errorf("%s: changes something: %v, --dry-run: %v", command.Name, !shows, dryRun)
		}
	}
}

func TestADryRunPredictsAndASecondRunChangesNothing(t *testing.T) {
	t.Parallel()
	commands.TriesEverything(t)
	for _, r := range repetitions {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, "Tentacle", octotest.Options{})
			if r.setup != nil {
				r.setup(t, s)
			}
			arguments := r.arguments(s)
			asJSON := append(slices.Clone(arguments), "--format=json")

			before := s.snapshot(t)
			dry, _ := s.run(t, 0, append(asJSON, "--dry-run")...)
			dryText, _ := s.run(t, 0, append(slices.Clone(arguments), "--dry-run")...)
			before.same(t, "dry run", s.snapshot(t))
			if sent := s.written(); len(sent) > 0 {
				t.Errorf("the dry run sent %q", sent)
			}

			recorded := len(s.recorded(t))
			first, _ := s.run(t, 0, asJSON...)
			s.isRecorded(t, recorded, arguments[0])
			oneJSONValue(t, dry)
			oneJSONValue(t, first)
			if d, r := withoutUnknown(t, dry, r.unknown), withoutUnknown(t, first, r.unknown); d != r {
				t.Errorf("the dry run said\n%s\nand the first run\n%s", d, r)
			}
			if !strings.Contains(dry, `"dryRun": true`) || !strings.Contains(first, `"dryRun": false`) {
				t.Error("dryRun is not said")
			}
			saysTheSame(t, dry, dryText)
			s.written()

			done := s.snapshot(t)
			if r.fails != "" {
				stdout, stderr := s.run(t, 1, asJSON...)
				if stdout != "" || !strings.Contains(stderr, r.fails) {
					t.Errorf("the second run said %s%s", stdout, stderr)
				}
			} else {
				second, _ := s.run(t, 0, asJSON...)
				oneJSONValue(t, second)
				if keys(t, second) != keys(t, first) {
					t.Errorf("the first run has the fields\n%s\nand the second\n%s", keys(t, first), keys(t, second))
				}
				if r.again != "" {
					return
				}
				for _, want := range []string{`"changed": false`, `"dryRun": false`} {
					if !strings.Contains(second, want) {
						t.Errorf("the second run does not say %s:\n%s", want, second)
					}
				}
				text, _ := s.run(t, 0, arguments...)
				if !strings.Contains(text, "Nothing to change.") {
					t.Errorf("the second run says:\n%s", text)
				}
				text, _ = s.run(t, 0, append(slices.Clone(arguments), "--dry-run")...)
				if !strings.Contains(text, "Dry run: nothing would change.") {
					t.Errorf("the dry run of a second run says:\n%s", text)
				}
				if slices.ContainsFunc(lists(t, second, "added", "updated", "removed", "settings", "backup"), func(s string) bool { return s != "" }) {
					t.Errorf("the second run reports changes:\n%s", second)
				}
			}
			done.same(t, "second run", s.snapshot(t))
			if sent := s.written(); len(sent) > 0 {
				t.Errorf("the second run sent %q", sent)
			}
		})
	}
}

// isRecorded checks that a command has left one entry more than there were: in the log of the
// machine, and in the history of the Tentacle it was about.
func (s *scene) isRecorded(t *testing.T, before int, command string) {
	t.Helper()
	all := s.recorded(t)
	if len(all) != before+1 {
		t.Errorf("there are %d entries in the log of the machine, and there were %d", len(all), before)
		return
	}
	e := all[before]
	if !strings.HasPrefix(e.Command, "octo-tentacle "+command) || e.Outcome != "changed" || e.Error != "" || e.User == "" || len(e.Changes()) == 0 {
		t.Errorf("recorded is %+v", e)
	}
	if s.pod != nil {
		return // what a container writes goes with it
	}
	shown, _ := s.run(t, 0, "history", "--config="+e.Configuration, "--last=1", "--format=json")
	var last []history.Entry
	if err := json.Unmarshal([]byte(shown), &last); err != nil || len(last) != 1 {
		t.Fatalf("the history is %s", shown)
	}
	if difference := cmp.Diff(e, last[0]); difference != "" {
		t.Errorf("the history has another entry: %s", difference)
	}
}

// oneJSONValue checks what --format json promises.
func oneJSONValue(t *testing.T, text string) {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(text))
	var value any
	if err := decoder.Decode(&value); err != nil || decoder.More() || !utf8.ValidString(text) {
		t.Errorf("not one JSON value (%v):\n%s", err, text)
	}
}

// withoutUnknown is a report without what a dry run cannot say.
func withoutUnknown(t *testing.T, text string, unknown []string) string {
	t.Helper()
	text = strings.Replace(text, `"outcome": "would-change"`, `"outcome": "changed"`, 1)
	for _, expression := range append(unknown, `"dryRun": (true|false)`, `"backup": ".*"`, `"restarted": (true|false)`, `"scheduled": ".*"`) {
		text = regexp.MustCompile(expression).ReplaceAllLiteralString(text, "…")
	}
	// What the cluster says of the Tentacle is asked after a change alone.
	return regexp.MustCompile(`(?s)"(registrations|ports)": \[.*?\](,|\n)`).ReplaceAllString(text, "")
}

// keys are the names of all fields, in order, those in others aside.
func keys(t *testing.T, text string) string {
	t.Helper()
	var names []string
	decoder := json.NewDecoder(strings.NewReader(text))
	if _, err := decoder.Token(); err != nil {
		t.Fatal(err)
	}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			t.Fatal(err)
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			t.Fatal(err)
		}
		names = append(names, fmt.Sprintf("%v %c", name, kindOf(value)))
	}
	return strings.Join(names, "\n")
}

// kindOf is the first character of a value, with true and false as one.
func kindOf(value json.RawMessage) byte {
	if value[0] == 'f' {
		return 't'
	}
	return value[0]
}

// lists are the values of some fields; "" for those that are empty.
func lists(t *testing.T, text string, names ...string) (values []string) {
	t.Helper()
	var fields map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &fields); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		value := string(fields[name])
		if value == "[]" || value == `""` {
			value = ""
		}
		values = append(values, value)
	}
	return values
}

// saysTheSame looks for all that the JSON of a dry run reports in its text.
func saysTheSame(t *testing.T, report, text string) {
	t.Helper()
	var r struct {
		Changed                 bool
		Added, Updated, Removed []struct{ Address, Thumbprint string }
		Settings                []struct {
			Key   string
			Value *string
		}
		Deleted      []struct{ ID, Name string }
		Registration *struct{ Name, Space string }

		DeletedFiles []string
	}
	if err := json.Unmarshal([]byte(report), &r); err != nil {
		t.Fatal(err)
	}
	var want []string
	for mark, entries := range map[string][]struct{ Address, Thumbprint string }{"+": r.Added, "~": r.Updated, "-": r.Removed} {
		for _, e := range entries {
			address := e.Address
			if address == "" {
				address = "trusted"
			}
			want = append(want, mark+" "+address+" ", e.Thumbprint)
		}
	}
	for _, setting := range r.Settings {
		want = append(want, "~ "+setting.Key)
		if setting.Value != nil {
			want = append(want, *setting.Value)
		}
	}
	for _, deleted := range r.Deleted {
		want = append(want, deleted.Name+" ("+deleted.ID+")")
	}
	for _, file := range r.DeletedFiles {
		want = append(want, "- file "+file)
	}
	if r.Registration != nil {
		want = append(want, r.Registration.Name+" would be registered in space "+r.Registration.Space)
	}
	want = append(want, "Dry run: nothing was changed.")
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("the JSON says %q, and the text does not:\n%s", w, text)
		}
	}
}
