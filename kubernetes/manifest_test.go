package kubernetes

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// agentManifest is a manifest as Helm keeps it, with the lines of one container's variables.
func agentManifest(env string) string {
	return `---
# Source: kubernetes-agent/templates/tentacle-configmap.yaml
apiVersion: v1
kind: ConfigMap
metadata:
  name: tentacle-config
---
# Source: kubernetes-agent/templates/nfs.yaml
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: octopus-agent-tentacle}
spec: {template: {spec: {containers: [{name: octopus-agent-tentacle, env: [{name: ServerCommsAddresses, value: other}]}]}}}
---
# Source: kubernetes-agent/templates/tentacle-deployment.yaml
apiVersion: apps/v1
kind: Deployment
metadata:
  name: octopus-agent-tentacle
spec:
  template:
    spec:
      initContainers:
        - name: octopus-agent-tentacle
          env:
            - name: ServerCommsAddresses
              value: "https://octo1:10943"
      containers:
        - name: wätchdog
          env:
            - name: ServerCommsAddresses
              value: "https://octo1:10943"
        - name: octopus-agent-tentacle
          image: "octopusdeploy/kubernetes-agent-tentacle:8.3"   # kept
          env:
            - name: ACCEPT_EULA
              value: "Y"
` + env + `            - name: OCTOPUS__K8STENTACLE__NAMESPACE
              value: 'octopus'
      note: |
        ---
        - name: ServerCommsAddresses
          value: no variable
---
# Source: kubernetes-agent/templates/last.yaml
kind: Secret
`
}

func TestAManifestChangesInItsVariablesAlone(t *testing.T) {
	t.Parallel()
	const list, single = "https://octo4:10943,https://octo2:10943", ""
	for _, c := range []struct{ name, before, after string }{
		{"as the chart writes it", `
            - name: "ServerCommsAddresses"
              value: "https://octo1:10943,https://octo2:10943"
            - name: "ServerCommsAddress"
              value: ""
`, `
            - name: "ServerCommsAddresses"
              value: "https://octo4:10943,https://octo2:10943"
            - name: "ServerCommsAddress"
              value: ""
`},
		{"one address becomes several", `
            - name: "ServerCommsAddresses"
              value: ""   # none
            - name: "ServerCommsAddress"
              value: "https://lb:10943"
`, `
            - name: "ServerCommsAddresses"
              value: "https://octo4:10943,https://octo2:10943"   # none
            - name: "ServerCommsAddress"
              value: ""
`},
		{"other ways to write it", `
            - {name: ServerCommsAddress, value: 'it''s', x: y}
            - value: https://octo1:10943 # ünd
              name: ServerCommsAddresses
`, `
            - {name: ServerCommsAddress, value: "", x: y}
            - value: "https://octo4:10943,https://octo2:10943" # ünd
              name: ServerCommsAddresses
`},
		{"no value at all", `
            - name: ServerCommsAddresses
              value:
`, `
            - name: ServerCommsAddresses
              value: "https://octo4:10943,https://octo2:10943"
`},
		{"quotes within quotes", `
            - name: ServerCommsAddresses
              value: "a \" b"
`, `
            - name: ServerCommsAddresses
              value: "https://octo4:10943,https://octo2:10943"
`},
	} {
		for _, lineEnd := range []string{"\n", "\r\n"} {
			text := func(env string) string { return strings.ReplaceAll(agentManifest(env[1:]), "\n", lineEnd) }
			got, err := setVariables(text(c.before), "octopus-agent-tentacle", "octopus-agent-tentacle",
				map[string]string{VariableAddresses: list, VariableAddress: single})
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			} else if diff := cmp.Diff(text(c.after), got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.name, diff)
			}
		}
	}
}

func TestAManifestThatCannotBeChangedSafelyIsRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, env, deployment, want string }{
		{"no such Deployment", "", "other", "it has no Deployment other"},
		{"no such variable", "", "", "there is no variable ServerCommsAddresses"},
		{"a value from elsewhere", `
            - name: ServerCommsAddresses
              valueFrom: {configMapKeyRef: {name: x, key: y}}
`, "", "variable ServerCommsAddresses gets its value from elsewhere"},
		{"a value on several lines", `
            - name: ServerCommsAddresses
              value: >-
                https://octo1:10943,
                https://octo2:10943
`, "", "the value of variable ServerCommsAddresses is no text on one line"},
		{"a value that others refer to", `
            - name: ServerCommsAddresses
              value: &list "https://octo1:10943"
            - name: Other
              value: *list
`, "", "the value of variable ServerCommsAddresses is no text on one line"},
		{"a key in an unusual way", `
            - name: ServerCommsAddresses
              "value":
`, "", "variable ServerCommsAddresses has no value, and a key that is written in an unusual way"},
		{"a text on several lines", `
            - name: ServerCommsAddresses
              value: "https://octo1:10943,
                https://octo2:10943"
`, "", "the value of variable ServerCommsAddresses is no text on one line"},
		{"the variable twice", `
            - name: ServerCommsAddresses
              value: "https://octo1:10943"
            - name: ServerCommsAddresses
              value: "https://octo2:10943"
`, "", "its variables cannot be changed without changing more"},
	} {
		deployment := "octopus-agent-tentacle"
		if c.deployment != "" {
			deployment = c.deployment
		}
		_, err := setVariables(agentManifest(strings.TrimPrefix(c.env, "\n")), deployment, "octopus-agent-tentacle", map[string]string{VariableAddresses: "https://octo4:10943"})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// FuzzSetVariables: whatever the manifest is, it is refused or has the new values then.
func FuzzSetVariables(f *testing.F) {
	f.Add(agentManifest("            - {name: ServerCommsAddresses, value: a}\n"))
	// A key without a colon at the very end.
	f.Add("kind: Deployment\nmetadata: {name: octopus-agent-tentacle}\nspec: {template: {spec: {containers: [\n" +
		"{name: octopus-agent-tentacle, env: [{name: ServerCommsAddresses, ? value}]}]}}}")
	f.Add("kind: Deployment\nmetadata:\n  name: octopus-agent-tentacle\nspec:\n  template:\n    spec:\n      containers:\n      - name: octopus-agent-tentacle\n" +
		"        env:\n        - name: ServerCommsAddresses\n          ? value")
	// Lines that end as only YAML ends them.
	f.Add(strings.ReplaceAll(agentManifest("            - {name: ServerCommsAddresses, value: a}\n"), "# kept", "# kept\u2028\r\u0085"))
	f.Fuzz(func(t *testing.T, manifest string) {
		set := func(manifest string) (string, error) {
			return setVariables(manifest, "octopus-agent-tentacle", "octopus-agent-tentacle", map[string]string{VariableAddresses: "b", VariableAddress: ""})
		}
		once, err := set(manifest)
		if err != nil {
			return
		}
		if twice, err := set(once); err != nil || twice != once {
			t.Errorf("setting the same again: %v, %q instead of %q", err, twice, once)
		}
	})
}
