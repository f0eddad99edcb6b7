package commands_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/commands"
	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/rogpeppe/go-internal/diff"
	"github.com/urfave/cli/v2"
)

// deliberate are the recordings in which octo-tentacle differs from Tentacle on
// purpose, each with the reason, as docs/compatibility.md gives it. A recording that
// agrees must not be here. The exact difference is in testdata/differences.
var deliberate = map[string]string{
	"poll-server-app-path":         "An address pasted from the browser (`https://octopus.example.com/app#/Spaces-1`) is understood. Tentacle fails.",
	"poll-server-reuse-thumbprint": reusesWhatPolls,
	"poll-server-address-no-port":  reusesWhatPolls,
	"edit-listening-entry":         reusesWhatPolls,
	"edit-empty-value":             nothingToReuse,
	"edit-no-setting":              nothingToReuse,
	"edit-null":                    nothingToReuse,
	"edit-self-closing":            nothingToReuse,
	"edit-no-subscription":         "`--reuse-server-thumbprint` is refused if the entry to reuse has no subscription and the Tentacle no Squid, because nothing is handed out without one. Tentacle copies the entry.",
	"edit-unknown-field":           "Unknown fields of a trusted server are kept. Tentacle drops them.",
	"clear-trusted-all":            clearsAll,
	"clear-trusted-keep":           clearsAll,
	"update-trust":                 "`update-trust` trusts the old thumbprint and the new one while a polled port presents the old certificate. Tentacle replaces the old one, and no longer reaches that node.",
	"server-comms-case":            "`server-comms` writes host names in lower case, as `poll-server` does. With both programs a node is in the list only once.",
	"register-twice-two-addresses": "Another address of the same cluster is polled under the same subscription, and the registration stays. Tentacle makes a new subscription, and gets no more work from the first node.",
	"register-with-clash":          "Registering a Tentacle again as it is registered already succeeds, and changes nothing. Tentacle fails.",
	"register-with-force":          "`--force` sends nothing if the registration is as asked for, and leaves alone what the options do not name. Tentacle replaces environments, roles and tenants, which empties tenants that were added in the portal.",
	"deregister-from-multiple":     "A second registration of the same Tentacle in the same space needs `--additional`, since a deployment to both runs twice. Tentacle registers it without a word.",
	"two-cases":                    "`create-instance` with another configuration sets the home folder in the new file. Tentacle sets it in the old file, and leaves the new one without.",
	"show-configuration":           "`show-configuration --file` works. Tentacle fails with an exception.",
	"version":                      "octo-tentacle has its own version.",
	"register-with-unknown-env":    checksFirst,
	"register-with-unknown-tag":    checksFirst,
	"register-with-unknown-policy-server-without-environments-v2": checksFirst,
	"register-with-unknown-tag-server-without-environments-v2":    checksFirst,
	"register-with-unknown-tenant-server-without-environments-v2": checksFirst,
}

// Reasons that several recordings share.
const (
	reusesWhatPolls = "`--reuse-server-thumbprint` reuses the first entry that polls. Tentacle copies the first entry, which may poll nothing."
	nothingToReuse  = "`--reuse-server-thumbprint` is refused if no entry polls. Tentacle writes an entry that never polls."
	clearsAll       = "`clear-trusted-servers` removes entries without an address like any other. Tentacle fails on them."
	checksFirst     = "Nothing is written before everything has been checked. Tentacle leaves `PollingConnectionCount` behind when it fails on an environment, tag, tenant or policy that does not exist."
)

// recording is a file of testdata/recordings: what Tentacle did. See
// testdata/recordings/README.md.
type recording struct {
	Before string
	Steps  []struct {
		Args   []string
		Exit   int
		Files  map[string]*string
		Stdout *string // only where it is data
	}
	Requests []octotest.Request
}

