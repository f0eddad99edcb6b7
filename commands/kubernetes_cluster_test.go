//go:build linux

package commands_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// kubernetesPrograms names the folder of what testdata/kubernetes/build has built.
const kubernetesPrograms = "OCTO_TENTACLE_KUBERNETES"

// TestKubernetesControlPlane changes agents on a real kube-apiserver with its controllers, where
// Helm 3 and Helm 4 have installed them.
func TestKubernetesControlPlane(t *testing.T) {
	k := startControlPlane(t)
	for name, test := range map[string]func(*controlPlane, *testing.T){
		"the documented way loses the identity of an agent, ours keep it": (*controlPlane).sideBySide,
		"an agent that octo-tentacle starts for Tentacle keeps it":        (*controlPlane).standsIn,
		"an agent with octo-tentacle as its init container keeps it, too": (*controlPlane).initContainer,
		"changes keep it, and Helm goes on":                               (*controlPlane).changes,
		"prepared, it is kept by Helm, too":                               (*controlPlane).prepares,
		"an agent of an old chart is refused":                             (*controlPlane).refusesOld,
		"what does not become ready is put back":                          (*controlPlane).putsBack,
		"it is kept at every crash and every start of its pod":            (*controlPlane).crashes,
		"the Role of the documents is enough":                             (*controlPlane).documentedRights,
		"the Role that is named is enough":                                (*controlPlane).namesRights,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(k, t)
		})
	}
}

// controlPlane is a running cluster of testdata/kubernetes/cluster.
type controlPlane struct {
	programs   string            // folder with the programs
	kubeconfig string            // file of an account that may do everything
	charts     map[string]string // version to file
	config     *rest.Config
	client     *http.Client
}

// Versions of the chart: the agent of the first does not honour a changed list (helm-charts, the
// changelog of kubernetes-agent 1.3.0).
const (
	chartBefore = "1.2.0"
	chartNow    = "2.51.2"
)

// documentedImage is that of docs/kubernetes-container.md.
const documentedImage = "registry.example.com/octo-tentacle:1"

// startControlPlane starts a cluster that ends with the test, or with this process.
func startControlPlane(t *testing.T) *controlPlane {
	t.Helper()
	programs := builtKubernetes(t)
	octoTentacle, err := exec.LookPath("octo-tentacle") // this very program: see TestMain
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	k, stop, err := runControlPlane(programs, folder, "--image", "octo-tentacle="+octoTentacle, "--image", documentedImage+"="+octoTentacle)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	for _, version := range []string{chartBefore, chartNow} {
		k.helm(t, 3, "package", "../testdata/kubernetes/chart", "--version", version, "--destination", folder)
		k.charts[version] = filepath.Join(folder, "kubernetes-agent-"+version+".tgz")
	}
	return k
}

// builtKubernetes is the folder of what testdata/kubernetes/build has built. Without it, the test
// is skipped.
func builtKubernetes(t *testing.T) (programs string) {
	t.Helper()
	if programs = os.Getenv(kubernetesPrograms); programs == "" {
		skipUnlessRequired(t, "kubernetes", "there is no control plane: testdata/kubernetes/build FOLDER builds it, "+kubernetesPrograms+" names the FOLDER")
	}
	return programs
}

// runControlPlane starts a cluster that has its data in a folder. It has no charts.
func runControlPlane(programs, folder string, options ...string) (k *controlPlane, stop func(), err error) {
	k = &controlPlane{programs: programs, charts: map[string]string{}}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, nil, err
	}
	log, err := os.Create(filepath.Join(folder, "log"))
	if err != nil {
		return nil, nil, err
	}
	defer log.Close()
	cmd := exec.Command(filepath.Join(programs, "cluster"), append(options, folder)...)
	cmd.Stderr = log
	stdin, err := cmd.StdinPipe() // it ends when this does
	if err != nil {
		return nil, nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, nil, err
	}
	stop = func() {
		_ = stdin.Close()
		_ = cmd.Wait()
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err == nil {
		k.kubeconfig = strings.TrimSpace(line)
		k.config, err = clientcmd.BuildConfigFromFlags("", k.kubeconfig)
	}
	if err == nil {
		k.client, err = rest.HTTPClientFor(k.config)
	}
	if err != nil {
		stop()
		content, _ := os.ReadFile(log.Name())
		return nil, nil, fmt.Errorf("the cluster does not start: %w\n%s", err, content)
	}
	return k, stop, nil
}

