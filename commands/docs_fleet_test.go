package commands_test

import (
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/commands"
	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
)

// needsProgram is for the scripts of a page: .ci/run installs what they use.
func needsProgram(t *testing.T, names ...string) {
	t.Helper()
	needsShell(t, "bash")
	for _, name := range names {
		if _, err := exec.LookPath(name); err != nil {
			skipUnlessRequired(t, name, "there is no "+name+" here")
		}
	}
}

// TestTheFleetPageHasTheCallsThatStartARunbook runs them, twice, and with a key that is wrong.
func TestTheFleetPageHasTheCallsThatStartARunbook(t *testing.T) {
	t.Parallel()
	needsProgram(t, "curl", "jq")
	cluster, err := octotest.Start(octotest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	// A test does not wait for four seconds.
	script := strings.ReplaceAll(examplesOf(t, "fleet.md", "bash")[0], "sleep 4", "sleep 0.05")
	folder := t.TempDir()
	const name = "octo-tentacle.1.2.3.zip"
	if err := os.WriteFile(filepath.Join(folder, name), []byte("the first one"), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(key string) (string, int) {
		cmd := exec.Command("bash", "-c", script)
		cmd.Dir = folder
		cmd.Env = append(os.Environ(), "OCTOPUS_URL="+cluster.URL(), "OCTOPUS_API_KEY="+key)
		output, err := cmd.CombinedOutput()
		if cmd.ProcessState == nil {
			t.Fatal(err)
		}
		return string(output), cmd.ProcessState.ExitCode()
	}
	for i := range 2 {
		if output, code := run(octotest.APIKey); code != 0 || output == "" {
			t.Fatalf("exit code %d: %s", code, output)
		}
		if got := string(cluster.Package("Spaces-1", name)); got != "the first one" {
			t.Errorf("the feed has %q", got)
		}
		if started := cluster.StartedTasks(); len(started) != i+1 || !strings.Contains(started[i], "RunbookRun Success") {
			t.Errorf("the tasks are %q", started)
		}
		if err := os.WriteFile(filepath.Join(folder, name), []byte("another one under the same version"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if output, code := run("API-WRONG"); code == 0 || !strings.Contains(output, "401") || len(cluster.StartedTasks()) != 2 {
		t.Errorf("with a wrong key: exit code %d, %s, %q", code, output, cluster.StartedTasks())
	}
}

// inFrontOf is one address in front of all nodes: each connection leads to the next.
func inFrontOf(t *testing.T, nodes []string) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	var next atomic.Int64
	go func() {
		for {
			in, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer in.Close()
				node := nodes[int(next.Add(1))%len(nodes)]
				out, err := net.Dial("tcp", strings.TrimPrefix(node, "https://"))
				if err != nil {
					return
				}
				defer out.Close()
				go func() {
					_, _ = io.Copy(out, in)
					out.Close()
				}()
				_, _ = io.Copy(in, out)
			}()
		}
	}()
	return "https://" + listener.Addr().String()
}

// TestTheFleetPageHasTheMoveToOneBalancedAddressAndBack carries out its steps with the package, on
// a Tentacle that no key helps, and on one with a key.
func TestTheFleetPageHasTheMoveToOneBalancedAddressAndBack(t *testing.T) {
	t.Parallel()
	commands.TriesEverything(t)
	needsProgram(t, "curl", "jq")
	redis, page := documentedFleetSteps(t)
	for _, key := range []string{"", octotest.APIKey} {
		s := newScene(t, "Tentacle", octotest.Options{})
		s.noKey = true
		s.isRegistered(t, sceneSubscription)
		nodes := s.cluster.Addresses()
		s.trusts(t, s.entry(0), s.entry(1), s.entry(2))
		c := extracted(t, s, "bash")
		address := inFrontOf(t, nodes)
		sync := func(list string) stepRun {
			list = strings.NewReplacer("https://octo1:10943", nodes[0], "https://octo2:10943", nodes[1], "https://octo3:10943", nodes[2],
				"https://polling.example.com:10943", address).Replace(list)
			variables := map[string]string{"Mode": "sync", "Nodes": list}
			if key != "" {
				variables["Server"], variables["ApiKey"] = s.cluster.URL(), key
			}
			r := c.step(t, variables)
			if r.code == 0 && r.outputs["Polled"] != "" {
				want, got := strings.Split(list, ","), strings.Split(r.outputs["Polled"], ",")
				slices.Sort(want)
				slices.Sort(got)
				if !slices.Equal(want, got) {
					t.Errorf("%s: it polls %q", list, got)
				}
			}
			return r
		}
		asks := strings.ReplaceAll(redis, "https://octo1 https://octo2 https://octo3", s.cluster.URL())
		if output, code := s.shell(t, "bash", asks); code != 0 || output != s.cluster.URL()+" false\n" {
			t.Errorf("step 2, before: exit code %d, %s", code, output)
		}
		if key != "" { // the queues are not shared yet
			if r := sync(page[1]); r.code == 0 || !strings.Contains(r.result, "fewer") && !strings.Contains(r.result, "share") {
				t.Errorf("too early: exit code %d, %q", r.code, r.result)
			}
		}
		s.cluster.SetSharedQueues(true)
		if output, code := s.shell(t, "bash", asks); code != 0 || output != s.cluster.URL()+" true\n" {
			t.Errorf("step 2: exit code %d, %s", code, output)
		}
		for i, list := range page { // beside, alone, and back
			if r := sync(list); r.code != 0 || r.outputs["Changed"] != "True" {
				t.Errorf("step %d: exit code %d\n%s", i, r.code, r.log)
			}
			if r := sync(list); r.code != 0 || r.outputs["Changed"] != "False" {
				t.Errorf("step %d, again: exit code %d\n%s", i, r.code, r.log)
			}
		}
	}
}

// documentedFleetSteps are the question to each node and the lists of addresses in the steps of the
// page, in order.
func documentedFleetSteps(t *testing.T) (redis string, lists []string) {
	t.Helper()
	page, err := os.ReadFile("../docs/fleet.md")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(page)) {
		if list, is := strings.CutPrefix(strings.TrimSpace(line), "OctoTentacle.Nodes "); is {
			lists = append(lists, strings.TrimSpace(list))
		}
	}
	_, redis, _ = strings.Cut(string(page), "   for node in ")
	redis, _, is := strings.Cut(redis, "   ```")
	if len(lists) != 3 || !is {
		t.Fatalf("the question is %q, the steps are %q", redis, lists)
	}
	return "for node in " + redis, lists
}
