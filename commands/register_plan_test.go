package commands

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/octoapi"
)

const (
	ownThumb   = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	otherThumb = "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"
	ownQueue   = "poll://own/"
)

// aMachine is a deployment target that polls.
func aMachine(id, name, thumb, subscription string) octoapi.Machine {
	return octoapi.Machine{ID: id, Name: name, HealthStatus: "Healthy", EnvironmentIDs: []string{"Environments-1"}, Roles: []string{"web"},
		Endpoint: octoapi.Endpoint{CommunicationStyle: octoapi.Polling, Thumbprint: thumb, URI: subscription}}
}

// wants is the registration of the Tentacle with ownThumb and ownQueue under a name.
func wants(name string, o registerOptions) wantedRegistration {
	return wantedRegistration{wish: o.wish(), space: "Default", machine: aMachine("", name, ownThumb, ownQueue), subscriptions: []string{ownQueue}}
}

// TestWhatARegistrationDoesWithThoseThatExist has every combination of what may have the name and
// of what else may be this Tentacle's, with every option that says what to do.
func TestWhatARegistrationDoesWithThoseThatExist(t *testing.T) {
	t.Parallel()
	named := map[string]*octoapi.Machine{
		"free":            nil,
		"own":             new(aMachine("Machines-1", "web", ownThumb, ownQueue)),
		"own, other":      new(aMachine("Machines-1", "web", ownThumb, "poll://old/")), // its subscription differs
		"other's":         new(aMachine("Machines-2", "WEB", otherThumb, "poll://other/")),
		"other's, same":   new(aMachine("Machines-2", "web", otherThumb, ownQueue)), // with this subscription
		"other's, unlike": new(aMachine("Machines-2", "web", otherThumb, "https://host:10933/")),
	}
	named["other's, unlike"].Endpoint.CommunicationStyle = octoapi.Listening
	also := map[string][]octoapi.Machine{
		"nothing": nil,
		"renamed": {aMachine("Machines-3", "before", strings.ToLower(ownThumb), strings.ToUpper(ownQueue))},
		"two":     {aMachine("Machines-3", "before", ownThumb, ownQueue), aMachine("Machines-4", "earlier", ownThumb, ownQueue)},
		"fleet":   {aMachine("Machines-5", "fleet", ownThumb, "poll://fleet/")}, // shares the certificate
	}
	for name, n := range named {
		for besides, more := range also {
			for bits := range 16 {
				o := registerOptions{force: bits&1 != 0, update: bits&2 != 0, rename: bits&4 != 0, additional: bits&8 != 0}
				if o.rename && o.additional {
					continue // refused before
				}
				existing := existingRegistrations{named: n, sameCertificate: slices.Clone(more)}
				if n != nil && n.Endpoint.Thumbprint == ownThumb {
					existing.sameCertificate = append(existing.sameCertificate, *n)
				}
				p, err := wants("web", o).plan(existing)
				got := string(p.action)
				if err != nil {
					got = errorKind(err)
				}
				if want := wantedAction(name, besides, o); got != want {
					t.Errorf("the name is %s, and there is %s, with force %v, update %v, rename %v, additional %v: %s, not %s (%v)",
						name, besides, o.force, o.update, o.rename, o.additional, got, want, err)
				}
				if err == nil && p.action == actionRenamed && (p.machine.ID != "Machines-3" || p.machine.Name != "web") {
					t.Errorf("renamed %+v", p.machine)
				}
				if besides == "fleet" && (len(p.others) != 1 || p.machine.ID == "Machines-5") {
					t.Errorf("the other one of a fleet: %+v", p)
				}
			}
		}
	}
}

// wantedAction says in the words of the documentation what is right.
func wantedAction(name, besides string, o registerOptions) string {
	elsewhere := besides == "renamed" || besides == "two"
	switch name {
	case "own":
		return "unchanged"
	case "own, other":
		if o.force || o.update {
			return "updated"
		}
		return "differs"
	case "other's, unlike":
		return "style"
	case "other's", "other's, same":
		switch {
		case !o.force:
			return "taken"
		case elsewhere && !o.additional:
			return "other name"
		}
		return "updated"
	}
	switch {
	case !elsewhere || o.additional:
		return "created"
	case !o.rename:
		return "other name"
	case besides == "two":
		return "ambiguous"
	}
	return "renamed"
}

