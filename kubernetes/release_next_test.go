package kubernetes

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// revisionOfAgent is a revision with these values and this manifest.
func revisionOfAgent(t *testing.T, chartValues, values string) *Release {
	t.Helper()
	manifest, err := json.Marshal(agentManifest("            - {name: ServerCommsAddresses, value: \"https://octo1:10943\"}\n            - {name: ServerCommsAddress, value: \"\"}\n"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := decodeRelease(Secret{
		Type: releaseType,
		Meta: Meta{Name: "sh.helm.release.v1.agent.v9", Namespace: "octopus", ResourceVersion: "7", Labels: map[string]string{
			"owner": "helm", "name": "agent", "status": "deployed", "version": "9", "modifiedAt": "1", "team": "blue",
		}},
		Data: map[string][]byte{releaseKey: packed(t, `{"name":"agent","namespace":"octopus","version":9,"future":{"x":1.0},
			"info":{"first_deployed":"2026-01-01T10:00:00Z","last_deployed":"2026-01-01T10:00:00Z","deleted":"","status":"deployed","description":"Install complete","notes":"hello","future":[1e3]},
			"chart":{"metadata":{"name":"kubernetes-agent","version":"2.17.0"},"values":`+chartValues+`},
			"config":`+values+`,"manifest":`+string(manifest)+`,"hooks":[],"apply_method":"ssa"}`)},
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

const chartValues = `{"agent":{"serverCommsAddress":"","serverCommsAddresses":[]}}`

func TestTheNextRevisionIsThatOfHelmWithOtherAddresses(t *testing.T) {
	t.Parallel()
	r := revisionOfAgent(t, chartValues, `{"agent":{"serverCommsAddresses":["https://octo1:10943"],"space":"Default","count":5},"big":12345678901234567890}`)
	now := time.Date(2026, 11, 26, 10, 0, 0, 0, time.UTC)
	n, err := r.next(10, "octopus-agent-tentacle", "octopus-agent-tentacle", []string{"https://octo1:10943", "https://octo2:10943"}, "polls two (ticket 4711)", now)
	if err != nil {
		t.Fatal(err)
	}
	again, err := decodeRelease(n.secret)
	if err != nil {
		t.Fatal(err)
	}
	if again.Revision != 10 || again.Status != StatusPendingUpgrade || again.Description != "octo-tentacle: polls two (ticket 4711)" || !again.IsOurs() || !again.LastDeployed.Equal(now) {
		t.Errorf("the next revision is %+v", again)
	}
	if n.secret.Meta.Name != "sh.helm.release.v1.agent.v10" || n.secret.Type != releaseType {
		t.Errorf("its Secret is %s of type %s", n.secret.Meta.Name, n.secret.Type)
	}
	if diff := cmp.Diff(map[string]string{"owner": "helm", "name": "agent", "status": "pending-upgrade", "version": "10", "createdAt": "1795687200", "team": "blue"}, n.secret.Meta.Labels); diff != "" {
		t.Errorf("its labels (-want +got):\n%s", diff)
	}
	if got := string(again.body["config"]); got != `{"agent":{"count":5,"serverCommsAddresses":["https://octo1:10943","https://octo2:10943"],"space":"Default"},"big":12345678901234567890}` {
		t.Errorf("its values are %s", got)
	}
	before, err := r.manifest()
	if err != nil {
		t.Fatal(err)
	}
	after, err := again.manifest()
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Replace(before, `{name: ServerCommsAddresses, value: "https://octo1:10943"}`, `{name: ServerCommsAddresses, value: "https://octo1:10943,https://octo2:10943"}`, 1); after != want {
		t.Errorf("its manifest (-want +got):\n%s", cmp.Diff(want, after))
	}
	for _, key := range []string{"name", "namespace", "future", "chart", "hooks", "apply_method"} {
		if string(again.body[key]) != string(r.body[key]) {
			t.Errorf("%s becomes %s", key, again.body[key])
		}
	}
	info, err := decodeObject(again.body["info"])
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]any{"2026-01-01T10:00:00Z", "hello", []any{json.Number("1e3")}}, []any{info["first_deployed"], info["notes"], info["future"]}); diff != "" {
		t.Errorf("what it keeps of info (-want +got):\n%s", diff)
	}
	if r.Status != StatusDeployed || r.secret.Meta.Labels["version"] != "9" {
		t.Errorf("the former revision became %+v", r)
	}
}

func TestTheValueForASingleAddressIsEmptied(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, chart, values, want string }{
		{"where it is given", chartValues, `{"agent":{"serverCommsAddress":"https://lb:10943"}}`, `{"agent":{"serverCommsAddress":"","serverCommsAddresses":["https://a:1"]}}`},
		{"where the chart has one", `{"agent":{"serverCommsAddress":"https://lb:10943","serverCommsAddresses":[]}}`, `null`, `{"agent":{"serverCommsAddress":"","serverCommsAddresses":["https://a:1"]}}`},
		{"and not made where there is none", chartValues, `{}`, `{"agent":{"serverCommsAddresses":["https://a:1"]}}`},
	} {
		values, err := revisionOfAgent(t, c.chart, c.values).valuesWith([]string{"https://a:1"})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else if got := string(marshal(values)); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestAReleaseOfAnotherChartIsRefused(t *testing.T) {
	t.Parallel()
	for values, want := range map[string]string{
		`{"other":{}}`:   errNoSuchValue.Error(),
		`{"agent":"no"}`: "its value agent is no map",
		`[]`:             "cannot unmarshal array",
	} {
		_, err := revisionOfAgent(t, `{}`, values).next(10, "octopus-agent-tentacle", "octopus-agent-tentacle", []string{"https://a:1"}, "x", time.Now())
		var refused *ManifestError
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", values, err, want)
		}
	}
}
