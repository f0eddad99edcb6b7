package kubetest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"
)

// programs names the folder of what testdata/kubernetes/build has built.
const programs = "OCTO_TENTACLE_KUBERNETES"

// realCluster starts a real control plane that ends with the test.
func realCluster(t *testing.T) *Client {
	t.Helper()
	folder := os.Getenv(programs)
	if folder == "" {
		if slices.Contains(strings.Split(os.Getenv("OCTO_TENTACLE_REQUIRE"), ","), "kubernetes") {
			t.Fatalf("there is no control plane: testdata/kubernetes/build FOLDER builds it, %s names the FOLDER", programs)
		}
		t.Skipf("needs a real control plane: testdata/kubernetes/build FOLDER builds it, %s names the FOLDER", programs)
	}
	cmd := exec.Command(filepath.Join(folder, "cluster"), t.TempDir())
	stdin, err := cmd.StdinPipe() // it ends when this does
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Wait()
	})
	kubeconfig, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	config, err := clientcmd.BuildConfigFromFlags("", strings.TrimSpace(kubeconfig))
	if err != nil {
		t.Fatal(err)
	}
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		t.Fatal(err)
	}
	return &Client{URL: config.Host, HTTP: client}
}

// TestARealAPIAnswersTheSame sends the same requests to a real API server, and compares the
// answers: refusals to the word; what is here of an object has to be there.
func TestARealAPIAnswersTheSame(t *testing.T) {
	t.Parallel()
	real := realCluster(t)
	_, own := start(t)
	const (
		space    = "/api/v1/namespaces"
		maps     = space + "/a/configmaps"
		config   = maps + "/tentacle-config"
		secrets  = space + "/a/secrets"
		apps     = "/apis/apps/v1/namespaces/a/deployments"
		deployed = apps + "/program"
	)
	// Another program, so that no start changes anything.
	deployment := func(env string) string {
		return `{apiVersion: apps/v1, kind: Deployment, metadata: {name: program, labels: {app: program}}, spec: {replicas: 0, selector: {matchLabels: {app: program}},
			template: {metadata: {labels: {app: program}}, spec: {containers: [{name: one, image: first, env: ` + env + `}, {name: two, image: second}]}}}}`
	}
	env := func(text string) string {
		return `{apiVersion: apps/v1, kind: Deployment, spec: {template: {spec: {containers: [{name: one, env: ` + text + `}]}}}}`
	}
	versions := map[*Client][]string{} // of the ConfigMap
	for _, step := range []struct{ method, path, contentType, body string }{
		{"GET", config, "", ""},
		{"POST", maps, "", `{metadata: {name: tentacle-config}}`}, // no such namespace
		{"POST", space, "", `{metadata: {name: a}}`},
		{"POST", space, "", `{metadata: {name: a}}`},
		{"POST", maps + "?fieldManager=helm", "", `{metadata: {name: tentacle-config, labels: {app: octopus, x: "1"}}}`},
		{"POST", maps, "", `{metadata: {name: tentacle-config}}`},
		{"POST", maps, "", `{metadata: {}}`},
		{"POST", maps, "", `{metadata: {name: other}, data: {a: "1"}}`},
		{"PATCH", config + "?fieldManager=Tentacle", mergeType, `{data: {a: "1", b: "2"}}`},
		{"PATCH", config + "?fieldManager=Tentacle", mergeType, `{data: {a: "1"}}`}, // nothing new
		{"PATCH", config + "?fieldManager=octo-tentacle", mergeType, `{metadata: {resourceVersion: "NOW"}, data: {a: "3", b: null}}`},
		{"PATCH", config, mergeType, `{metadata: {resourceVersion: "OLD"}, data: {a: "4"}}`},
		{"PATCH", config, mergeType, `{data: {a: 4}}`},
		{"PATCH", config, "text/plain", `{data: {a: "4"}}`},
		{"PATCH", maps + "/missing", mergeType, `{data: {a: "4"}}`},
		{"PUT", config, "", `{metadata: {name: tentacle-config, resourceVersion: "OLD"}, data: {a: "5"}}`},
		{"PUT", config, "", `{metadata: {name: tentacle-config, resourceVersion: "NOW"}, data: {a: "5"}}`},
		{"PUT", config, "", `{metadata: {name: tentacle-config}, data: {a: "6"}}`},
		{"PUT", config, "", `{metadata: {name: x}, data: {a: "6"}}`},
		{"PUT", maps + "/missing", "", `{metadata: {name: missing}}`},
		{"GET", config, "", ""},
		{"GET", "/api/v1/configmaps?fieldSelector=metadata.name%3Dtentacle-config", "", ""},
		{"GET", "/api/v1/configmaps?fieldSelector=data.a%3D1", "", ""},
		{"GET", maps + "?labelSelector=x", "", ""},
		{"DELETE", config, "", `{apiVersion: v1, kind: DeleteOptions, preconditions: {resourceVersion: "OLD"}}`},
		{"DELETE", maps + "/missing", "", ""},
		{"POST", secrets, "", `{metadata: {name: s, labels: {owner: helm, name: agent, version: "1"}}, type: helm.sh/release.v1, data: {release: eA==}}`},
		{"POST", secrets + "?fieldManager=helm&dryRun=All", "", `{metadata: {name: tried}}`},
		{"PATCH", secrets + "/s", mergeType, `{data: {release: "x y"}}`},
		{"PATCH", secrets + "/s", mergeType, `{stringData: {more: text}}`},
		{"GET", secrets + "?labelSelector=owner%3Dhelm,name%3Dagent,version%3D1", "", ""},
		{"GET", secrets + "?labelSelector=owner%3Dhelm,name%21%3Dagent", "", ""},
		{"GET", secrets + "?labelSelector=name+in+%28agent%2Cother%29,version", "", ""},
		{"GET", secrets + "?labelSelector=name+in+%28", "", ""},
		{"GET", deployed, "", ""},
		{"PATCH", deployed + "?fieldManager=helm", applyType, deployment(`[{name: A, value: "1"}, {name: B, value: "2"}, {name: C, value: "3"}]`)},
		{"POST", apps, "", deployment(`[]`)},
		{"POST", apps, "", strings.NewReplacer("name: program,", "name: other,", "image: first, ", "").Replace(deployment(`[]`))},
		{"POST", apps, "", strings.NewReplacer("name: program,", "name: other,", "image: first, ", "", ", image: second", "").Replace(deployment(`[]`))},
		{"PATCH", deployed, strategicType, `{spec: {template: {spec: {containers: [{name: three}]}}}}`},
		{"PATCH", deployed + "?fieldManager=octo-tentacle", strategicType, env(`[{name: B, value: "b"}, {name: D, value: "d"}]`)},
		{"PATCH", deployed + "?fieldManager=octo-tentacle", strategicType, env(`[{name: D, $patch: delete}]`)},
		{"PATCH", deployed + "?fieldManager=helm", applyType, deployment(`[{name: A, value: "1"}, {name: B, value: "2"}, {name: C, value: "3"}]`)},
		{"PATCH", deployed + "?fieldManager=octo-tentacle", strategicType, env(`[{name: E, value: "e"}, {name: C, value: "c"}, {name: A, value: "1"}]`)},
		{"PATCH", deployed + "?fieldManager=octo-tentacle", strategicType, env(`[{name: F, value: "f"}]`)},
		{"PATCH", deployed + "?fieldManager=octo-tentacle", strategicType, env(`[{name: E, $patch: delete}, {name: F, $patch: delete}]`)},
		{"PATCH", deployed + "?fieldManager=helm", applyType, deployment(`[{name: A, value: "1"}, {name: B, value: "b"}]`)},
		{"PATCH", deployed + "?fieldManager=octo-tentacle", strategicType, env(`[{name: A, value: "a"}, {name: B, value: "bb"}]`)},
		{"PATCH", deployed + "?fieldManager=helm", applyType, deployment(`[{name: A, value: "1"}, {name: B, value: "2"}]`)},
		{"PATCH", deployed + "?fieldManager=helm&force=true", applyType, deployment(`[{name: A, value: "1"}, {name: B, value: "2"}]`)},
		{"PATCH", deployed + "?fieldManager=helm&dryRun=All", applyType, deployment(`[{name: A, value: "new"}]`)},
		{"GET", deployed, "", ""},
		{"PATCH", deployed, mergeType, `{metadata: {annotations: {x: "1"}}}`},
		{"PATCH", space + "/b/configmaps/x?fieldManager=helm", applyType, `{apiVersion: v1, kind: ConfigMap, metadata: {name: x}, data: {a: "1"}}`},
		{"PATCH", maps + "/x?fieldManager=helm", applyType, `{apiVersion: v1, kind: ConfigMap, data: {a: "1"}}`},
		{"PATCH", maps + "/x?fieldManager=helm", applyType, `{apiVersion: v1, kind: ConfigMap, metadata: {name: x}, data: {a: "1"}}`},
		{"PATCH", maps + "/x?fieldManager=helm", applyType, `{apiVersion: v1, kind: ConfigMap, metadata: {name: x}, data: {b: "1"}}`},
		{"GET", space + "/a/pods/missing/log", "", ""},
		{"GET", space + "/a/nonsense/x", "", ""},
		{"DELETE", secrets + "/s", "", ""},
		{"GET", secrets + "/s", "", ""},
	} {
		name := step.method + " " + step.path + " " + step.body
		answers := map[*Client]answer{}
		for _, c := range []*Client{real, own} {
			body := step.body
			if v := versions[c]; len(v) > 1 {
				body = strings.NewReplacer("NOW", v[len(v)-1], "OLD", v[0]).Replace(body)
			}
			answers[c] = send(t, c, step.method, step.path, step.contentType, body)
			o, _ := answers[c].value.(object)
			if v := text(at(o, "metadata", "resourceVersion")); o["kind"] == "ConfigMap" && text(meta(o)["name"]) == "tentacle-config" && !slices.Contains(versions[c], v) {
				versions[c] = append(versions[c], v)
			}
		}
		if answers[real].status != answers[own].status {
			t.Errorf("%s:\nreal %d %s\nhere %d %s", name, answers[real].status, told(answers[real]), answers[own].status, told(answers[own]))
			continue
		}
		if answers[real].status >= 300 {
			if r, o := told(answers[real]), told(answers[own]); r != o {
				t.Errorf("%s:\nreal %s\nhere %s", name, r, o)
			}
			continue
		}
		if len(versions[real]) != len(versions[own]) {
			t.Errorf("%s: %d versions, here %d", name, len(versions[real]), len(versions[own]))
		}
		for _, difference := range differences("", answers[real].value, answers[own].value) {
			t.Errorf("%s: %s", name, difference)
		}
	}
}

