package commands_test

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/commands"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
	"github.com/urfave/cli/v2"
)

// accountRun is a command line of a command that asks a server.
type accountRun struct {
	arguments  func(*scene) []string
	setup      func(*testing.T, *scene)
	conditions []string // of the command's needs that it meets
}

// accountRuns are one for each command, and further ones for those conditions that are not met by
// an option of conditionOptions.
var accountRuns = []accountRun{
	{arguments: applies("{}"), setup: registeredAsBoth},
	{arguments: applies(`{registrations: [{name: new, environments: [Development], roles: [web]}]}`),
		conditions: []string{fileHasTargets, targetIsNew}, setup: trustsNobody},
	{arguments: applies(`{registrations: [{name: new, environments: [Production], roles: [web]}]}`),
		conditions: []string{fileHasTargets, "if one differs"}, setup: registersAsNew},
	{arguments: applies(`{registrations: [{kind: worker, name: new, workerPools: [Default Worker Pool]}]}`),
		conditions: []string{"if it has workers"}, setup: trustsNobody},
	{arguments: applies(`{registrations: [{name: new, environments: [Development], roles: [web], policy: Transient machines}]}`),
		conditions: []string{fileHasTargets, targetIsNew, "if it names a policy"}, setup: trustsNobody},
	{arguments: applies(`{registrations: [{name: new, environments: [Development], roles: [web], tenants: [Globex], tenantTags: [CustomerType/VIP]}]}`),
		conditions: []string{fileHasTargets, targetIsNew, "if it names tenants or tenant tags"}, setup: trustsNobody},
	{arguments: applies(`{communication: listening, registrations: [{name: new, environments: [Development], roles: [web], proxy: Proxy ABC}]}`),
		conditions: []string{fileHasTargets, targetIsNew, "if it names a proxy"}, setup: trustsNobody},
	{arguments: polls("poll-server"), setup: registeredAsBoth},
	{arguments: polls("sync-servers"), setup: registeredAsBoth},
	{arguments: func(s *scene) []string { return []string{"update-trust", "--server=" + s.cluster.URL()} }, setup: isRenewed},
	{arguments: func(s *scene) []string { return []string{"remove-server", s.cluster.Addresses()[1]} }, setup: secondIsDrained},
	{arguments: line("check"), setup: registeredAsBoth},
	{arguments: line("check", "--prove"), conditions: []string{"with --prove"}, setup: needsProof},
	{arguments: line("list-nodes"), setup: registeredAsBoth},
	{arguments: line("fleet", "--no-scripts"), setup: answersScripts},
	{arguments: line("fleet"), conditions: []string{"unless --no-scripts or --reports is given"}, setup: answersScripts},
	{arguments: registers("register-with", "--environment=Development", "--role=web"), setup: trustsNobody},
	{arguments: registers("register-k8s-target", "--environment=Development", "--role=k8s"), setup: trustsNobody},
	{arguments: registers("register-k8s-cluster", "--environment=Development", "--role=k8s"), setup: trustsNobody},
	{arguments: registers("register-with", "--environment=Production", "--role=web", "--update"), conditions: []string{edits}, setup: registersAsNew},
	{arguments: registers("register-with", "--environment=Production", "--role=web", "--force"), conditions: []string{edits}, setup: registersAsNew},
	{arguments: registers("register-with", "--environment=Development", "--role=web", "--rename"), conditions: []string{edits}, setup: registersAsOld},
	{arguments: registers("register-k8s-target", "--environment=Development", "--role=k8s"), conditions: []string{agentExists}, setup: agentIsThere},
	{arguments: registers("register-k8s-cluster", "--environment=Development", "--role=k8s"), conditions: []string{agentExists}, setup: agentIsThere},
	{arguments: registers("register-worker", "--workerpool=Default Worker Pool"), setup: trustsNobody},
	{arguments: registers("register-k8s-worker", "--workerpool=Default Worker Pool"), setup: trustsNobody},
	{arguments: line("generalize"), conditions: []string{"if the server is asked"}, setup: func(*testing.T, *scene) {}},
	{arguments: line("deregister-from", "--remove-trust"), setup: registered(false)},
	{arguments: line("deregister-worker", "--remove-trust"), setup: registered(true)},
	{arguments: showsRegistration, setup: trustsNobody},
	{arguments: showsRegistration, conditions: []string{"if it is registered"}, setup: registersFirst("register-worker", "--workerpool=windows-pool")},
	{arguments: showsRegistration, conditions: []string{"if it is registered", "for a deployment target"},
		setup: registersFirst("register-with", "--environment=Development", "--role=web")},
	{arguments: showsRegistration, conditions: []string{"if it is registered", "for a deployment target", "for one with tenants"},
		setup: registersFirst("register-with", "--environment=Development", "--role=web", "--tenant=Globex")},
}

