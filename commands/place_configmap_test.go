package commands

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/kubernetes"
	"github.com/octo-tentacle/octo-tentacle/kubernetes/kubetest"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

const (
	podNamespace  = "octopus-agent-1"
	configMapPath = "/api/v1/namespaces/" + podNamespace + "/configmaps/tentacle-config"
	secretPath    = "/api/v1/namespaces/" + podNamespace + "/secrets/tentacle-secret"
	mergeType     = "application/merge-patch+json"
)

// podScene is a cluster with an agent that polls three nodes, as its own container sees it.
type podScene struct {
	*kubetest.Cluster
	place *configMapPlace
}

func newPodScene(t *testing.T) *podScene {
	t.Helper()
	cluster, err := kubetest.Start("test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	agent := kubetest.Agent{Namespace: podNamespace, Addresses: []string{"https://octo1:10943", "https://octo2:10943", "https://octo3:10943"}}
	if err := agent.Install(cluster.Client()); err != nil {
		t.Fatal(err)
	}
	s := &podScene{Cluster: cluster}
	s.place = s.newPlace(t, cluster.AgentAccount(podNamespace))
	cluster.ResetRequests()
	return s
}

// newPlace is the place as a new process has it.
func (s *podScene) newPlace(t *testing.T, account string) *configMapPlace {
	t.Helper()
	file := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(file, []byte(s.Kubeconfig(account)), 0o600); err != nil {
		t.Fatal(err)
	}
	connected, err := kubernetes.Connect(kubernetes.Kubeconfig{File: file})
	if err != nil {
		t.Fatal(err)
	}
	return &configMapPlace{agentLocation: agentLocation{podNamespace, kubernetes.ConfigMapName, kubernetes.SecretName}, cluster: connected}
}

// patch changes an object as somebody else.
func (s *podScene) patch(t *testing.T, path string, data any) {
	t.Helper()
	if err := s.Client().Do("PATCH", path, mergeType, map[string]any{"data": data}, nil); err != nil {
		t.Fatal(err)
	}
}

// data is what the ConfigMap says now.
func (s *podScene) data(t *testing.T) map[string]string {
	t.Helper()
	var m struct{ Data map[string]string }
	if err := s.Client().Do("GET", configMapPath, "", nil, &m); err != nil {
		t.Fatal(err)
	}
	return m.Data
}

// sent are the requests for an object that have this method, by the agent's account.
func (s *podScene) sent(method, name string) (list []kubetest.Request) {
	for _, r := range s.Requests() {
		if r.Method == method && r.Name == name && r.Account != kubetest.Admin {
			list = append(list, r)
		}
	}
	return list
}

func addressesIn(t *testing.T, data map[string]string) (addresses []string) {
	t.Helper()
	servers, err := tentacleconfig.FromMap("", data, nil).TrustedServers()
	if err != nil {
		t.Fatal(err)
	}
	return polledAddresses(servers)
}

// drop is a change that stops polling a node.
func drop(address string) tentacleconfig.Change {
	return tentacleconfig.Change{Edit: func(d *tentacleconfig.Document) error {
		now, err := d.TrustedServers()
		if err != nil {
			return err
		}
		d.SetTrustedServers(tentacleconfig.Without(now, func(s tentacleconfig.TrustedServer) bool { return s.Address == address }))
		return nil
	}}
}

func TestAChangeOfAnAgentIsOneRequestWithWhatDiffers(t *testing.T) {
	t.Parallel()
	s := newPodScene(t)
	s.patch(t, configMapPath, map[string]string{"Foreign": "kept", tentacleconfig.KeyProxyHost: "proxy"})
	before := s.data(t)
	change := drop("https://octo2:10943")
	servers := change.Edit
	change.Edit = func(d *tentacleconfig.Document) error {
		d.Remove(tentacleconfig.KeyProxyHost)
		return servers(d)
	}
	changed, err := s.place.update(t.Context(), change)
	if !changed || err != nil {
		t.Fatalf("%v, %v", changed, err)
	}
	patches := s.sent("PATCH", "tentacle-config")
	if len(patches) != 1 {
		t.Fatalf("%d requests: %v", len(patches), patches)
	}
	body := patches[0].Body.(map[string]any)
	data := body["data"].(map[string]any)
	if value, named := data[tentacleconfig.KeyProxyHost]; len(data) != 2 || !named || value != nil {
		t.Errorf("sent %v", data)
	}
	if version := body["metadata"].(map[string]any)["resourceVersion"]; version == "" || version == nil {
		t.Errorf("sent for no version: %v", body)
	}
	after := s.data(t)
	if !slices.Equal(addressesIn(t, after), []string{"https://octo1:10943", "https://octo3:10943"}) {
		t.Errorf("polls %v", addressesIn(t, after))
	}
	delete(before, tentacleconfig.KeyProxyHost)
	delete(before, tentacleconfig.KeyTrustedServers)
	delete(after, tentacleconfig.KeyTrustedServers)
	if !maps.Equal(before, after) {
		t.Errorf("the rest was %v, is %v", before, after)
	}
}

func TestWhatAnAgentHasAlreadyIsNotSent(t *testing.T) {
	t.Parallel()
	s := newPodScene(t)
	if _, err := s.place.read(t.Context()); err != nil {
		t.Fatal(err)
	}
	changed, err := s.place.update(t.Context(), drop("https://octo9:10943"))
	if changed || err != nil || len(s.sent("PATCH", "tentacle-config")) != 0 {
		t.Errorf("%v, %v, sent %v", changed, err, s.Requests())
	}
	// It is not said of what was read when the command began.
	if gets := s.sent("GET", "tentacle-config"); len(gets) != 2 {
		t.Errorf("read %d times", len(gets))
	}
}

func TestAnAgentThatOthersChangeIsDecidedOnAgain(t *testing.T) {
	t.Parallel()
	s := newPodScene(t)
	if _, err := s.place.read(t.Context()); err != nil {
		t.Fatal(err)
	}
	others := 0
	s.Hook(func(r kubetest.Request) {
		if r.Verb == "patch" && r.Account != kubetest.Admin && others < 2 {
			others++
			s.patch(t, configMapPath, map[string]string{"Other": strings.Repeat("x", others)})
		}
	}, nil)
	edits, sent := 0, 0
	change := drop("https://octo2:10943")
	servers := change.Edit
	change.Edit = func(d *tentacleconfig.Document) error { edits++; return servers(d) }
	change.Before = func() error { sent++; return nil }
	changed, err := s.place.update(t.Context(), change)
	if !changed || err != nil || edits != 3 || sent != 1 {
		t.Errorf("%v, %v after %d decisions and %d registrations", changed, err, edits, sent)
	}
	data := s.data(t)
	if data["Other"] != "xx" || !slices.Equal(addressesIn(t, data), []string{"https://octo1:10943", "https://octo3:10943"}) {
		t.Errorf("a change is lost: %v", data)
	}
}

func TestAnAgentThatIsChangedWithoutEndIsLeftAlone(t *testing.T) {
	t.Parallel()
	s := newPodScene(t)
	others := 0
	s.Hook(func(r kubetest.Request) {
		if r.Verb == "patch" && r.Account != kubetest.Admin {
			others++
			s.patch(t, configMapPath, map[string]string{"Other": strings.Repeat("x", others)})
		}
	}, nil)
	changed, err := s.place.update(t.Context(), drop("https://octo2:10943"))
	if changed || err == nil || !slices.Contains(hint.Of(err), "nothing was changed") || others != mostStarts {
		t.Errorf("%v after %d tries: %v", changed, others, err)
	}
	if len(addressesIn(t, s.data(t))) != 3 {
		t.Error("it was changed")
	}
}

func TestARequestIsTriedAgainWhereThatMayHelp(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault    kubetest.Fault
		requests int
		err      error // nil: it is done
	}{
		"an error of the server":   {kubetest.Fault{Status: http.StatusInternalServerError, Times: 2}, 3, nil},
		"a dropped connection":     {kubetest.Fault{CutBefore: true, Times: 1}, 2, nil},
		"a lost answer":            {kubetest.Fault{CutAfter: true, Times: 1}, 2, nil},
		"no right":                 {kubetest.Fault{Status: http.StatusForbidden, Reason: "Forbidden"}, 1, kubernetes.ErrForbidden},
		"not who it should be":     {kubetest.Fault{Status: http.StatusUnauthorized, Reason: "Unauthorized"}, 1, kubernetes.ErrUnauthorized},
		"what a policy forbids":    {kubetest.Fault{Status: http.StatusUnprocessableEntity, Reason: "Invalid"}, 1, kubernetes.ErrRefused},
		"an object that goes away": {kubetest.Fault{Status: http.StatusNotFound, Reason: "NotFound"}, 1, kubernetes.ErrNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newPodScene(t)
			test.fault.Verb, test.fault.Resource = "patch", "configmaps"
			s.Break(test.fault)
			changed, err := s.place.update(t.Context(), drop("https://octo2:10943"))
			s.Repair()
			if changed != (test.err == nil) || !errors.Is(err, test.err) {
				t.Errorf("%v, %v", changed, err)
			}
			if sent := s.sent("PATCH", "tentacle-config"); len(sent) != test.requests {
				t.Errorf("%d requests: %v", len(sent), sent)
			}
			left := 2
			if test.err != nil {
				left = 3
			}
			if got := addressesIn(t, s.data(t)); len(got) != left {
				t.Errorf("polls %v", got)
			}
		})
	}
}

