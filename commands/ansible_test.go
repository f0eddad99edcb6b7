//go:build linux

package commands_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// TestAnsible runs real playbooks on this machine. The collection is built of deploy/ansible and
// installed, as its users do it.
func TestAnsible(t *testing.T) {
	if !slices.Contains(strings.Split(os.Getenv("OCTO_TENTACLE_REQUIRE"), ","), "ansible") {
		t.Skip("slow: runs with OCTO_TENTACLE_REQUIRE=ansible")
	}
	c := installCollection(t)
	for name, test := range map[string]func(*testing.T, collection){
		"nodes makes exactly the list polled, once":                       ansibleExact,
		"nodes adds and removes what is named, once":                      ansiblePresentAndAbsent,
		"nodes leaves a listening Tentacle alone":                         ansibleListens,
		"nodes trusts both thumbprints during a renewal":                  ansibleRenewal,
		"nodes fails with the program's message, and changes nothing":     ansibleRefused,
		"tentacle makes a fresh machine what a definition says, once":     ansibleApply,
		"tentacle fails with the key that is wrong":                       ansibleApplyRefused,
		"the role installs the program, and applies":                      ansibleRole,
		"a change that is not finished has failed, and is a change":       ansibleUnfinished,
		"a pending restart is told":                                       ansibleRestartPending,
		"a restart that an earlier run has left is done":                  ansibleFinishes,
		"what is not octo-tentacle is told from it":                       ansibleOtherProgram,
		"check returns what it found, and fails where it is told to":      ansibleCheck,
		"a key is in no output, diff, log or process list":                ansibleSecret,
		"every module and the role are documented":                        ansibleDocs,
		"the collection is without fault in the eyes of Ansible's linter": ansibleLint,
		"the collection passes Ansible's tests of collections":            ansibleSanity,
		"the playbooks of the documents do what they say":                 ansiblePlaybooks,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, c)
		})
	}
}

// collection is an installed collection.
type collection struct {
	path   string // where Ansible looks for collections
	folder string // of this one
}

func installCollection(t *testing.T) collection {
	t.Helper()
	c := collection{path: t.TempDir()}
	c.folder = filepath.Join(c.path, "ansible_collections", "octo_tentacle", "tentacle")
	built := t.TempDir()
	c.command(t, "ansible-galaxy", "collection", "build", "--output-path="+built, "../deploy/ansible").succeeds(t)
	archives, err := filepath.Glob(filepath.Join(built, "octo_tentacle-tentacle-*.tar.gz"))
	if err != nil || len(archives) != 1 {
		t.Fatalf("built: %v, %v", archives, err)
	}
	c.command(t, "ansible-galaxy", "collection", "install", "--offline", "--collections-path="+c.path, archives[0]).succeeds(t)
	return c
}

// ansibleCommand is a program of Ansible, with a home of its own.
type ansibleCommand struct{ *exec.Cmd }

func (c collection) command(t *testing.T, name string, arguments ...string) ansibleCommand {
	t.Helper()
	cmd := exec.Command(name, arguments...)
	cmd.Env = append(os.Environ(), c.environment(t)...)
	return ansibleCommand{cmd}
}

func (c collection) environment(t *testing.T) []string {
	t.Helper()
	home := t.TempDir()
	return []string{"HOME=" + home, "ANSIBLE_HOME=" + home, "ANSIBLE_LOCAL_TEMP=" + home, "ANSIBLE_REMOTE_TEMP=" + home,
		"ANSIBLE_COLLECTIONS_PATH=" + c.path, "ANSIBLE_PYTHON_INTERPRETER=/usr/bin/python3", "ANSIBLE_STDOUT_CALLBACK=minimal",
		"ANSIBLE_GATHER_SUBSET=!all,min",
		"ANSIBLE_LOCALHOST_WARNING=false", "ANSIBLE_DEPRECATION_WARNINGS=false", "ANSIBLE_NOCOLOR=1", "LC_ALL=C.UTF-8"}
}

// succeeds runs it, and returns all that it prints.
func (cmd ansibleCommand) succeeds(t *testing.T) string {
	t.Helper()
	output, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(cmd.Args, " "), err, output)
	}
	return string(output)
}

// task is a task of a playbook: a module of the collection, and its options.
type task struct {
	module  string
	options map[string]any
}

// taskResult is what Ansible prints of a task.
type taskResult struct {
	status  string // SUCCESS, CHANGED or FAILED
	Changed bool
	Msg     string
	RC      int
	Outcome string
	Pending bool           `json:"restart_pending"`
	Result  map[string]any // the JSON of the program

	Problems, Cautions []string
	Report             map[string]any
	Facts              struct {
		Tentacle struct {
			Instance, Thumbprint string
			Servers              []struct{ Address string }
			Summary              map[string]int
		} `json:"octo_tentacle"`
	} `json:"ansible_facts"`
}

var resultBegins = regexp.MustCompile(`(?m)^localhost \| (\w+)!? => `)

// play runs tasks on this machine with the variables of the scene, each also after one that failed.
func (c collection) play(t *testing.T, s *scene, tasks []task, options ...string) (results []taskResult, output string) {
	t.Helper()
	output, err := c.playbook(t, s, tasks, options...).run()
	if err != nil {
		t.Fatal(err)
	}
	results = taskResults(t, output)
	if len(results) != len(tasks) {
		t.Fatalf("%d results of %d tasks\n%s", len(results), len(tasks), output)
	}
	return results, output
}

