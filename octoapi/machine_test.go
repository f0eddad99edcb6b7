package octoapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
)

// recordedWrites are the bodies that Tentacle posted, by the name of the recording.
func recordedWrites(t *testing.T, recording string) []octotest.Request {
	t.Helper()
	data, err := os.ReadFile("octotest/testdata/recorded-requests.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []struct {
		Recording string
		Requests  []octotest.Request
	}
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		if r.Recording == recording {
			return writes(r.Requests)
		}
	}
	t.Fatalf("no recording %s", recording)
	return nil
}

func writes(requests []octotest.Request) []octotest.Request {
	var out []octotest.Request
	for _, r := range requests {
		if r.Method == "POST" {
			out = append(out, r)
		}
	}
	return out
}

// TestWhatIsSentIsWhatTentacleSends reads a Machine from what was recorded and sends it on.
func TestWhatIsSentIsWhatTentacleSends(t *testing.T) {
	for _, recording := range []string{"register-with", "register-with-by-slug-and-id", "register-with-listening-default-port", "register-with-listening-proxy",
		"register-with-options-server-without-environments-v2", "register-worker", "register-worker-two-pools"} {
		t.Run(recording, func(t *testing.T) {
			want := recordedWrites(t, recording)[0]
			var m Machine
			reencode(t, want.Body, &m)
			m.sent = nil // as a caller makes a new one
			cluster := startCluster(t, octotest.Options{})
			ref := strings.Split(want.Path, "/")[2]
			space, kind := openSpace(t, cluster, ref), Target
			if strings.HasSuffix(want.Path, "/workers") {
				kind = Worker
			}
			cluster.ResetRequests()
			saved, err := space.Machines(kind).Save(t.Context(), m)
			if err != nil {
				t.Fatal(err)
			}
			got := cluster.Requests()[0]
			if diff := cmp.Diff(want.Body, got.Body); diff != "" || got.Path != want.Path || got.Status != want.Status {
				t.Errorf("%s %d (-Tentacle +ours)\n%s", got.Path, got.Status, diff)
			}
			if saved.ID == "" || saved.Name != m.Name || saved.Endpoint != m.Endpoint {
				t.Errorf("saved as %+v", saved)
			}
		})
	}
}

func reencode(t *testing.T, from, to any) {
	t.Helper()
	data, err := json.Marshal(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, to); err != nil {
		t.Fatal(err)
	}
}