// env is that of a person at a workstation, who has nothing but the kubeconfig.
func (k *controlPlane) env(t *testing.T, kubeconfig string) []string {
	home := t.TempDir()
	return append(os.Environ(), "HOME="+home, "KUBECONFIG="+kubeconfig,
		"HELM_CACHE_HOME="+home, "HELM_CONFIG_HOME="+home, "HELM_DATA_HOME="+home,
		"TentacleMachineConfigurationHomeDirectory="+filepath.Join(home, "index"))
}

// helm runs Helm, which has to succeed.
func (k *controlPlane) helm(t *testing.T, version int, arguments ...string) string {
	t.Helper()
	output, err := k.tryHelm(t, version, arguments...)
	if err != nil {
		t.Fatalf("helm %s: %v\n%s", strings.Join(arguments, " "), err, output)
	}
	return output
}

func (k *controlPlane) tryHelm(t *testing.T, version int, arguments ...string) (string, error) {
	t.Helper()
	cmd := exec.Command(filepath.Join(k.programs, fmt.Sprintf("helm%d", version)), arguments...)
	cmd.Env = k.env(t, k.kubeconfig)
	output, err := cmd.CombinedOutput()
	return string(output), err
}

// octoTentacle runs the program at a workstation.
func (k *controlPlane) octoTentacle(t *testing.T, arguments ...string) (string, error) {
	t.Helper()
	cmd := exec.Command("octo-tentacle", arguments...)
	cmd.Env = k.env(t, k.kubeconfig)
	output, err := cmd.CombinedOutput()
	return string(output), err
}

// call sends a request to the API, which has to grant it. The answer goes to answer, unless that is
// nil.
func (k *controlPlane) call(t *testing.T, method, path string, body, answer any) {
	t.Helper()
	status, content := k.tryCall(t, method, path, body)
	if status >= 300 {
		t.Fatalf("%s %s: %d\n%s", method, path, status, content)
	}
	if text, is := answer.(*string); is {
		*text = string(content)
		return
	}
	if answer != nil {
		if err := json.Unmarshal(content, answer); err != nil {
			t.Fatalf("%s %s: %v", method, path, err)
		}
	}
}

func (k *controlPlane) tryCall(t *testing.T, method, path string, body any) (status int, answer []byte) {
	t.Helper()
	content, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), method, k.config.Host+path, bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	if method == http.MethodPatch {
		request.Header.Set("Content-Type", "application/merge-patch+json")
	}
	response, err := k.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if answer, err = io.ReadAll(response.Body); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, answer
}

// agentThere is an agent that Helm has installed in a namespace.
type agentThere struct {
	*controlPlane
	helmVersion int
	namespace   string
}

// install installs an agent that polls the addresses, and waits until it runs. options of Helm give
// it more values.
func (k *controlPlane) install(t *testing.T, helm int, namespace, chart string, addresses []string, options ...string) *agentThere {
	t.Helper()
	a := &agentThere{k, helm, namespace}
	k.helm(t, helm, slices.Concat([]string{
		"install", "agent", k.charts[chart], "--namespace", namespace, "--create-namespace", "--set", addressesValue(addresses),
	}, options)...)
	a.untilReady(t)
	return a
}

// Timeouts of Helm: for an upgrade that fails, and for one that succeeds.
const soon, late = "6s", "60s"

// upgrade gives the agent other addresses as the documents of Octopus say (octopus.com/docs, HA
// cluster support for the Kubernetes agent): rolled back if it fails, or takes longer than timeout.
func (a *agentThere) upgrade(t *testing.T, addresses []string, timeout string) (output string, err error) {
	t.Helper()
	rollBack := "--atomic"
	if a.helmVersion > 3 {
		rollBack = "--rollback-on-failure" // its new name
	}
	return a.tryHelm(t, a.helmVersion, "upgrade", rollBack, "--reuse-values", "--set", addressesValue(addresses),
		"--namespace", a.namespace, "--timeout", timeout, "agent", a.charts[chartNow])
}

// addressesValue is the value that lists what an agent polls, as the documents of Octopus set it.
func addressesValue(addresses []string) string {
	return "agent.serverCommsAddresses={" + strings.Join(addresses, ",") + "}"
}

func (a *agentThere) path(kind string) string {
	return "/api/v1/namespaces/" + a.namespace + "/" + kind
}

// settings are the data of the ConfigMap.
func (a *agentThere) settings(t *testing.T) map[string]string {
	t.Helper()
	var m struct{ Data map[string]string }
	a.call(t, http.MethodGet, a.path("configmaps/tentacle-config"), nil, &m)
	return m.Data
}