func (c collection) playbook(t *testing.T, s *scene, tasks []task, options ...string) ansibleCommand {
	t.Helper()
	list := []map[string]any{}
	for _, one := range tasks {
		name := one.module
		if !strings.Contains(name, ".") {
			name = "octo_tentacle.tentacle." + name
		}
		list = append(list, map[string]any{name: one.options, "ignore_errors": true})
	}
	content, err := json.Marshal([]map[string]any{{"hosts": "localhost", "connection": "local", "gather_facts": false, "tasks": list}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "playbook.yml")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("ansible-playbook", slices.Concat([]string{"-i", "localhost,"}, options, []string{file})...)
	cmd.Env = append(s.command().Env, c.environment(t)...)
	cmd.Dir = t.TempDir()
	return ansibleCommand{cmd}
}

// run returns all that is printed; playbooks with a task that failed have an exit code of their
// own.
func (cmd ansibleCommand) run() (output string, err error) {
	all, err := cmd.CombinedOutput()
	if errors.As(err, new(*exec.ExitError)) {
		err = nil
	}
	return string(all), err
}

func taskResults(t *testing.T, output string) (results []taskResult) {
	t.Helper()
	for _, found := range resultBegins.FindAllStringSubmatchIndex(output, -1) {
		result := taskResult{status: output[found[2]:found[3]]}
		if err := json.NewDecoder(strings.NewReader(output[found[1]:])).Decode(&result); err != nil {
			t.Fatalf("%v\n%s", err, output)
		}
		results = append(results, result)
	}
	return results
}

// expect compares the statuses of tasks, in order.
func expect(t *testing.T, output string, results []taskResult, statuses ...string) {
	t.Helper()
	var got []string
	for _, result := range results {
		got = append(got, result.status)
	}
	if !slices.Equal(got, statuses) {
		t.Fatalf("%v, not %v\n%s", got, statuses, output)
	}
}

func (s *scene) polls(t *testing.T, nodes ...int) {
	t.Helper()
	var want []string
	for _, n := range nodes {
		want = append(want, s.cluster.Addresses()[n-1])
	}
	got := s.addresses(t)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("it polls %v, not %v", got, want)
	}
}

// keyless is a machine whose Tentacle polls these nodes, is registered, and knows no key.
func keyless(t *testing.T, nodes ...int) *scene {
	t.Helper()
	s := watched(t)
	var entries []tentacleconfig.TrustedServer
	for _, n := range nodes {
		entries = append(entries, s.entry(n-1))
	}
	s.trusts(t, entries...)
	return s
}

func ansibleExact(t *testing.T, c collection) {
	s := keyless(t, 1)
	nodes := s.cluster.Addresses()
	exact := []task{{"nodes", map[string]any{"addresses": nodes[1:], "reason": "node 1 is retired"}}}
	before := s.snapshot(t)
	results, output := c.play(t, s, exact, "--check", "--diff")
	expect(t, output, results, "CHANGED")
	if results[0].Outcome != "would-change" {
		t.Errorf("in check mode the outcome is %s", results[0].Outcome)
	}
	for _, line := range []string{"--- before: " + s.config, "+++ after: " + s.config, "-" + nodes[0] + "  ", "+" + nodes[1] + "  ", "+" + nodes[2] + "  "} {
		if !strings.Contains("\n"+output, "\n"+line) {
			t.Errorf("the diff lacks %q\n%s", line, output)
		}
	}
	before.same(t, "in check mode", s.snapshot(t))

	results, output = c.play(t, s, append(exact, exact...))
	expect(t, output, results, "CHANGED", "SUCCESS")
	if results[0].Outcome != "changed" || results[1].Outcome != "unchanged" || len(results[0].Result["added"].([]any)) != 2 {
		t.Errorf("returned: %+v", results)
	}
	s.polls(t, 2, 3)
	if entries := s.history(t); len(entries) != 1 || entries[0].Reason != "node 1 is retired" {
		t.Errorf("recorded: %+v", entries)
	}

	s.cluster.ResetRequests()
	before = s.snapshot(t)
	results, output = c.play(t, s, exact, "--check", "--diff")
	expect(t, output, results, "SUCCESS")
	if requests := s.cluster.Requests(); len(requests) > 0 {
		t.Errorf("with nothing to change, the cluster was asked %v", requests)
	}
	before.same(t, "with nothing to change", s.snapshot(t))
}

func ansiblePresentAndAbsent(t *testing.T, c collection) {
	s := keyless(t, 1)
	nodes := s.cluster.Addresses()
	add := task{"nodes", map[string]any{"addresses": nodes[1:], "state": "present"}}
	results, output := c.play(t, s, []task{add, add})
	expect(t, output, results, "CHANGED", "SUCCESS")
	s.polls(t, 1, 2, 3)
	remove := task{"nodes", map[string]any{"addresses": []string{nodes[2], "https://octo9.example.com:10943"}, "state": "absent"}}
	results, output = c.play(t, s, []task{remove, remove})
	expect(t, output, results, "CHANGED", "SUCCESS")
	s.polls(t, 1, 2)

	// With a key, a node that hands out work is not left unpolled, unless told so.
	needed := map[string]any{"addresses": nodes[1:2], "state": "absent", "server": s.cluster.URL(), "api_key": octotest.APIKey}
	forced := map[string]any{"addresses": nodes[1:2], "state": "absent", "force": true}
	results, output = c.play(t, s, []task{{"nodes", needed}, {"nodes", forced}})
	expect(t, output, results, "FAILED", "CHANGED")
	if results[0].Changed || !strings.Contains(results[0].Msg, "hand out work") {
		t.Errorf("refused with %q", results[0].Msg)
	}
	s.polls(t, 1)
}