func TestAnAnswerThatIsLostIsAskedFor(t *testing.T) {
	t.Parallel()
	s := newPodScene(t)
	s.Break(kubetest.Fault{Verb: "patch", Resource: "configmaps", CutAfter: true})
	changed, err := s.place.update(t.Context(), drop("https://octo2:10943"))
	if !changed || err != nil {
		t.Errorf("it was made, but: %v, %v", changed, err)
	}
}

func TestAnOutcomeThatNobodyTellsIsNotClaimed(t *testing.T) {
	t.Parallel()
	s := newPodScene(t)
	ctx, cancel := context.WithCancel(t.Context())
	s.Hook(nil, func(r kubetest.Request) {
		if r.Verb == "patch" {
			s.Break(kubetest.Fault{CutBefore: true})
			cancel()
		}
	})
	changed, err := s.place.update(ctx, drop("https://octo2:10943"))
	if changed || !errors.As(err, new(inDoubtError)) || slices.Contains(hint.Of(err), "nothing was changed") {
		t.Errorf("%v, %v", changed, err)
	}
}

func TestACommandThatIsStoppedSaysWhatItDid(t *testing.T) {
	t.Parallel()
	for name, during := range map[string]bool{"before the request": false, "during the request": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newPodScene(t)
			ctx, cancel := context.WithCancel(t.Context())
			change := drop("https://octo2:10943")
			if during {
				s.Hook(nil, func(r kubetest.Request) {
					if r.Verb == "patch" {
						cancel()
					}
				})
			} else {
				change.Before = func() error { cancel(); return nil }
			}
			changed, err := s.place.update(ctx, change)
			is := len(addressesIn(t, s.data(t))) == 2
			if changed != is || is != during || (err == nil) != during {
				t.Errorf("says %v (%v), is %v", changed, err, is)
			}
		})
	}
}

