package kubernetes

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/client-go/rest"
)

// broken is an API that gives each path its answer; one with "" in front of the others.
func broken(t *testing.T, answers map[string]string) *Cluster {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", jsonType)
		answer, is := answers[r.URL.Path]
		if !is {
			answer = answers[""]
		}
		fmt.Fprint(w, answer)
	}))
	t.Cleanup(server.Close)
	c, err := connect(&rest.Config{Host: server.URL}, "test")
	if err != nil {
		t.Fatal(err)
	}
	c.delay = time.Millisecond
	return c
}

// TestWhatIsNoAnswerIsNotTakenForAnEmptyOne: of an object without a version, every change would be
// taken, whatever others have changed.
func TestWhatIsNoAnswerIsNotTakenForAnEmptyOne(t *testing.T) {
	t.Parallel()
	for _, answer := range []string{
		"", "null", "{}", "[]", `"x"`, "7", `{"kind": "Status", "status": "Success", "metadata": {}}`,
		`{"kind": "ConfigMap", "metadata": {"name": "tentacle-config"}, "data": {"x": "1"}}`,
		`{"kind": "ConfigMap", "metadata": {"resourceVersion": "1"}, "data": null}`,
		`{"kind": "DeploymentList", "metadata": {"continue": "again"}, "items": null}`,
	} {
		c := broken(t, map[string]string{"": answer})
		for what, ask := range map[string]func() error{
			"ConfigMap": func() error { _, err := c.ConfigMap(t.Context(), "a", ConfigMapName); return err },
			"Secret":    func() error { _, err := c.Secret(t.Context(), "a", SecretName); return err },
			"agent":     func() error { _, err := c.Agent(t.Context(), "a"); return err },
			"agents":    func() error { _, err := c.Agents(t.Context()); return err },
			"change": func() error {
				_, err := c.PatchConfigMap(t.Context(), &ConfigMap{Meta: Meta{Name: "x", Namespace: "a", ResourceVersion: "1"}}, nil)
				return err
			},
		} {
			if err := ask(); !errors.As(err, new(*NotKubernetesError)) {
				t.Errorf("%s of %q: %v", what, answer, err)
			}
		}
	}
}

// TestTheRevisionsOfOthersAreNotTaken: the name of the release is in an annotation, and what it
// selects in the hands of the API.
func TestTheRevisionsOfOthersAreNotTaken(t *testing.T) {
	t.Parallel()
	c := broken(t, map[string]string{"": `{"kind": "SecretList", "items": [
		{"type": "helm.sh/release.v1", "metadata": {"name": "sh.helm.release.v1.other.v1", "labels": {"name": "other", "version": "1"}}},
		{"type": "helm.sh/release.v1", "metadata": {"name": "sh.helm.release.v1.agent.v1"}},
		{"type": "Opaque", "metadata": {"name": "x", "labels": {"name": "agent", "version": "2"}}},
		{}, null]}`})
	if revisions, err := c.revisions(t.Context(), "a", "agent"); err != nil || len(revisions) != 0 {
		t.Errorf("%+v, %v", revisions, err)
	}
}

// TestARevisionWithoutLabelsHasASuccessor: nothing but the labels of Helm's are needed.
func TestARevisionWithoutLabelsHasASuccessor(t *testing.T) {
	t.Parallel()
	r := revisionOfAgent(t, chartValues, `{}`)
	r.secret.Meta.Labels = nil
	next, err := r.next(10, "octopus-agent-tentacle", "octopus-agent-tentacle", []string{"https://octo4:10943"}, "x", time.Now())
	if err != nil || next.secret.Meta.Labels["status"] != StatusPendingUpgrade || next.secret.Meta.Name != "sh.helm.release.v1.agent.v10" {
		t.Errorf("%+v, %v", next, err)
	}
}

