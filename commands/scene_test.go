package commands_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/commands"
	"github.com/octo-tentacle/octo-tentacle/internal/history"
	"github.com/octo-tentacle/octo-tentacle/internal/machinefiles"
	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// scene is a cluster, and a host with a Tentacle that polls its first node.
type scene struct {
	cluster *octotest.Cluster
	home    string   // TentacleMachineConfigurationHomeDirectory: the index of instances
	config  string   // Tentacle.config
	wishes  string   // the folder of files for apply
	noKey   bool     // commands know no server
	pod     []string // variables of the pod in whose container commands run
}

const sceneSubscription = "poll://g3662re9njtelsyfhm7t/"

// sceneMachineID is that of every host of the tests, with which the certificates that makeTentacle
// writes can be read.
const sceneMachineID = "0123456789abcdef0123456789abcdef"

// writeMachineID makes the files of a host, in a folder.
func writeMachineID(folder string) error {
	return errors.Join(os.MkdirAll(folder, 0o755), os.WriteFile(filepath.Join(folder, "machine-id"), []byte(sceneMachineID+"\n"), 0o644))
}

// sceneCertificate is the certificate of every Tentacle that makeTentacle makes: its thumbprint,
// and the setting.
var sceneCertificate = sync.OnceValues(func() (thumbprint, setting string) {
	pfx, err := commands.OnePFX()
	if err != nil {
		panic(err)
	}
	certificate, err := tentacleconfig.ParsePFX(pfx, "")
	if err != nil {
		panic(err)
	}
	setting, err = encryptForScene([]byte(base64.StdEncoding.EncodeToString(pfx)))
	if err != nil {
		panic(err)
	}
	return certificate.Thumbprint(), setting
})

// encryptForScene is what a Tentacle does on a host whose machine id is sceneMachineID.
func encryptForScene(plain []byte) (string, error) {
	if runtime.GOOS == "windows" {
		return tentacleconfig.MachineSecrets{}.Encrypt(plain)
	}
	key, err := tentacleconfig.NewKey([]byte(sceneMachineID), []byte("743677397A244326"))
	if err != nil {
		return "", err
	}
	return key.Encrypt(plain)
}

// tentacleThumbprint is that of every Tentacle that makeTentacle makes.
func tentacleThumbprint() string {
	thumbprint, _ := sceneCertificate()
	return thumbprint
}

// skipUnlessRequired is for what is missing here: .ci/run names what it has installed.
func skipUnlessRequired(t *testing.T, what, why string) {
	t.Helper()
	if slices.Contains(strings.Split(os.Getenv("OCTO_TENTACLE_REQUIRE"), ","), what) {
		t.Fatal(why)
	}
	t.Skip(why)
}

func newScene(t *testing.T, name string, o octotest.Options) *scene {
	t.Helper()
	cluster, err := octotest.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	folder := t.TempDir()
	s := &scene{cluster: cluster, home: filepath.Join(folder, "home"), config: filepath.Join(folder, "Tentacle.config"), wishes: t.TempDir()}
	if err := writeMachineID(folder); err != nil {
		t.Fatal(err)
	}
	if err := makeTentacle(s.home, name, s.config, []tentacleconfig.TrustedServer{{
		Thumbprint: cluster.Thumbprint(), Style: tentacleconfig.StylePolling,
		Address: cluster.Addresses()[0], SubscriptionID: sceneSubscription,
	}}); err != nil {
		t.Fatal(err)
	}
	return s
}

// makeTentacle writes the index file and the configuration of an instance, as Tentacle writes them.
func makeTentacle(home, name, config string, servers []tentacleconfig.TrustedServer) error {
	index := filepath.Join(home, "Tentacle", "Instances", strings.ReplaceAll(strings.ToLower(name), " ", "-")+".config")
	entry, err := json.MarshalIndent(map[string]string{"Name": name, "ConfigurationFilePath": config}, "", "  ")
	if err != nil {
		return err
	}
	thumbprint, certificate := sceneCertificate()
	trusted := ""
	if len(servers) > 0 {
		trusted = "\n  <set key=\"Tentacle.Communication.TrustedOctopusServers\">" + tentacleconfig.FormatTrustedServers(servers) + "</set>"
	}
	text := "\ufeff<?xml version=\"1.0\" encoding=\"utf-8\"?>\n" +
		"<octopus-settings xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\">\n" +
		"  <set key=\"Octopus.Home\">" + filepath.Dir(config) + "</set>\n" +
		"  <set key=\"Tentacle.Certificate\">" + certificate + "</set>\n" +
		"  <set key=\"Tentacle.CertificateThumbprint\">" + thumbprint + "</set>" + trusted + "\n" +
		"</octopus-settings>"
	return errors.Join(
		os.MkdirAll(filepath.Dir(index), 0o755),
		os.MkdirAll(filepath.Dir(config), 0o755),
		os.WriteFile(index, entry, 0o644),
		os.WriteFile(config, []byte(text), 0o600),
	)
}

