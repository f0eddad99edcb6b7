package kubernetes

import (
	"errors"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/kubernetes/kubetest"
)

func TestARoleAllowsWhatIsWantedAndNoMore(t *testing.T) {
	t.Parallel()
	got := RoleFor("octo-tentacle", "system:serviceaccount:ci:deploy", []Access{
		{Verb: "list", Resource: "configmaps", Name: "tentacle-config"},
		{Verb: "get", Resource: "configmaps", Namespace: "a", Name: "tentacle-config"},
		{Verb: "patch", Resource: "configmaps", Namespace: "a", Name: "tentacle-config"},
		{Verb: "get", Resource: "configmaps", Namespace: "a", Name: "tentacle-config"},
		{Verb: "list", Resource: "pods", Namespace: "a"},
		{Verb: "get", Resource: "pods/log", Namespace: "a"},
		{Verb: "list", Resource: "secrets", Namespace: "a"},
		{Verb: "get", Group: "apps", Resource: "deployments", Namespace: "a", Name: "true"},
	})
	const want = `apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: octo-tentacle}
rules:
- {apiGroups: [""], resources: [configmaps], verbs: [list]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: octo-tentacle}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: octo-tentacle}
subjects:
- {apiGroup: rbac.authorization.k8s.io, kind: User, name: "system:serviceaccount:ci:deploy"}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: octo-tentacle, namespace: a}
rules:
- {apiGroups: [""], resources: [pods, secrets], verbs: [list]}
- {apiGroups: [""], resources: [pods/log], verbs: [get]}
- {apiGroups: [""], resources: [configmaps], verbs: [get, patch], resourceNames: [tentacle-config]}
- {apiGroups: [apps], resources: [deployments], verbs: [get], resourceNames: ["true"]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: octo-tentacle, namespace: a}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: octo-tentacle}
subjects:
- {apiGroup: rbac.authorization.k8s.io, kind: User, name: "system:serviceaccount:ci:deploy"}
`
	if got != want {
		t.Errorf("%s\nnot\n%s", got, want)
	}
}

// TestTheRoleThatIsMissingIsEnough: what a refusal says leads to a Role with which the same call
// succeeds.
func TestTheRoleThatIsMissingIsEnough(t *testing.T) {
	t.Parallel()
	k := withAgent(t)
	const account = "jane@example.com"
	c := connectTo(t, k.Kubeconfig(account))
	one := "1"
	for name, call := range map[string]func() error{
		"read":   func() error { _, err := c.ConfigMap(t.Context(), "a", ConfigMapName); return err },
		"secret": func() error { _, err := c.Secret(t.Context(), "a", SecretName); return err },
		"log": func() error {
			_, err := c.send(t.Context(), request{method: "GET", path: objectPath(coreAPI, "a", "pods", "x") + "/log"})
			return err
		},
		"list": func() error {
			return c.call(t.Context(), request{method: "GET", path: objectPath(coreAPI, "", configMaps, "")}, nil)
		},
		"deployment": func() error {
			return c.call(t.Context(), request{method: "GET", path: objectPath(appsAPI, "a", "deployments", kubetest.DeploymentName)}, nil)
		},
		"create": func() error {
			return c.call(t.Context(), request{method: "POST", path: objectPath(coreAPI, "a", secrets, ""), contentType: jsonType, body: []byte(`{"metadata": {"name": "x"}}`)}, nil)
		},
		"change": func() error {
			_, err := c.PatchConfigMap(t.Context(), &ConfigMap{Meta: Meta{Namespace: "a", Name: ConfigMapName}}, map[string]*string{"x": &one})
			return err
		},
	} {
		err := call()
		var refused *APIError
		if !errors.Is(err, ErrForbidden) || !errors.As(err, &refused) || refused.User() != account {
			t.Errorf("%s: %v", name, err)
			continue
		}
		role := RoleFor("octo-tentacle", refused.User(), []Access{refused.Access()})
		if err := k.Allow(account, role); err != nil {
			t.Fatal(err)
		}
		if err := call(); err != nil && !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: %v\nwith\n%s", name, err, role)
		}
	}
}

func TestNamesOfPodsAndRevisionsAreNoPartOfARole(t *testing.T) {
	t.Parallel()
	for e, want := range map[APIError]Access{
		{Verb: "get", Resource: "pods/log", Namespace: "a", Name: "x-1"}:                        {Verb: "get", Resource: "pods/log", Namespace: "a"},
		{Verb: "update", Resource: "secrets", Namespace: "a", Name: "sh.helm.release.v1.x.v12"}: {Verb: "update", Resource: "secrets", Namespace: "a"},
		{Verb: "get", Resource: "secrets", Namespace: "a", Name: "tentacle-secret"}:             {Verb: "get", Resource: "secrets", Namespace: "a", Name: "tentacle-secret"},
	} {
		if got := e.Access(); got != want {
			t.Errorf("%+v, not %+v", got, want)
		}
	}
}
