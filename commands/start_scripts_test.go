package commands_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/commands"
	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// deliberateInStarts are the recordings of testdata/recordings/start-scripts in which
// octo-tentacle differs from Tentacle on purpose, as deliberate has them for the others.
var deliberateInStarts = map[string]string{
	"isregistered-capital":                 countsAsRegistered,
	"isregistered-upper":                   countsAsRegistered,
	"isregistered-empty":                   isUnknown,
	"isregistered-yes":                     isUnknown,
	"address-changes":                      keepsWhatAnswers,
	"single-address-replaced":              keepsWhatAnswers,
	"single-address-variable-replaced":     keepsWhatAnswers,
	"register-target-userpass":             sendsNoCopy,
	"register-worker":                      sendsNoCopy,
	"register-target-isregistered-deleted": "An agent keeps its one subscription and its one registration: another address is polled under the same subscription, and another name needs `--rename` or `--additional`. Tentacle makes a new subscription, so that the addresses polled before get no more work, and a second registration.",
	"register-target-over-other-kind":      "The name of an ordinary Tentacle is refused to an agent, because newer servers do not change what a registration is. Tentacle sends the change, and the registration is the agent's from then on.",
}

// Reasons that several of these recordings share.
const (
	countsAsRegistered = "An agent whose setting `Tentacle.Services.IsRegistered` is `True` or `TRUE` is registered, as Tentacle has it in a file. In a ConfigMap, Tentacle takes only `true` and `1` for it, and registers the agent again."
	isUnknown          = "An agent whose certificate the cluster does not know gets a new subscription for all addresses of the cluster, since the one in use may be that of the agent it was copied from. Tentacle keeps that one, and moves the address to the end of the list."
	keepsWhatAnswers   = "`clear-trusted-servers` is refused if no entry is at an address to keep and one that is polled answers: the start of an agent whose first address was replaced. Tentacle removes all entries, and the agent polls nothing any more."
	sendsNoCopy        = "An agent that is registered again as it is registered already sends nothing. Tentacle sends the same registration once more."
)

// startRecording is a file of testdata/recordings/start-scripts: what the start script of a
// Kubernetes agent ran, and what Tentacle did. See testdata/recordings/README.md.
type startRecording struct {
	Note         string
	Before       map[string]string  // settings; nil where there is no configuration yet
	ServerBefore []octotest.Machine // registered by others
	Steps        []startStep
	Requests     []octotest.Request // to change something
}

// startStep is one run of a script, or some of its commands by hand.
type startStep struct {
	InstalledAgain bool     // the configuration is lost before this step
	Deleted        []string // settings that a person deletes before this step
	Calls          []startCall
	Settings       map[string]string // after the step
}

type startCall struct {
	Args []string
	Exit int
}

// TestTheRecordingsOfStartScriptsAgree runs what start scripts of agents ran, and compares as the
// replay of the other recordings does. Each step is then run once more, as a container is that
// ends and starts again: nothing may change any more.
func TestTheRecordingsOfStartScriptsAgree(t *testing.T) {
	files := startRecordings(t)
	differences, err := filepath.Abs("../testdata/differences/start-scripts") // a replay has a working folder of its own
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(name, func(t *testing.T) {
			difference := replayStart(t, file)
			reason, expected := deliberateInStarts[name]
			switch {
			case difference == "" && expected:
				t.Errorf("agrees now, although it is listed as a deliberate difference (%s)", reason)
			case difference != "" && !expected:
				t.Errorf("differs from Tentacle (-Tentacle +ours):\n%s", difference)
			case difference != "" && runtime.GOOS != "windows": // which encrypts otherwise
				commands.CompareWithFile(t, filepath.Join(differences, name+".txt"), difference)
			}
		})
	}
	for name := range deliberateInStarts {
		if !slices.Contains(files, filepath.Join("../testdata/recordings/start-scripts", name+".json")) {
			t.Errorf("deliberate difference %s: there is no such recording", name)
		}
	}
}

func startRecordings(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../testdata/recordings/start-scripts/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings: %v", err)
	}
	return files
}

func readStartRecording(t *testing.T, file string) (r startRecording) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(file, "worker") {
		content = onThisMachine(content)
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	host, _, _ = strings.Cut(host, ".")
	content = bytes.ReplaceAll(content, []byte("{host}"), []byte(host))
	if err := json.Unmarshal(content, &r); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return r
}

func replayStart(t *testing.T, file string) (difference string) {
	r := readStartRecording(t, file)
	a := newReplayAgent(t, r)
	var theirs, ours replayed
	if r.Before != nil { // so that a subscription that changes is seen to
		theirs.Settings = append(theirs.Settings, a.settings(t, a.configuration(t, r.Before)))
		ours.Settings = append(ours.Settings, a.settings(t, a.content(t)))
	}
	for _, step := range r.Steps {
		a.prepare(t, step)
		for _, call := range step.Calls {
			theirs.Failed = append(theirs.Failed, call.Exit != 0)
		}
		theirs.Settings = append(theirs.Settings, a.settings(t, a.configuration(t, step.Settings)))
		failed := a.start(t, step.Calls)
		ours.Failed = append(ours.Failed, failed...)
		ours.Settings = append(ours.Settings, a.settings(t, a.content(t)))
		a.startAgain(t, step.Calls, failed)
	}
	theirs.Writes, ours.Writes = withoutCopies(a.recordedWrites(t, r.Requests)), withoutCopies(a.sentWrites())
	return a.difference(t, theirs.portable(a.folder).withoutChance(t), ours.portable(a.folder).withoutChance(t))
}

