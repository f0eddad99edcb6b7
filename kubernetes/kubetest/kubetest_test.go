package kubetest

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
)

func start(t *testing.T) (*Cluster, *Client) {
	t.Helper()
	c, err := Start("test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, c.Client()
}

func install(t *testing.T, c *Client, a Agent) {
	t.Helper()
	if err := a.Install(c); err != nil {
		t.Fatal(err)
	}
}

const (
	configMapPath  = "/api/v1/namespaces/a/configmaps/tentacle-config"
	deploymentPath = "/apis/apps/v1/namespaces/a/deployments/octopus-agent-tentacle"
	mergeType      = "application/merge-patch+json"
	strategicType  = "application/strategic-merge-patch+json"
	applyType      = "application/apply-patch+yaml"
)

func get(t *testing.T, c *Client, path string) object {
	t.Helper()
	var o object
	if err := c.Do("GET", path, "", nil, &o); err != nil {
		t.Fatal(err)
	}
	return o
}

// polled are the addresses in the ConfigMap.
func polled(t *testing.T, c *Client) string {
	t.Helper()
	var all []string
	for _, e := range entries(child(get(t, c, configMapPath), "data")) {
		all = append(all, e.Address)
	}
	return strings.Join(all, " ")
}

// addressesPatch is a strategic merge patch of the environment of the agent.
func addressesPatch(addresses string) object {
	return object{"spec": object{"template": object{"spec": object{"containers": []any{object{
		"name": ContainerName, "env": []any{object{"name": "ServerCommsAddresses", "value": addresses}},
	}}}}}}
}

func patch(t *testing.T, c *Client, path, contentType string, body object) object {
	t.Helper()
	var o object
	if err := c.Do("PATCH", path, contentType, body, &o); err != nil {
		t.Fatal(err)
	}
	return o
}

func podList(t *testing.T, c *Client) (all []object) {
	t.Helper()
	for _, p := range get(t, c, "/api/v1/namespaces/a/pods?labelSelector=app.kubernetes.io%2Finstance%3Dagent")["items"].([]any) {
		all = append(all, p.(object))
	}
	return all
}

func podLog(t *testing.T, c *Client, pod object) (log string) {
	t.Helper()
	if err := c.Do("GET", "/api/v1/namespaces/a/pods/"+text(meta(pod)["name"])+"/log", "", nil, &log); err != nil {
		t.Fatal(err)
	}
	return log
}

func TestAnInstalledAgentRunsAndPollsItsAddresses(t *testing.T) {
	t.Parallel()
	for name, agent := range map[string]Agent{"Helm 3": {}, "Helm 4": {ServerSide: true}, "kubectl": {NoHelm: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, c := start(t)
			agent.Namespace, agent.Addresses = "a", []string{"https://octo1:10943", "https://octo2:10943"}
			install(t, c, agent)
			if got := polled(t, c); got != "https://octo1:10943 https://octo2:10943" {
				t.Errorf("it polls %s", got)
			}
			all := podList(t, c)
			if len(all) != 1 || !ready(all[0]) {
				t.Fatalf("the pods are %v", all)
			}
			if n := strings.Count(podLog(t, c, all[0]), "Agent will poll Octopus Server at https://octo"); n != 2 {
				t.Errorf("the log has %d addresses:\n%s", n, podLog(t, c, all[0]))
			}
			released := get(t, c, "/api/v1/namespaces/a/secrets?labelSelector=owner%3Dhelm%2Cname%3Dagent")["items"].([]any)
			if (len(released) == 1) == agent.NoHelm {
				t.Errorf("%d revisions of a release", len(released))
			}
		})
	}
}

// TestANewFirstAddressEndsAllTrust is the trap of the start script.
func TestANewFirstAddressEndsAllTrust(t *testing.T) {
	t.Parallel()
	for addresses, want := range map[string]struct {
		polled string
		ready  bool
	}{
		"https://octo1:10943,https://octo4:10943": {"https://octo1:10943 https://octo4:10943", true},
		"https://octo4:10943,https://octo1:10943": {"", false},
		"https://octo4:10943":                     {"", true},
	} {
		t.Run(addresses, func(t *testing.T) {
			t.Parallel()
			_, c := start(t)
			install(t, c, Agent{Namespace: "a", Addresses: []string{"https://octo1:10943", "https://octo2:10943"}})
			before := podList(t, c)[0]
			patch(t, c, deploymentPath, strategicType, addressesPatch(addresses))
			if got := polled(t, c); got != want.polled {
				t.Errorf("the ConfigMap has %q, not %q", got, want.polled)
			}
			all := podList(t, c)
			status := child(get(t, c, deploymentPath), "status")
			if want.ready {
				if len(all) != 1 || meta(all[0])["name"] == meta(before)["name"] || status["availableReplicas"] != 1.0 || status["replicas"] != 1.0 {
					t.Errorf("the old pod was not replaced: %v", status)
				}
				return
			}
			if len(all) != 2 || status["updatedReplicas"] != 1.0 || status["availableReplicas"] != 1.0 || status["replicas"] != 2.0 {
				t.Errorf("the old pod does not run on: %v", status)
			}
			// The template of the old pod needs no new one.
			patch(t, c, deploymentPath, strategicType, addressesPatch("https://octo1:10943,https://octo2:10943"))
			if all := podList(t, c); len(all) != 1 || meta(all[0])["name"] != meta(before)["name"] {
				t.Errorf("the pods are %v", all)
			}
		})
	}
}