func ansibleListens(t *testing.T, c collection) {
	s := keyless(t)
	s.trusts(t, tentacleconfig.TrustedServer{Thumbprint: s.cluster.Thumbprint(), Style: tentacleconfig.StyleListening})
	results, output := c.play(t, s, []task{
		{"nodes", map[string]any{"addresses": s.cluster.Addresses()}},
		{"nodes", map[string]any{"addresses": s.cluster.Addresses(), "state": "absent"}},
	})
	expect(t, output, results, "SUCCESS", "SUCCESS")
}

func ansibleRenewal(t *testing.T, c collection) {
	s := keyless(t, 1)
	const renewed = "89ABCDEF0123456789ABCDEF0123456789ABCDEF"
	options := map[string]any{"addresses": s.cluster.Addresses()[:1], "thumbprints": []string{s.cluster.Thumbprint(), renewed}}
	results, output := c.play(t, s, []task{{"nodes", options}, {"nodes", options}})
	expect(t, output, results, "CHANGED", "SUCCESS")
	if content, err := os.ReadFile(s.config); err != nil || !bytes.Contains(content, []byte(renewed)) {
		t.Errorf("the new thumbprint is not trusted: %v", err)
	}
	options["state"] = "present"
	results, output = c.play(t, s, []task{{"nodes", options}})
	expect(t, output, results, "FAILED")
	if results[0].Msg != "thumbprints are only for state=exact" {
		t.Errorf("refused with %q", results[0].Msg)
	}
}

// machineToSetUp is a machine without a Tentacle, and the definition of one.
func machineToSetUp(t *testing.T) (s *scene, definition map[string]any) {
	t.Helper()
	s = keyless(t, 1)
	if err := errors.Join(os.Remove(s.config), os.RemoveAll(s.home), os.Mkdir(s.home, 0o755)); err != nil {
		t.Fatal(err)
	}
	return s, map[string]any{
		"instance": "web", "configuration": s.config, "certificate": "if-blank", "communication": "polling",
		"server": s.cluster.URL(), "nodes": s.cluster.Addresses(), "pollingConnectionCount": "{{ 2 + 3 }}",
		"registrations": []map[string]any{{"kind": "target", "name": "web02", "environments": []string{"Development"}, "roles": []string{"web-server"}}},
	}
}

func ansibleApply(t *testing.T, c collection) {
	s, definition := machineToSetUp(t)
	apply := []task{{"tentacle", map[string]any{"definition": definition, "api_key": octotest.APIKey}}}
	before := s.snapshot(t)
	results, output := c.play(t, s, apply, "--check", "--diff")
	expect(t, output, results, "CHANGED")
	for _, node := range s.cluster.Addresses() {
		if !strings.Contains(output, "\n+"+node+"  ") {
			t.Errorf("the diff lacks %s\n%s", node, output)
		}
	}
	for _, line := range []string{"configuration " + s.config, "index file ", "Tentacle.Communication.PollingConnectionCount = 5", "deployment target web02 in space Default"} {
		if !strings.Contains(output, "\n+"+line) {
			t.Errorf("the diff lacks %q\n%s", line, output)
		}
	}
	before.same(t, "in check mode", s.snapshot(t))
	if registrations := s.cluster.Registrations(); len(registrations) != 1 { // of the scene
		t.Errorf("in check mode there are %v", registrations)
	}

	results, output = c.play(t, s, append(apply, apply...))
	expect(t, output, results, "CHANGED", "SUCCESS")
	s.polls(t, 1, 2, 3)
	if registrations := s.cluster.Registrations(); len(registrations) != 2 {
		t.Errorf("registered: %v", registrations)
	}
	before = s.snapshot(t)
	s.cluster.ResetRequests()
	results, output = c.play(t, s, apply, "--diff")
	expect(t, output, results, "SUCCESS")
	before.same(t, "the second time", s.snapshot(t))
	if sent := s.written(); len(sent) > 0 || strings.Contains(output, "@@") {
		t.Errorf("the second time, there were %v\n%s", sent, output)
	}

	compare := []task{{"check", map[string]any{"definition": definition, "api_key": octotest.APIKey, "require": []string{"file"}}}}
	elsewhere := []task{{"check", map[string]any{"definition": definition, "api_key": octotest.APIKey, "space": "Finance Department"}}}
	results, output = c.play(t, s, elsewhere)
	expect(t, output, results, "SUCCESS")
	if problems := results[0].Problems; len(problems) == 0 || !strings.Contains(problems[0], "Finance Department") {
		t.Errorf("compared with another space: %q", problems)
	}
	results, output = c.play(t, s, compare)
	expect(t, output, results, "SUCCESS")
	if len(results[0].Problems) > 0 || results[0].Facts.Tentacle.Instance != "web" || len(results[0].Facts.Tentacle.Servers) != 3 {
		t.Errorf("compared: %+v", results[0])
	}

	// One key of it changes.
	definition["registrations"].([]map[string]any)[0]["roles"] = []string{"db"}
	results, output = c.play(t, s, append(compare, apply...), "--diff")
	expect(t, output, results, "SUCCESS", "CHANGED")
	if problems := results[0].Problems; len(problems) != 1 || !strings.HasPrefix(problems[0], "definition: registrations[0].roles") {
		t.Errorf("compared: %q", problems)
	}
	for _, line := range []string{"-deployment target web02 in space Default, roles: web-server", "+deployment target web02 in space Default, roles: db"} {
		if !strings.Contains(output, "\n"+line+"\n") {
			t.Errorf("the diff lacks %q\n%s", line, output)
		}
	}

	// A file of the host, without a key.
	file := filepath.Join(t.TempDir(), "tentacle.yaml")
	if err := os.WriteFile(file, []byte("instance: web\nnodes: ["+s.cluster.Addresses()[0]+"]\nregistrations: [{name: web02}]\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	results, output = c.play(t, s, []task{
		{"tentacle", map[string]any{"src": file}},
		{"tentacle", map[string]any{"src": file, "registrations": false}},
	})
	expect(t, output, results, "FAILED", "CHANGED")
	s.polls(t, 1)
}

