package commands_test

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/octo-tentacle/octo-tentacle/commands"
	"github.com/octo-tentacle/octo-tentacle/internal/podaccount"
	"github.com/octo-tentacle/octo-tentacle/kubernetes"
	"github.com/octo-tentacle/octo-tentacle/kubernetes/kubetest"
	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// deliberateInAgents are the recordings of testdata/recordings/kubernetes in which octo-tentacle
// differs from Tentacle on purpose, as deliberate has them for those of files.
var deliberateInAgents = map[string]string{
	"clear-interrupted":                       "`clear-trusted-servers` writes the list once. Tentacle writes an empty one first, which stays if it is interrupted.",
	"script-address-changes":                  keepsWhatIsPolled,
	"script-single-address-replaced":          keepsWhatIsPolled,
	"script-single-address-variable-replaced": keepsWhatIsPolled,
	"trap-first-not-there":                    keepsWhatIsPolled,
	"config-or-instance":                      "`--config` alone means a file for `create-instance`, too. Tentacle fails.",
	"create-instance":                         needsAHome,
	"home-relative":                           "`create-instance` mends a home folder that is relative. Tentacle fails.",
	"deregister-worker":                       "`deregister-worker` and `deregister-from` remove the setting IsRegistered, so that the next start of the agent can register it again. Tentacle leaves it.",
	"entries-without-address":                 clearsAll,
	"entry-without-address-first":             clearsAll,
	"secret-missing-registered":               clearsAll + " What needs no secret works without the Secret.",
	"isregistered-empty":                      isUnknown,
	"isregistered-upper":                      isUnknown,
	"isregistered-yes":                        isUnknown,
	"script-isregistered-capital":             isUnknown,
	"migrate-outside":                         "`migrate-preinstalled-k8s-config` fails if it has nothing to write to. Tentacle succeeds.",
	"misc":                                    "A setting that is emptied is removed from the ConfigMap. Tentacle leaves it as it was.",
	"race-different-keys":                     "Of two commands at the same time, both have their effect. Tentacle mostly loses one.",
	"register-target-failures":                checksFirst,
	"register-target-isregistered-deleted":    "An agent keeps its one subscription and its one registration: another address is polled under the same subscription, and another name needs `--rename` or `--additional`. Tentacle makes a new subscription, so that the addresses polled before get no more work, and a second registration.",
	"register-target-over-other-kind":         "The name of an ordinary Tentacle is refused to an agent, because newer servers do not change what a registration is. Tentacle sends the change, and the registration is the agent's from then on.",
	"register-target-userpass":                sendsNoCopy,
	"register-worker":                         sendsNoCopy,
	"trap-repair-isregistered":                "An agent that is registered again keeps its default namespace, the lock of its version, and what the server knows of it. Tentacle clears them.",
	"secret-half-key":                         "Half a key in the Secret is an error. Tentacle makes another key, with which nothing can be read that was encrypted before.",
	"secret-missing":                          "A certificate that cannot be saved, since there is no Secret, is an error. Tentacle succeeds, and saves nothing.",
	"secret-other-key":                        "`show-thumbprint` shows the thumbprint of a certificate that cannot be read, and an address that is polled already stays where it is in the list. Tentacle fails, and moves the address to the end.",
	"server-comms":                            "An address that is polled already stays where it is in the list. Tentacle moves it to the end.",
	"trust":                                   "`update-trust` trusts the old thumbprint and the new one while a polled port presents the old certificate. Tentacle replaces the old one, and no longer reaches that node.",
	"trusted-bad-json":                        "A list of trusted servers that cannot be read is an error. Tentacle replaces it, and with it every entry.",
	"trusted-object":                          "A list of trusted servers that cannot be read is an error. Tentacle replaces it, and with it every entry.",
	"trusted-null":                            nothingToReuse,
}