func TestAWriteOfAStartPutsBackWhatItRead(t *testing.T) {
	t.Parallel()
	cluster, c := start(t)
	install(t, c, Agent{Namespace: "a", Addresses: []string{"https://octo1:10943"}, Data: map[string]string{"x": "old"}})
	cluster.SetRollout("a", Rollout{Between: func() {
		patch(t, c, configMapPath, mergeType, object{"data": object{"x": "new"}})
	}})
	cluster.Restart("a")
	if got := at(get(t, c, configMapPath), "data", "x"); got != "old" {
		t.Errorf("x is %v", got)
	}
}

func TestAVersionThatIsNotTheLastIsRefused(t *testing.T) {
	t.Parallel()
	_, c := start(t)
	install(t, c, Agent{Namespace: "a", Addresses: []string{"https://octo1:10943"}})
	read := get(t, c, configMapPath)
	version := meta(read)["resourceVersion"]
	same := patch(t, c, configMapPath, mergeType, object{"data": object{"Octopus.Home": "/octopus"}})
	if meta(same)["resourceVersion"] != version {
		t.Error("a change of nothing made a new version")
	}
	patch(t, c, configMapPath, mergeType, object{"metadata": object{"resourceVersion": version}, "data": object{"x": "1"}})
	delete(meta(read), "managedFields")
	for what, err := range map[string]error{
		"patch":  c.Do("PATCH", configMapPath, mergeType, object{"metadata": object{"resourceVersion": version}, "data": object{"x": "2"}}, nil),
		"update": c.Do("PUT", configMapPath, "", read, nil),
		"delete": c.Do("DELETE", configMapPath, "", object{"preconditions": object{"resourceVersion": version}}, nil),
		"create": c.Do("POST", "/api/v1/namespaces/a/configmaps", "", object{"metadata": object{"name": "tentacle-config"}}, nil),
	} {
		var s *Status
		if !errors.As(err, &s) || s.Code != 409 {
			t.Errorf("%s: %v", what, err)
		}
	}
	patch(t, c, configMapPath, mergeType, object{"data": object{"x": nil}})
	if data := child(get(t, c, configMapPath), "data"); data["x"] != nil || data["Octopus.Home"] != "/octopus" {
		t.Errorf("the data is %v", data)
	}
}

// TestAnotherManagerMakesApplyingFail: what another one has set cannot be applied, unless it is set
// to the same value; the owner itself can.
func TestAnotherManagerMakesApplyingFail(t *testing.T) {
	t.Parallel()
	_, c := start(t)
	install(t, c, Agent{Namespace: "a", Addresses: []string{"https://octo1:10943"}, ServerSide: true})
	wanted := func(addresses string) object {
		o := addressesPatch(addresses)
		o["apiVersion"], o["kind"], o["metadata"] = "apps/v1", "Deployment", object{"name": DeploymentName}
		at(o, "spec", "template", "spec", "containers").([]any)[0].(object)["image"] = "other"
		return o
	}
	patch(t, c, deploymentPath+"?fieldManager=other", strategicType, addressesPatch("https://octo1:10943,https://octo2:10943"))
	err := c.Do("PATCH", deploymentPath+"?fieldManager=helm", applyType, wanted("https://octo1:10943,https://octo3:10943"), nil)
	want := `409: Apply failed with 1 conflict: conflict with "other" using apps/v1: ` +
		`.spec.template.spec.containers[name="octopus-agent-tentacle"].env[name="ServerCommsAddresses"].value`
	if err == nil || err.Error() != want {
		t.Errorf("%v, not\n%s", err, want)
	}
	patch(t, c, deploymentPath+"?fieldManager=helm", applyType, wanted("https://octo1:10943,https://octo2:10943"))
	applied := patch(t, c, deploymentPath+"?fieldManager=helm&force=true", applyType, wanted("https://octo1:10943,https://octo3:10943"))
	if got := environmentOf(object{"spec": at(applied, "spec", "template", "spec")}); got["ServerCommsAddresses"] != "https://octo1:10943,https://octo3:10943" || got["ServerUrl"] != "" {
		t.Errorf("the environment is %v, with what helm does not want any more", got)
	}
	fields := fmt.Sprint(meta(applied)["managedFields"])
	if !strings.Contains(fields, "manager:helm") || strings.Contains(fields, "manager:other") {
		t.Errorf("the managers are %s", fields)
	}
}

