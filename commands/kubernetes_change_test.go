//go:build linux

package commands_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/client-go/tools/clientcmd"
	kubernetesyaml "sigs.k8s.io/yaml"
)

// replaced are the first three of four nodes after the first of them was replaced by the fourth, as
// an agent polls them.
func replaced(nodes []string) []string { return []string{nodes[3], nodes[1], nodes[2]} }

// changes: the first node is replaced. The agent keeps its identity, and Helm goes on from there.
func (k *controlPlane) changes(t *testing.T) {
	for _, helm := range []int{3, 4} {
		t.Run(fmt.Sprintf("Helm %d", helm), func(t *testing.T) {
			t.Parallel()
			nodes := octopus(t, 4).Addresses()
			a := k.install(t, helm, fmt.Sprintf("changes-%d", helm), chartNow, nodes[:3])
			identity := a.identity(t)
			a.syncs(t, replaced(nodes))
			a.polls(t, identity, replaced(nodes))
			a.helmOwnsAddresses(t)

			before := a.versions(t)
			output := a.syncs(t, replaced(nodes))
			if after := a.versions(t); after != before {
				t.Errorf("the second run changes %s to %s:\n%s", before, after, output)
			}
			a.restart(t)
			a.untilReady(t)
			a.polls(t, identity, replaced(nodes))

			k.helm(t, helm, "upgrade", "agent", k.charts[chartNow], "--namespace", a.namespace, "--reuse-values", "--set", "agent.pollingConnectionCount=7", "--wait")
			a.untilReady(t)
			a.polls(t, identity, replaced(nodes))
			k.helm(t, helm, "rollback", "agent", "--namespace", a.namespace, "--wait")
			a.untilReady(t)
			a.polls(t, identity, replaced(nodes))

			a.syncs(t, nodes[:3]) // back again, by the way that keeps the identity
			a.polls(t, identity, nodes[:3])
		})
	}
}

// syncs changes what the agent polls with sync-servers.
func (a *agentThere) syncs(t *testing.T, addresses []string) string {
	t.Helper()
	output, err := a.octoTentacle(t, a.sync(addresses)...)
	if err != nil {
		t.Fatalf("sync-servers: %v\n%s", err, output)
	}
	return output
}

func (a *agentThere) sync(addresses []string) []string {
	return []string{"sync-servers", "--namespace=" + a.namespace, "--server-comms-address=" + strings.Join(addresses, ",")}
}

// polls checks that the agent polls these addresses, in whatever order, with this identity: in
// Helm's values, in its ConfigMap, and by its log.
func (a *agentThere) polls(t *testing.T, identity string, addresses []string) {
	t.Helper()
	want := slices.Sorted(slices.Values(addresses))
	if got := a.identity(t); got != identity {
		t.Errorf("%s has become %q instead of %q\n%s", a.namespace, got, identity, a.log(t))
	}
	if got := slices.Sorted(slices.Values(a.polled(t))); !slices.Equal(got, want) {
		t.Errorf("the ConfigMap has %v, want %v\n%s", got, want, a.log(t))
	}
	var values struct {
		Agent struct{ ServerCommsAddresses []string }
	}
	text := a.helm(t, a.helmVersion, "get", "values", "agent", "--namespace", a.namespace, "--output", "json")
	if err := json.Unmarshal([]byte(text), &values); err != nil {
		t.Fatal(err)
	}
	if got := slices.Sorted(slices.Values(values.Agent.ServerCommsAddresses)); !slices.Equal(got, want) {
		t.Errorf("helm get values has %v, want %v", got, want)
	}
	var history []struct{ Status, Description string }
	text = a.helm(t, a.helmVersion, "history", "agent", "--namespace", a.namespace, "--output", "json")
	if err := json.Unmarshal([]byte(text), &history); err != nil {
		t.Fatal(err)
	}
	for i, revision := range history {
		if (revision.Status == "deployed") != (i == len(history)-1) {
			t.Errorf("helm history is %v", history)
		}
	}
	log := a.log(t)
	if got := strings.Count(log, "Agent will poll "); got != len(want) {
		t.Errorf("the running agent polls %d nodes, want %d\n%s", got, len(want), log)
	}
	for _, address := range want {
		if !strings.Contains(log, "Agent will poll Octopus Server at "+address+"/ for subscription "+strings.Fields(identity)[0]) {
			t.Errorf("the running agent does not poll %s\n%s", address, log)
		}
	}
}

