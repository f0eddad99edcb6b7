package kubernetes

import (
	"maps"
	"os"
	"slices"

	"github.com/octo-tentacle/octo-tentacle/internal/boundedread"
)

// KubeconfigContext is a context of a kubeconfig.
type KubeconfigContext struct {
	Name      string
	Cluster   string // its name in the kubeconfig
	Namespace string // "" where the context names none
	Current   bool   // it is the one that is used if none is named
}

// Contexts lists the contexts of a kubeconfig, sorted by name; none where there is no kubeconfig,
// unless a file is named. It reads regular files only: what is read of a pipe is gone. It runs no
// plugin and sends no request. The errors are *NoKubeconfigError and *KubeconfigError.
func Contexts(k Kubeconfig) ([]KubeconfigContext, error) {
	rules := loadingRules(k.File)
	for _, file := range rules.GetLoadingPrecedence() {
		if info, err := os.Stat(file); err == nil && !info.Mode().IsRegular() {
			return nil, &KubeconfigError{Files: []string{file}, Err: boundedread.ErrNotFile}
		}
	}
	raw, _, err := readKubeconfig(rules)
	if err != nil || raw == nil {
		return nil, err
	}
	var contexts []KubeconfigContext
	for _, name := range slices.Sorted(maps.Keys(raw.Contexts)) {
		c := raw.Contexts[name]
		contexts = append(contexts, KubeconfigContext{Name: name, Cluster: c.Cluster, Namespace: c.Namespace, Current: name == raw.CurrentContext})
	}
	return contexts, nil
}