func TestAModificationIsWhatTentacleSends(t *testing.T) {
	want := recordedWrites(t, "register-twice-two-addresses")
	cluster := startCluster(t, octotest.Options{})
	space := openSpace(t, cluster, "")
	var first, second Machine
	reencode(t, want[0].Body, &first)
	reencode(t, want[1].Body, &second)
	first.sent = nil
	if _, err := space.Machines(Target).Save(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	existing, err := space.Machines(Target).ByName(t.Context(), "WEB01")
	if err != nil || existing == nil {
		t.Fatal(existing, err)
	}
	cluster.ResetRequests()
	existing.Endpoint = second.Endpoint
	if _, err := space.Machines(Target).Save(t.Context(), *existing); err != nil {
		t.Fatal(err)
	}
	got := cluster.Requests()[0]
	if got.Method != "POST" || got.Override != "PUT" {
		t.Errorf("sent as %s, %s", got.Method, got.Override)
	}
	wanted := want[1].Body.(map[string]any) // the stand-in's counter was at another number
	wanted["Id"], wanted["Links"] = existing.ID, map[string]any{
		"Self": "/api/Spaces-1/machines/" + existing.ID, "TasksTemplate": "/api/Spaces-1/machines/" + existing.ID + "/tasks{?skip,take,type}"}
	if diff := cmp.Diff(want[1].Body, got.Body); diff != "" {
		t.Errorf("(-Tentacle +ours)\n%s", diff)
	}
}

func TestUnknownFieldsOfAnExistingMachineAreKept(t *testing.T) {
	var m Machine
	if err := json.Unmarshal([]byte(`{"Id":"Machines-1","Name":"web01","Future":{"a":[1,2]},"Endpoint":{"CommunicationStyle":"TentacleActive","Uri":"poll://x/","Extra":7}}`), &m); err != nil {
		t.Fatal(err)
	}
	m.Roles = []string{"web"}
	var got map[string]any
	reencode(t, (&Space{}).Machines(Target).body(m), &got)
	if diff := cmp.Diff(map[string]any{"a": []any{1., 2.}}, got["Future"]); diff != "" {
		t.Error(diff)
	}
	if e := got["Endpoint"].(map[string]any); e["Extra"] != 7. {
		t.Errorf("an endpoint that did not change lost fields: %v", e)
	}
	m.Endpoint.URI = "poll://y/"
	reencode(t, (&Space{}).Machines(Target).body(m), &got)
	if e := got["Endpoint"].(map[string]any); e["Uri"] != "poll://y/" || e["Extra"] != nil {
		t.Errorf("a new endpoint keeps what belonged to the old one: %v", e)
	}
}

func TestMachinesAreFoundByNameAndThumbprintAndDeleted(t *testing.T) {
	type kind struct {
		save         func(*Space) (Machine, error)
		byName       func(*Space, string) (*Machine, error)
		byThumbprint func(*Space, string) ([]Machine, error)
		remove       func(*Space, Machine) error
	}
	const presented = "D82535638EA17E5631EF569031D759BDE1C958E6"
	one := Machine{Name: "web01", Endpoint: Endpoint{CommunicationStyle: Polling, Thumbprint: presented, URI: "poll://dts2ku3ts9tzfqtu35gx/"}}
	for name, k := range map[string]kind{
		"targets": {
			func(s *Space) (Machine, error) { return s.Machines(Target).Save(t.Context(), one) },
			func(s *Space, n string) (*Machine, error) { return s.Machines(Target).ByName(t.Context(), n) },
			func(s *Space, p string) ([]Machine, error) { return s.Machines(Target).ByThumbprint(t.Context(), p) },
			func(s *Space, m Machine) error { return s.Machines(Target).Delete(t.Context(), m) }},
		"workers": {
			func(s *Space) (Machine, error) { return s.Machines(Worker).Save(t.Context(), one) },
			func(s *Space, n string) (*Machine, error) { return s.Machines(Worker).ByName(t.Context(), n) },
			func(s *Space, p string) ([]Machine, error) { return s.Machines(Worker).ByThumbprint(t.Context(), p) },
			func(s *Space, m Machine) error { return s.Machines(Worker).Delete(t.Context(), m) }},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := startCluster(t, octotest.Options{})
			s := openSpace(t, cluster, "")
			if m, err := k.byName(s, "web01"); m != nil || err != nil {
				t.Fatalf("before: %v, %v", m, err)
			}
			saved, err := k.save(s)
			if err != nil {
				t.Fatal(err)
			}
			if m, err := k.byName(s, "Web01"); err != nil || m == nil || m.ID != saved.ID {
				t.Errorf("by name: %v, %v", m, err)
			}
			if list, err := k.byThumbprint(s, strings.ToLower(presented)); err != nil || len(list) != 1 || list[0].ID != saved.ID {
				t.Errorf("by thumbprint: %v, %v", list, err)
			}
			if list, err := k.byThumbprint(s, strings.Repeat("0", 40)); err != nil || len(list) != 0 {
				t.Errorf("by another thumbprint: %v, %v", list, err)
			}
			if err := k.remove(s, saved); err != nil {
				t.Error(err)
			}
			if m, err := k.byName(s, "web01"); m != nil || err != nil {
				t.Errorf("after: %v, %v", m, err)
			}
			for _, r := range cluster.Requests() {
				if strings.Contains(r.Path, "thumbprint=") && !strings.Contains(r.Path, "/all?thumbprint=") {
					t.Errorf("%s does not make the node look again", r.Path)
				}
			}
		})
	}
}