// helmOwnsAddresses checks that nobody but Helm has set the Deployment's variables: else the next
// upgrade by Helm 4 is refused.
func (a *agentThere) helmOwnsAddresses(t *testing.T) {
	t.Helper()
	var d struct {
		Metadata struct {
			ManagedFields []struct {
				Manager  string
				FieldsV1 json.RawMessage
			}
		}
	}
	a.call(t, http.MethodGet, "/apis/apps/v1/namespaces/"+a.namespace+"/deployments/octopus-agent-tentacle", nil, &d)
	for _, f := range d.Metadata.ManagedFields {
		if f.Manager != "helm" && bytes.Contains(f.FieldsV1, []byte("ServerCommsAddress")) {
			t.Errorf("%s has set the addresses, too", f.Manager)
		}
	}
}

// versions are those of all objects of the agent.
func (a *agentThere) versions(t *testing.T) string {
	t.Helper()
	var all []string
	for _, path := range []string{a.path("configmaps"), a.path("secrets"), "/apis/apps/v1/namespaces/" + a.namespace + "/deployments"} {
		var list struct {
			Items []struct {
				Metadata struct {
					Name, ResourceVersion string
					Generation            int // 0 of what has no status
				}
			}
		}
		a.call(t, http.MethodGet, path, nil, &list)
		for _, o := range list.Items {
			version := o.Metadata.ResourceVersion
			if n := o.Metadata.Generation; n > 0 { // the version counts what controllers say of it, too
				version = fmt.Sprint("generation ", n)
			}
			all = append(all, o.Metadata.Name+" "+version)
		}
	}
	return strings.Join(all, ", ")
}

// prepares: after --prepare, what it prints is run. Helm loses no identity then.
func (k *controlPlane) prepares(t *testing.T) {
	for _, helm := range []int{3, 4} {
		t.Run(fmt.Sprintf("Helm %d", helm), func(t *testing.T) {
			t.Parallel()
			nodes := octopus(t, 4).Addresses()
			a := k.install(t, helm, fmt.Sprintf("prepares-%d", helm), chartNow, nodes[:3])
			identity := a.identity(t)
			if output, err := a.prepare(t, replaced(nodes)); err != nil {
				t.Fatalf("%v\n%s", err, output)
			}
			a.until(t, "the upgrade has no effect", func() bool { return strings.Contains(a.log(t), nodes[3]) })
			a.untilReady(t)
			a.polls(t, identity, replaced(nodes))
		})
	}
}

// prepare runs --prepare, and then what it prints, with the chart from where the tests have it.
func (a *agentThere) prepare(t *testing.T, addresses []string) (output string, err error) {
	t.Helper()
	output, err = a.octoTentacle(t, append(a.sync(addresses), "--prepare", "--format=json")...)
	if err != nil {
		return output, err
	}
	type step struct{ Helm string }
	var said struct {
		Prepared struct {
			step
			Further []step
		}
	}
	if err := json.Unmarshal([]byte(output), &said); err != nil {
		return output, err
	}
	for _, s := range append([]step{said.Prepared.step}, said.Prepared.Further...) {
		line := strings.Replace(s.Helm, "oci://registry-1.docker.io/octopusdeploy/kubernetes-agent", a.charts[chartNow], 1)
		cmd := exec.Command("sh", "-c", "helm() { "+filepath.Join(a.programs, fmt.Sprintf("helm%d", a.helmVersion))+` "$@"; }; `+line)
		cmd.Env = a.env(t, a.kubeconfig)
		said, err := cmd.CombinedOutput()
		output += line + "\n" + string(said)
		if err != nil {
			return output, err
		}
	}
	return output, nil
}

