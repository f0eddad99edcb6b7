package kubernetes

import (
	"slices"
	"testing"
)

func TestAListOfAddressesIsSplitAsTheStartOfTheContainerDoes(t *testing.T) {
	t.Parallel()
	for list, want := range map[string][]string{
		"":                        nil,
		",":                       nil,
		"https://a:1":             {"https://a:1"},
		"https://a:1,https://b:1": {"https://a:1", "https://b:1"},
		"https://a:1,":            {"https://a:1"},
		",https://a:1":            {"", "https://a:1"}, // the first is empty: the start keeps nothing
	} {
		if got := splitAddresses(list); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", list, got, want)
		}
	}
}

func TestWhoDeploysAnAgent(t *testing.T) {
	t.Parallel()
	label := func(key string) Meta { return Meta{Labels: map[string]string{key: "x"}} }
	for _, c := range []struct {
		objects []Meta
		want    string
	}{
		{nil, ""},
		{[]Meta{label("app.kubernetes.io/managed-by")}, ""},
		{[]Meta{label("helm.toolkit.fluxcd.io/name")}, OwnerFlux},
		{[]Meta{{}, label("kustomize.toolkit.fluxcd.io/name")}, OwnerFlux},
		{[]Meta{label("argocd.argoproj.io/instance")}, OwnerArgoCD},
		{[]Meta{{Annotations: map[string]string{"argocd.argoproj.io/tracking-id": "x"}}}, OwnerArgoCD},
	} {
		if got := ownerOf(c.objects...); got != c.want {
			t.Errorf("%+v: %q, want %q", c.objects, got, c.want)
		}
	}
}

func TestAPodThatHasEndedRunsNoScript(t *testing.T) {
	t.Parallel()
	var pods []Pod
	for _, phase := range []string{"Pending", "Running", "Succeeded", "Failed", "Unknown"} {
		var p Pod
		p.Status.Phase = phase
		pods = append(pods, p)
	}
	var phases []string
	for _, p := range pods {
		if !unfinished(&p) {
			continue
		}
		phases = append(phases, p.Status.Phase)
	}
	if want := []string{"Pending", "Running", "Unknown"}; !slices.Equal(phases, want) {
		t.Errorf("%q, want %q", phases, want)
	}
}