// TestAServerThatIgnoresTheNameAskedForGivesNoOtherMachine: servers from before the filter answer
// all of them.
func TestAServerThatIgnoresTheNameAskedForGivesNoOtherMachine(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `{"Application":"Octopus Deploy","Version":"2018.1","Links":{"Self":"/api"},"Items":[{"Id":"Machines-1","Name":"web01"},{"Id":"Machines-2","Name":" Web02 "}]}`)
	}))
	defer server.Close()
	s, err := newClient(t, Options{Server: server.URL}).Space(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"web02": "Machines-2", "web03": ""} {
		m, err := s.Machines(Target).ByName(t.Context(), name)
		if err != nil || (m == nil) != (want == "") || m != nil && m.ID != want {
			t.Errorf("%s is %+v, %v", name, m, err)
		}
	}
}

func TestANameIsExactWhateverIsInIt(t *testing.T) {
	cluster := startCluster(t, octotest.Options{})
	thumbprint := strings.Repeat("A", 40)
	const name = "web  01\x1b[2J\r\n\u202e"
	if err := cluster.AddMachine(octotest.Machine{Name: name, Thumbprint: thumbprint}); err != nil {
		t.Fatal(err)
	}
	machines, err := openSpace(t, cluster, "").Machines(Target).ByThumbprint(t.Context(), thumbprint)
	if err != nil || len(machines) != 1 || machines[0].Name != name {
		t.Errorf("%+v, %v", machines, err)
	}
}

func TestTheThumbprintOfAKubernetesAgentIsRead(t *testing.T) {
	var e Endpoint
	if err := json.Unmarshal([]byte(`{"CommunicationStyle":"KubernetesTentacle","TentacleEndpointConfiguration":{"CommunicationMode":"Polling","Thumbprint":"AB","Uri":"poll://x/"}}`), &e); err != nil {
		t.Fatal(err)
	}
	if want := (Endpoint{CommunicationStyle: "KubernetesTentacle", Thumbprint: "AB", URI: "poll://x/", Mode: ModePolling}); e != want {
		t.Errorf("%+v", e)
	}
}

// TestAnAgentThatGetsAnotherSubscriptionKeepsWhatTheServerKnowsOfIt is where Tentacle sends a new
// endpoint, and the lock of the agent's version is gone.
func TestAnAgentThatGetsAnotherSubscriptionKeepsWhatTheServerKnowsOfIt(t *testing.T) {
	const sent = `{"Id": "Machines-7", "Name": "agent1", "Endpoint": {
		"CommunicationStyle": "KubernetesTentacle", "DefaultNamespace": "apps", "UpgradeLocked": true, "Newer": [1], "Id": "Endpoints-7",
		"KubernetesAgentDetails": {"AgentVersion": "3.1.0", "HelmReleaseName": "agent"},
		"TentacleEndpointConfiguration": {"CommunicationMode": "Polling", "Thumbprint": "AA", "Uri": "poll://before/", "AlsoNewer": 1}}}`
	for what, c := range map[string]struct {
		change func(*Endpoint)
		want   string // instead of what was sent
	}{
		"another subscription": {func(e *Endpoint) { e.URI = "poll://after/" },
			strings.NewReplacer("poll://before/", "poll://after/", `"AlsoNewer": 1`, `"AlsoNewer": 1, "CertificateSignatureAlgorithm": null`).Replace(sent)},
		"listening": {func(e *Endpoint) { e.Mode, e.URI = ModeListening, "https://agent:10933/" },
			strings.NewReplacer("poll://before/", "https://agent:10933/", `"Polling"`, `"Listening"`,
				`, "AlsoNewer": 1`, `, "ProxyId": null, "CertificateSignatureAlgorithm": null`).Replace(sent)},
	} {
		var m Machine
		if err := json.Unmarshal([]byte(sent), &m); err != nil {
			t.Fatal(err)
		}
		c.change(&m.Endpoint)
		var got, want map[string]any
		reencode(t, m.endpoint(), &got)
		var whole struct{ Endpoint map[string]any }
		if err := json.Unmarshal([]byte(c.want), &whole); err != nil {
			t.Fatal(err)
		}
		want = whole.Endpoint
		want["Links"], want["LastModifiedOn"], want["LastModifiedBy"] = map[string]any{}, nil, nil
		if difference := cmp.Diff(want, got); difference != "" {
			t.Errorf("%s (-want +got):\n%s", what, difference)
		}
	}
}