// refusesOld: an agent of an old chart would go on polling what it polled.
func (k *controlPlane) refusesOld(t *testing.T) {
	nodes := octopus(t, 4).Addresses()
	a := k.install(t, 3, "old", chartBefore, nodes[:3])
	before := a.versions(t)
	output, err := k.octoTentacle(t, a.sync(replaced(nodes))...)
	if err == nil || !strings.Contains(output, "does not honour a changed list") {
		t.Errorf("%v\n%s", err, output)
	}
	if after := a.versions(t); after != before {
		t.Errorf("the refused change changes %s to %s", before, after)
	}
}

// putsBack: a quota does not let the new pod start. Everything is as before afterwards.
func (k *controlPlane) putsBack(t *testing.T) {
	for _, helm := range []int{3, 4} {
		t.Run(fmt.Sprintf("Helm %d", helm), func(t *testing.T) {
			t.Parallel()
			nodes := octopus(t, 4).Addresses()
			a := k.install(t, helm, fmt.Sprintf("quota-%d", helm), chartNow, nodes[:3])
			identity := a.identity(t)
			hard := map[string]string{"pods": "1"}
			a.call(t, http.MethodPost, a.path("resourcequotas"), map[string]any{"metadata": map[string]any{"name": "few"}, "spec": map[string]any{"hard": hard}}, nil)
			// No controller counts here.
			a.call(t, http.MethodPatch, a.path("resourcequotas/few/status"), map[string]any{"status": map[string]any{"hard": hard, "used": hard}}, nil)
			output, err := k.octoTentacle(t, append(a.sync(replaced(nodes)), "--format=json")...)
			if err == nil || !strings.Contains(output, "exceeded quota: few") {
				t.Errorf("%v\n%s", err, output)
			}
			a.untilReady(t)
			if got := a.identity(t); got != identity {
				t.Errorf("the agent has become %q instead of %q", got, identity)
			}
			a.call(t, http.MethodDelete, a.path("resourcequotas/few"), nil, nil)
			a.restart(t)
			a.untilReady(t)
			if got := slices.Sorted(slices.Values(a.polled(t))); !slices.Equal(got, slices.Sorted(slices.Values(nodes[:3]))) {
				t.Errorf("the agent polls %v", got)
			}
			a.syncs(t, replaced(nodes))
			a.polls(t, identity, replaced(nodes))
		})
	}
}

// documentedRights: the Role of docs/kubernetes.md is enough to change an agent.
func (k *controlPlane) documentedRights(t *testing.T) {
	nodes := octopus(t, 4).Addresses()
	a := k.install(t, 3, "octopus-agent", chartNow, nodes[:3]) // the namespace there
	identity := a.identity(t)
	kubeconfig := a.accountWithoutRights(t)
	page, err := os.ReadFile("../docs/kubernetes.md")
	if err != nil {
		t.Fatal(err)
	}
	_, role, _ := strings.Cut(string(page), "```yaml\napiVersion: rbac")
	role, _, _ = strings.Cut(role, "```\n")
	a.allow(t, "apiVersion: rbac"+role+`---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: octo-tentacle, namespace: octopus-agent}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: octo-tentacle}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: ACCOUNT}]
`, "system:serviceaccount:octopus-agent:somebody")
	for try := 1; ; try++ { // the API takes a moment to know of a Role
		cmd := exec.Command("octo-tentacle", a.sync(replaced(nodes))...)
		cmd.Env = k.env(t, kubeconfig)
		output, err := cmd.CombinedOutput()
		if err == nil {
			break
		}
		if try > 5 {
			t.Fatalf("the Role is not enough: %v\n%s", err, output)
		}
	}
	a.polls(t, identity, replaced(nodes))
}