func (s *scene) entry(node int) tentacleconfig.TrustedServer {
	return tentacleconfig.TrustedServer{Thumbprint: s.cluster.Thumbprint(), Style: tentacleconfig.StylePolling,
		Address: s.cluster.Addresses()[node], SubscriptionID: sceneSubscription}
}

// trusts makes the Tentacle again, with these trusted servers.
func (s *scene) trusts(t *testing.T, servers ...tentacleconfig.TrustedServer) {
	t.Helper()
	if err := makeTentacle(s.home, "Tentacle", s.config, servers); err != nil {
		t.Fatal(err)
	}
}

func (s *scene) nodes() string { return strings.Join(s.cluster.Addresses(), ",") }

// command is octo-tentacle in a process of its own, on this host and cluster.
func (s *scene) command(arguments ...string) *exec.Cmd {
	cmd := exec.Command("octo-tentacle", arguments...)
	cmd.Env = append(os.Environ(), "TentacleMachineConfigurationHomeDirectory="+s.home, scriptMachine+"="+filepath.Dir(s.config),
		"OCTOPUS_URL="+s.cluster.URL(), "OCTOPUS_API_KEY="+octotest.APIKey, "OCTOPUS_ACCESS_TOKEN=", "OCTOPUS_SPACE=")
	cmd.Env = append(cmd.Env, s.pod...)
	if s.noKey {
		cmd.Env = append(cmd.Env, "OCTOPUS_API_KEY=")
	}
	return cmd
}

// run runs a command line, which has to end with that exit code.
func (s *scene) run(t *testing.T, code int, arguments ...string) (stdout, stderr string) {
	t.Helper()
	cmd := s.command(arguments...)
	cmd.Dir = s.home
	var out, err bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &err
	if failure := cmd.Run(); failure != nil && !errors.As(failure, new(*exec.ExitError)) {
		t.Fatal(failure)
	}
	if got := cmd.ProcessState.ExitCode(); got != code {
		t.Fatalf("%s: exit code %d, not %d\n%s%s", strings.Join(arguments, " "), got, code, &out, &err)
	}
	return out.String(), err.String()
}