// TestTheRecordingsOfTentacleAgree replays each recording: the commands
// that octo-tentacle has are run, the files of the others are put in place as
// recorded. Exit code (any failure of theirs is a 1 of ours), settings, index
// files, data on standard output and what is sent to change the server must agree.
func TestTheRecordingsOfTentacleAgree(t *testing.T) {
	files, err := filepath.Glob("../testdata/recordings/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings: %v", err)
	}
	differences, err := filepath.Abs("../testdata/differences") // a replay has a working folder of its own
	if err != nil {
		t.Fatal(err)
	}
	agreed, replayed := 0, 0
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(name, func(t *testing.T) {
			difference := replay(t, file, strings.HasSuffix(name, "without-environments-v2"))
			replayed++
			reason, expected := deliberate[name]
			switch {
			case difference == "" && expected:
				t.Errorf("agrees now, although it is listed as a deliberate difference (%s)", reason)
			case difference != "" && !expected:
				t.Errorf("differs from Tentacle (-Tentacle +ours):\n%s", difference)
			case difference == "":
				agreed++
			case name != "version" && runtime.GOOS != "windows": // which encrypts otherwise
				commands.CompareWithFile(t, filepath.Join(differences, name+".txt"), difference)
			}
		})
	}
	t.Logf("%d recordings replayed: %d agree, %d differ deliberately", replayed, agreed, len(deliberate))
	for name := range deliberate {
		if !slices.Contains(files, filepath.Join("../testdata/recordings", name+".json")) {
			t.Errorf("deliberate difference %s: there is no such recording", name)
		}
	}
}

// replayMachine is a throw-away host with a cluster, on which a recording is replayed.
type replayMachine struct {
	*scene
	folder   string
	values   *strings.Replacer // from the recording's values to ours
	recorded *strings.Replacer // and back
}

// replayed is what is compared, of a whole recording.
type replayed struct {
	Failed   []bool
	Settings []map[string]string // of each configuration, and the index files, after each step of ours
	Stdout   []string            // where it is data, of each step
	Writes   []octotest.Request
}

func replay(t *testing.T, file string, noEnvironmentsV2 bool) (difference string) {
	var r recording
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(file, "worker") {
		content = onThisMachine(content)
	}
	if err := json.Unmarshal(content, &r); err != nil {
		t.Fatal(err)
	}
	m := newReplayMachine(t, noEnvironmentsV2)
	if r.Before != "" {
		m.write(t, "{D}/Tentacle.config", &r.Before)
	}

	var theirs, ours replayed
	recorded := map[string]string{} // what Tentacle had by then
	for i, step := range r.Steps {
		for path, content := range step.Files {
			recorded[m.values.Replace(path)] = m.values.Replace(*content)
		}
		if len(step.Args) > 0 && step.Args[0] == "delete-instance" {
			delete(recorded, filepath.ToSlash(m.indexFile(step.Args))) // recordings do not tell what is gone
		}
		if !m.has(step.Args) {
			for path, content := range step.Files {
				m.write(t, path, content)
			}
			continue
		}
		theirs.Failed = append(theirs.Failed, step.Exit != 0)
		theirs.Settings = append(theirs.Settings, settingsOf(t, recorded))
		code, stdout := m.run(t, withoutNewKey(t, r, i))
		ours.Failed = append(ours.Failed, code != 0)
		// On Windows Tentacle shows other things (Commands/ShowConfigurationCommand.cs).
		if step.Stdout != nil && (runtime.GOOS != "windows" || step.Args[0] != "show-configuration") {
			theirs.Stdout, ours.Stdout = append(theirs.Stdout, m.values.Replace(*step.Stdout)), append(ours.Stdout, stdout)
		}
		ours.Settings = append(ours.Settings, settingsOf(t, m.files(t)))
	}
	theirs.Writes, ours.Writes = m.recordedWrites(t, r.Requests), m.sentWrites()
	return m.difference(t, theirs.portable(m.folder).withoutChance(t), ours.portable(m.folder).withoutChance(t))
}

// onThisMachine replaces the number of polling connections of a worker, which was recorded on a
// machine with five processors at most.
func onThisMachine(recording []byte) []byte {
	count := regexp.MustCompile(`(PollingConnectionCount(?:\\">|": "))5([<"])`)
	return count.ReplaceAll(recording, fmt.Appendf(nil, "${1}%d$2", max(5, runtime.NumCPU())))
}

// recordedWrites are the requests of a recording that were to change something.
func (m *replayMachine) recordedWrites(t *testing.T, requests []octotest.Request) (writes []octotest.Request) {
	t.Helper()
	for _, request := range requests {
		if request.Method != "" && request.Method != "GET" {
			request.Body = m.replaceIn(t, request.Body)
			writes = append(writes, request)
		}
	}
	return writes
}

// sentWrites are those that the cluster was sent until now.
func (m *replayMachine) sentWrites() (writes []octotest.Request) {
	for _, request := range m.cluster.Requests() {
		if request.Method != "" && request.Method != "GET" {
			writes = append(writes, octotest.Request{Method: request.Method, Path: request.Path, Status: request.Status, Body: request.Body})
		}
	}
	return writes
}

