package tentaclefile

import (
	"fmt"
	"strings"
	"testing"
)

func TestAFileWithTheNodesAlone(t *testing.T) {
	t.Parallel()
	one, other := strings.Repeat("A", 40), strings.Repeat("B", 40)
	for content, want := range map[string]string{
		"":                                   "[] []",
		"# none yet\n":                       "[] []",
		"- https://octo1\n- octo2:10943":     "[https://octo1 octo2:10943] []",
		`["https://octo1", "https://octo2"]`: "[https://octo1 https://octo2] []",
		`{"nodes": ["https://octo1"]}`:       "[https://octo1] []",
		"nodes:":                             "[] []",
		"null":                               "[] []",
		"nodes: [octo1]\nthumbprints: [" + one + "]":                    "[octo1] [" + one + "]",
		"thumbprints: [" + one + ", " + other + "]\nnodes: [octo1]":     "[octo1] [" + one + " " + other + "]",
		"nodes: [octo1]\nthumbprints: ['" + strings.ToLower(one) + "']": "[octo1] [" + one + "]",
		"nodes: &all [octo1]\n":                                         "[octo1] []",
		"[&a octo1, *a]":                                                "[octo1 octo1] []",

		"octo1":                                                  "line 1: expected a list",
		"- octo1\n- [octo2]":                                     "line 2: expected an address",
		"- octo1\n-\n":                                           "line 2: expected an address",
		"- octo1\n- ' '":                                         "line 2: expected an address",
		"- octo1\n- {url: octo2}":                                "line 2: expected an address",
		"nodes: octo1":                                           "line 1: expected a list",
		"nodes: [octo1]\napikey: API-SECRET":                     "line 2: expected the names nodes and thumbprints alone",
		"nodes: [octo1]\nNodes: [octo2]":                         "line 2: expected the names nodes and thumbprints alone",
		"nodes: [octo1]\nnodes: [octo2]":                         "line 2: ",
		"thumbprints: [" + one + "]":                             "line 1: expected the name nodes",
		"nodes: [octo1]\nthumbprints:":                           "line 2: expected one thumbprint",
		"nodes: [octo1]\nthumbprints: []":                        "line 2: expected one thumbprint",
		"nodes: [octo1]\nthumbprints: [AB]":                      "line 2: thumbprint 1 is not one",
		"nodes: [octo1]\nthumbprints: [" + one + ", API-SECRET]": "line 2: thumbprint 2 is not one",
		"nodes: [octo1]\nthumbprints: [" + one + ", " + strings.ToLower(one) + "]": "line 2: expected two different thumbprints",
		"nodes: [octo1]\nthumbprints: [" + one + ", " + other + ", " + one + "]":   "line 2: expected one thumbprint",
		"nodes: [octo1]\n---\nnodes: [octo2]":                                      "",
		"nodes: [octo1":                                                            "",
	} {
		list, err := ReadNodes([]byte(content))
		got := fmt.Sprint(list.Addresses, " ", list.Thumbprints)
		if err != nil {
			got = err.Error()
		}
		switch {
		case strings.Contains(got, "SECRET"):
			t.Errorf("%q: a value is repeated: %s", content, got)
		case want == "" && err == nil, !strings.HasPrefix(got, want), strings.HasPrefix(want, "[") && got != want:
			t.Errorf("%q: %s, not %s", content, got, want)
		}
	}
}
