package kubernetes

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/octo-tentacle/octo-tentacle/internal/boundedread"
)

func TestContextsAreThoseOfAllFilesSortedByName(t *testing.T) {
	first := file(t, `
apiVersion: v1
kind: Config
current-context: prod
contexts:
- {name: test, context: {cluster: europe, user: me, namespace: apps}}
- {name: prod, context: {cluster: europe, user: me}}
users:
- name: me
  user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: /no/such/plugin, interactiveMode: Never}}
`)
	second := file(t, `{apiVersion: v1, kind: Config, contexts: [{name: asia, context: {cluster: asia}}]}`)
	t.Setenv("KUBECONFIG", first+string(filepath.ListSeparator)+second+string(filepath.ListSeparator)+first+".missing")
	for _, c := range []struct {
		file string
		want []KubeconfigContext
	}{
		{"", []KubeconfigContext{
			{Name: "asia", Cluster: "asia"},
			{Name: "prod", Cluster: "europe", Current: true},
			{Name: "test", Cluster: "europe", Namespace: "apps"},
		}},
		{second, []KubeconfigContext{{Name: "asia", Cluster: "asia"}}},
	} {
		got, err := Contexts(Kubeconfig{File: c.file})
		if diff := cmp.Diff(c.want, got); err != nil || diff != "" {
			t.Errorf("%q: %v\n%s", c.file, err, diff)
		}
	}
}

func TestContextsOfNoKubeconfigAreNoneOrAnError(t *testing.T) {
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	if got, err := Contexts(Kubeconfig{}); len(got) > 0 || err != nil {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := Contexts(Kubeconfig{File: filepath.Join(t.TempDir(), "none")}); !isNoKubeconfig(err) {
		t.Errorf("a file that is not there: %v", err)
	}
	for what, path := range map[string]string{"a folder": t.TempDir(), "a device": os.DevNull} {
		if _, err := Contexts(Kubeconfig{File: path}); !errors.Is(err, boundedread.ErrNotFile) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := Contexts(Kubeconfig{File: file(t, "contexts: [")}); err == nil {
		t.Error("damaged, and no error")
	}
}

func isNoKubeconfig(err error) bool {
	_, is := errors.AsType[*NoKubeconfigError](err)
	return is
}