// Reasons that several of these recordings share.
const (
	keepsWhatIsPolled = "`clear-trusted-servers` is refused if no entry is at an address to keep: the start of an agent whose first address was replaced. It fails, and the agent keeps its trust and its subscription. Tentacle removes all entries, and the agent polls nothing any more."
	needsAHome        = "`create-instance` without a folder is refused. Tentacle writes a relative home folder, with which all other commands fail."
	isUnknown         = "An agent whose certificate the cluster does not know gets a new subscription for all addresses of the cluster, since the one in use may be that of the agent it was copied from. Tentacle keeps that one, and moves the address to the end of the list."
	sendsNoCopy       = "An agent that is registered again as it is registered already sends nothing. Tentacle sends the same registration once more."
)

const (
	agentNamespace    = "octopus-agent-test"
	kubernetesFolder  = "../testdata/recordings/kubernetes"
	kubernetesDiffers = "../testdata/differences/kubernetes"
)

// agentRecording is a file of testdata/recordings/kubernetes; see its README.md.
type agentRecording struct {
	Note   string
	Before struct {
		ConfigMap map[string]string
		Secret    map[string]string
		Objects   map[string]map[string]string
	}
	ServerBefore []map[string]any
	Steps        []agentStep
	Requests     []octotest.Request
	Rounds       []struct {
		Trusted int
		App     string
	}
}

type agentStep struct {
	Env               map[string]*string
	Environment       map[string]string
	Edit              map[string]*string
	Made              map[string]map[string]string
	OutsideKubernetes bool
	Broken            string

	Args   []string
	Exit   int
	Stdout *string
	Files  map[string]*string
	Calls  []agentCall

	ConfigMap  map[string]*string
	Secret     map[string]string
	Kubernetes []string
}

type agentCall struct {
	Args   []string
	Exit   int
	NotRun bool
}

// calls are the command lines of a step.
func (s agentStep) calls() []agentCall {
	if len(s.Calls) > 0 {
		return s.Calls
	}
	return []agentCall{{Args: s.Args, Exit: s.Exit}}
}

// TestTheRecordingsOfAgentsAgree replays what Tentacle did in the container of a Kubernetes agent.
// After every step are compared: which command failed, the data of the ConfigMap with its secrets
// decrypted, the keys of the Secret, index files, data on standard output, and in the end what was
// sent to the Octopus Server. Requests to Kubernetes are not, but every command of ours keeps to
// what checkRequests says. A run of a script is repeated, and changes nothing the second time.
func TestTheRecordingsOfAgentsAgree(t *testing.T) {
	commands.TriesEverything(t)
	if runtime.GOOS == "windows" {
		t.Skip("the container of an agent is one of Linux")
	}
	files := agentRecordings(t)
	differences, err := filepath.Abs(kubernetesDiffers) // a replay has a working folder of its own
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(name, func(t *testing.T) {
			difference := replayInAgent(t, file)
			reason, expected := deliberateInAgents[name]
			switch {
			case difference == "" && expected:
				t.Errorf("agrees now, although it is listed as a deliberate difference (%s)", reason)
			case difference != "" && !expected:
				t.Errorf("differs from Tentacle (-Tentacle +ours):\n%s", difference)
			case difference != "":
				commands.CompareWithFile(t, filepath.Join(differences, name+".txt"), difference)
			}
		})
	}
	for name := range deliberateInAgents {
		if !slices.Contains(files, filepath.Join(kubernetesFolder, name+".json")) {
			t.Errorf("deliberate difference %s: there is no such recording", name)
		}
	}
}

func agentRecordings(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(kubernetesFolder + "/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings: %v", err)
	}
	return files
}

func readAgentRecording(t *testing.T, file string) (r agentRecording) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(file, "worker") {
		content = onThisMachine(content)
	}
	host := commands.HostName()
	content = bytes.ReplaceAll(content, []byte("{host}"), []byte(host))
	if err := json.Unmarshal(content, &r); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return r
}