func ansibleApplyRefused(t *testing.T, c collection) {
	s, definition := machineToSetUp(t)
	with := func(key string, value any) task {
		other := maps.Clone(definition)
		other[key] = value
		return task{"tentacle", map[string]any{"definition": other, "api_key": octotest.APIKey}}
	}
	before := s.snapshot(t)
	results, output := c.play(t, s, []task{
		with("rolls", []string{"web-server"}),
		with("pollingConnectionCount", "many"),
		with("registrations", []map[string]any{{"environments": []string{"Nowhere"}, "roles": []string{"web-server"}}}),
		{"tentacle", map[string]any{"api_key": octotest.APIKey}},
		{"tentacle", map[string]any{"definition": definition, "src": "/tentacle.yaml"}},
	})
	expect(t, output, results, "FAILED", "FAILED", "FAILED", "FAILED", "FAILED")
	for i, want := range []string{"rolls", "pollingConnectionCount", "registrations[0].environments", "one of the following is required: definition, src", "mutually exclusive: definition|src"} {
		if got := results[i]; got.Changed || !strings.Contains(got.Msg, want) {
			t.Errorf("task %d failed with %q, not %q", i+1, got.Msg, want)
		}
	}
	before.same(t, "after what was refused", s.snapshot(t))
}

func ansibleRole(t *testing.T, c collection) {
	s, definition := machineToSetUp(t)
	program := filepath.Join(t.TempDir(), "octo-tentacle")
	role := func() []task {
		return []task{{"ansible.builtin.include_role", map[string]any{"name": "octo_tentacle.tentacle.octo_tentacle"}},
			{"ansible.builtin.debug", map[string]any{"msg": "done"}}}
	}
	variables := func(more ...any) string {
		all := map[string]any{
			"octo_tentacle_source": mustFind(t, "octo-tentacle"), "octo_tentacle_path": program, "octo_tentacle_definition": definition,
			"octo_tentacle_api_key": octotest.APIKey, "octo_tentacle_server": s.cluster.URL(),
		}
		for i := 0; i < len(more); i += 2 {
			all[more[i].(string)] = more[i+1]
		}
		text, err := json.Marshal(all)
		if err != nil {
			t.Fatal(err)
		}
		return "--extra-vars=" + string(text)
	}
	run := func(options ...string) (statuses []string, output string) {
		output, err := c.playbook(t, s, role(), options...).run()
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range resultBegins.FindAllStringSubmatch(output, -1) {
			statuses = append(statuses, found[1])
		}
		return statuses, output
	}
	before := s.snapshot(t)
	if statuses, output := run(variables(), "--check"); slices.Contains(statuses, "FAILED") || !slices.Contains(statuses, "CHANGED") {
		t.Errorf("in check mode: %v\n%s", statuses, output)
	}
	if _, err := os.Stat(program); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("in check mode, the program is installed: %v", err)
	}
	before.same(t, "in check mode", s.snapshot(t))
	if statuses, output := run(variables("octo_tentacle_version", "0.0.1")); !slices.Contains(statuses, "FAILED") || !strings.Contains(output, "not 0.0.1") {
		t.Errorf("another version: %v\n%s", statuses, output)
	}
	if statuses, output := run(variables(), "--diff"); slices.Contains(statuses, "FAILED") || !slices.Contains(statuses, "CHANGED") {
		t.Errorf("%v\n%s", statuses, output)
	}
	s.polls(t, 1, 2, 3)
	if statuses, output := run(variables("octo_tentacle_version", "0.0.0-dev")); slices.Contains(statuses, "FAILED") || slices.Contains(statuses, "CHANGED") {
		t.Errorf("again: %v\n%s", statuses, output)
	}
	// What check finds fails the play.
	s.breaksNode(t, 2)
	statuses, output := run(variables())
	if !slices.Contains(statuses, "FAILED") || !strings.Contains(output, "does not respond") {
		t.Errorf("a node is down: %v\n%s", statuses, output)
	}
	if strings.Contains(output, octotest.APIKey) {
		t.Error("the key is in the output")
	}
}

// said is what the program says when it fails, without its name.
func (s *scene) said(t *testing.T, arguments ...string) string {
	t.Helper()
	_, stderr := s.run(t, 1, arguments...)
	return strings.TrimSpace(strings.TrimPrefix(stderr, "octo-tentacle: "))
}