// TestTheTimeOfAManagerIsThatOfItsLastChange: losing a field to another one is none.
func TestTheTimeOfAManagerIsThatOfItsLastChange(t *testing.T) {
	t.Parallel()
	k := key{resource: configMaps, namespace: "a", name: "x"}
	var m managers
	was := object{}
	change := func(by update, data object) (changed []string) {
		t.Helper()
		before := time.Unix(1, 0)
		for id := range m.times {
			m.times[id] = before
		}
		content, next, refused := m.change(k, was, object{"data": data}, by)
		if refused != nil {
			t.Fatal(refused.message)
		}
		was, m = content, next
		for id := range m.sets {
			if manager, _, _ := strings.Cut(id, "\x00"); !m.times[id].Equal(before) {
				changed = append(changed, manager)
			}
		}
		return changed
	}
	for _, step := range []struct {
		by   update
		data object
		want string
	}{
		{update{manager: "first"}, object{"a": "1", "b": "1"}, "[first]"},
		{update{manager: "second"}, object{"a": "2", "b": "1"}, "[second]"},
		{update{manager: "second"}, object{"a": "2", "b": "1"}, "[]"},
		{update{manager: "second"}, object{"a": "3", "b": "1"}, "[second]"},
		{update{manager: "helm", apply: true}, object{"c": "1"}, "[helm]"},
		{update{manager: "helm", apply: true}, object{"c": "1"}, "[]"},
		{update{manager: "helm", apply: true}, object{"c": "2"}, "[helm]"},
	} {
		if got := fmt.Sprint(change(step.by, step.data)); got != step.want {
			t.Errorf("%s sets %v: new times for %s, not %s", step.by.manager, step.data, got, step.want)
		}
	}
}

func TestAGenerationCountsChangesOfWhatIsWanted(t *testing.T) {
	t.Parallel()
	_, c := start(t)
	install(t, c, Agent{Namespace: "a", Addresses: []string{"https://octo1:10943"}})
	patch(t, c, deploymentPath, mergeType, object{"metadata": object{"labels": object{"x": "1"}}})
	d := get(t, c, deploymentPath)
	if meta(d)["generation"] != 1.0 || at(d, "status", "observedGeneration") != 1.0 {
		t.Errorf("generation %v, observed %v", meta(d)["generation"], at(d, "status", "observedGeneration"))
	}
	d = patch(t, c, deploymentPath, strategicType, addressesPatch("https://octo1:10943,https://octo2:10943"))
	if meta(d)["generation"] != 2.0 || at(d, "status", "observedGeneration") != 1.0 {
		t.Errorf("generation %v, observed %v", meta(d)["generation"], at(d, "status", "observedGeneration"))
	}
}

func TestAnAccountMayDoWhatItsRolesAllow(t *testing.T) {
	t.Parallel()
	cluster, admin := start(t)
	install(t, admin, Agent{Namespace: "a", Addresses: []string{"https://octo1:10943"}})
	const account = "system:serviceaccount:a:limited"
	err := cluster.Allow(account, `kind: Role
metadata: {name: x, namespace: a}
rules:
- {apiGroups: [""], resources: [configmaps], verbs: [get], resourceNames: [tentacle-config]}
---
kind: RoleBinding
metadata: {name: x, namespace: a}
`)
	if err != nil {
		t.Fatal(err)
	}
	c := cluster.Client()
	c.Token = cluster.accounts.token(account)
	get(t, c, configMapPath)
	for path, want := range map[string]string{
		"/api/v1/configmaps":              `403: configmaps is forbidden: User "system:serviceaccount:a:limited" cannot list resource "configmaps" in API group "" at the cluster scope`,
		deploymentPath:                    `403: deployments.apps "octopus-agent-tentacle" is forbidden: User "system:serviceaccount:a:limited" cannot get resource "deployments" in API group "apps" in the namespace "a"`,
		"/api/v1/namespaces/a/pods/x/log": `403: pods "x" is forbidden: User "system:serviceaccount:a:limited" cannot get resource "pods/log" in API group "" in the namespace "a"`,
	} {
		if err := c.Do("GET", path, "", nil, nil); err == nil || err.Error() != want {
			t.Errorf("%v, not\n%s", err, want)
		}
	}
	cluster.Renew(account)
	if err := c.Do("GET", configMapPath, "", nil, nil); err == nil || err.Error() != "401: Unauthorized" {
		t.Errorf("an old token: %v", err)
	}
}