// replayInAgent replays one recording, and returns how ours differs.
func replayInAgent(t *testing.T, file string) (difference string) {
	r := readAgentRecording(t, file)
	a := newAgentMachine(t, r)
	var theirs, ours replayed
	if r.Before.ConfigMap != nil { // so that a subscription that changes is seen to
		theirs.Settings = append(theirs.Settings, a.recordedSettings(t))
		ours.Settings = append(ours.Settings, a.settings(t))
	}
	for i, step := range r.Steps {
		restore := a.prepare(t, step)
		for path, content := range step.Files {
			a.files[a.values.Replace(path)] = a.values.Replace(*content)
		}
		a.recorded(step.ConfigMap)
		if step.Secret != nil {
			a.secret = step.Secret
		}
		ran, code, stdout := false, 0, ""
		for _, call := range step.calls() {
			if !a.has(call.Args) {
				continue
			}
			code, stdout = a.runCall(t, call.Args, i == len(r.Steps)-1 && !a.scripts)
			ran, theirs.Failed, ours.Failed = true, append(theirs.Failed, call.Exit != 0), append(ours.Failed, code != 0)
			if code != 0 {
				break // as a script with set -e
			}
		}
		if step.Stdout != nil && ran {
			theirs.Stdout, ours.Stdout = append(theirs.Stdout, strings.TrimSpace(a.values.Replace(*step.Stdout))), append(ours.Stdout, strings.TrimSpace(stdout))
		}
		if ran {
			theirs.Settings, ours.Settings = append(theirs.Settings, a.recordedSettings(t)), append(ours.Settings, a.settings(t))
		}
		if len(step.Calls) > 0 {
			a.again(t, step, code != 0)
		}
		restore()
	}
	theirs.Stdout, ours.Stdout = a.race(t, r, theirs.Stdout, ours.Stdout)
	theirs.Writes, ours.Writes = withoutCopies(a.recordedWrites(t, r.Requests)), withoutCopies(asMeant(a.cluster.Requests()))
	return a.difference(t, theirs.portable(a.folder).withoutChance(t), ours.portable(a.folder).withoutChance(t))
}