// withoutCopies leaves out the copies of an endpoint's thumbprint and address, which go back to the
// server as it told them.
func withoutCopies(writes []octotest.Request) []octotest.Request {
	for _, request := range writes {
		if machine, is := request.Body.(map[string]any); is {
			delete(machine, "Thumbprint")
			delete(machine, "Uri")
		}
	}
	return writes
}

// replayAgent is a throw-away agent with a cluster, on which a start is replayed. Its settings are
// in a file, not in a ConfigMap.
type replayAgent struct {
	*replayMachine
	hasCertificate bool // so that its script makes none
}

func newReplayAgent(t *testing.T, r startRecording) *replayAgent {
	t.Helper()
	a := &replayAgent{newReplayMachine(t, false), r.Before != nil}
	a.config = filepath.Join(a.folder, "octopus", "tentacle.config")
	for _, machine := range r.ServerBefore {
		if err := a.cluster.AddMachine(machine); err != nil {
			t.Fatal(err)
		}
	}
	if r.Before == nil {
		return a
	}
	pfx, err := commands.OnePFX()
	if err != nil {
		t.Fatal(err)
	}
	encrypted, err := tentacleconfig.MachineSecrets{}.Encrypt([]byte(base64.StdEncoding.EncodeToString(pfx)))
	if err != nil {
		t.Fatal(err)
	}
	settings := maps.Clone(r.Before)
	settings[tentacleconfig.KeyCertificate], settings[tentacleconfig.KeyThumbprint] = encrypted, tentacleThumbprint()
	content := a.configuration(t, settings)
	a.write(t, a.config, &content)
	if _, err := tentacleconfig.Register(tentacleconfig.Instance{Name: tentacleconfig.DefaultInstance, ConfigPath: a.config}); err != nil {
		t.Fatal(err)
	}
	return a
}

// configuration is the file that has the recorded settings.
func (a *replayAgent) configuration(t *testing.T, recorded map[string]string) string {
	t.Helper()
	var settings []tentacleconfig.Setting
	for key, value := range recorded {
		settings = append(settings, tentacleconfig.Setting{Key: key, Value: a.values.Replace(value)})
	}
	document, err := tentacleconfig.New(a.config, settings...)
	if err != nil {
		t.Fatal(err)
	}
	return string(document.Bytes())
}

func (a *replayAgent) content(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile(a.config)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// settings are those of a configuration, without the empty ones, which a ConfigMap does not have.
func (a *replayAgent) settings(t *testing.T, configuration string) map[string]string {
	t.Helper()
	settings := settingsOf(t, map[string]string{a.config: configuration})
	maps.DeleteFunc(settings, func(_, value string) bool { return value == "" })
	return settings
}

// prepare does what was done by hand before a step.
func (a *replayAgent) prepare(t *testing.T, step startStep) {
	t.Helper()
	if step.InstalledAgain {
		if err := os.RemoveAll(filepath.Dir(a.config)); err != nil {
			t.Fatal(err)
		}
		if err := tentacleconfig.Unregister(tentacleconfig.DefaultInstance); err != nil {
			t.Fatal(err)
		}
	}
	if len(step.Deleted) == 0 {
		return
	}
	document, err := tentacleconfig.Read(a.config)
	if err != nil {
		t.Fatal(err)
	}
	left := map[string]string{}
	for _, setting := range document.Settings() {
		if !slices.Contains(step.Deleted, setting.Key) {
			left[setting.Key] = setting.Value
		}
	}
	content := a.configuration(t, left)
	a.write(t, a.config, &content)
}

// start runs the calls of a step until one fails, where the script ends, and says which failed.
func (a *replayAgent) start(t *testing.T, calls []startCall) (failed []bool) {
	t.Helper()
	for _, call := range calls {
		code, _ := a.run(t, a.withoutNewKey(t, call.Args))
		failed = append(failed, code != 0)
		if code != 0 {
			break
		}
	}
	return failed
}

// startAgain runs the calls once more, which must end as before and change nothing.
func (a *replayAgent) startAgain(t *testing.T, calls []startCall, failed []bool) {
	t.Helper()
	saved, sent := a.content(t), len(a.sentWrites())
	if again := a.start(t, calls); !slices.Equal(again, failed) {
		t.Errorf("%v: which of the calls failed was %v, and the second time %v", calls, failed, again)
	}
	if content := a.content(t); content != saved {
		t.Errorf("%v: the second time, the configuration changed from\n%s\nto\n%s", calls, saved, content)
	}
	if writes := a.sentWrites(); len(writes) > sent {
		t.Errorf("%v: the second time, the server was sent %v", calls, writes[sent:])
	}
}

// withoutNewKey is a call, with an import in place of the first certificate that is made, which
// takes longer than all the rest. A second one has to be another one.
func (a *replayAgent) withoutNewKey(t *testing.T, arguments []string) []string {
	t.Helper()
	if arguments[0] != "new-certificate" || a.hasCertificate {
		return arguments
	}
	a.hasCertificate = true
	return []string{"import-certificate", "--instance=Tentacle", "--from-file=" + commands.PFXFile(t)}
}
