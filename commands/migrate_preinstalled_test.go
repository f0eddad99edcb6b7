package commands

import (
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/kubernetes"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// TestWhatAMigrationDoesWithWhatThereIs has the states that an installation is in, and those in
// which a migration is interrupted: after each of its steps, the next plan is the rest of it.
func TestWhatAMigrationDoesWithWhatThereIs(t *testing.T) {
	t.Parallel()
	o := migrateOptions{
		from: agentLocation{"octopus", preinstalledConfigMap, preinstalledSecret}, to: agentLocation{"octopus", kubernetes.ConfigMapName, kubernetes.SecretName},
	}
	config := func(data ...string) *kubernetes.ConfigMap {
		m := &kubernetes.ConfigMap{Data: map[string]string{}}
		for i := 0; i < len(data); i += 2 {
			m.Data[data[i]] = data[i+1]
		}
		return m
	}
	secret := func(key string) *kubernetes.Secret {
		return &kubernetes.Secret{Data: map[string][]byte{"machine-key": []byte(key)}}
	}
	registered := config(tentacleconfig.KeyIsRegistered, "true", tentacleconfig.KeyCertificate, "HOOK")
	hook := agentObjects{registered, secret("hook")}
	for _, c := range []struct {
		what     string
		from, to agentObjects
		want     []string // of steps: what is written or deleted
		says     string   // the reason, or the error
	}{
		{"an installation", hook, agentObjects{config(), secret("")},
			[]string{"tentacle-secret gets", "tentacle-config gets", "tentacle-config-pre is deleted", "tentacle-secret-pre is deleted"}, ""},
		{"after its first step", hook, agentObjects{config(), secret("hook")},
			[]string{"tentacle-config gets", "tentacle-config-pre is deleted", "tentacle-secret-pre is deleted"}, ""},
		{"after its second step", hook, agentObjects{registered, secret("hook")},
			[]string{"tentacle-config-pre is deleted", "tentacle-secret-pre is deleted"}, ""},
		{"after its third step", agentObjects{nil, secret("hook")}, agentObjects{registered, secret("hook")},
			[]string{"tentacle-secret-pre is deleted"}, ""},
		{"after its last step", agentObjects{}, hook, nil, "nothing is to be migrated"},
		{"Tentacle's own migration, interrupted before it wrote the Secret", hook, agentObjects{registered, secret("")},
			[]string{"tentacle-secret gets", "tentacle-config-pre is deleted", "tentacle-secret-pre is deleted"}, ""},
		{"an agent that polls more by now", hook,
			agentObjects{config(tentacleconfig.KeyIsRegistered, "true", tentacleconfig.KeyCertificate, "HOOK", tentacleconfig.KeyTrustedServers, "[]"), secret("hook")},
			[]string{"tentacle-config-pre is deleted", "tentacle-secret-pre is deleted"}, ""},
		{"an agent with a certificate of its own that is not registered", hook,
			agentObjects{config(tentacleconfig.KeyCertificate, "OWN"), secret("own")},
			[]string{"tentacle-secret gets", "tentacle-config gets", "tentacle-config-pre is deleted", "tentacle-secret-pre is deleted"}, ""},
		{"another agent that is registered", hook, agentObjects{config(tentacleconfig.KeyIsRegistered, "True", tentacleconfig.KeyCertificate, "OWN"), secret("own")},
			nil, "registered already"},
		{"a hook's Secret that is no one's", agentObjects{nil, secret("hook")}, agentObjects{config(), secret("own")}, nil, "tentacle-secret-pre stays"},
		{"settings without their keys", agentObjects{registered, nil}, agentObjects{config(), secret("")}, nil, "secret/octopus/tentacle-secret-pre does not exist"},
		{"settings without the key of their certificate", agentObjects{registered, &kubernetes.Secret{}}, agentObjects{config(), secret("")}, nil, "has no machine-key"},
		{"a chart that is not complete", hook, agentObjects{nil, secret("")}, nil, "configmap/octopus/tentacle-config does not exist"},
		{"a chart without a Secret", hook, agentObjects{config(), nil}, nil, "secret/octopus/tentacle-secret does not exist"},
		{"what is left of settings whose keys were moved", agentObjects{registered, nil}, agentObjects{registered, secret("hook")},
			[]string{"tentacle-config-pre is deleted"}, ""},
	} {
		p, err := o.plan(c.from, c.to)
		says := p.reason
		if err != nil {
			says = err.Error()
		}
		steps := p.steps(o)
		if len(steps) != len(c.want) || !strings.Contains(says, c.says) || (says == "") != (c.says == "") {
			t.Errorf("%s: %q, and says %q", c.what, steps, says)
			continue
		}
		for i, want := range c.want {
			if !strings.Contains(steps[i], want) {
				t.Errorf("%s: step %d is %q, not %q", c.what, i+1, steps[i], want)
			}
		}
	}
}

func TestWhatIsMovedWholeChangesOnlyWhatDiffers(t *testing.T) {
	t.Parallel()
	changes := whole(map[string]string{"same": "1", "other": "2", "new": "3"}, map[string]string{"same": "1", "other": "x", "gone": "y"},
		func(a, b string) bool { return a == b }, func(v string) *string { return &v })
	if len(changes) != 3 || *changes["other"] != "2" || *changes["new"] != "3" || changes["gone"] != nil {
		t.Errorf("%v", changes)
	}
}