func TestARefusalIsShortAndQuotesNoObject(t *testing.T) {
	t.Parallel()
	for message, want := range map[string]string{
		`data: Invalid value: "very-\"secret": no`:               `data: Invalid value: no`,
		`data: Invalid value: {"x":"very-secret"}: no`:           `data: Invalid value`,
		`data: Invalid value: core.Secret{X:"very-secret"}: no`:  `data: Invalid value`,
		`env[1]: Duplicate value: {"value":"very-secret"}`:       `env[1]: Duplicate value`,
		`spec.replicas: Invalid value: -1: must not be negative`: `spec.replicas: Invalid value: -1: must not be negative`,
		strings.Repeat("x", 1<<20):                               strings.Repeat("x", maxMessage) + "…",
	} {
		e := newAPIError(request{method: http.MethodGet, path: "/api/v1/namespaces/a/secrets/x"}, 422, marshal(map[string]string{"message": message}))
		if e.Message != want {
			t.Errorf("%.100q, not %.100q", e.Message, want)
		}
	}
}

// TestAnAPIThatAsksForAnEternityIsNotWaitedFor: so many seconds are more than a duration has.
func TestAnAPIThatAsksForAnEternityIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	for _, seconds := range []string{"9223372036", "9223372036854775807", "-9223372036854775808"} {
		c := broken(t, nil)
		response := &http.Response{StatusCode: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {seconds}}}
		refused := new(APIError)
		if err := c.refusal(request{method: http.MethodGet, path: "/api/v1/pods"}, response, nil); !errors.As(err, &refused) || refused.RetryAfter < 0 || refused.RetryAfter > time.Hour {
			t.Errorf("%s seconds: %+v", seconds, refused)
		}
	}
}

// TestALogOfNonsenseIsReadInTimeAndNotKept: a pod may write what it likes.
func TestALogOfNonsenseIsReadInTimeAndNotKept(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&log, "2026-11-26 10:00:05.2000 | ERROR | https://octo%d:10943/   9  Halibut client exception: x\n", i)
		fmt.Fprintf(&log, "Agent will poll Octopus Server at https://octo%d for subscription x expecting thumbprint y\n", i)
	}
	log.WriteString(strings.Repeat("y", 1<<20))
	l := parseLog([]byte(log.String()))
	if len(l.Nodes) != mostNodes || len(l.Polls) != mostNodes || len(l.LastLine) > maxLastLine+len("…") {
		t.Errorf("%d nodes, %d polls, %d bytes at the end", len(l.Nodes), len(l.Polls), len(l.LastLine))
	}
}

// TestAListThatBrokeOffLosesNoRevision: what came before is read once more.
func TestAListThatBrokeOffLosesNoRevision(t *testing.T) {
	t.Parallel()
	revisions := []string{revisionSecret(3, StatusDeployed, "three"), revisionSecret(2, "superseded", "two"), revisionSecret(1, "superseded", "one")}
	whole := `{"kind":"SecretList","items":[` + strings.Join(revisions, ",") + `]}`
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", jsonType)
		if asked.Add(1) == 1 {
			w.Header().Set("Content-Length", strconv.Itoa(len(whole)))
			fmt.Fprint(w, whole[:len(whole)-len(revisions[2])])
			return
		}
		fmt.Fprint(w, whole)
	}))
	defer server.Close()
	c, err := connect(&rest.Config{Host: server.URL}, "test")
	if err != nil {
		t.Fatal(err)
	}
	c.delay = time.Millisecond
	read, err := c.revisions(t.Context(), "a", "agent")
	if err != nil || len(read) != 3 || asked.Load() != 2 {
		t.Fatalf("%d revisions, asked %d times, %v", len(read), asked.Load(), err)
	}
	for i, want := range []string{"three", "two", ""} { // the third is not needed
		if got := string(read[i].Data[releaseKey]); got != want {
			t.Errorf("revision %d: %q, not %q", 3-i, got, want)
		}
	}
}