// useHost makes this process see the instances of home, the keys of a host of its own with this
// machine id, and none of the variables that octo-tentacle reads.
func useHost(t *testing.T, home, machineID string) {
	t.Helper()
	for _, name := range []string{"OCTOPUS_URL", "OCTOPUS_API_KEY", "OCTOPUS_ACCESS_TOKEN", "OCTOPUS_SPACE",
		"OCTOPUS_SERVICE_USERNAME", "OCTOPUS_SERVICE_PASSWORD", "TentacleInstanceName"} {
		t.Setenv(name, "")
	}
	t.Setenv("TentacleMachineConfigurationHomeDirectory", home)
	keys := t.TempDir()
	if err := os.WriteFile(filepath.Join(keys, "machine-id"), []byte(machineID+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(machinefiles.Use(filepath.Join(keys, "machine-id"), filepath.Join(keys, "machinekey")))
}

// inProcess is a scene whose host and cluster are those of this process. The Tentacle is registered
// as a deployment target and as a worker, and has two backups.
func inProcess(t *testing.T) *scene {
	t.Helper()
	s := newScene(t, "Tentacle", octotest.Options{})
	useHost(t, s.home, sceneMachineID)
	t.Setenv("OCTOPUS_URL", s.cluster.URL())
	t.Setenv("OCTOPUS_API_KEY", octotest.APIKey)
	t.Chdir(t.TempDir())
	registered(false)(t, s)
	registered(true)(t, s)
	for _, port := range []string{"10935", "10936"} {
		s.run(t, 0, "configure", "--port="+port)
	}
	return s
}

// outcome is what a script sees of a run.
type outcome struct {
	code           int
	stdout, stderr string
}

// try runs a command line in this process, for which the scene is inProcess.
func (s *scene) try(t *testing.T, arguments ...string) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := commands.Run(t.Context(), strings.NewReader(""), &stdout, &stderr, arguments)
	return outcome{code, stdout.String(), stderr.String()}
}

// steady is the outcome without what differs in each run.
func (o outcome) steady() outcome {
	changing := regexp.MustCompile(`poll://[a-z0-9]{20}/|\d+(\.\d+)?(ms|µs| ms)|within \d+|\d+-\d\d-\d\dT\d\d:\d\d:\d\dZ`)
	return outcome{o.code, changing.ReplaceAllString(o.stdout, "…"), changing.ReplaceAllString(o.stderr, "…")}
}

// history is what is recorded of the Tentacle, the newest first.
func (s *scene) history(t *testing.T) []history.Entry {
	t.Helper()
	entries, err := history.Read(filepath.Join(filepath.Dir(s.config), "Logs"))
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

// recorded is what is in the log of the scene's machine, in order.
func (s *scene) recorded(t *testing.T) (entries []history.Entry) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(filepath.Dir(s.config), systemLog))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	for line := range bytes.Lines(content) {
		var e history.Entry
		if json.Unmarshal(line, &e) == nil {
			entries = append(entries, e)
		}
	}
	return entries
}

// addresses are those in the file now.
func (s *scene) addresses(t *testing.T) []string {
	t.Helper()
	return addressesIn(t, s.config)
}

func addressesIn(t *testing.T, config string) []string {
	t.Helper()
	addresses, err := polled(config)
	if err != nil {
		t.Fatal(err)
	}
	return addresses
}

// polled are the addresses in a configuration.
func polled(config string) (addresses []string, err error) {
	document, err := tentacleconfig.Read(config)
	if err != nil {
		return nil, err
	}
	servers, err := document.TrustedServers()
	for _, server := range servers {
		addresses = append(addresses, server.Address)
	}
	return addresses, err
}

// writes counts the requests at the API that are to change something.
func (s *scene) writes() (n int) {
	for _, request := range s.cluster.Requests() {
		if request.Method == "POST" && request.PollingPort == 0 {
			n++
		}
	}
	return n
}

// waitForRequest waits until the server has been asked; with a write, to change
// something.
func (s *scene) waitForRequest(t *testing.T, write bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if s.writes() > 0 || !write && len(s.cluster.Requests()) > 0 {
			return
		}
	}
	t.Fatal("nothing was sent")
}

// written are the requests since the last call that were to change something.
func (s *scene) written() (list []string) {
	for _, request := range s.cluster.Requests() {
		if request.PollingPort == 0 && request.Method != "GET" {
			list = append(list, request.Method+" "+request.Path)
		}
	}
	s.cluster.ResetRequests()
	return list
}

// snapshot is all that a change of a file or folder would show in.
type snapshot map[string]fileState

type fileState struct {
	info    os.FileInfo
	content string
}

func (s *scene) snapshot(t *testing.T) snapshot {
	t.Helper()
	files := snapshot{}
	err := filepath.WalkDir(filepath.Dir(s.config), func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		state := fileState{}
		if state.info, err = entry.Info(); err != nil {
			return err
		}
		if entry.Type().IsRegular() {
			var content []byte
			if content, err = os.ReadFile(path); err != nil {
				return err
			}
			state.content = string(content)
		}
		files[path] = state
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// same says what differs.
func (before snapshot) same(t *testing.T, when string, after snapshot) {
	t.Helper()
	for path, b := range before {
		a, there := after[path]
		switch {
		case !there:
			t.Errorf("%s: %s is gone", when, path)
		case !os.SameFile(a.info, b.info), !a.info.ModTime().Equal(b.info.ModTime()), a.info.Mode() != b.info.Mode(), a.content != b.content:
			t.Errorf("%s: %s was touched", when, path)
		}
	}
	for path := range after {
		if _, was := before[path]; !was {
			t.Errorf("%s: %s is new", when, path)
		}
	}
}
