package commands_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/kubernetes/kubetest"
)

// suggested are the lists that list-servers and check suggest for all places of an agent.
func (s *rolloutScene) suggested(t *testing.T) (lists, checks []string) {
	t.Helper()
	_, text := s.run(t, "list-servers", "--format=json")
	var list struct{ Diagnosis []struct{ Fix string } }
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	_, text = s.run(t, "check", "--format=json")
	var report struct{ Findings []struct{ ID, Fix string } }
	if err := json.Unmarshal([]byte(text[strings.Index(text, "{"):]), &report); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	add := func(to *[]string, fix string) {
		_, after, found := strings.Cut(fix, "--server-comms-address=")
		addresses, _, _ := strings.Cut(after, " ")
		if found && (len(*to) == 0 || (*to)[0] != addresses) {
			*to = append(*to, addresses)
		}
	}
	for _, d := range list.Diagnosis {
		add(&lists, d.Fix)
	}
	for _, f := range report.Findings {
		if f.ID == "places" || f.ID == "next-start" {
			add(&checks, f.Fix)
		}
	}
	return lists, checks
}

// TestListServersAndCheckSuggestTheSameList: that of Helm alone only if it was given after all
// else.
func TestListServersAndCheckSuggestTheSameList(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		given time.Time // to Helm
		want  string
	}{
		{"Helm was given its list before the ConfigMap was written", time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), strings.Join(octos("2,4,1,3"), ",")},
		{"Helm was given its list last", time.Now().Add(time.Hour), strings.Join(octos("2,4"), ",")},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newRolloutScene(t, kubetest.Agent{})
			s.cluster.SetRollout("octopus", kubetest.Rollout{Delay: time.Hour}) // the pod does not start
			secret := s.revise(t, "sh.helm.release.v1.agent.v1", func(revision map[string]any) {
				revision["version"] = 2
				revision["info"].(map[string]any)["last_deployed"] = c.given.Format(time.RFC3339)
				revision["config"] = map[string]any{"agent": map[string]any{"serverCommsAddresses": octos("2,4")}}
			})
			metadata := secret["metadata"].(map[string]any)
			metadata["name"] = "sh.helm.release.v1.agent.v2"
			delete(metadata, "resourceVersion")
			metadata["labels"].(map[string]any)["version"] = "2"
			s.request(t, "POST", "/api/v1/namespaces/octopus/secrets?fieldManager=helm", "", secret, nil)
			s.values(t, "agent: {serverCommsAddresses: ["+strings.Join(octos("2,4"), ", ")+"]}")
			lists, checks := s.suggested(t)
			if len(lists) != 1 || len(checks) != 1 || lists[0] != c.want || checks[0] != c.want {
				t.Errorf("list-servers suggests %q, check %q, and not %s", lists, checks, c.want)
			}
		})
	}
}

// TestAFailedRevisionIsNotWhatHelmGoesOnWith: after a rollout that was undone, the values of the
// revision that is deployed count.
func TestAFailedRevisionIsNotWhatHelmGoesOnWith(t *testing.T) {
	t.Parallel()
	s := newRolloutScene(t, kubetest.Agent{})
	s.cluster.SetRollout("octopus", kubetest.Rollout{Fails: "out of luck"})
	if code, output := s.run(t, adds()...); code != 1 {
		t.Fatalf("exit code %d: %s", code, output)
	}
	_, output := s.run(t, "check")
	for _, want := range []string{"revision 2 of the Helm release agent failed\n", "the Helm release, the Deployment and the ConfigMap have the same list of 3 addresses\n"} {
		if !strings.Contains(output, want) {
			t.Errorf("%q is missing: %s", want, output)
		}
	}
}