// namesRights: an account without rights is told a Role, which is enough.
func (k *controlPlane) namesRights(t *testing.T) {
	nodes := octopus(t, 4).Addresses()
	a := k.install(t, 3, "rights", chartNow, nodes[:3])
	identity := a.identity(t)
	kubeconfig := a.accountWithoutRights(t)
	for try := 1; ; try++ { // a Role to read, and one to change; the API takes a moment to know of one
		cmd := exec.Command("octo-tentacle", a.sync(replaced(nodes))...)
		cmd.Env = k.env(t, kubeconfig)
		output, err := cmd.CombinedOutput()
		if err == nil {
			break
		}
		if try > 5 {
			t.Fatalf("the Roles that are named are not enough: %v\n%s", err, output)
		}
		a.allow(t, rolesIn(t, string(output)), "system:serviceaccount:rights:somebody")
	}
	a.polls(t, identity, replaced(nodes))
}

// accountWithoutRights makes a service account, and returns a kubeconfig for it.
func (a *agentThere) accountWithoutRights(t *testing.T) (kubeconfig string) {
	t.Helper()
	a.call(t, http.MethodPost, a.path("serviceaccounts"), map[string]any{"metadata": map[string]any{"name": "somebody"}}, nil)
	var token struct{ Status struct{ Token string } }
	a.call(t, http.MethodPost, a.path("serviceaccounts/somebody/token"), map[string]any{"spec": map[string]any{}}, &token)
	config, err := clientcmd.LoadFromFile(a.kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	config.AuthInfos["admin"].Token = token.Status.Token
	kubeconfig = filepath.Join(t.TempDir(), "kubeconfig")
	if err := errors.Join(clientcmd.WriteToFile(*config, kubeconfig), os.Chmod(kubeconfig, 0o600)); err != nil {
		t.Fatal(err)
	}
	return kubeconfig
}

// rolesIn is the YAML that an error message has.
func rolesIn(t *testing.T, message string) string {
	t.Helper()
	_, text, found := strings.Cut(message, "  apiVersion:")
	if !found {
		t.Fatalf("no Role is named:\n%s", message)
	}
	return "  apiVersion:" + text
}

// allow makes roles, and binds an account to them.
func (a *agentThere) allow(t *testing.T, text, account string) {
	t.Helper()
	text = strings.ReplaceAll(text, "name: ACCOUNT}", fmt.Sprintf("name: %q}", account))
	paths := map[string]string{"Role": "roles", "RoleBinding": "rolebindings", "ClusterRole": "clusterroles", "ClusterRoleBinding": "clusterrolebindings"}
	for document := range strings.SplitSeq(text, "---\n") {
		var object map[string]any
		if err := kubernetesyaml.Unmarshal([]byte(document), &object); err != nil {
			t.Fatalf("%v\n%s", err, document)
		}
		kind, _ := object["kind"].(string)
		path := "/apis/rbac.authorization.k8s.io/v1/"
		metadata, _ := object["metadata"].(map[string]any)
		if metadata["namespace"] != nil {
			path += fmt.Sprintf("namespaces/%s/", metadata["namespace"])
		}
		a.replaceObject(t, path+paths[kind], fmt.Sprint(metadata["name"]), object)
	}
}

// replaceObject is kubectl apply, as far as it is needed here.
func (a *agentThere) replaceObject(t *testing.T, path, name string, object map[string]any) {
	t.Helper()
	var list struct {
		Items []struct{ Metadata struct{ Name string } }
	}
	a.call(t, http.MethodGet, path, nil, &list)
	for _, o := range list.Items {
		if o.Metadata.Name == name {
			a.call(t, http.MethodDelete, path+"/"+name, nil, nil)
		}
	}
	a.call(t, http.MethodPost, path, object, nil)
}