func ansibleRefused(t *testing.T, c collection) {
	s := keyless(t, 1)
	nodes := s.cluster.Addresses()
	if err := s.cluster.SetNodeFault(2, octotest.NodeFault{OtherCertificate: true}); err != nil {
		t.Fatal(err)
	}
	before := s.snapshot(t)
	results, output := c.play(t, s, []task{
		{"nodes", map[string]any{"addresses": nodes}},
		{"nodes", map[string]any{"addresses": nodes, "state": "present"}},
		{"nodes", map[string]any{"addresses": nodes[:1], "state": "absent"}},
		{"nodes", map[string]any{"addresses": nodes, "instance": "missing"}},
		{"nodes", map[string]any{"addresses": nodes, "instance": "Tentacle", "config": s.config}},
		{"nodes", map[string]any{"addresses": nodes, "executable": "/missing/octo-tentacle"}},
	})
	expect(t, output, results, "FAILED", "FAILED", "FAILED", "FAILED", "FAILED", "FAILED")
	list := "--server-comms-address=" + s.nodes()
	for i, want := range []string{
		// The module hands over a list in standard input, and that is where the mistake is.
		strings.ReplaceAll(s.said(t, "sync-servers", list), "check --server-comms-address and --server-comms-port", "check standard input"),
		s.said(t, "poll-server", list),
		s.said(t, "remove-server", nodes[0]),
		s.said(t, "sync-servers", list, "--instance=missing"),
		"parameters are mutually exclusive: instance|config",
		"octo-tentacle was not found on the host as /missing/octo-tentacle: install it",
	} {
		if got := results[i]; got.Changed || !strings.HasPrefix(got.Msg, want) {
			t.Errorf("task %d failed with\n%s\nnot\n%s", i+1, got.Msg, want)
		}
	}
	before.same(t, "after what was refused", s.snapshot(t))
}

// ansibleUnfinished: the change is saved, and the health check that is asked for then finds that
// the Tentacle is unavailable.
func ansibleUnfinished(t *testing.T, c collection) {
	s := keyless(t, 1)
	s.cluster.SetHealthAfterCheck("Unavailable")
	results, output := c.play(t, s, []task{{"nodes", map[string]any{
		"addresses": s.cluster.Addresses(), "wait_healthy": true, "server": s.cluster.URL(), "api_key": octotest.APIKey, "timeout": "20s",
	}}})
	expect(t, output, results, "FAILED")
	if got := results[0]; !got.Changed || got.RC != 3 || got.Outcome != "failed" || !strings.Contains(got.Msg, "is saved, but:\ndeployment target web01") || !strings.Contains(got.Msg, "is not healthy") {
		t.Errorf("failed with %+v", got)
	}
	s.polls(t, 1, 2, 3)
}

// ansibleRestartPending has a stand-in for the program, which says what that says of a service.
func ansibleRestartPending(t *testing.T, c collection) {
	s := keyless(t, 1)
	answer := func(outcome, service string) string {
		return `{"changed": true, "configuration": "c", "added": [], "removed": [], "updated": [], "unchanged": [], "outcome": "` + outcome + `", "service": ` + service + `}`
	}
	printed := []struct {
		status, json, stderr string
		code                 string
		pending              bool
	}{
		{"CHANGED", answer("changed", `{"name": "Tentacle", "state": "running", "restarted": true, "scheduled": ""}`), "", "0", false},
		{"CHANGED", answer("changed", `{"name": "Tentacle", "state": "running", "restarted": false, "scheduled": ""}`), "", "0", true},
		{"CHANGED", answer("changed", `{"name": "Tentacle", "state": "running", "restarted": false, "scheduled": "a transient unit"}`), "", "0", false},
		{"CHANGED", answer("changed", `{"name": "Tentacle", "state": "stopped", "restarted": false, "scheduled": ""}`), "", "0", false},
		{"FAILED", answer("restart-pending", `{"name": "Tentacle", "state": "running", "restarted": false, "scheduled": ""}`),
			"warning: one\n  two\nocto-tentacle: c is saved, but:\na deployment still runs\n  to finish: octo-tentacle restart-service", "3", true},
	}
	var tasks []task
	for _, one := range printed {
		tasks = append(tasks, task{"nodes", map[string]any{"addresses": []string{"https://octo1:10943"}, "executable": s.pretends(t, one.json, one.stderr, one.code)}})
	}
	results, output := c.play(t, s, tasks)
	for i, one := range printed {
		if results[i].status != one.status || results[i].Pending != one.pending {
			t.Errorf("%s\n%+v", one.json, results[i])
		}
	}
	last := results[len(results)-1]
	if !last.Changed || last.Msg != "c is saved, but:\na deployment still runs\n  to finish: octo-tentacle restart-service" {
		t.Errorf("failed with %+v", last)
	}
	if !strings.Contains(output, "[WARNING]: one") {
		t.Errorf("the warning is not there\n%s", output)
	}
}

