package commands

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/commands/tentaclefile"
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// fileOf reads the content of tentacle.yaml.
func fileOf(t *testing.T, content string) tentaclefile.File {
	t.Helper()
	f, err := tentaclefile.Read("tentacle.yaml", []byte(content))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// planned plans the registrations of a file where these exist, all in one space. What they name has
// its name as its ID.
func planned(t *testing.T, content string, force bool, existing ...octoapi.Machine) ([]registrationPlan, error) {
	t.Helper()
	f := fileOf(t, content)
	reg := &registering{own: ownThumb, style: tentacleconfig.StylePolling}
	space := &octoapi.Space{Named: octoapi.Named{ID: "Spaces-1", Name: "Default"}}
	for i := range f.Registrations {
		if err := reg.add(fileWish(f, i, fileRegistering{force: force})); err != nil {
			t.Fatal(err)
		}
		r := reg.all[i]
		r.space, r.names = space, map[string]string{}
		w := r.wish
		r.wanted = octoapi.Machine{
			Name: w.called(), PolicyID: w.policy, Roles: w.roles, EnvironmentIDs: w.environments, TenantIDs: w.tenants, TenantTags: w.tenantTags,
			WorkerPoolIDs: w.workerPools, TenantedDeploymentParticipation: w.participation,
			Endpoint: octoapi.Endpoint{CommunicationStyle: octoapi.Polling, Thumbprint: ownThumb},
		}
		for _, m := range existing {
			if m.Endpoint.Thumbprint == ownThumb {
				r.existing.sameCertificate = append(r.existing.sameCertificate, m)
			}
			if strings.EqualFold(m.Name, w.called()) {
				r.existing.named = &m
			}
		}
	}
	err := reg.decideAll(pollsCluster{subscription: ownQueue, subscriptions: []string{ownQueue}})
	plans := make([]registrationPlan, len(reg.all))
	for i, r := range reg.all {
		plans[i] = r.plan
	}
	return plans, err
}

func TestWhatAFileDoesWithTheRegistrationsThatExist(t *testing.T) {
	t.Parallel()
	own := func(id, name string) octoapi.Machine { return aMachine(id, name, ownThumb, ownQueue) }
	others := aMachine("Machines-9", "web", otherThumb, "poll://other/")
	listens := aMachine("Machines-9", "web", otherThumb, "https://web:10933/")
	listens.Endpoint.CommunicationStyle = octoapi.Listening
	host := hostName()
	const web, web2, unnamed = "- {name: web, environments: [Environments-1], roles: [web]}\n", "- {name: web2, environments: [Environments-1], roles: [web]}\n",
		"- {environments: [Environments-1], roles: [web]}\n"
	for _, c := range []struct {
		it       string
		asked    string
		existing []octoapi.Machine
		force    bool
		want     string // action and ID of each, or a part of the error
	}{
		{"nothing is there", web + web2, nil, false, "created , created "},
		{"its own differ in nothing", web + web2, []octoapi.Machine{own("Machines-1", "web"), own("Machines-2", "WEB2")}, false, "unchanged Machines-1, unchanged Machines-2"},
		{"its own is renamed", web, []octoapi.Machine{own("Machines-1", "before")}, false, "renamed Machines-1"},
		{"of two of its own, the one that the file does not name is renamed", web + web2, []octoapi.Machine{own("Machines-1", "before"), own("Machines-2", "web2")}, false, "renamed Machines-1, unchanged Machines-2"},
		{"the only one is named: the other is new", web + web2, []octoapi.Machine{own("Machines-2", "web2")}, false, "created , unchanged Machines-2"},
		{"which one is renamed is not known", web, []octoapi.Machine{own("Machines-1", "a"), own("Machines-2", "b")}, false, "tentacle.yaml, line 2: registrations[0].name: this Tentacle is registered in space Default as several deployment targets, so it is not known which one to rename: a (Machines-1), b (Machines-2)"},
		{"what one is renamed to is not known", web + web2, []octoapi.Machine{own("Machines-1", "before")}, false, "line 3: registrations[1].name: it is the deployment target before in space Default, and so is registrations[0]"},
		{"another Tentacle has the name", web, []octoapi.Machine{others}, false, "line 2: registrations[0].name: the deployment target web (Machines-9) already exists in space Default and belongs to another Tentacle"},
		{"another Tentacle's is taken over by force", web, []octoapi.Machine{others}, true, "updated Machines-9"},
		{"another Tentacle's is not taken over beside its own", web, []octoapi.Machine{others, own("Machines-1", "before")}, true, "under another name: deployment target before (Machines-1)"},
		{"another Tentacle's is taken over beside its own that is named", web + web2, []octoapi.Machine{others, own("Machines-2", "web2")}, true, "updated Machines-9, unchanged Machines-2"},
		{"the name is one that listens", web, []octoapi.Machine{listens}, true, "already exists in space Default as a listening Tentacle"},
		{"without a name, its own", unnamed, []octoapi.Machine{own("Machines-1", "whatever"), aMachine("Machines-9", host, otherThumb, "poll://other/")}, false, "unchanged Machines-1"},
		{"without a name, of several the one with that of the host", unnamed, []octoapi.Machine{own("Machines-1", "whatever"), own("Machines-2", host)}, false, "unchanged Machines-2"},
		{"without a name, none of several", unnamed, []octoapi.Machine{own("Machines-1", "a"), own("Machines-2", "b")}, false, "line 2: registrations[0]: this Tentacle is registered in space Default as several deployment targets, so it is not known which one is meant: a (Machines-1), b (Machines-2)"},
		{"without a name, beside one that is named", unnamed + web2, []octoapi.Machine{own("Machines-1", "a"), own("Machines-2", "web2")}, false, "unchanged Machines-1, unchanged Machines-2"},
		{"twice without a name", unnamed + "- {space: default, environments: [Environments-1], roles: [web]}\n", nil, false, "line 3: registrations[1]: it is the deployment target " + host + " in space Default, and so is registrations[0]"},
		{"the same twice", web + "- {space: default, name: WEB, environments: [Environments-1], roles: [web]}\n", nil, false, "line 3: registrations[1].name: it is the deployment target WEB in space Default, and so is registrations[0]"},
		{"a new one lacks what it needs", "- {name: web, roles: [web]}\n- {name: web2, environments: [E]}\n", nil, false,
			"tentacle.yaml, line 2: registrations[0]: there is no deployment target web of this Tentacle in space Default yet, and a new one needs environments\n" +
				"tentacle.yaml, line 3: registrations[1]: there is no deployment target web2 of this Tentacle in space Default yet, and a new one needs roles"},
		{"its own keeps what is not named", "- {name: web, roles: [web]}\n", []octoapi.Machine{own("Machines-1", "web")}, false, "unchanged Machines-1"},
		{"one of the fleet has the name", web, []octoapi.Machine{aMachine("Machines-5", "web", ownThumb, "poll://fleet/")}, false, "registrations[0].name: the deployment target web (Machines-5) already exists in space Default with this Tentacle's certificate, but with the subscription poll://fleet/: this Tentacle polls with poll://own/"},
		{"one of the fleet is taken over by force", web, []octoapi.Machine{aMachine("Machines-5", "web", ownThumb, "poll://fleet/")}, true, "updated Machines-5"},
		{"one of the fleet with the same certificate is not its own", "- {name: web, environments: [E], roles: [web]}\n", []octoapi.Machine{aMachine("Machines-5", "fleet", ownThumb, "poll://fleet/")}, false, "created "},
	} {
		plans, err := planned(t, "registrations:\n"+c.asked, c.force, c.existing...)
		got := fmt.Sprint(err)
		if err == nil {
			var all []string
			for _, p := range plans {
				all = append(all, string(p.action)+" "+p.machine.ID)
			}
			if got = strings.Join(all, ", "); got == c.want {
				continue
			}
		}
		if err == nil || !strings.Contains(got, c.want) {
			t.Errorf("%s: %s\nnot %s", c.it, got, c.want)
		}
	}
}

func TestOfTwinsOfARegistrationThoseInTheFileAreNotWarnedOf(t *testing.T) {
	t.Parallel()
	own := []octoapi.Machine{aMachine("Machines-1", "web", ownThumb, ownQueue), aMachine("Machines-2", "web2", ownThumb, ownQueue), aMachine("Machines-3", "web3", ownThumb, ownQueue)}
	plans, err := planned(t, "registrations:\n- name: web\n- name: web2\n", false, own...)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range plans {
		if len(p.twins) != 1 || p.twins[0].Name != "web3" {
			t.Errorf("the twins of %s: %v", p.machine.Name, p.twins)
		}
	}
}

func TestAListInAFileIsTheWholeListAndWhatItDoesNotNameStays(t *testing.T) {
	t.Parallel()
	before := aMachine("Machines-1", "web", ownThumb, ownQueue)
	before.TenantIDs, before.TenantTags, before.PolicyID, before.IsDisabled = []string{"Tenants-1", "Tenants-2"}, []string{"Set/a"}, "MachinePolicies-1", true
	before.TenantedDeploymentParticipation = "Tenanted"
	for _, c := range []struct{ asked, want string }{
		{"name: web", "[]"},
		{"name: WEB", "[]"}, // a name ignores case, and stays as it is
		{"environments: [environments-1], roles: [WEB], tenants: [Tenants-2, Tenants-1], tenantTags: [set/A], policy: MachinePolicies-1, tenantedDeploymentParticipation: tenanted", "[]"},
		{"tenants: []", "[{tenants [Tenants-1 Tenants-2] []}]"},
		{"tenants: [], tenantTags: []", "[{tenants [Tenants-1 Tenants-2] []} {tenantTags [Set/a] []}]"},
		{"tenants: [Tenants-2]", "[{tenants [Tenants-1 Tenants-2] [Tenants-2]}]"},
		{"roles: [db, web]", "[{roles [web] [db web]}]"},
		{"environments: [Environments-2], policy: MachinePolicies-2", "[{environments [Environments-1] [Environments-2]} {policy [MachinePolicies-1] [MachinePolicies-2]}]"},
		{"tenantedDeploymentParticipation: Untenanted", "[{tenantedDeploymentParticipation [Tenanted] [Untenanted]}]"},
		{"name: other", "[{name [web] [other]}]"},
	} {
		plans, err := planned(t, "registrations:\n- {"+c.asked+"}\n", false, before)
		if err != nil {
			t.Errorf("%s: %v", c.asked, err)
			continue
		}
		p := plans[0]
		if got := fmt.Sprint(p.fields()); got != c.want {
			t.Errorf("%s: %s, not %s", c.asked, got, c.want)
		}
		if !p.machine.IsDisabled || p.machine.ID != before.ID {
			t.Errorf("%s: %+v", c.asked, p.machine)
		}
		if changes := c.want != "[]"; changes != p.action.changes() {
			t.Errorf("%s: %s", c.asked, p.action)
		}
	}
}

func TestAnAddressThatAFileLeavesOpenStaysAndFollowsTheTentaclesOwnPort(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a            listeningAddress
		before, want string
	}{
		{listeningAddress{listens: "10933", listened: "10933"}, "https://web.example.com:10933/", "https://web.example.com:10933/"},
		{listeningAddress{listens: "10933", listened: "10933"}, "https://nat.example.com:4711/", "https://nat.example.com:4711/"},
		{listeningAddress{listens: "10934", listened: "10933"}, "https://web.example.com:10933/", "https://web.example.com:10934/"},
		{listeningAddress{listens: "10934", listened: "10933"}, "https://nat.example.com:4711/", "https://nat.example.com:4711/"},
		{listeningAddress{host: "web2", listens: "10933"}, "https://nat.example.com:4711/", "https://web2:4711/"},
		{listeningAddress{port: "4712", listens: "10933"}, "https://[fd00::1]:4711/", "https://[fd00::1]:4712/"},
		{listeningAddress{host: "web", port: "1", listens: "10933"}, "https://nat:4711/", "https://web:1/"},
		{listeningAddress{host: "web", listens: "10933"}, "nonsense", "https://web:10933/"},
	} {
		if got := c.a.keeping(c.before); got != c.want {
			t.Errorf("%+v of %s: %s, not %s", c.a, c.before, got, c.want)
		}
	}
	own := aMachine("Machines-1", "web", ownThumb, "https://nat.example.com:4711/")
	own.Endpoint.CommunicationStyle = octoapi.Listening
	w := wants("web", registerOptions{update: true})
	w.machine.Endpoint, w.address = octoapi.Endpoint{CommunicationStyle: octoapi.Listening, Thumbprint: ownThumb, URI: "https://web:10933/"}, listeningAddress{listens: "10933"}
	if p, err := w.plan(existingRegistrations{named: &own, sameCertificate: []octoapi.Machine{own}}); err != nil || p.action != actionUnchanged {
		t.Errorf("%s %+v %v", p.action, p.fields(), err)
	}
	own.Endpoint.Thumbprint = otherThumb // the address is that of another machine
	w.wish.force = true
	if p, err := w.plan(existingRegistrations{named: &own}); err != nil || p.machine.Endpoint.URI != "https://web:10933/" {
		t.Errorf("%+v %v", p.machine.Endpoint, err)
	}
}

