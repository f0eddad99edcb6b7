package commands_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/commands"
	"github.com/octo-tentacle/octo-tentacle/kubernetes/kubetest"
	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// TestEveryCommandLineOfTheDocumentsRuns runs each command line of README and docs on a machine of
// its own, whose Tentacle is as the page has it.
func TestEveryCommandLineOfTheDocumentsRuns(t *testing.T) {
	t.Parallel()
	commands.TriesEverything(t)
	pages := commands.Documents(t)
	seen := map[string]bool{}
	for _, page := range slices.Sorted(maps.Keys(pages)) {
		for _, line := range commands.Examples(pages[page]) {
			line = strings.Join(strings.Fields(line), " ")
			if seen[line] || page == "CHANGELOG.md" || line == "demo" { // which CI runs
				continue
			}
			seen[line] = true
			t.Run(strings.NewReplacer("docs/", "", "/", "-").Replace(page), func(t *testing.T) {
				t.Parallel()
				runLineOfDocuments(t, line)
			})
		}
	}
	if len(seen) < 100 {
		t.Errorf("only %d command lines were found", len(seen))
	}
}

func runLineOfDocuments(t *testing.T, line string) {
	t.Helper()
	s := machineOfDocuments(t, line)
	folder, nodes := filepath.Dir(s.config), s.cluster.Addresses()
	nodes = append(nodes, nodes[1]) // of a cluster of two
	backup := ""
	if strings.HasPrefix(line, "restore-backup") {
		s.run(t, 0, "configure", "--port=10940")
		kept, err := filepath.Glob(s.config + ".bak-*")
		if err != nil || len(kept) == 0 {
			t.Fatalf("no backup: %v", err)
		}
		_, backup, _ = strings.Cut(filepath.Base(kept[0]), ".bak-")
	}
	here := strings.NewReplacer(
		`"$(get_octopusvariable "Octopus.Web.ServerUri")"`, s.cluster.URL(),
		"https://octopus.example.com --server-comms-port=10943-10945", s.nodes(),
		"https://octopus.example.com:10943", nodes[0], "https://polling.example.com:10943", nodes[0], "https://octopus.example.com", s.cluster.URL(),
		"https://dr.example.com", s.cluster.URL(), "https://dr1:10943", nodes[0], "https://dr2:10943", nodes[1],
		"https://octo1:10943", nodes[0], "https://octo2:10943", nodes[1], "https://octo3:10943", nodes[2], "https://octo4:10943", nodes[2],
		renewedThumbprint(line), s.cluster.Thumbprint(),
		"--proxyHost=proxy.example.com --proxyPort=3128", "--proxyHost=127.0.0.1 --proxyPort=1",
		"/root/octopus.key", "key.txt", `C:\octopus.key`, "key.txt", "/etc/octopus/tentacle.yaml", "tentacle.yaml",
		"/etc/octopus/web", folder, `C:\Octopus\web`, folder, `C:\Octopus\Applications`, filepath.Join(folder, "Applications"),
		"20261123T041500Z", backup, "20261126T033845Z", backup)
	arguments := argument.FindAllString(here.Replace(line), -1)
	for i, word := range arguments {
		arguments[i] = strings.ReplaceAll(word, `"`, "")
		if found, err := filepath.Glob(filepath.Join(folder, word)); strings.HasSuffix(word, "*.json") && err == nil {
			arguments = append(arguments[:i:i], append(found, arguments[i+1:]...)...)
			break
		}
	}
	if command := arguments[0]; (command == "service" || command == "restart-service") && !slices.Contains(arguments, "--dry-run") {
		arguments = append(arguments, "--dry-run") // there may be one of that name
	}
	cmd := s.command(arguments...)
	if registers := strings.Contains(arguments[0], "register-"); !registers {
		cmd.Env = append(cmd.Env, "OCTOPUS_URL=", "OCTOPUS_API_KEY=")
	}
	cmd.Dir, cmd.Stdin = folder, strings.NewReader(octotest.APIKey)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Run(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		t.Fatal(err)
	}
	if code := cmd.ProcessState.ExitCode(); code != 0 && !mayFail(line, code, output.String()) {
		t.Errorf("octo-tentacle %s\nexit code %d\n%s", line, code, &output)
	}
}

// The thumbprints of docs/renewal.md.
const (
	documentedOld = "0123456789ABCDEF0123456789ABCDEF01234567"
	documentedNew = "89ABCDEF0123456789ABCDEF0123456789ABCDEF"
)

// renewedThumbprint is the one in a command line that the cluster has: before its certificate is
// renewed the old one, and the new one when the old one is retired.
func renewedThumbprint(line string) string {
	if strings.Contains(line, "--retire") {
		return documentedNew
	}
	return documentedOld
}