func TestAQuotaRefusesOneMore(t *testing.T) {
	t.Parallel()
	cluster, c := start(t)
	install(t, c, Agent{Namespace: "a", Addresses: []string{"https://octo1:10943"}})
	cluster.SetQuotas(Quota{Namespace: "a", Resource: "secrets", Most: 3}, Quota{Namespace: "a", Resource: "pods", Most: 1})
	err := c.Do("POST", "/api/v1/namespaces/a/secrets", "", object{"metadata": object{"name": "x"}}, nil)
	want := `403: secrets "x" is forbidden: exceeded quota: test, requested: count/secrets=1, used: count/secrets=3, limited: count/secrets=3`
	if err == nil || err.Error() != want {
		t.Errorf("%v, not\n%s", err, want)
	}
	patch(t, c, deploymentPath, strategicType, addressesPatch("https://octo1:10943,https://octo2:10943"))
	if conditions := fmt.Sprint(at(get(t, c, deploymentPath), "status", "conditions")); !regexp.MustCompile(`exceeded quota.*ReplicaFailure`).MatchString(conditions) {
		t.Errorf("the conditions are %s", conditions)
	}
}

func TestFaultsBreakRequests(t *testing.T) {
	t.Parallel()
	cluster, c := start(t)
	install(t, c, Agent{Namespace: "a", Addresses: []string{"https://octo1:10943"}})
	change := func(value string) error {
		return c.Do("PATCH", configMapPath, mergeType, object{"data": object{"x": value}}, nil)
	}
	value := func() any { return at(get(t, c, configMapPath), "data", "x") }
	cluster.Break(Fault{Verb: "patch", Resource: "configmaps", After: 1, Times: 1, Status: 503})
	if err := errors.Join(change("1")); err != nil {
		t.Errorf("the first: %v", err)
	}
	if err := change("2"); err == nil || err.Error() != "503: Service Unavailable" || value() != "1" {
		t.Errorf("the second: %v; x is %v", err, value())
	}
	if err := change("3"); err != nil {
		t.Errorf("the third: %v", err)
	}
	cluster.Repair()
	cluster.Break(Fault{Verb: "patch", CutBefore: true, Times: 1})
	if err := change("4"); err == nil || value() != "3" {
		t.Errorf("cut before: %v; x is %v", err, value())
	}
	cluster.Break(Fault{Verb: "patch", CutAfter: true, Times: 1})
	if err := change("5"); err == nil || value() != "5" {
		t.Errorf("cut after: %v; x is %v", err, value())
	}
}

func TestAHookSeesEachRequestBeforeAndAfterItsEffect(t *testing.T) {
	t.Parallel()
	cluster, c := start(t)
	install(t, c, Agent{Namespace: "a", Addresses: []string{"https://octo1:10943"}})
	var seen []string
	look := func(when string) func(Request) {
		return func(r Request) {
			if r.Verb == "patch" {
				seen = append(seen, fmt.Sprint(when, " ", at(cluster.store.get(key{resource: configMaps, namespace: "a", name: configMapName}), "data", "x")))
				cluster.Restart("a")
			}
		}
	}
	cluster.Hook(look("before"), look("after"))
	cluster.ResetRequests()
	patch(t, c, configMapPath, mergeType, object{"data": object{"x": "1"}})
	if got := fmt.Sprint(seen); got != "[before <nil> after 1]" {
		t.Error(got)
	}
	if got := fmt.Sprint(cluster.Requests()); got != "[PATCH "+configMapPath+" 200]" {
		t.Error(got)
	}
	if got := at(podList(t, c)[0], "status", "containerStatuses").([]any)[0].(object)["restartCount"]; got != 2.0 {
		t.Errorf("%v restarts", got)
	}
}

func TestAPodThatIsDeletedIsReplaced(t *testing.T) {
	t.Parallel()
	cluster, c := start(t)
	install(t, c, Agent{Namespace: "a", Addresses: []string{"https://octo1:10943"}})
	cluster.SetRollout("a", Rollout{Fails: "cannot pull the image", Reason: "ImagePullBackOff"})
	name := text(meta(podList(t, c)[0])["name"])
	if err := c.Do("DELETE", "/api/v1/namespaces/a/pods/"+name, "", nil, nil); err != nil {
		t.Fatal(err)
	}
	all := podList(t, c)
	if len(all) != 1 || meta(all[0])["name"] == name || ready(all[0]) || podLog(t, c, all[0]) != "cannot pull the image\n" {
		t.Errorf("the pods are %v", all)
	}
}
