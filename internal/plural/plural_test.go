package plural

import "testing"

func TestOnlyOneIsSingular(t *testing.T) {
	for n, want := range map[int]string{0: "0 nodes", 1: "1 node", 2: "2 nodes"} {
		if got := Of(n, "node", "nodes"); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