// ansibleFinishes has a stand-in for a program that finds nothing to change, and an earlier restart
// to be done.
func ansibleFinishes(t *testing.T, c collection) {
	s := keyless(t, 1)
	const unchanged = `{"changed": false, "instance": "web", "configuration": "c", "added": [], "removed": [], "updated": [], "unchanged": [], "outcome": "unchanged", "service": {}}`
	program := filepath.Join(t.TempDir(), "octo-tentacle")
	calls := filepath.Join(t.TempDir(), "calls")
	if err := os.WriteFile(program, []byte(`#!/bin/sh
echo "$*" >>'`+calls+`'
case $1 in
sync-servers) cat >/dev/null; echo '`+unchanged+`'; echo 'warning: service web still uses the old configuration: a restart is pending' >&2 ;;
list-servers) echo '{"service": {"restartPending": true}}' ;;
restart-service) [ ! -e '`+calls+`.busy' ] || { echo 'octo-tentacle: a deployment runs' >&2; exit 3; }; echo '{"changed": true}' ;;
esac
`), 0o755); err != nil {
		t.Fatal(err)
	}
	nodes := func(restart bool) []task {
		return []task{{"nodes", map[string]any{"addresses": s.cluster.Addresses(), "executable": program, "restart": restart, "restart_wait": "7s"}}}
	}
	const restarts = "restart-service --format=json --instance=web --restart-wait=7s\n"
	for _, step := range []struct {
		tasks    []task
		options  []string
		status   string
		restarts bool
	}{
		{nodes(true), []string{"--check"}, "CHANGED", false},
		{nodes(false), nil, "SUCCESS", false},
		{nodes(true), nil, "CHANGED", true},
	} {
		results, output := c.play(t, s, step.tasks, step.options...)
		expect(t, output, results, step.status)
		log, err := os.ReadFile(calls)
		if err != nil || strings.HasSuffix(string(log), restarts) != step.restarts {
			t.Errorf("%v, %s: %v\n%s", step.options, step.status, err, log)
		}
		if results[0].Pending != !step.restarts {
			t.Errorf("%s, pending: %v", step.status, results[0].Pending)
		}
		if warned := strings.Contains(output, "[WARNING]: service web"); warned != (step.status == "SUCCESS") {
			t.Errorf("%s\n%s", step.status, output)
		}
	}
	if err := os.WriteFile(calls+".busy", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	results, output := c.play(t, s, nodes(true))
	expect(t, output, results, "FAILED")
	if got := results[0]; got.Msg != "a deployment runs" || got.Changed || !got.Pending {
		t.Errorf("failed with %+v", got)
	}
}

// TestSystemdAnsible is about a service that runs, and one that is busy.
func TestSystemdAnsibleRestartsTheServiceOnceNoDeploymentRuns(t *testing.T) {
	s := newSystemdScene(t)
	if _, err := exec.LookPath("ansible-playbook"); err != nil {
		skipUnlessRequired(t, "ansible", "Ansible is not installed: apt-get install ansible-core")
	}
	c := installCollection(t)
	s.start(t)
	nodes := func(last int, wait string) []task {
		return []task{{"nodes", map[string]any{"addresses": s.cluster.Addresses()[:last], "restart_wait": wait}}}
	}
	for _, step := range []struct {
		what    string
		tasks   []task
		busy    bool // the service runs a script
		status  string
		changed bool
		starts  int // of the service, altogether
	}{
		{"a new node", nodes(2, "1m"), false, "CHANGED", true, 2},
		{"again", nodes(2, "1m"), false, "SUCCESS", false, 2},
		{"a node more, while a script runs", nodes(3, "0s"), true, "FAILED", true, 2},
		{"again, after the script", nodes(3, "1m"), false, "CHANGED", true, 3},
		{"once more", nodes(3, "1m"), false, "SUCCESS", false, 3},
	} {
		if step.busy {
			s.runJob(t, "sleep 20")
		}
		results, output := c.play(t, s.scene, step.tasks)
		expect(t, step.what+"\n"+output, results, step.status)
		if results[0].Changed != step.changed || s.starts(t) != step.starts {
			t.Errorf("%s: %d starts\n%s", step.what, s.starts(t), output)
		}
	}
}

// pretends writes a program that prints these texts and ends with that code.
func (s *scene) pretends(t *testing.T, stdout, stderr, code string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "octo-tentacle")
	script := "#!/bin/sh\ncat >/dev/null\ncat <<'END'\n" + stdout + "\nEND\ncat >&2 <<'END'\n" + stderr + "\nEND\nexit " + code + "\n"
	if err := os.WriteFile(path, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func ansibleOtherProgram(t *testing.T, c collection) {
	s := keyless(t, 1)
	var tasks []task
	var statuses []string
	programs := []struct {
		module, stdout, stderr, code string
		message                      string
		changed                      bool
	}{
		{"nodes", "hello", "", "0", "printed no JSON of octo-tentacle", false},
		{"nodes", "{}", "", "0", "printed no JSON of octo-tentacle", false},
		{"nodes", "", "panic: oh", "2", "panic: oh", false},
		{"nodes", "", "", "3", "octo-tentacle ended with exit code 3 and said nothing", true},
		{"check", "[]", "", "0", "printed no JSON of octo-tentacle", false},
		{"check", "{}", "", "0", "printed no JSON of octo-tentacle", false},
	}
	for _, p := range programs {
		options := map[string]any{"executable": s.pretends(t, p.stdout, p.stderr, p.code)}
		if p.module == "nodes" {
			options["addresses"] = []string{"https://octo1:10943"}
		}
		tasks, statuses = append(tasks, task{p.module, options}), append(statuses, "FAILED")
	}
	results, output := c.play(t, s, tasks)
	expect(t, output, results, statuses...)
	for i, p := range programs {
		if !strings.Contains(results[i].Msg, p.message) || results[i].Changed != p.changed {
			t.Errorf("%+v failed with %+v", p, results[i])
		}
	}
}

func ansibleCheck(t *testing.T, c collection) {
	s := keyless(t, 1, 2, 3)
	s.breaksNode(t, 2)
	check := func(options ...any) task {
		all := map[string]any{}
		for i := 0; i < len(options); i += 2 {
			all[options[i].(string)] = options[i+1]
		}
		return task{"check", all}
	}
	before := s.snapshot(t)
	results, output := c.play(t, s, []task{
		check(),
		check("fail_on", "problem"),
		check("require", []string{"ports", "registration"}),
		check("fail_on", "problem", "server", s.cluster.URL(), "api_key", octotest.APIKey),
		check("instance", "missing"),
	})
	expect(t, output, results, "SUCCESS", "FAILED", "FAILED", "FAILED", "FAILED")
	before.same(t, "after check", s.snapshot(t))
	first := results[0]
	if len(first.Problems) != 1 || !strings.Contains(first.Problems[0], s.cluster.Addresses()[1]+" does not respond") || first.Report["schema"] != 1.0 {
		t.Errorf("returned: %+v", first)
	}
	facts := first.Facts.Tentacle
	if facts.Instance != "Tentacle" || facts.Thumbprint != tentacleThumbprint() || len(facts.Servers) != 3 || facts.Summary["problems"] != 1 {
		t.Errorf("facts: %+v", facts)
	}
	for i, want := range map[int]string{1: first.Problems[0], 2: "not looked at, but required: registration", 3: "does not respond", 4: `there is no instance "missing"`} {
		if !strings.Contains(results[i].Msg, want) {
			t.Errorf("task %d failed with %q, not %q", i+1, results[i].Msg, want)
		}
	}
	if len(results[3].Problems) < 1 || results[4].RC != 4 {
		t.Errorf("returned: %+v", results[3:])
	}
}

// ansibleSecret looks at every process of a playbook while the API takes its time.
func ansibleSecret(t *testing.T, c collection) {
	s := keyless(t, 1)
	s.cluster.SetAPIFault(octotest.APIFault{Slow: 500 * time.Millisecond})
	log := filepath.Join(t.TempDir(), "log")
	playbook := c.playbook(t, s, []task{
		{"nodes", map[string]any{"addresses": s.cluster.Addresses()[:2], "server": s.cluster.URL(), "api_key": octotest.APIKey}},
		{"nodes", map[string]any{"addresses": s.cluster.Addresses(), "server": s.cluster.URL(), "access_token": octotest.BearerToken}},
		{"nodes", map[string]any{"addresses": s.cluster.Addresses(), "server": s.cluster.URL(), "api_key": "API-WRONG0123456789"}},
		{"check", map[string]any{"server": s.cluster.URL(), "api_key": octotest.APIKey}},
	}, "-vvvv", "--diff")
	mark := "OCTO_TENTACLE_TEST_MARK=" + log
	playbook.Env = append(playbook.Env, mark, "ANSIBLE_LOG_PATH="+log)
	ended := make(chan struct{})
	seen := make(chan map[string]bool)
	go func() { seen <- processesWith(mark, ended) }()
	output, err := playbook.run()
	close(ended)
	lines := <-seen
	if err != nil {
		t.Fatal(err)
	}
	logged, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	all := output + string(logged)
	results := taskResults(t, output)
	expect(t, output, results, "CHANGED", "CHANGED", "SUCCESS", "SUCCESS")
	ours := 0
	for line := range lines {
		all += "\n" + line
		if strings.Contains(line, "octo-tentacle\x00") && strings.Contains(line, "--server=") {
			ours++
		}
	}
	if ours < 2 {
		t.Errorf("of %d processes, %d are octo-tentacle's", len(lines), ours)
	}
	for _, secret := range []string{octotest.APIKey, octotest.BearerToken, "API-WRONG0123456789"} {
		if at := strings.Index(all, secret); at >= 0 {
			t.Errorf("a secret is seen in\n%s", all[max(0, at-200):at])
		}
	}
}

// processesWith collects the command lines of the processes whose environment has a variable, until
// they have ended.
func processesWith(variable string, ended <-chan struct{}) map[string]bool {
	lines := map[string]bool{}
	for {
		processes, _ := filepath.Glob("/proc/[0-9]*")
		for _, process := range processes {
			environment, err := os.ReadFile(filepath.Join(process, "environ"))
			if err != nil || !bytes.Contains(environment, []byte(variable+"\x00")) {
				continue
			}
			if line, err := os.ReadFile(filepath.Join(process, "cmdline")); err == nil {
				lines[string(line)] = true
			}
		}
		select {
		case <-ended:
			return lines
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func ansibleDocs(t *testing.T, c collection) {
	for _, page := range [][]string{{"octo_tentacle.tentacle.nodes"}, {"octo_tentacle.tentacle.tentacle"}, {"octo_tentacle.tentacle.check"}, {"-t", "role", "octo_tentacle.tentacle.octo_tentacle"}} {
		text := c.command(t, "ansible-doc", page...).succeeds(t)
		if strings.Contains(text, "WARNING") || !strings.Contains(text, "OPTIONS") || len(text) < 1000 {
			t.Errorf("%v\n%s", page, text)
		}
	}
}

func ansibleLint(t *testing.T, c collection) {
	// The linter looks at what git knows, or at the whole folder where there is no repository.
	lint := c.command(t, "ansible-lint", "--offline", "--nocolor", "--profile=production")
	lint.Dir = c.folder
	if text := lint.succeeds(t); !strings.Contains(text, "Passed with production profile: 0 failure(s), 0 warning(s)") {
		t.Errorf("%s", text)
	}
}

// sanityTests are those of ansible-test that need nothing from PyPI.
var sanityTests = strings.Fields(`action-plugin-docs changelog compile empty-init future-import-boilerplate line-endings metaclass-boilerplate
	no-assert no-basestring no-dict-iteritems no-dict-iterkeys no-dict-itervalues no-get-exception no-illegal-filenames no-main-display
	no-smart-quotes no-unicode-literals replace-urlopen shebang symlinks use-argspec-type-path use-compat-six`)

// ansibleSanity runs them, and by themselves the programs behind three more, for which ansible-test
// would make an environment from PyPI.
func ansibleSanity(t *testing.T, c collection) {
	python := func(arguments ...string) ansibleCommand {
		cmd := c.command(t, "/usr/bin/python3", arguments...)
		cmd.Dir, cmd.Env = c.folder, append(cmd.Env, "PYTHONPATH=/usr/lib/python3/dist-packages")
		return cmd
	}
	version := strings.TrimSpace(python("-c", "import sys; print('%d.%d' % sys.version_info[:2])").succeeds(t))
	arguments := []string{"sanity", "--python=" + version, "--python-interpreter=/usr/bin/python3"}
	for _, name := range sanityTests {
		arguments = append(arguments, "--test="+name)
	}
	sanity := c.command(t, "ansible-test", arguments...)
	sanity.Dir = c.folder
	if text := sanity.succeeds(t); strings.Count(text, "Running sanity test ") != len(sanityTests) {
		t.Errorf("not all of them ran\n%s", text)
	}

	programs := strings.TrimSpace(python("-c", "import ansible_test; print(ansible_test.__path__[0])").succeeds(t)) + "/_util/controller/sanity/"
	modules, err := filepath.Glob(filepath.Join(c.folder, "plugins/modules/*.py"))
	if err != nil || len(modules) < 3 {
		t.Fatalf("%v, %v", modules, err)
	}
	arguments = []string{programs + "validate-modules/validate.py", "--format=plain", "--arg-spec", "--collection=ansible_collections/octo_tentacle/tentacle"}
	for _, module := range modules {
		arguments = append(arguments, "plugins/modules/"+filepath.Base(module))
	}
	text, err := python(arguments...).run()
	if err != nil {
		t.Fatal(err)
	}
	// That a module has this licence, Ansible wants of its own.
	licence := regexp.MustCompile(`(?m)^plugins/modules/\w+\.py:0:0: Emissing-gplv3-license .*\n`)
	if rest := licence.ReplaceAllString(text, ""); rest != "" || len(licence.FindAllString(text, -1)) != len(modules) {
		t.Errorf("validate-modules finds\n%s", rest)
	}
	if text := python(programs+"code-smell/runtime-metadata.py", "meta/runtime.yml").succeeds(t); text != "" {
		t.Errorf("runtime-metadata finds\n%s", text)
	}
	style := c.command(t, "pycodestyle", "--max-line-length=160", "--ignore=E402,W503,W504,E741", c.folder) // as ansible-test calls it
	if text := style.succeeds(t); text != "" {
		t.Errorf("%s", text)
	}
}

// ansiblePlaybooks runs those of the documents, whose hosts are this machine.
func ansiblePlaybooks(t *testing.T, c collection) {
	fenced := regexp.MustCompile("(?ms)^```yaml\n(- name: .*?)^```$")
	count := 0
	for _, page := range []string{"../deploy/ansible/README.md", "../docs/provisioning.md"} {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range fenced.FindAllStringSubmatch(string(text), -1) {
			count++
			t.Run(strings.TrimPrefix(strings.SplitN(match[1], "\n", 2)[0], "- name: "), func(t *testing.T) {
				t.Parallel()
				c.runsTwice(t, match[1])
			})
		}
	}
	if count != 5 {
		t.Errorf("%d playbooks were found", count)
	}
}

// runsTwice runs a playbook of the documents on a machine whose Tentacle polls one of three nodes.
func (c collection) runsTwice(t *testing.T, text string) {
	t.Helper()
	s := keyless(t, 1)
	nodes, folder := s.cluster.Addresses(), t.TempDir()
	text = strings.NewReplacer(
		"https://octo1.example.com:10943", nodes[0], "https://octo2.example.com:10943", nodes[1], "https://octo3.example.com:10943", nodes[2],
		"become: true", "connection: local", "become: false", "connection: local", "hosts: windows", "hosts: windows\n  connection: local",
		"[service, ports]", "[ports]", "service,ports", "ports", // this machine has no such service
		"ansible.windows.win_copy", "ansible.builtin.copy", "ansible.windows.win_shell", "ansible.builtin.shell",
		`& 'C:\Program Files\octo-tentacle\octo-tentacle.exe'`, "octo-tentacle", `C:\Octopus\`, folder+"/", "reports/", folder+"/",
		"restart_splay: 2m", "restart_splay: 1s",
		"https://octopus.example.com", s.cluster.URL(), "/etc/octopus/Tentacle/", folder+"/", "instance: Tentacle", "instance: fresh",
		"files/octo-tentacle-{{ ansible_facts.architecture }}", mustFind(t, "octo-tentacle"), "octo_tentacle_server:", "octo_tentacle_path: "+folder+"/octo-tentacle\n        octo_tentacle_server:",
	).Replace(text)
	text, _, _ = strings.Cut(text, "          service:\n") // no service manager is touched
	for _, statuses := range [][]string{{"CHANGED", "SUCCESS"}, {"SUCCESS"}} {
		file := filepath.Join(folder, "playbook.yml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		variables, err := json.Marshal(map[string]any{"octopus_nodes": nodes, "vault_octopus_api_key": octotest.APIKey})
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("ansible-playbook", "-i", "tentacles,windows,web,", "-e", string(variables), file)
		cmd.Env = append(s.command().Env, c.environment(t)...)
		output, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s\n%s", err, text, output)
		}
		for _, found := range regexp.MustCompile(`(?m)^\w+ \| (\w+)!? => `).FindAllStringSubmatch(string(output), -1) {
			if !slices.Contains(statuses, found[1]) && !strings.Contains(text, "to_json") { // a report has its time
				t.Errorf("%s\n%s\n%s", found[1], text, output)
			}
		}
	}
	if strings.Contains(text, "to_json") {
		matrix, _ := s.command("fleet", "--reports", filepath.Join(folder, "tentacles.json")).CombinedOutput()
		if !strings.Contains(string(matrix), "\n1 Tentacle: 1 ok, ") {
			t.Errorf("the matrix of the report is\n%s", matrix)
		}
	}
	if strings.Contains(text, "addresses") || strings.Contains(text, "sync-servers") {
		s.polls(t, 1, 2, 3)
	}
}