func TestAnAgentWithARelativeHomeIsRefused(t *testing.T) {
	t.Parallel()
	s := newPodScene(t)
	s.patch(t, configMapPath, map[string]string{tentacleconfig.KeyHome: "octopus"})
	if _, err := s.place.read(t.Context()); !errors.As(err, new(*relativeHomeError)) {
		t.Errorf("got %v", err)
	}
}

// secret sets keys of the Secret.
func (s *podScene) secret(t *testing.T, data map[string]string) {
	t.Helper()
	encoded := map[string]any{}
	for key, value := range data {
		encoded[key] = base64.StdEncoding.EncodeToString([]byte(value))
	}
	s.patch(t, secretPath, encoded)
}

func (s *podScene) secretData(t *testing.T) map[string][]byte {
	t.Helper()
	var secret struct{ Data map[string][]byte }
	if err := s.Client().Do("GET", secretPath, "", nil, &secret); err != nil {
		t.Fatal(err)
	}
	return secret.Data
}

func setPassword(d *tentacleconfig.Document) error {
	return d.SetSecret(tentacleconfig.KeyProxyPassword, "p")
}

func TestASecretOfAnAgentNeedsAWholeKey(t *testing.T) {
	t.Parallel()
	for name, secret := range map[string]map[string]string{
		"half a key":     {machineKey: strings.Repeat("k", 32)},
		"the other half": {machineIV: strings.Repeat("v", 16)},
		"a short key":    {machineKey: "k", machineIV: strings.Repeat("v", 16)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newPodScene(t)
			s.secret(t, secret)
			if changed, err := s.place.update(t.Context(), drop("https://octo2:10943")); !changed || err != nil {
				t.Errorf("without a secret: %v", err)
			}
			if gets := s.sent("GET", "tentacle-secret"); len(gets) > 0 {
				t.Error("the Secret was read for no secret")
			}
			_, err := s.place.update(t.Context(), tentacleconfig.Change{Edit: setPassword})
			if err == nil || !strings.Contains(err.Error(), "secret/"+podNamespace+"/tentacle-secret is damaged") {
				t.Errorf("got %v", err)
			}
			if len(s.sent("PATCH", "tentacle-secret")) > 0 {
				t.Error("the Secret was changed")
			}
			if _, set := s.data(t)[tentacleconfig.KeyProxyPassword]; set {
				t.Error("something was saved")
			}
		})
	}
}