// TestAllMistakesInAFileAreToldAndWhatIsNoMistakeComesFirst: a server that does not answer is no
// mistake of the file.
func TestAllMistakesInAFileAreToldAndWhatIsNoMistakeComesFirst(t *testing.T) {
	t.Parallel()
	f := fileOf(t, "registrations:\n- name: web\n  environments:\n  - Good\n  - Bad\n  - Worse\n  policy: Strict\n")
	w := fileWish(f, 0, fileRegistering{})
	unknown := func(key string, list []string, names ...string) func(context.Context) error {
		return func(context.Context) error {
			return w.mistaken(key, list, &octoapi.UnknownNameError{Kind: "environment", Names: names, Available: "Good, Better"})
		}
	}
	fine := func(context.Context) error { return nil }
	environments, policy := unknown("environments", w.environments, "Bad", "Worse"), unknown("policy", nil, "Strict")
	err := w.askAll(t.Context(), fine, environments, func(ctx context.Context) error { return w.askAll(ctx, fine, policy) })
	var got []string
	for _, line := range messageLines(err) {
		where, _, _ := strings.Cut(line, ": there is no environment")
		got = append(got, where)
	}
	want := []string{"tentacle.yaml, line 5: registrations[0].environments[1]", "tentacle.yaml, line 6: registrations[0].environments[2]", "tentacle.yaml, line 7: registrations[0].policy"}
	if !slices.Equal(got, want) {
		t.Errorf("%q\nnot\n%q", got, want)
	}
	if got, want := hint.Of(err), []string{"available: Good, Better"}; !reflect.DeepEqual(got, want) {
		t.Errorf("hints %q, not %q", got, want)
	}
	down := errors.New("the server is down")
	err = w.askAll(t.Context(), environments, func(context.Context) error { return down },
		func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
	if err != down {
		t.Errorf("%v, not %v", err, down)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.askAll(ctx, environments, func(ctx context.Context) error { return ctx.Err() }); !errors.Is(err, context.Canceled) || err.Error() != context.Canceled.Error() {
		t.Errorf("interrupted: %v", err)
	}
}