// difference is the lines that only one of the two has, with the recording's
// values in place of this run's.
func (m *replayMachine) difference(t *testing.T, theirs, ours replayed) string {
	t.Helper()
	lines := func(o replayed) []byte {
		text, err := json.MarshalIndent(o, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		return append(text, '\n')
	}
	var different strings.Builder
	for line := range strings.Lines(string(diff.Diff("theirs", lines(theirs), "ours", lines(ours)))) {
		header := strings.HasPrefix(line, "--- ") || strings.HasPrefix(line, "+++ ")
		if !header && strings.ContainsAny(line[:1], "+-") {
			different.WriteString(line)
		}
	}
	return m.recorded.Replace(different.String())
}

// portable has paths in the form in which they were recorded, on Linux.
func (o replayed) portable(folder string) replayed {
	escaped := strings.ReplaceAll(folder, `\`, `\\`) // as in JSON
	paths := regexp.MustCompile(`(?:` + regexp.QuoteMeta(filepath.ToSlash(folder)) + `|` + regexp.QuoteMeta(escaped) + `|` + regexp.QuoteMeta(folder) + `)[^"\s]*`)
	slashes := strings.NewReplacer(escaped, "{D}", folder, "{D}", filepath.ToSlash(folder), "{D}", `\\`, "/", `\`, "/")
	text := func(s string) string { return paths.ReplaceAllStringFunc(s, slashes.Replace) }
	for i, settings := range o.Settings {
		o.Settings[i] = map[string]string{}
		for key, value := range settings {
			o.Settings[i][text(key)] = text(value)
		}
	}
	for i := range o.Stdout {
		o.Stdout[i] = text(o.Stdout[i])
	}
	return o
}

func newReplayMachine(t *testing.T, noEnvironmentsV2 bool) *replayMachine {
	cluster, err := octotest.Start(octotest.Options{Recorded: true, NoEnvironmentsV2: noEnvironmentsV2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	api, err := url.Parse(cluster.URL())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(api.Hostname(), ".1") || api.Port() != "8065" {
		t.Skip("needs the whole of 127.0.0.0/8, so that nodes have the recorded port numbers")
	}
	folder := t.TempDir()
	t.Chdir(folder)
	useHost(t, filepath.Join(folder, "home"), recordedMachineID)
	network := strings.TrimSuffix(api.Hostname(), "1")
	return &replayMachine{scene: &scene{cluster: cluster}, folder: folder,
		values: strings.NewReplacer("{D}", filepath.ToSlash(folder),
			"{THUMB}", cluster.Thumbprint(), "{thumb}", strings.ToLower(cluster.Thumbprint()), "127.0.0.", network),
		recorded: strings.NewReplacer(cluster.Thumbprint(), "{THUMB}", strings.ToLower(cluster.Thumbprint()), "{thumb}", network, "127.0.0.")}
}

func (m *replayMachine) has(args []string) bool {
	if len(args) == 0 {
		return true
	}
	return slices.ContainsFunc(commands.Commands(), func(c *cli.Command) bool { return strings.EqualFold(c.Name, args[0]) })
}

// recordedMachineID is the id of the machine that the recordings were made on, with which their
// secrets can be decrypted.
const recordedMachineID = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"

// withoutNewKey is the command line of a step. To make a key takes longer than all the rest of a
// recording, so where new-certificate only prepares for what follows, and does what it does in the
// recording of that name, a certificate made before is imported.
func withoutNewKey(t *testing.T, r recording, i int) []string {
	arguments := r.Steps[i].Args
	if len(arguments) != 1 || arguments[0] != "new-certificate" || i == len(r.Steps)-1 {
		return arguments
	}
	return []string{"import-certificate", "--from-file=" + commands.PFXFile(t)}
}

func (m *replayMachine) indexFile(args []string) string {
	for _, arg := range args {
		if name, ok := strings.CutPrefix(arg, "--instance="); ok {
			return tentacleconfig.IndexFile(name)
		}
	}
	return tentacleconfig.IndexFile(tentacleconfig.DefaultInstance)
}

// run runs a recorded command line.
func (m *replayMachine) run(t *testing.T, args []string) (code int, output string) {
	t.Helper()
	ours := make([]string, len(args))
	for i, arg := range args {
		ours[i] = m.values.Replace(arg)
	}
	ours = append(ours, shortTimeout(ours)...)
	got := m.try(t, ours...)
	t.Logf("octo-tentacle %s: %d\n%s%s", strings.Join(args, " "), got.code, got.stdout, got.stderr)
	if strings.Contains(got.stdout+got.stderr, octotest.APIKey) {
		t.Error("the output shows the key")
	}
	return got.code, got.stdout
}

// shortTimeout keeps the recordings of failures quick.
func shortTimeout(args []string) []string {
	if len(args) > 0 && (args[0] == "poll-server" || args[0] == "register-with") && !slices.Contains(args, "--help") {
		return []string{"--timeout=30s"}
	}
	return nil
}

func (m *replayMachine) write(t *testing.T, path string, content *string) {
	t.Helper()
	path = m.values.Replace(path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(m.values.Replace(*content)), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (m *replayMachine) files(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(m.folder, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		files[path] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func (m *replayMachine) replaceIn(t *testing.T, body any) any {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	var replaced any
	if err := json.Unmarshal([]byte(m.values.Replace(string(text))), &replaced); err != nil {
		t.Fatal(err)
	}
	return replaced
}

// settingsOf are the settings of all configurations, the trusted servers in one
// form, and a certificate that matches its thumbprint as {certificate}; of an index
// file and of a file that cannot be read, the bytes.
func settingsOf(t *testing.T, files map[string]string) map[string]string {
	t.Helper()
	settings := map[string]string{}
	for path, content := range files {
		if filepath.Base(filepath.Dir(path)) == "Instances" {
			settings[path] = content
			continue
		}
		if filepath.Ext(path) != ".config" {
			continue
		}
		document, err := tentacleconfig.Parse(path, []byte(content))
		if err != nil {
			settings[path] = content
			continue
		}
		for _, setting := range document.Settings() {
			settings[path+" "+strings.ToLower(setting.Key)] = setting.Value
			if runtime.GOOS == "windows" && tentacleconfig.IsSecret(setting.Key) && setting.Value != "" {
				settings[path+" "+strings.ToLower(setting.Key)] = "{secret}" // Linux encrypts otherwise
			}
		}
		if certificate, ok := document.Get(tentacleconfig.KeyCertificate); ok && runtime.GOOS != "windows" && fitsItsThumbprint(path, document, certificate) {
			settings[path+" "+strings.ToLower(tentacleconfig.KeyCertificate)] = "{certificate}"
		}
		if servers, err := document.TrustedServers(); err == nil && len(servers) > 0 {
			settings[path+" "+strings.ToLower(tentacleconfig.KeyTrustedServers)] = tentacleconfig.FormatTrustedServers(servers)
		}
	}
	return settings
}

func fitsItsThumbprint(path string, document *tentacleconfig.Document, encrypted string) bool {
	plain, err := tentacleconfig.MachineSecrets{Config: path}.Decrypt(encrypted)
	if err != nil {
		return false
	}
	certificate, err := tentacleconfig.ParsePFX(plain, "")
	own, _ := document.Get(tentacleconfig.KeyThumbprint)
	return err == nil && certificate.Thumbprint() == own
}

var (
	anyThumbprint = regexp.MustCompile(`\b[0-9A-F]{40}\b`)
	subscription  = regexp.MustCompile(`poll://[a-z0-9]{20}/`)
	machineID     = regexp.MustCompile(`(Machines|Workers)-\d+`)
)

// withoutChance numbers what is random (subscriptions, the server's IDs,
// certificates) by order of appearance, so that equal ones stay equal.
func (o replayed) withoutChance(t *testing.T) replayed {
	t.Helper()
	// Map keys come out sorted, so the order is the same on both sides.
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	own := o.ownThumbprints()
	for _, pattern := range []*regexp.Regexp{subscription, machineID, anyThumbprint} {
		seen := map[string]string{}
		text = pattern.ReplaceAllFunc(text, func(found []byte) []byte {
			if pattern == anyThumbprint && !own[string(found)] {
				return found
			}
			if _, ok := seen[string(found)]; !ok {
				seen[string(found)] = "{random " + string(rune('a'+len(seen))) + "}"
			}
			return []byte(seen[string(found)])
		})
	}
	var same replayed
	if err := json.Unmarshal(text, &same); err != nil {
		t.Fatal(err)
	}
	return same
}

// ownThumbprints are those of the Tentacles' certificates, unlike those of servers.
func (o replayed) ownThumbprints() map[string]bool {
	own := map[string]bool{}
	for _, settings := range o.Settings {
		for key, value := range settings {
			if strings.HasSuffix(key, " "+strings.ToLower(tentacleconfig.KeyThumbprint)) {
				own[value] = true
			}
		}
	}
	return own
}

func TestEveryDeliberateDifferenceHasAReason(t *testing.T) {
	for name, reason := range maps.All(deliberate) {
		if len(reason) < 10 {
			t.Errorf("%s: %q is no reason", name, reason)
		}
	}
}
