package commands_test

import (
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/octo-tentacle/octo-tentacle/kubernetes/kubetest"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

const preinstalledSecrets = "these are the 32 bytes of a key!"

// preinstalled makes what an installation has before the first start of the agent: what the hook
// registered, and the empty objects of the chart.
func (p *pod) preinstalled(t *testing.T, namespace string) {
	t.Helper()
	client := p.api.Client()
	post := func(path, name string, data any) {
		if err := client.Do(http.MethodPost, "/api/v1/"+path, "", map[string]any{"metadata": map[string]any{"name": name}, "data": data}, nil); err != nil {
			t.Fatal(err)
		}
	}
	in := "namespaces/" + namespace
	post("namespaces", namespace, nil)
	post(in+"/configmaps", "tentacle-config", nil)
	post(in+"/secrets", "tentacle-secret", nil)
	post(in+"/configmaps", "tentacle-config-pre", map[string]any{tentacleconfig.KeyIsRegistered: "true", tentacleconfig.KeyCertificate: "ENCRYPTED", "foreign": "x"})
	post(in+"/secrets", "tentacle-secret-pre", map[string]any{"machine-key": []byte(preinstalledSecrets), "machine-iv": []byte("and 16 of the iv")})
}

// agentData are the data of an agent's objects, and of those of the hook; nil for what is gone.
func (p *pod) agentData(t *testing.T, namespace string) map[string]map[string]string {
	t.Helper()
	all := map[string]map[string]string{}
	for _, name := range []string{"configmaps/tentacle-config", "secrets/tentacle-secret", "configmaps/tentacle-config-pre", "secrets/tentacle-secret-pre"} {
		var object struct{ Data map[string]string }
		err := p.api.Client().Do(http.MethodGet, "/api/v1/namespaces/"+namespace+"/"+name, "", nil, &object)
		if refused, is := errors.AsType[*kubetest.Status](err); err != nil && (!is || refused.Code != http.StatusNotFound) {
			t.Fatal(err)
		}
		all[name] = object.Data
	}
	return all
}

// TestAMigrationThatIsInterruptedIsFinishedByTheNext refuses each of its writes in turn.
func TestAMigrationThatIsInterruptedIsFinishedByTheNext(t *testing.T) {
	p := newPod(t)
	const command = "migrate-preinstalled-k8s-config"
	p.preinstalled(t, "whole")
	output := p.run(t, "whole", 0, command)
	want := p.agentData(t, "whole")
	if want["configmaps/tentacle-config"][tentacleconfig.KeyCertificate] != "ENCRYPTED" || len(want["secrets/tentacle-secret"]) != 2 ||
		want["configmaps/tentacle-config-pre"] != nil || want["secrets/tentacle-secret-pre"] != nil {
		t.Fatalf("%v\n%s", want, output)
	}
	for step, fault := range []kubetest.Fault{
		{Verb: "patch", Resource: "secrets"}, {Verb: "patch", Resource: "configmaps"}, {Verb: "delete", Resource: "configmaps"}, {Verb: "delete", Resource: "secrets"},
	} {
		namespace := fault.Verb + "-" + fault.Resource
		p.preinstalled(t, namespace)
		fault.Status, fault.Reason = http.StatusForbidden, "Forbidden"
		p.api.Break(fault)
		code := 3
		if step == 0 {
			code = 1 // nothing was changed
		}
		output += p.run(t, namespace, code, command)
		data := p.agentData(t, namespace)
		if data["configmaps/tentacle-config"] != nil && data["secrets/tentacle-secret"] == nil {
			t.Errorf("%s is refused: the settings are there without their keys", namespace)
		}
		p.api.Repair()
		output += p.run(t, namespace, 0, command)
		if difference := gocmp.Diff(want, p.agentData(t, namespace)); difference != "" {
			t.Errorf("%s was refused, and after the next migration:\n%s", namespace, difference)
		}
		if output += p.run(t, namespace, 0, command); !strings.HasSuffix(output, "Nothing to change.\n") {
			t.Errorf("the third time:\n%s", output)
		}
	}
	for _, secret := range []string{preinstalledSecrets, base64.StdEncoding.EncodeToString([]byte(preinstalledSecrets)), "ENCRYPTED"} {
		if strings.Contains(output, secret) {
			t.Errorf("it shows %q", secret)
		}
	}
}

// TestAMigrationDecidesAgainIfTheSettingsChangeMeanwhile: another pod may do the same.
func TestAMigrationDecidesAgainIfTheSettingsChangeMeanwhile(t *testing.T) {
	p := newPod(t)
	p.preinstalled(t, "race")
	other := false
	p.api.Hook(func(r kubetest.Request) {
		if r.Verb == "patch" && !other {
			other = true // so that the other one does not come here
			p.run(t, "race", 0, "migrate-preinstalled-k8s-config")
		}
	}, nil)
	if output := p.run(t, "race", 0, "migrate-preinstalled-k8s-config"); !strings.Contains(output, "Nothing to change.") {
		t.Errorf("after another migration:\n%s", output)
	}
	if data := p.agentData(t, "race"); len(data["secrets/tentacle-secret"]) != 2 || data["secrets/tentacle-secret-pre"] != nil {
		t.Errorf("%v", data)
	}
}