// trusted are the entries in the ConfigMap.
func (a *agentThere) trusted(t *testing.T) (entries []tentacleconfig.TrustedServer) {
	t.Helper()
	var list []struct{ Thumbprint, Address, SubscriptionID string }
	if err := json.Unmarshal([]byte(a.settings(t)[tentacleconfig.KeyTrustedServers]), &list); err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		entries = append(entries, tentacleconfig.TrustedServer{Thumbprint: e.Thumbprint, Address: e.Address, SubscriptionID: e.SubscriptionID})
	}
	return entries
}

// polled are the addresses in the ConfigMap.
func (a *agentThere) polled(t *testing.T) (addresses []string) {
	t.Helper()
	for _, e := range a.trusted(t) {
		addresses = append(addresses, e.Address)
	}
	return addresses
}

// identity is what an agent may never lose, nor have twice: its subscription and the thumbprint
// that it trusts; "" if it trusts nobody.
func (a *agentThere) identity(t *testing.T) string {
	t.Helper()
	identity := ""
	for i, e := range a.trusted(t) {
		one := e.SubscriptionID + " " + e.Thumbprint
		if i > 0 && one != identity {
			t.Fatalf("%s has two identities: %s and %s", a.namespace, identity, one)
		}
		identity = one
	}
	return identity
}

type podThere struct {
	Metadata struct {
		Name              string
		DeletionTimestamp *time.Time
	}
	Status struct {
		Phase             string
		Conditions        []struct{ Type, Status string }
		ContainerStatuses []struct {
			RestartCount int
		}
	}
}

func (p podThere) ready() bool {
	return slices.ContainsFunc(p.Status.Conditions, func(c struct{ Type, Status string }) bool { return c.Type == "Ready" && c.Status == "True" })
}

func (p podThere) restarts() (count int) {
	for _, s := range p.Status.ContainerStatuses {
		count += s.RestartCount
	}
	return count
}

// pods are the agent's, those that are being deleted excepted.
func (a *agentThere) pods(t *testing.T) []podThere {
	t.Helper()
	var list struct{ Items []podThere }
	a.call(t, http.MethodGet, a.path("pods?labelSelector=app.kubernetes.io%2Finstance%3Dagent"), nil, &list)
	return slices.DeleteFunc(list.Items, func(p podThere) bool { return p.Metadata.DeletionTimestamp != nil })
}

// untilReady waits until the rollout has ended and the one pod is ready.
func (a *agentThere) untilReady(t *testing.T) {
	t.Helper()
	a.until(t, "the agent does not become ready", func() bool {
		pods := a.pods(t)
		return len(pods) == 1 && pods[0].ready()
	})
}

func (a *agentThere) until(t *testing.T, otherwise string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !is(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: %s; its pods %+v; its settings %v; its log:\n%s", a.namespace, otherwise, a.pods(t), a.settings(t), a.log(t))
		}
	}
}

// log is that of all pods.
func (a *agentThere) log(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, p := range a.pods(t) {
		if status, text := a.tryCall(t, http.MethodGet, a.path("pods/"+p.Metadata.Name+"/log?container=octopus-agent-tentacle"), nil); status == http.StatusOK {
			all.Write(text)
		}
	}
	return all.String()
}

// remove deletes a pod, unless it is gone already: a rollout may go on meanwhile.
func (a *agentThere) remove(t *testing.T, p podThere) {
	t.Helper()
	status, content := a.tryCall(t, http.MethodDelete, a.path("pods/"+p.Metadata.Name), nil)
	if status >= 300 && status != http.StatusNotFound {
		t.Fatalf("a pod cannot be deleted: %d\n%s", status, content)
	}
}

// restart deletes the pods, and waits until each was replaced.
func (a *agentThere) restart(t *testing.T) {
	t.Helper()
	before := a.pods(t)
	for _, p := range before {
		a.remove(t, p)
	}
	a.until(t, "its pods are not replaced", func() bool {
		now := a.pods(t)
		return len(now) > 0 && !slices.ContainsFunc(now, func(p podThere) bool {
			return slices.ContainsFunc(before, func(b podThere) bool { return b.Metadata.Name == p.Metadata.Name })
		})
	})
}

// octopus starts an Octopus cluster with so many nodes.
func octopus(t *testing.T, nodes int) *octotest.Cluster {
	t.Helper()
	cluster, err := octotest.Start(octotest.Options{NodeCount: nodes})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return cluster
}