// mayFail says whether a command line fails for a reason that the page gives, or that lies in the
// tests: there is no service of the Tentacle, nor Tentacle itself.
func mayFail(line string, code int, output string) bool {
	command, options, _ := strings.Cut(line, " ")
	switch {
	case strings.Contains(output, " is a placeholder"):
		return true
	case command == "service" || command == "restart-service":
		return code == 1 && (strings.Contains(output, "service") || strings.Contains(output, "the Tentacle program is not installed here"))
	case command == "check":
		return (code == 1 || code == 4) && strings.Contains(output, "service") && !strings.Contains(output, "octo-tentacle: ")
	case command == "polling-proxy": // there is no such proxy
		return code == 1 && strings.Contains(output, "would cut the Tentacle off")
	case options == "": // it is mentioned
		return code == 1
	}
	return strings.HasPrefix(line, "register-with --instance=Tentacle") && strings.HasSuffix(line, "/root/octopus.key") // the test of the page runs all of it
}

// machineOfDocuments is a machine on which a command line has something to do.
func machineOfDocuments(t *testing.T, line string) *scene {
	t.Helper()
	instance := "Tentacle"
	if strings.Contains(line, "instance=web") || strings.Contains(line, "instance:web") {
		instance = "web"
	}
	o := octotest.Options{}
	if strings.Contains(line, "https://dr") {
		o.NodeCount = 2
	}
	o.SharedQueues = strings.Contains(line, "https://polling")
	s := newScene(t, instance, o)
	folder, nodes := filepath.Dir(s.config), s.cluster.Addresses()
	command, _, _ := strings.Cut(line, " ")
	var trusted []tentacleconfig.TrustedServer
	for node := range nodes {
		entry := s.entry(node)
		trusted = append(trusted, entry)
		if strings.HasPrefix(line, "update-trust --retire --") {
			entry.Thumbprint = documentedOld
			trusted = append(trusted, entry)
		}
	}
	agents := strings.Contains(line, "-agents") || strings.Contains(line, "--namespace")
	switch {
	case command == "create-instance":
		must(t, errors.Join(os.Remove(s.config), os.RemoveAll(filepath.Join(s.home, "Tentacle"))))
	case command == "generalize":
		s.trusts(t)
	case command == "remove-server" && strings.Contains(line, "--server="): // which is gone
		s.cluster.SetServerNode(3, octotest.ServerNode{Gone: true})
	case strings.HasPrefix(command, "register-") || command == "apply" || agents:
	case command == "fleet":
		thumbprint, _ := sceneCertificate()
		must(t, s.cluster.AddMachine(octotest.Machine{Name: "web01", Thumbprint: thumbprint, Subscription: sceneSubscription, Polls: nodes}))
	default:
		s.isRegistered(t, sceneSubscription)
	}
	if command != "create-instance" && command != "generalize" && command != "poll-server" && command != "sync-servers" {
		must(t, makeTentacle(s.home, instance, s.config, trusted))
	}
	for name, content := range map[string]string{
		"key.txt": octotest.APIKey, "dr-key.txt": octotest.APIKey, "password.txt": "Password01!",
		"nodes.yaml":    fmt.Sprintf("nodes: [%s]\n", strings.Join(nodes, ", ")),
		"tentacle.yaml": fmt.Sprintf("instance: %s\ncommunication: polling\nserver: %s\nnodes: [%s]\nregistrations:\n  - {environments: [Development], roles: [web-server]}\n", instance, s.cluster.URL(), strings.Join(nodes, ", ")),
	} {
		must(t, os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600))
	}
	if command == "show-configuration" {
		must(t, os.Remove(filepath.Join(folder, "tentacle.yaml")))
	}
	if command == "import-certificate" {
		for _, name := range []string{"web.pfx", "web01.pfx"} {
			s.run(t, 0, "export-certificate", "--export-file="+filepath.Join(folder, name), "--pfx-password-file="+filepath.Join(folder, "password.txt"))
		}
	}
	if strings.HasPrefix(line, "fleet --reports") {
		report, _ := s.command("check", "--format=json").Output()
		for _, name := range []string{"web01.json", "reports/web01.json"} {
			must(t, errors.Join(os.MkdirAll(filepath.Join(folder, "reports"), 0o755), os.WriteFile(filepath.Join(folder, name), report, 0o600)))
		}
	}
	if agents {
		var files []string
		contexts := []string{"prod"}
		if strings.Contains(line, "prod,test") {
			contexts = append(contexts, "test")
		}
		for _, name := range contexts {
			k, err := kubetest.Start(name)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(k.Close)
			(&haScene{s, k}).install(t, "octopus-agent")
			files = append(files, filepath.Join(folder, name+".kubeconfig"))
			must(t, os.WriteFile(files[len(files)-1], []byte(k.Kubeconfig(kubetest.Admin)), 0o600))
		}
		s.pod = append(s.pod, "KUBECONFIG="+strings.Join(files, string(os.PathListSeparator)))
	}
	return s
}