// asMeant are the requests that change something, with the method that they stand for.
func asMeant(requests []octotest.Request) (writes []octotest.Request) {
	for _, r := range requests {
		if method := cmp.Or(r.Override, r.Method); method != "" && method != http.MethodGet {
			writes = append(writes, octotest.Request{Method: method, Path: r.Path, Status: r.Status, Body: r.Body})
		}
	}
	return writes
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

// agentMachine is a throw-away container of an agent, with a Kubernetes API and a cluster, on which
// a recording is replayed.
type agentMachine struct {
	*replayMachine
	api     *kubetest.Cluster
	account string // the folder of the pod's account

	// What Tentacle had by then.
	data   map[string]string
	secret map[string]string // sizes
	files  map[string]string

	fresh   bool // no certificate was made yet
	scripts bool // of which no files were recorded
}

func newAgentMachine(t *testing.T, r agentRecording) *agentMachine {
	t.Helper()
	api, err := kubetest.Start("agents")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(api.Close)
	a := &agentMachine{replayMachine: newReplayMachine(t, false), api: api, account: t.TempDir(),
		data: map[string]string{}, secret: r.Before.Secret, files: map[string]string{}, fresh: r.Before.ConfigMap == nil, scripts: len(r.Steps) > 0 && len(r.Steps[0].Calls) > 0}
	t.Cleanup(podaccount.Use(a.account))
	environment, err := api.WritePod(a.account, api.AgentAccount(agentNamespace), agentNamespace)
	if err != nil {
		t.Fatal(err)
	}
	for _, variable := range environment {
		name, value, _ := strings.Cut(variable, "=")
		t.Setenv(name, value)
	}
	t.Setenv(kubernetes.VariableNamespace, agentNamespace)
	t.Setenv(kubernetes.VariableConfigMap, "")
	t.Setenv(kubernetes.VariableSecret, "")
	for key, value := range r.Before.ConfigMap {
		a.data[key] = a.values.Replace(value)
	}
	for _, machine := range r.ServerBefore {
		endpoint := machine["Endpoint"].(map[string]any)
		if err := a.cluster.AddMachine(octotest.Machine{Name: machine["Name"].(string), Thumbprint: "AAAA",
			Kubernetes: endpoint["TentacleEndpointConfiguration"] != nil, Subscription: "poll://oldoldoldoldoldoldol/", Fields: machine}); err != nil {
			t.Fatal(err)
		}
	}
	a.install(t, r)
	return a
}

// install makes the objects that an agent has.
func (a *agentMachine) install(t *testing.T, r agentRecording) {
	t.Helper()
	a.send(t, http.MethodPost, "/api/v1/namespaces", map[string]any{"metadata": map[string]any{"name": agentNamespace}})
	objects := map[string]map[string]string{kubernetes.ConfigMapName: r.Before.ConfigMap, kubernetes.SecretName: r.Before.Secret}
	maps.Copy(objects, r.Before.Objects)
	for name, data := range objects {
		if others, named := r.Before.Objects[name]; !named || others != nil {
			a.make(t, name, data)
		}
	}
}

// make makes a ConfigMap or, by its name, a Secret.
func (a *agentMachine) make(t *testing.T, name string, data map[string]string) {
	t.Helper()
	resource, content := "configmaps", map[string]any{}
	for key, value := range data {
		content[key] = a.values.Replace(value)
	}
	if strings.Contains(name, "secret") {
		resource = "secrets"
		for key, size := range data {
			content[key] = ofSize(key, size)
		}
	}
	a.send(t, http.MethodPost, "/api/v1/namespaces/"+agentNamespace+"/"+resource, map[string]any{
		"metadata": map[string]any{"name": name, "labels": map[string]any{"app.kubernetes.io/managed-by": "Helm"}}, "data": content,
	})
}

// presetKeys are those with which the recorded certificates can be read.
var presetKeys = map[string][]byte{"machine-key": upFrom(1, tentacleconfig.KeySize), "machine-iv": upFrom(101, tentacleconfig.IVSize)}

func upFrom(first byte, n int) []byte {
	all := make([]byte, n)
	for i := range all {
		all[i] = first + byte(i)
	}
	return all
}

// ofSize is a value of a Secret, of which a recording has only the size.
func ofSize(key, size string) []byte {
	if strings.Contains(size, "preset") {
		return presetKeys[key]
	}
	number, _, _ := strings.Cut(size, " ")
	n, _ := strconv.Atoi(number)
	return bytes.Repeat([]byte{7}, n)
}

// sizeOf is how recordings show a value of a Secret.
func sizeOf(key string, value []byte) string {
	size := fmt.Sprintf("%d bytes", len(value))
	if bytes.Equal(value, presetKeys[key]) {
		size += ", the preset value"
	}
	return size
}

// send sends a request to the Kubernetes API as its administrator, and returns the object that it
// answers; nil where there is none.
func (a *agentMachine) send(t *testing.T, method, path string, body any) (object map[string]any) {
	t.Helper()
	contentType := map[string]string{http.MethodPatch: "application/merge-patch+json"}[method]
	err := a.api.Client().Do(method, path, contentType, body, &object)
	if refused, is := errors.AsType[*kubetest.Status](err); is && refused.Code == http.StatusNotFound {
		return nil
	}
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return object
}

func (a *agentMachine) path(resource, name string) string {
	return "/api/v1/namespaces/" + agentNamespace + "/" + resource + "/" + name
}

// prepare does what was done by hand before a step, and returns what ends it.
func (a *agentMachine) prepare(t *testing.T, step agentStep) (restore func()) {
	t.Helper()
	if len(step.Edit) > 0 {
		a.send(t, http.MethodPatch, a.path("configmaps", cmp.Or(os.Getenv(kubernetes.VariableConfigMap), kubernetes.ConfigMapName)), map[string]any{"data": a.replaced(step.Edit)})
		a.recorded(step.Edit)
	}
	for name, data := range step.Made {
		a.send(t, http.MethodDelete, a.path(map[bool]string{true: "secrets", false: "configmaps"}[strings.Contains(name, "secret")], name), nil)
		a.make(t, name, data)
	}
	var undo []func()
	set := func(name string, value *string) {
		before, was := os.LookupEnv(name)
		undo = append(undo, func() {
			if !was {
				_ = os.Unsetenv(name)
				return
			}
			_ = os.Setenv(name, before)
		})
		if value == nil {
			_ = os.Unsetenv(name)
			return
		}
		_ = os.Setenv(name, *value)
	}
	for name, value := range step.Env {
		set(name, value)
	}
	for _, name := range []string{kubernetes.VariableConfigMap, kubernetes.VariableSecret} {
		if value, is := step.Environment[name]; is {
			set(name, &value)
		}
	}
	if step.OutsideKubernetes {
		set(kubernetes.VariableNamespace, nil)
	}
	undo = append(undo, a.breakAccount(t, step.Broken))
	a.breakRequests(step.Kubernetes)
	undo = append(undo, a.api.Repair)
	return func() {
		for _, f := range slices.Backward(undo) {
			f()
		}
	}
}

// breakAccount breaks the folder of the pod's account.
func (a *agentMachine) breakAccount(t *testing.T, how string) (repair func()) {
	t.Helper()
	file := map[string]string{"token": "token", "authority": "ca.crt"}[how]
	switch how {
	case "":
		return func() {}
	case "account":
		return podaccount.Use(filepath.Join(a.account, "none"))
	}
	path := filepath.Join(a.account, file)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	content := []byte("no-such-token")
	if how == "authority" {
		other, err := kubetest.Start("other")
		if err != nil {
			t.Fatal(err)
		}
		content = other.CAPEM()
		other.Close()
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return func() { _ = os.WriteFile(path, before, 0o600) }
}

// breakRequests lets the requests fail that failed when the recording was made, but for what is not
// there.
func (a *agentMachine) breakRequests(recorded []string) {
	well := 0
	for _, request := range recorded {
		words := strings.Fields(request)
		status, _ := strconv.Atoi(words[2])
		resource, name, _ := strings.Cut(words[1], "/")
		fault := kubetest.Fault{Verb: strings.ToLower(words[0]), Resource: resource, Name: name, Status: status, After: well}
		switch status {
		case http.StatusForbidden:
			fault.Reason, fault.Message = "Forbidden", fmt.Sprintf("%s %q is forbidden: User %q cannot %s resource %q in API group \"\" in the namespace %q",
				resource, name, "system:serviceaccount:"+agentNamespace+":octopus-agent-tentacle", fault.Verb, resource, agentNamespace)
		case http.StatusServiceUnavailable:
			fault.Reason = "ServiceUnavailable"
		case http.StatusOK:
			if words[0] == http.MethodPatch {
				well++
			}
			continue
		default:
			continue
		}
		a.api.Break(fault)
		return
	}
}

func (a *agentMachine) replaced(changes map[string]*string) map[string]any {
	all := map[string]any{}
	for key, value := range changes {
		all[key] = nil
		if value != nil {
			all[key] = a.values.Replace(*value)
		}
	}
	return all
}

// recorded notes what changed in Tentacle's ConfigMap.
func (a *agentMachine) recorded(changes map[string]*string) {
	for key, value := range a.replaced(changes) {
		if delete(a.data, key); value != nil {
			a.data[key] = value.(string)
		}
	}
}

// recordedSettings are those that Tentacle had by now.
func (a *agentMachine) recordedSettings(t *testing.T) map[string]string {
	t.Helper()
	key, err := tentacleconfig.NewKey(presetKeys["machine-key"], presetKeys["machine-iv"])
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(a.secret["machine-key"], "preset") {
		return a.shown(t, a.data, a.secret, a.files, nil) // with a key that was not recorded
	}
	return a.shown(t, a.data, a.secret, a.files, key)
}

// settings are ours.
func (a *agentMachine) settings(t *testing.T) map[string]string {
	t.Helper()
	data, secret := map[string]string{}, map[string]string(nil)
	var key tentacleconfig.Secrets
	if object := a.send(t, http.MethodGet, a.path("configmaps", cmp.Or(os.Getenv(kubernetes.VariableConfigMap), kubernetes.ConfigMapName)), nil); object != nil {
		for name, value := range object["data"].(map[string]any) {
			data[name] = value.(string)
		}
	}
	if object := a.send(t, http.MethodGet, a.path("secrets", cmp.Or(os.Getenv(kubernetes.VariableSecret), kubernetes.SecretName)), nil); object != nil {
		secret = map[string]string{}
		values := map[string][]byte{}
		encoded, _ := object["data"].(map[string]any)
		for name, value := range encoded {
			content, err := base64.StdEncoding.DecodeString(value.(string))
			if err != nil {
				t.Fatal(err)
			}
			values[name], secret[name] = content, sizeOf(name, content)
		}
		if made, err := tentacleconfig.NewKey(values["machine-key"], values["machine-iv"]); err == nil {
			key = made
		}
	}
	return a.shown(t, data, secret, a.replayMachine.files(t), key)
}

// shown are settings as they are compared: the trusted servers in one form, a certificate that is
// that of its thumbprint as {certificate}, passwords decrypted, a Secret by its sizes, and files.
// Without a key, a secret is taken for what it should be.
func (a *agentMachine) shown(t *testing.T, data, secret, files map[string]string, key tentacleconfig.Secrets) map[string]string {
	t.Helper()
	if a.scripts {
		files = nil
	}
	settings := settingsOf(t, files)
	for path := range a.files {
		if content, written := files[path]; written && filepath.Ext(path) != ".config" {
			settings[path] = content
		}
	}
	document := tentacleconfig.FromMap("configmap", data, key)
	for name, value := range data {
		switch {
		case tentacleconfig.IsSecret(name) && value != "":
			value = a.decrypted(document, name, value)
		case name == tentacleconfig.KeyTrustedServers:
			if servers, err := document.TrustedServers(); err == nil && len(servers) > 0 {
				value = tentacleconfig.FormatTrustedServers(servers)
			}
		case name == tentacleconfig.KeyThumbprint: // so that it is known as the Tentacle's own
			name = strings.ToLower(name)
		}
		settings["configmap "+name] = value
	}
	for name, size := range secret {
		settings["secret "+name] = size
	}
	return settings
}

func (a *agentMachine) decrypted(document *tentacleconfig.Document, name, value string) string {
	if document.Secrets == nil || a.data[name] == value && a.secret["machine-key"] != "32 bytes, the preset value" {
		return "{" + name + "}" // as it was, or with a key that was not recorded
	}
	plain, err := document.Secrets.Decrypt(value)
	if err != nil {
		return "(encrypted with another key)"
	}
	if name != tentacleconfig.KeyCertificate {
		return "decrypted: " + string(plain)
	}
	own, _ := document.Get(tentacleconfig.KeyThumbprint)
	if certificate, err := document.OwnCertificate(); err != nil || certificate.Thumbprint() != own {
		return "(another certificate)"
	}
	return "{" + name + "}"
}

// runCall runs a recorded command line, which may be the last one of the recording.
func (a *agentMachine) runCall(t *testing.T, args []string, last bool) (code int, stdout string) {
	t.Helper()
	if args[0] == "new-certificate" && a.fresh && !last {
		args = []string{"import-certificate", "--instance=Tentacle", "--from-file=" + commands.PFXFile(t)} // quicker
	}
	a.fresh = a.fresh && !strings.HasSuffix(args[0], "-certificate")
	before := a.configMaps(t)
	a.api.ResetRequests()
	code, stdout = a.run(t, args)
	a.checkRequests(t, args, before)
	return code, stdout
}

// configMaps are the data of all ConfigMaps.
func (a *agentMachine) configMaps(t *testing.T) map[string]map[string]any {
	t.Helper()
	all := map[string]map[string]any{}
	for _, item := range a.send(t, http.MethodGet, "/api/v1/namespaces/"+agentNamespace+"/configmaps", nil)["items"].([]any) {
		object := item.(map[string]any)
		data, _ := object["data"].(map[string]any)
		all[object["metadata"].(map[string]any)["name"].(string)] = data
	}
	return all
}

// checkRequests is what every command of ours keeps to: it changes a ConfigMap in one request, if
// at all, that stands on the version that was read and has the changed keys alone, and gives up at
// once where it may not.
func (a *agentMachine) checkRequests(t *testing.T, args []string, before map[string]map[string]any) {
	t.Helper()
	sent, refused := 0, 0
	for _, request := range a.api.Requests() {
		if slices.Contains([]int{http.StatusUnauthorized, http.StatusForbidden, http.StatusUnprocessableEntity}, request.Status) {
			refused++
		}
		if request.Resource != "configmaps" || request.Verb == "get" || request.Verb == "delete" || request.Account == kubetest.Admin {
			continue
		}
		if request.Status == http.StatusOK {
			sent++
		}
		body, _ := request.Body.(map[string]any)
		metadata, _ := body["metadata"].(map[string]any)
		data, _ := body["data"].(map[string]any)
		switch {
		case request.Verb != "patch" || request.ContentType != "application/merge-patch+json":
			t.Errorf("%v: %s with %s", args, request, request.ContentType)
		case metadata["resourceVersion"] == nil || metadata["resourceVersion"] == "":
			t.Errorf("%v: a patch does not say which version it changes", args)
		case len(data) == 0:
			t.Errorf("%v: a patch changes nothing", args)
		}
		for key, value := range data {
			is, there := before[request.Name][key]
			if there == (value != nil) && is == value {
				t.Errorf("%v: a patch has %s, which does not change", args, key)
			}
		}
	}
	if sent > 1 || refused > 1 {
		t.Errorf("%v: the ConfigMap was changed in %d requests, and %d were refused", args, sent, refused)
	}
}

// again runs the calls of a script once more, as a container does that ends and starts again: they
// end as before, and change nothing.
func (a *agentMachine) again(t *testing.T, step agentStep, failed bool) {
	t.Helper()
	saved, sent := a.configMaps(t), len(a.sentWrites())
	code := 0
	for _, call := range step.Calls {
		if !a.has(call.Args) {
			continue
		}
		if code, _ = a.runCall(t, call.Args, false); code != 0 {
			break
		}
	}
	if failed != (code != 0) {
		t.Errorf("%v: the second time, it fails: %v", step.Calls, code != 0)
	}
	if difference := gocmp.Diff(saved, a.configMaps(t)); difference != "" {
		t.Errorf("%v: the second time, the ConfigMap changed:\n%s", step.Calls, difference)
	}
	if writes := a.sentWrites(); len(writes) > sent {
		t.Errorf("%v: the second time, the server was sent %v", step.Calls, writes[sent:])
	}
}

// race runs two commands at the same time, as often as it was recorded. Both changes must be there
// afterwards.
func (a *agentMachine) race(t *testing.T, r agentRecording, theirs, ours []string) (_, _ []string) {
	t.Helper()
	for _, round := range r.Rounds {
		old := "/old"
		a.send(t, http.MethodPatch, a.path("configmaps", kubernetes.ConfigMapName), map[string]any{
			"data": map[string]any{tentacleconfig.KeyTrustedServers: nil, tentacleconfig.KeyApplicationDirectory: old}})
		var both sync.WaitGroup
		for _, option := range []string{"--trust=AAAA", "--app=/new"} {
			both.Go(func() {
				if o := a.try(t, "configure", "--instance", "Tentacle", option); o.code != 0 {
					t.Errorf("%s: %s", option, o.stderr)
				}
			})
		}
		both.Wait()
		data := a.configMaps(t)[kubernetes.ConfigMapName]
		servers, _ := data[tentacleconfig.KeyTrustedServers].(string)
		theirs = append(theirs, fmt.Sprintf("trusted %d, app %s", round.Trusted, round.App))
		ours = append(ours, fmt.Sprintf("trusted %d, app %s", strings.Count(servers, "AAAA"), data[tentacleconfig.KeyApplicationDirectory]))
	}
	return theirs, ours
}