func TestAMissingSecretIsAnError(t *testing.T) {
	t.Parallel()
	s := newPodScene(t)
	if err := s.Client().Do("DELETE", secretPath, "", nil, nil); err != nil {
		t.Fatal(err)
	}
	for name, edit := range map[string]func(*tentacleconfig.Document) error{"write": setPassword, "read": func(d *tentacleconfig.Document) error {
		d.Set(tentacleconfig.KeyCertificate, "AAAA")
		_, err := d.OwnCertificate()
		return err
	}} {
		if changed, err := s.place.update(t.Context(), tentacleconfig.Change{Edit: edit}); changed || !errors.Is(err, kubernetes.ErrNotFound) {
			t.Errorf("%s: %v, %v", name, changed, err)
		}
	}
}

func TestAnAgentWithoutAKeyGetsOne(t *testing.T) {
	t.Parallel()
	s := newPodScene(t)
	s.secret(t, map[string]string{"foreign": "kept"})
	changed, err := s.place.update(t.Context(), tentacleconfig.Change{Edit: setPassword})
	if !changed || err != nil {
		t.Fatalf("%v, %v", changed, err)
	}
	secret := s.secretData(t)
	if len(secret[machineKey]) != 32 || len(secret[machineIV]) != 16 || string(secret["foreign"]) != "kept" || len(secret) != 3 {
		t.Errorf("the Secret has %d keys: %d and %d bytes", len(secret), len(secret[machineKey]), len(secret[machineIV]))
	}
	again := s.newPlace(t, s.AgentAccount(podNamespace))
	if changed, err := again.update(t.Context(), tentacleconfig.Change{Edit: setPassword}); changed || err != nil {
		t.Errorf("the password is another one for the next process: %v, %v", changed, err)
	}
	if got := s.secretData(t); !bytes.Equal(got[machineKey], secret[machineKey]) {
		t.Error("the key was made again")
	}
}

func TestTwoProcessesMakeOneKey(t *testing.T) {
	t.Parallel()
	s := newPodScene(t)
	theirs := map[string]string{machineKey: strings.Repeat("k", 32), machineIV: strings.Repeat("v", 16)}
	faster := false
	s.Hook(func(r kubetest.Request) {
		if r.Verb == "patch" && r.Resource == "secrets" && r.Account != kubetest.Admin && !faster {
			faster = true
			s.secret(t, theirs)
		}
	}, nil)
	if _, err := s.place.update(t.Context(), tentacleconfig.Change{Edit: setPassword}); err != nil {
		t.Fatal(err)
	}
	if got := s.secretData(t); string(got[machineKey]) != theirs[machineKey] {
		t.Error("the key of the other process is gone")
	}
	key, err := tentacleconfig.NewKey([]byte(theirs[machineKey]), []byte(theirs[machineIV]))
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := key.Decrypt(s.data(t)[tentacleconfig.KeyProxyPassword]); string(plain) != "p" || err != nil {
		t.Errorf("encrypted with another key: %q, %v", plain, err)
	}
}

func TestADryRunMakesNoKey(t *testing.T) {
	t.Parallel()
	s := newPodScene(t)
	document, err := s.place.read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	document.Secrets = rehearsedSecrets{document.Secrets}
	if err := setPassword(document); err != nil {
		t.Fatal(err)
	}
	if got := s.secretData(t); len(got) > 0 {
		t.Error("a key was made")
	}
	if text, err := json.Marshal(document.Settings()); err != nil || !strings.Contains(string(text), secretValue) {
		t.Errorf("%s, %v", text, err)
	}
}