func errorKind(err error) string {
	switch {
	case errors.As(err, new(nameTakenError)):
		return "taken"
	case errors.As(err, new(otherNameError)):
		return "other name"
	case errors.As(err, new(ambiguousRenameError)):
		return "ambiguous"
	case errors.As(err, new(otherStyleError)):
		return "style"
	case errors.As(err, new(differsError)):
		return "differs"
	}
	return err.Error()
}

func TestAnUpdateKeepsWhatTheOptionsDoNotName(t *testing.T) {
	t.Parallel()
	before := aMachine("Machines-1", "Web", ownThumb, ownQueue)
	before.TenantIDs, before.TenantTags, before.PolicyID, before.IsDisabled = []string{"Tenants-1"}, []string{"A/b"}, "MachinePolicies-1", true
	before.TenantedDeploymentParticipation = "Tenanted"
	before.Roles = []string{"Web", "db"}
	w := wants("web", registerOptions{update: true})
	w.machine.Roles = []string{"DB", "web"}
	p, err := w.plan(existingRegistrations{named: &before, sameCertificate: []octoapi.Machine{before}})
	if err != nil || p.action != actionUnchanged {
		t.Errorf("roles in another order and case: %v, %v", p.action, err)
	}
	w.machine.EnvironmentIDs = []string{"Environments-2"}
	p, err = w.plan(existingRegistrations{named: &before, sameCertificate: []octoapi.Machine{before}})
	if err != nil || p.action != actionUpdated || len(p.fields()) != 1 || p.fields()[0].Field != fieldEnvironments {
		t.Errorf("%v %+v %v", p.action, p.fields(), err)
	}
	if m := p.machine; m.Name != "Web" || !m.IsDisabled || len(m.TenantIDs) != 1 || m.PolicyID == "" || m.TenantedDeploymentParticipation != "Tenanted" || !slices.Equal(m.Roles, before.Roles) {
		t.Errorf("%+v", m)
	}
}

// TestAnAgentWhoseModeIsNotSaidPolls: a mode that is not said is no difference, but what is sent
// says it.
func TestAnAgentWhoseModeIsNotSaidPolls(t *testing.T) {
	t.Parallel()
	before := aMachine("Machines-1", "agent", ownThumb, ownQueue)
	before.Endpoint.CommunicationStyle = octoapi.Kubernetes
	for _, thumb := range []string{ownThumb, otherThumb} {
		before.Endpoint.Thumbprint = thumb
		w := wants("agent", registerOptions{kind: kubernetesTarget})
		w.machine.Endpoint.CommunicationStyle, w.machine.Endpoint.Mode = octoapi.Kubernetes, octoapi.ModePolling
		p, err := w.plan(existingRegistrations{named: &before})
		switch same := thumb == ownThumb; {
		case err != nil:
			t.Error(err)
		case same && p.action != actionUnchanged:
			t.Errorf("%v %+v", p.action, p.fields())
		case !same && p.machine.Endpoint.Mode != octoapi.ModePolling:
			t.Errorf("sent: %+v", p.machine.Endpoint)
		}
	}
}

func TestNodesThatAreNotPolledAreNamedWhereTheirAddressesTell(t *testing.T) {
	t.Parallel()
	nodes := []octoapi.Node{{Name: "OCTO1"}, {Name: "octo2.example.com"}, {Name: "octo3"}, {Name: "octo4", Offline: true}}
	for _, c := range []struct {
		polled []string
		want   string
	}{
		{[]string{"https://octo1.example.com:10943"}, "only 1 address is polled, but 3 nodes of the cluster hand out work (not polled: octo2.example.com, octo3)"},
		{[]string{"https://octo1:10943", "https://octo3:10943"}, "hand out work (not polled: octo2.example.com):"},
		{[]string{"https://octo1:10943", "https://octo1:10944"}, "hand out work: work"}, // one of the two is another node
		{[]string{"https://lb.example.com:10943"}, "hand out work: work"},
		{[]string{"https://octo1:10943", "https://octo2:10943", "https://octo3:10943"}, ""},
		{[]string{"https://lb:10943", "https://lb:10944", "https://lb:10945"}, ""},
		{nil, ""},
	} {
		if got := unpolledNodes(nodes, c.polled); c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%v: %q", c.polled, got)
		}
	}
}
