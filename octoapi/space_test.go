package octoapi

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
)

func openSpace(t *testing.T, c *octotest.Cluster, ref string) *Space {
	t.Helper()
	return openSpaceOf(t, newClient(t, Options{Server: c.URL()}), ref)
}

// openSpaceOf opens a space and reads its links, so that they are not among the requests to come.
func openSpaceOf(t *testing.T, c *Client, ref string) *Space {
	t.Helper()
	s, err := c.Space(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.links(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func ids(list []Named) string {
	var out []string
	for _, n := range list {
		out = append(out, n.ID)
	}
	return strings.Join(out, " ")
}

func TestASpaceIsFoundByNameSlugOrID(t *testing.T) {
	cluster := startCluster(t, octotest.Options{})
	for ref, want := range map[string]string{"": "Spaces-1", "default": "Spaces-1", "FINANCE department": "Spaces-2", "finance-department": "Spaces-2", "spaces-2": "Spaces-2"} {
		if s := openSpace(t, cluster, ref); s.ID != want {
			t.Errorf("%q is %s", ref, s.ID)
		}
	}
	_, err := newClient(t, Options{Server: cluster.URL()}).Space(t.Context(), "Nope")
	mustSay(t, err, `no space "Nope"`, "Default, Finance Department", cluster.URL())
}

func TestResourcesOfASpaceAreFoundInOrderAndOnce(t *testing.T) {
	for name, o := range map[string]octotest.Options{"": {}, "without environments v2": {NoEnvironmentsV2: true}, "one item a page": {PageSize: 1}} {
		t.Run(name, func(t *testing.T) {
			cluster := startCluster(t, o)
			s := openSpace(t, cluster, "Finance Department")
			for _, test := range []struct {
				what string
				find func() ([]Named, error)
				want string
			}{
				{"environments", func() ([]Named, error) {
					return s.Environments(t.Context(), []string{"production", "Environments-21", " DEVELOPMENT "})
				}, "Environments-22 Environments-21"},
				{"tenants", func() ([]Named, error) { return s.Tenants(t.Context(), []string{"Globex", "acme corp"}) }, "Tenants-22 Tenants-21"},
				{"pools", func() ([]Named, error) { return s.WorkerPools(t.Context(), []string{"windows-pool", "WorkerPools-21"}) }, "WorkerPools-22 WorkerPools-21"},
				{"policy", func() ([]Named, error) { n, err := s.Policy(t.Context(), "transient machines"); return []Named{n}, err }, "MachinePolicies-22"},
				{"proxy", func() ([]Named, error) { n, err := s.Proxy(t.Context(), "proxy abc"); return []Named{n}, err }, "Proxies-21"},
				{"nothing", func() ([]Named, error) { return s.Tenants(t.Context(), nil) }, ""},
			} {
				found, err := test.find()
				if err != nil || ids(found) != test.want {
					t.Errorf("%s: %s, %v; want %s", test.what, ids(found), err, test.want)
				}
			}
			if err := s.CheckTenantTags(t.Context(), []string{"CustomerType/VIP", "customertype/trial"}); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAllUnknownNamesAreNamedWithWhatThereIs(t *testing.T) {
	cluster := startCluster(t, octotest.Options{})
	s := openSpace(t, cluster, "")
	_, err := s.Environments(t.Context(), []string{"Nope", "Development", "Neither"})
	mustSay(t, err, `no environment "Nope", "Neither" in the space Default`, "available: Development, Production")
	unknown, is := errors.AsType[*UnknownNameError](err)
	if !is || unknown.Kind != "environment" || !slices.Equal(unknown.Names, []string{"Nope", "Neither"}) {
		t.Fatalf("%#v", err)
	}
	each := unknown.Each()
	if len(each) != 2 {
		t.Fatalf("%d errors", len(each))
	}
	mustSay(t, each[1], `there is no environment "Neither" in the space`, "available: Development, Production", cluster.URL())
	if strings.Contains(each[1].Error(), "Nope") {
		t.Error(each[1])
	}
	_, err = s.Policy(t.Context(), "Nope")
	mustSay(t, err, `no machine policy "Nope"`, "Transient machines")
	mustSay(t, s.CheckTenantTags(t.Context(), []string{"CustomerType/Nope"}), `no tenant tag "CustomerType/Nope"`, "CustomerType/VIP")
}

func TestANameWinsOverASlugAndASlugOverAnID(t *testing.T) {
	among := []Named{{ID: "c", Name: "x", Slug: "y"}, {ID: "x", Name: "b", Slug: "c"}, {ID: "y", Name: "c", Slug: "x"}}
	for ref, want := range map[string]string{"x": "c", "c": "y", "y": "c"} {
		if n, ok := lookup(among, ref); !ok || n.ID != want {
			t.Errorf("%s is %v", ref, n)
		}
	}
	if _, ok := lookup([]Named{{ID: "a", Name: "b"}}, ""); ok {
		t.Error("an empty name found something without a slug")
	}
}

func TestAServerWithoutSpacesActsAsOneSpace(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/api":
			fmt.Fprint(w, `{"Application":"Octopus Deploy","Version":"2018.10.1","Links":{"Environments":"~/api/environments{/id}{?skip}"}}`)
		case "/api/environments":
			fmt.Fprint(w, `{"Items":[{"Id":"Environments-1","Name":"Dev"}]}`)
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	c := newClient(t, Options{Server: server.URL})
	s, err := c.Space(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if found, err := s.Environments(t.Context(), []string{"dev"}); err != nil || ids(found) != "Environments-1" {
		t.Errorf("%v, %v", found, err)
	}
	_, err = c.Space(t.Context(), "Default")
	mustSay(t, err, "has no spaces", "2018.10.1")
	if !errors.Is(err, ErrNoSpaces) {
		t.Errorf("%v is not ErrNoSpaces", err)
	}
}

func TestListsThatDoNotEndAreGivenUp(t *testing.T) {
	for name, body := range map[string]string{
		"the same page again": `{"Items":[{"Name":"a"}],"TotalResults":9,"Links":{"Page.Next":"/list"}}`,
		"always one more":     `{"Items":[{"Name":"a"}],"TotalResults":2000000000}`,
	} {
		t.Run(name, func(t *testing.T) {
			asked := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { asked++; fmt.Fprint(w, body) }))
			defer server.Close()
			_, err := list[Named](deadline(t, time.Minute), newClient(t, Options{Server: server.URL}), "/list{?skip}", nil, nil)
			if asked > maxPages || name == "always one more" && (err == nil || !strings.Contains(err.Error(), "returns an endless list")) {
				t.Errorf("asked %d times: %v", asked, err)
			}
		})
	}
}

func TestTheNodesOfTheClusterAreListed(t *testing.T) {
	cluster := startCluster(t, octotest.Options{PageSize: 2})
	nodes, err := newClient(t, Options{Server: cluster.URL()}).Nodes(t.Context())
	if err != nil || len(nodes) != 3 || nodes[2].Name != "node3" {
		t.Errorf("%+v, %v", nodes, err)
	}
}

func TestWhetherQueuesAreShared(t *testing.T) {
	for _, shared := range []bool{true, false} { // false: an older server, that does not know the question
		cluster := startCluster(t, octotest.Options{SharedQueues: shared})
		if got, err := newClient(t, Options{Server: cluster.URL()}).SharedQueues(t.Context()); err != nil || got != shared {
			t.Errorf("%v: %v, %v", shared, got, err)
		}
	}
}

func TestQueuesThatTheNodeCannotReachAreNotShared(t *testing.T) {
	answer := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api" {
			fmt.Fprint(w, `{"Application":"Octopus Deploy","Version":"2026.4.6909","Links":{"Self":"/api"}}`)
			return
		}
		fmt.Fprint(w, answer)
	}))
	defer server.Close()
	client := newClient(t, Options{Server: server.URL})
	for body, want := range map[string]bool{
		`{"IsEnabled":true,"IsConfigured":true,"IsReachable":true}`:    true,
		`{"IsEnabled":true,"IsConfigured":true,"IsReachable":false}`:   false,
		`{"IsEnabled":true,"IsConfigured":false,"IsReachable":false}`:  false,
		`{"IsEnabled":false,"IsConfigured":false,"IsReachable":false}`: false,
	} {
		answer = body
		if got, err := client.SharedQueues(t.Context()); err != nil || got != want {
			t.Errorf("%s: %v, %v", body, got, err)
		}
	}
}

func TestTemplatesAreExpanded(t *testing.T) {
	for template, want := range map[string]string{
		"/api/machines{/id}{?skip,take,name}": "/api/machines/M%2F1?skip=0&name=a+%26b",
		"/api/{spaceId}":                      "/api/Spaces-1",
		"/api/x?cb=1{&skip,none}":             "/api/x?cb=1&skip=0",
		"/api/{none}{?none}":                  "/api/",
		"/api/plain":                          "/api/plain",
	} {
		if got := expand(template, parameters{"id": "M/1", "skip": "0", "name": "a &b", "spaceId": "Spaces-1"}); got != want {
			t.Errorf("%s is %s; want %s", template, got, want)
		}
	}
	for collection, want := range map[string]string{
		"/api/machines{/id}{?skip}": "/api/machines/M-1", "/api/machines{?skip}": "/api/machines/M-1", "/api/machines/?x=1": "/api/machines/M-1",
	} {
		if got := itemLink(collection, "M-1"); got != want {
			t.Errorf("%s has %s", collection, got)
		}
	}
}

func TestTheOrderOfRefsIsKept(t *testing.T) {
	cluster := startCluster(t, octotest.Options{})
	s := openSpace(t, cluster, "")
	refs := []string{"Production", "Development"}
	found, err := s.Environments(t.Context(), refs)
	if err != nil || !slices.EqualFunc(found, refs, func(n Named, ref string) bool { return n.Name == ref }) {
		t.Errorf("%v, %v", found, err)
	}
}

func TestResourcesOfASpaceAreFoundByID(t *testing.T) {
	cluster := startCluster(t, octotest.Options{PageSize: 1})
	s := openSpace(t, cluster, "Finance Department")
	for what, test := range map[string]struct {
		find func() ([]Named, error)
		want string
	}{
		"environments, in the server's order": {func() ([]Named, error) {
			return s.EnvironmentsByID(t.Context(), []string{"Environments-22", "Environments-21"})
		}, "Environments-21 Environments-22"},
		"one that is not there is left out": {func() ([]Named, error) { return s.TenantsByID(t.Context(), []string{"Tenants-22", "Tenants-99"}) }, "Tenants-22"},
		"a name is no Id":                   {func() ([]Named, error) { return s.WorkerPoolsByID(t.Context(), []string{"windows-pool"}) }, ""},
		"a policy":                          {func() ([]Named, error) { return s.PoliciesByID(t.Context(), []string{"MachinePolicies-22"}) }, "MachinePolicies-22"},
		"nothing":                           {func() ([]Named, error) { return s.TenantsByID(t.Context(), nil) }, ""},
	} {
		if found, err := test.find(); ids(found) != test.want || err != nil {
			t.Errorf("%s: %q, %v", what, ids(found), err)
		}
	}
	if has, err := s.HasTenants(t.Context()); !has || err != nil {
		t.Errorf("the space has tenants: %v, %v", has, err)
	}
}
