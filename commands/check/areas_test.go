package check

import (
	"slices"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

func TestARequiredAreaIsMissingUnlessEachOfItsFindingsHasLooked(t *testing.T) {
	polls := &Snapshot{Servers: []tentacleconfig.TrustedServer{{Style: tentacleconfig.StylePolling, Address: "https://octo1:10943", SubscriptionID: "poll://a/"}}}
	listens := &Snapshot{Servers: []tentacleconfig.TrustedServer{{Style: tentacleconfig.StyleListening}}}
	seen, skipped, unknown := Finding{Level: Problem}, Finding{Level: Skipped}, Finding{Level: Warning, Unknown: true}
	of := func(id string, f Finding) Finding { f.ID = id; return f }
	for name, test := range map[string]struct {
		snapshot *Snapshot
		required []string
		findings []Finding
		want     []string
	}{
		"nothing is required":           {polls, nil, []Finding{of(idNodes, skipped)}, nil},
		"a problem was looked at":       {polls, []string{"nodes"}, []Finding{of(idNodes, seen)}, nil},
		"skipped":                       {polls, []string{"nodes"}, []Finding{of(idNodes, skipped)}, []string{"nodes"}},
		"one of two was skipped":        {polls, []string{"ports"}, []Finding{of(idPollingPort, skipped), of(idPollingPort, seen)}, []string{"ports"}},
		"it is not known":               {polls, []string{"service"}, []Finding{of(idService, unknown)}, []string{"service"}},
		"no finding at all":             {polls, []string{"server", "registration"}, []Finding{of(idNodes, seen)}, []string{"registration", "server"}},
		"one that listens has no nodes": {listens, []string{"nodes", "ports", "service"}, nil, []string{"service"}},
		"nor is it known what it does":  {&Snapshot{}, []string{"nodes"}, nil, []string{"nodes"}},
	} {
		if got := test.snapshot.Missing(test.required, test.findings); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

func TestWhatWasNotLookedAtIsSkippedAndNeverOK(t *testing.T) {
	s := &Snapshot{}
	found := s.Findings()
	for _, id := range []string{idAPI, idRegistration} {
		i := slices.IndexFunc(found, func(f Finding) bool { return f.ID == id })
		if i < 0 || found[i].Level != Skipped || found[i].Why == "" {
			t.Errorf("%s: %+v", id, found)
		}
	}
}

func TestAFindingSaysWhatItIsAbout(t *testing.T) {
	s := goodSnapshot()
	s.Servers = append(s.Servers, s.Servers[1])
	s.answer()
	about := map[string]Finding{}
	for _, f := range s.Findings() {
		about[f.ID] = f
	}
	second, registered := s.Ports[1].Address, s.API.Registrations[0]
	for id, want := range map[string]Finding{
		idCertificate:       {Thumbprint: s.OwnThumbprint()},
		idDuplicates:        {Address: second, Thumbprint: clusterThumbprint},
		idPollingPort:       {Address: s.Ports[len(s.Ports)-1].Address, Thumbprint: clusterThumbprint},
		idClusterThumbprint: {Thumbprint: clusterThumbprint},
		idRegistration:      {Thumbprint: s.OwnThumbprint(), Registration: registered.Machine.ID, Space: registered.Space.ID},
		idService:           {},
	} {
		got := about[id]
		if got.ID != id || got.Address != want.Address || got.Thumbprint != want.Thumbprint || got.Registration != want.Registration || got.Space != want.Space {
			t.Errorf("%s: %+v, want %+v", id, got, want)
		}
	}
}
