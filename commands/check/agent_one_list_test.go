package check

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTheOneListCutsNobodyOff(t *testing.T) {
	t.Parallel()
	list := func(addresses ...string) []string { return addresses }
	for _, c := range []struct {
		name string
		l    Lists
		want []string
		open bool
	}{
		{"all agree", Lists{list(octo1, octo2), list(octo2, octo1), list(octo1, octo2), list(octo1, octo2), false}, list(octo1, octo2), false},
		{"the ConfigMap has more", Lists{list(octo1), list(octo1, octo2), list(octo1), list(octo1, octo2), false}, list(octo1, octo2), false},
		{"only the running agent has it", Lists{list(octo1), list(octo1), list(octo1), list(octo1, octo2), false}, list(octo1, octo2), false},
		{"Helm will set it", Lists{list(octo1), list(octo1), list(octo1, octo3), nil, false}, list(octo1, octo3), false},
		{"no place has them all", Lists{list(octo1, octo3), list(octo1, octo2), nil, nil, false}, list(octo1, octo3, octo2), true},
		{"Helm was given its list last", Lists{list(octo3, octo2), list(octo1, octo2), list(octo2, octo3), list(octo1, octo2), true}, list(octo3, octo2), false},
		{"Helm was given its list last, and the Deployment is another one", Lists{list(octo1), list(octo1, octo2), list(octo3), nil, true}, list(octo1, octo2, octo3), true},
		{"what is no address is left out", Lists{list("octo1", octo2), list(octo2), nil, nil, false}, list(octo2), false},
		{"nothing", Lists{}, nil, false},
	} {
		got, open := c.l.One()
		if diff := cmp.Diff(c.want, got); diff != "" || (open != "") != c.open && len(c.want) > 0 {
			t.Errorf("%s: open %q (-want +got):\n%s", c.name, open, diff)
		}
	}
}