// TestARealRolloutEndsTheSame installs the same agents in both, gives them other addresses, and
// compares what has become of them in the end.
func TestARealRolloutEndsTheSame(t *testing.T) {
	t.Parallel()
	real := realCluster(t)
	_, own := start(t)
	const one, two, three, balancer = "https://octo1:10943", "https://octo2:10943", "https://octo3:10943", "https://lb:10943"
	for i, test := range []struct {
		agent Agent
		next  [][2]string // ServerCommsAddress and ServerCommsAddresses, one rollout after the other
	}{
		{Agent{Addresses: []string{one, two}}, nil},
		{Agent{Addresses: []string{one, two}, ServerSide: true}, [][2]string{{"", one + "," + three}}},
		{Agent{Addresses: []string{one, two}}, [][2]string{{"", two + "," + three}}},
		{Agent{Addresses: []string{one, two}}, [][2]string{{"", three + "," + one}}},
		{Agent{Addresses: []string{one, two}}, [][2]string{{"", three + "," + one}, {"", one + "," + two}}},
		{Agent{Addresses: []string{one}}, [][2]string{{"", three}}},
		{Agent{Address: balancer}, [][2]string{{balancer, one + "," + two}}},
		{Agent{Address: balancer}, [][2]string{{"", one + "," + two}}},
		{Agent{Addresses: []string{one, two}, Data: map[string]string{keyRegistered: "true", "Octopus.Home": "/octopus", "x": "1"}}, [][2]string{{"", one}}},
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			test.agent.Namespace = fmt.Sprintf("rollout-%d", i)
			for _, c := range []*Client{real, own} {
				install(t, c, test.agent)
			}
			same(t, test.agent.Namespace, real, own)
			for _, next := range test.next {
				path := "/apis/apps/v1/namespaces/" + test.agent.Namespace + "/deployments/" + DeploymentName
				body := object{"spec": object{"template": object{"spec": object{"containers": []any{object{"name": ContainerName, "env": []any{
					object{"name": "ServerCommsAddress", "value": next[0]}, object{"name": "ServerCommsAddresses", "value": next[1]},
				}}}}}}}
				for _, c := range []*Client{real, own} {
					patch(t, c, path, strategicType, body)
				}
				same(t, test.agent.Namespace, real, own)
			}
		})
	}
}

