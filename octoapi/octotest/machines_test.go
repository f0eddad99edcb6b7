package octotest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// request is one to the API, with the administrator's key.
func request(t *testing.T, c *Cluster, method, path, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequest(method, c.URL()+"/api"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Octopus-ApiKey", APIKey)
	return r
}

// ask sends a request and decodes the answer.
func ask(t *testing.T, r *http.Request) (status int, body any) {
	t.Helper()
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(&body); err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, body
}

func TestEveryKindOfMachineIsListedAsItIs(t *testing.T) {
	c := start(t, Options{ThirdSpace: true})
	a, b := strings.Repeat("A", 40), strings.Repeat("B", 40)
	for _, m := range []Machine{
		{Name: "web1", Thumbprint: a, Subscription: "poll://a/"},
		{Name: "web2", Thumbprint: b, Environments: []string{"Production", "development"}, Roles: []string{"db", "web"},
			Tenants: []string{"Globex"}, Policy: "Transient machines", Address: "https://web2.example.com:10934/"},
		{Name: "agent", Thumbprint: a, Subscription: "poll://b/", Kubernetes: true, Space: "Research"},
		{Name: "caller", Thumbprint: a, Address: "https://agent:10933/", Kubernetes: true, Worker: true, Pools: []string{"Windows Pool"}},
		{Name: "linux", SSH: true, Space: "Research"},
	} {
		if err := c.AddMachine(m); err != nil {
			t.Fatal(err)
		}
	}
	ask(t, request(t, c, "POST", "/Spaces-2/machines",
		`{"Name":"posted","EnvironmentIds":["Environments-21"],"Roles":["r"],"TenantIds":[],"MachinePolicyId":null,"Endpoint":{"CommunicationStyle":"TentacleActive","Thumbprint":"`+b+`","Uri":"poll://c/"}}`))
	var got []string
	for _, r := range c.Registrations() {
		got = append(got, r.String())
	}
	want := []string{
		"Spaces-1 target web1 Machines-101 " + a + " TentacleActive poll://a/ Environments-11 web-server - -",
		"Spaces-1 target web2 Machines-102 " + b + " TentaclePassive https://web2.example.com:10934/ Environments-12,Environments-11 db,web Tenants-12 MachinePolicies-12",
		"Spaces-1 worker caller Workers-104 " + a + " KubernetesTentacle https://agent:10933/ WorkerPools-12 - - -",
		"Spaces-2 target posted Machines-106 " + b + " TentacleActive poll://c/ Environments-21 r - -",
		"Spaces-3 target agent Machines-103 " + a + " KubernetesTentacle poll://b/ Environments-31 web-server - -",
		"Spaces-3 target linux Machines-105 - Ssh ssh://linux:22/ Environments-31 web-server - -",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s", strings.Join(got, "\n"))
	}
	for list, want := range map[string]int{"Spaces-1/machines": 1, "Spaces-1/workers": 1, "Spaces-3/machines": 1} {
		if _, found := ask(t, request(t, c, "GET", "/"+list+"/all?thumbprint="+strings.ToLower(a), "")); len(found.([]any)) != want {
			t.Errorf("%s with the thumbprint: %v", list, found)
		}
	}
	for _, wrong := range []Machine{{Environments: []string{"none"}}, {Policy: "none"}, {Tenants: []string{"none"}}, {Worker: true, Pools: []string{"none"}}} {
		wrong.Name, wrong.Thumbprint = "x", a
		if err := c.AddMachine(wrong); err == nil || !strings.Contains(err.Error(), "none") {
			t.Errorf("%+v: %v", wrong, err)
		}
	}
}

func TestAThirdSpaceIsThereIfAskedFor(t *testing.T) {
	for third, want := range map[bool]int{false: 2, true: 3} {
		if _, list := ask(t, request(t, start(t, Options{ThirdSpace: third}), "GET", "/users/Users-1/spaces", "")); len(list.([]any)) != want {
			t.Errorf("%v", list)
		}
	}
}

func TestALimitedAccountSeesTheDefaultSpaceAlone(t *testing.T) {
	c := start(t, Options{ThirdSpace: true})
	limited := func(path string) (int, any) {
		r := request(t, c, "GET", path, "")
		r.Header.Set("X-Octopus-ApiKey", LimitedAPIKey)
		return ask(t, r)
	}
	_, me := limited("/users/me")
	path := strings.TrimPrefix(me.(object)["Links"].(object)["Spaces"].(string), "/api")
	if _, list := limited(path); len(list.([]any)) != 1 || list.([]any)[0].(object)["Id"] != "Spaces-1" {
		t.Errorf("spaces: %v", list)
	}
	for path, want := range map[string]int{
		"/Spaces-1/machines/all": 200, "/Spaces-1": 200, "/Spaces-2": 404, "/Spaces-2/machines/all": 404, "/Spaces-3/tasks": 404, "/users/Users-1/spaces": 404,
		"/configuration/certificates/certificate-global": 200,
	} {
		if got, _ := limited(path); got != want {
			t.Errorf("%s: %d", path, got)
		}
	}
}

func TestTheCommunicationStyleIsChangedByOldServersOnly(t *testing.T) {
	const before, after = `{"CommunicationStyle":"TentacleActive","Uri":"poll://a/"}`, `{"CommunicationStyle":"TentaclePassive","Uri":"https://a:10933/"}`
	for changes, test := range map[bool]struct {
		status int
		now    string // the endpoint afterwards
	}{false: {400, before}, true: {200, after}} {
		c := start(t, Options{ChangesEndpointType: changes})
		put := func(id, body string) (int, object) {
			status, answer := ask(t, request(t, c, "PUT", "/Spaces-1/machines/"+id, body))
			return status, answer.(object)
		}
		ask(t, request(t, c, "POST", "/Spaces-1/machines", `{"Name":"web1","HealthStatus":"Healthy","Endpoint":`+before+`}`))
		status, body := put("Machines-101", `{"Name":"web1","Endpoint":`+after+`}`)
		if status != test.status || status == 400 && fmt.Sprint(body["Errors"]) != "[Model Endpoint type does not match incoming type]" {
			t.Errorf("%d %v", status, body)
		}
		if status, body := put("Machines-101", `{"Name":"web2","HealthStatus":"Unhealthy","Endpoint":`+test.now+`}`); status != 200 || body["HealthStatus"] != "Healthy" {
			t.Errorf("the same style: %d %v", status, body)
		}
		if status, _ := put("Machines-999", `{"Name":"web3","Endpoint":`+before+`}`); status != 404 {
			t.Errorf("one that does not exist: %d", status)
		}
	}
}

func TestAHealthCheckLeavesAHealth(t *testing.T) {
	for _, test := range []struct{ state, health, want string }{
		{"", "", "Healthy"},
		{"Failed", "", "Unavailable"},
		{"Success", "Unavailable", "Unavailable"},
		{"Success", "HasWarnings", "HasWarnings"},
	} {
		c := start(t, Options{})
		c.SetHealthCheck(test.state)
		c.SetHealthAfterCheck(test.health)
		c.SetTaskNode(2)
		for _, m := range []Machine{{Name: "web1"}, {Name: "build1", Worker: true}, {Name: "other"}, {Name: "elsewhere", Space: "Spaces-2"}} {
			m.Thumbprint, m.Health = strings.Repeat("A", 40), "Unknown"
			if err := c.AddMachine(m); err != nil {
				t.Fatal(err)
			}
		}
		health := func(path string) any {
			_, m := ask(t, request(t, c, "GET", path, ""))
			return m.(object)["HealthStatus"]
		}
		_, task := ask(t, request(t, c, "POST", "/Spaces-1/tasks", `{"Name":"Health","Arguments":{"MachineIds":["Machines-101","Workers-102","Machines-104"]}}`))
		if node := task.(object)["ServerNode"]; node != nil {
			t.Errorf("queued at %v", node)
		}
		for _, want := range []any{"Unknown", test.want} {
			_, task = ask(t, request(t, c, "GET", "/Spaces-1/tasks/ServerTasks-1", ""))
			if got := health("/Spaces-1/machines/Machines-101"); got != want {
				t.Errorf("%+v: %v, not %v, while %v", test, got, want, task.(object)["State"])
			}
		}
		if node := task.(object)["ServerNode"]; node != "OctopusServerNodes-node2" {
			t.Errorf("it ran on %v", node)
		}
		if got := health("/Spaces-1/workers/Workers-102"); got != test.want {
			t.Errorf("%+v: the worker is %v", test, got)
		}
		for _, other := range []string{"/Spaces-1/machines/Machines-103", "/Spaces-2/machines/Machines-104"} {
			if got := health(other); got != "Unknown" {
				t.Errorf("%+v: another one is %v", test, got)
			}
		}
		if status, _ := ask(t, request(t, c, "GET", "/Spaces-2/tasks/ServerTasks-1", "")); status != 404 {
			t.Errorf("the task is in every space: %d", status)
		}
	}
}