// Conditions of what is on the server.
const (
	edits       = "with --update, --rename or --force"
	agentExists = "for an agent that exists on the server"

	fileHasTargets = "if the file has deployment targets"
	targetIsNew    = "if one is new"
)

// answersScripts is a deployment target and a worker that poll every node.
func answersScripts(t *testing.T, s *scene) {
	for n, worker := range []bool{false, true} {
		err := s.cluster.AddMachine(octotest.Machine{
			Name: fmt.Sprint("web", n), Worker: worker, Thumbprint: strings.Repeat(fmt.Sprint(n), 40), Subscription: fmt.Sprintf("poll://%020d/", n), Polls: s.cluster.Addresses(),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func registersAsNew(t *testing.T, s *scene) {
	registersFirst("register-with", "--environment=Development", "--role=web")(t, s)
}

func registersAsOld(t *testing.T, s *scene) {
	registersAsNew(t, s)
	s.run(t, 0, registers("register-with", "--environment=Development", "--role=web", "--rename", "--name=old")(s)...)
}

func agentIsThere(t *testing.T, s *scene) {
	trustsNobody(t, s)
	if err := s.cluster.AddMachine(octotest.Machine{Name: "new", Kubernetes: true, Thumbprint: strings.Repeat("C", 40), Subscription: "poll://before/"}); err != nil {
		t.Fatal(err)
	}
}

// conditionOptions meet a condition.
var conditionOptions = map[string][]string{
	"with --policy":                {"--policy=Transient machines"},
	"with --tenant or --tenanttag": {"--tenant=Globex", "--tenanttag=CustomerType/VIP"},
	"with --proxy":                 {"--comms-style=TentaclePassive", "--proxy=Proxy ABC"},
	"with --wait-healthy":          {"--wait-healthy"},
}

// applies applies a file that polls every node unless it says that the Tentacle listens.
func applies(keys string) func(*scene) []string {
	return func(s *scene) []string {
		wish := keys
		if !strings.Contains(keys, "listening") {
			wish = strings.Replace(keys, "{", `{communication: polling, nodes: ["`+strings.ReplaceAll(s.nodes(), ",", `","`)+`"], `, 1)
		}
		return []string{"apply", "--server=" + s.cluster.URL(), "--file=" + s.wish(wish)}
	}
}

func polls(command string) func(*scene) []string {
	return func(s *scene) []string { return []string{command, "--server-comms-address=" + s.nodes()} }
}

func registers(arguments ...string) func(*scene) []string {
	return func(s *scene) []string {
		return append([]string{arguments[0], "--name=new"}, append(arguments[1:len(arguments):len(arguments)], "--comms-style=TentacleActive", "--server-comms-address="+s.nodes())...)
	}
}

// needsProof is a Tentacle that polls every node, of which no web port says which one it is.
func needsProof(t *testing.T, s *scene) {
	s.trusts(t, s.entry(0), s.entry(1), s.entry(2))
	registeredAsBoth(t, s)
	s.cluster.SetTaskNode(octotest.EachNode)
	for n := 2; n <= 3; n++ {
		if err := s.cluster.SetWebPort(n, octotest.WebPort{Closed: true}); err != nil {
			t.Fatal(err)
		}
	}
}

func showsRegistration(s *scene) []string {
	return []string{"show-configuration", "--server=" + s.cluster.URL(), "--apiKey=" + octotest.APIKey}
}

func registersFirst(arguments ...string) func(*testing.T, *scene) {
	return func(t *testing.T, s *scene) {
		trustsNobody(t, s)
		s.run(t, 0, append(registers(arguments...)(s), "--policy=Transient machines")...)
	}
}

func registeredAsBoth(t *testing.T, s *scene) {
	registered(false)(t, s)
	registered(true)(t, s)
}

// with is the run with the options that meet another condition.
func (r accountRun) with(condition string) accountRun {
	options, setup := conditionOptions[condition], r.setup
	return accountRun{conditions: []string{condition},
		arguments: func(s *scene) []string { // of an option given twice, the last one counts
			return append(slices.Clone(r.arguments(s)), options...)
		},
		setup: func(t *testing.T, s *scene) {
			setup(t, s)
		}}
}

// TestEveryCommandNeedsThePermissionsThatItsHelpNames runs every command that asks a server, and
// then again without each permission that it made use of: it fails exactly without those that it is
// said to need, and names the one that is missing.
func TestEveryCommandNeedsThePermissionsThatItsHelpNames(t *testing.T) {
	t.Parallel()
	commands.TriesEverything(t)
	if runtime.GOOS == "windows" {
		t.Skip("a server is asked the same on every system, and this starts hundreds of processes, slowly there")
	}
	scratch := newScene(t, "Tentacle", octotest.Options{})
	met := map[string]bool{} // command and condition
	var runs []accountRun
	for _, r := range accountRuns {
		runs = append(runs, r)
		command := r.arguments(scratch)[0]
		for condition, options := range conditionOptions {
			if r.conditions == nil && hasOptions(command, options) {
				met[command+" "+condition] = true
				runs = append(runs, r.with(condition))
			}
		}
		for _, condition := range append(r.conditions, "") {
			met[command+" "+condition] = true
		}
	}
	for _, command := range commands.Commands() {
		for _, need := range commands.AccountNeeds(command.Name) {
			if !met[command.Name+" "+need.When] {
				t.Errorf("%s: nothing is run for %s %q", command.Name, need.Permission, need.When)
			}
		}
	}
	for _, r := range runs {
		command := r.arguments(scratch)[0]
		t.Run(strings.Join(append([]string{command}, r.conditions...), ", "), func(t *testing.T) {
			t.Parallel()
			r.try(t, command)
		})
	}
}

// hasOptions says whether a command has all these options.
func hasOptions(command string, options []string) bool {
	return !slices.ContainsFunc(options, func(option string) bool {
		name, _, _ := strings.Cut(strings.TrimPrefix(option, "--"), "=")
		return !slices.ContainsFunc(commands.Commands(), func(c *cli.Command) bool {
			return c.Name == command && slices.ContainsFunc(c.Flags, func(f cli.Flag) bool { return f.Names()[0] == name })
		})
	})
}

func (r accountRun) try(t *testing.T, command string) {
	code, _, requested := r.without(t, "")
	if code != 0 && command != "check" && command != "fleet" { // one finds that there is no service, the other that nobody was asked
		t.Fatalf("exit code %d", code)
	}
	needed := map[octoapi.Permission]bool{}
	for _, need := range commands.AccountNeeds(command) {
		inThisRun := need.When == "" && r.conditions == nil || slices.Contains(r.conditions, need.When)
		if inThisRun && !slices.Contains(requested, need.Permission) {
			t.Errorf("it is said to need %s, but makes no use of it", need.Permission)
		}
		if need.When == "" || inThisRun {
			needed[need.Permission] = needed[need.Permission] || !need.Extra
		}
	}
	for _, p := range requested {
		got, output, _ := r.without(t, p)
		switch {
		case needed[p] && command == "generalize" && got == 1 && strings.Contains(output, "the permissions MachineView and WorkerView"):
			// It refuses where the account sees a part only, and there is no single request.
		case needed[p] && (got == 0 || !strings.Contains(output, ", which needs the permission "+string(p)+")")):
			t.Errorf("without %s, exit code %d:\n%s", p, got, output)
		case !needed[p] && got != code:
			t.Errorf("it is not said to need %s, but ends with %d without it:\n%s", p, got, output)
		}
	}
}

// without runs it for an account that has every permission but one, and says which permissions were
// made use of.
func (r accountRun) without(t *testing.T, missing octoapi.Permission) (code int, output string, requested []octoapi.Permission) {
	t.Helper()
	s := newScene(t, "Tentacle", octotest.Options{})
	r.setup(t, s)
	s.cluster.ResetRequests()
	s.cluster.SetForbidden(func(method, path string) bool {
		need, known := octoapi.NeedOf(method, path)
		return known && missing != "" && need.Permission == missing
	})
	cmd := s.command(r.arguments(s)...)
	var both bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.home, &both, &both
	if err := cmd.Run(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		t.Fatal(err)
	}
	for _, request := range s.cluster.Requests() {
		if request.Method == "" {
			continue // at a polling port
		}
		method := cmp.Or(request.Override, request.Method)
		need, known := octoapi.NeedOf(method, request.Path)
		if !known {
			t.Errorf("it is not known what %s %s needs", method, request.Path)
		}
		if need.Permission != "" && !slices.Contains(requested, need.Permission) {
			requested = append(requested, need.Permission)
		}
	}
	return cmd.ProcessState.ExitCode(), fmt.Sprintf("%q\n%s", cmd.Args[1:], &both), requested
}