// same waits until an agent in a real cluster is as it is here.
func same(t *testing.T, namespace string, real, own *Client) {
	t.Helper()
	want := outcome(t, own, namespace)
	var got string
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if got = outcome(t, real, namespace); got == want {
			return
		}
	}
	t.Errorf("in the real cluster:\n%s\nhere:\n%s", got, want)
}

// outcome is what somebody sees of an agent.
func outcome(t *testing.T, c *Client, namespace string) string {
	t.Helper()
	var b strings.Builder
	core := "/api/v1/namespaces/" + namespace
	for _, e := range entries(child(get(t, c, core+"/configmaps/tentacle-config"), "data")) {
		fmt.Fprintln(&b, "ConfigMap", e.Address, e.SubscriptionId, e.Thumbprint)
	}
	status := child(get(t, c, "/apis/apps/v1/namespaces/"+namespace+"/deployments/"+DeploymentName), "status")
	for _, count := range []string{"replicas", "updatedReplicas", "availableReplicas", "unavailableReplicas"} {
		n, _ := status[count].(float64) // it is left out where it is 0
		fmt.Fprintln(&b, "Deployment", count, n)
	}
	var lines []string
	for _, p := range get(t, c, core+"/pods?labelSelector=app.kubernetes.io%2Finstance%3Dagent")["items"].([]any) {
		pod := p.(object)
		var log string
		if err := c.Do("GET", core+"/pods/"+text(meta(pod)["name"])+"/log", "", nil, &log); err != nil {
			log = err.Error()
		}
		line := fmt.Sprint("Pod ", at(pod, "status", "phase"), " ready ", ready(pod))
		for _, found := range regexp.MustCompile(`Agent will poll .*|Sequence contains .*`).FindAllString(log, -1) {
			line += "\n  " + found
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return b.String() + strings.Join(lines, "\n")
}

func send(t *testing.T, c *Client, method, path, contentType, body string) answer {
	t.Helper()
	content, err := yaml.YAMLToJSON([]byte(body))
	if body == "" {
		content = nil
	}
	if err != nil {
		t.Fatal(err)
	}
	status, content, err := c.send(method, path, contentType, content)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{status: status, text: string(content)}
	var o object
	if json.Unmarshal(content, &o) == nil {
		a.value = o
	}
	return a
}

// changing is what differs from one cluster to another, and in time.
var changing = regexp.MustCompile(`\d{3,}|\d{4}-\d\d-\d\dT[0-9:]+Z`)

// whole is an object in a refusal. That of a real API has its managers, too.
var whole = regexp.MustCompile(`"\{(\\.|[^"\\])*"`)

// told is what a refusal says.
func told(a answer) string {
	o, is := a.value.(object)
	if !is {
		return a.text
	}
	return changing.ReplaceAllString(whole.ReplaceAllString(fmt.Sprintf("%v %v: %v", o["code"], o["reason"], o["message"]), "an object"), "N")
}

// differences are what is here and is not the same in the real answer.
func differences(path string, real, own any) (all []string) {
	switch own := own.(type) {
	case object:
		there, _ := real.(object)
		for name, value := range own {
			switch name {
			case "resourceVersion":
				if there[name] == nil { // an object that was only tried has none
					all = append(all, path+"."+name+" is only here")
				}
				continue
			case "uid", "creationTimestamp", "time", "status":
				continue
			case "managedFields":
				all = append(all, managerDifferences(there[name], value)...)
				continue
			}
			all = append(all, differences(path+"."+name, there[name], value)...)
		}
		return all
	case []any:
		there, _ := real.([]any)
		if strings.HasSuffix(path, ".items") { // without those that every real namespace has
			there = slices.DeleteFunc(there, func(o any) bool { return at(o.(object), "metadata", "name") == "kube-root-ca.crt" })
		}
		if len(there) != len(own) {
			return []string{fmt.Sprintf("%s has %d elements, here %d", path, len(there), len(own))}
		}
		for i := range own {
			all = append(all, differences(fmt.Sprintf("%s[%d]", path, i), there[i], own[i])...)
		}
		return all
	}
	if !reflect.DeepEqual(real, own) {
		return []string{fmt.Sprintf("%s is %v, here %v", path, real, own)}
	}
	return nil
}

// managerDifferences compares who has set which fields; the real API has more fields, which have
// usual values.
func managerDifferences(real, own any) (all []string) {
	fields := func(entries any) map[string]any {
		by := map[string]any{}
		list, _ := entries.([]any)
		for _, e := range list {
			e := e.(object)
			if e["subresource"] == nil {
				by[fmt.Sprint(e["manager"], " ", e["operation"])] = e["fieldsV1"]
			}
		}
		return by
	}
	there, here := fields(real), fields(own)
	for manager := range there {
		if here[manager] == nil {
			all = append(all, "only there is "+manager)
		}
	}
	for manager := range here {
		all = append(all, differences("."+manager, there[manager], here[manager])...)
	}
	return all
}
