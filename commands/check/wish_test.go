package check

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/commands/tentaclefile"
	"github.com/octo-tentacle/octo-tentacle/service"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// TestEachDifferenceToTheFileIsAProblemAndWhatIsNotComparedIsSkipped: what a script does not reach,
// such as a service.
func TestEachDifferenceToTheFileIsAProblemAndWhatIsNotComparedIsSkipped(t *testing.T) {
	own, other, third := strings.Repeat("A", 40), strings.Repeat("B", 40), strings.Repeat("C", 40)
	polls := func(thumbprint, address string) tentacleconfig.TrustedServer {
		return tentacleconfig.TrustedServer{Thumbprint: thumbprint, Style: tentacleconfig.StylePolling, Address: address, SubscriptionID: "poll://aaaaaaaaaaaaaaaaaaaa/"}
	}
	servers := func(list ...tentacleconfig.TrustedServer) func(*Snapshot) {
		return func(s *Snapshot) { s.Servers, s.Ports = list, PortsOf(list) }
	}
	runs := func(state service.State, account string, boots bool) func(*Snapshot) {
		return func(s *Snapshot) {
			s.Service.State, s.Access.Account, s.Wish.Boots = state, account, boots
		}
	}
	const nodes = "nodes: [https://octo1:10943]\n"
	for name, test := range map[string]struct {
		file string
		is   func(*Snapshot)
		want []string // level and key of each
	}{
		"the same":                       {nodes, servers(polls(own, "https://octo1:10943/")), []string{"ok "}},
		"a node too few":                 {nodes, servers(polls(own, "https://octo2:10943")), []string{"problem nodes[0]", "problem nodes"}},
		"another thumbprint":             {nodes + "thumbprints: [" + own + "]", servers(polls(other, "https://octo1:10943")), []string{"problem nodes[0]", "problem thumbprints[0]"}},
		"a thumbprint too many":          {nodes + "thumbprints: [" + own + "]", servers(polls(own, "https://octo1:10943"), polls(other, "https://octo1:10943")), []string{"problem thumbprints"}},
		"a thumbprint at one node alone": {"nodes: [https://octo1:10943, https://octo2:10943]\nthumbprints: [" + own + ", " + other + "]", servers(polls(own, "https://octo1:10943"), polls(other, "https://octo1:10943"), polls(own, "https://octo2:10943")), []string{"problem nodes[1]"}},
		"several clusters":               {"nodes: [https://octo3:10943]", servers(polls(own, "https://octo1:10943"), polls(third, "https://octo2:10943")), []string{"skipped nodes", "ok "}},
		"another cluster is left alone":  {nodes, servers(polls(own, "https://octo1:10943"), polls(third, "https://octo2:10943")), []string{"ok "}},
		"polls instead of listening":     {"communication: listening", servers(polls(own, "https://octo1:10943")), []string{"problem communication"}},
		"polls nobody":                   {"communication: polling", servers(), []string{"problem communication"}},
		"no certificate":                 {"certificate: if-blank", func(s *Snapshot) { s.CertificateErr = tentacleconfig.ErrNoCertificate }, []string{"problem certificate"}},
		"another certificate":            {"certificate: {pfx: own.pfx}", func(s *Snapshot) { s.Thumbprint, s.Wish.PFX = own, other }, []string{"problem certificate.pfx"}},
		"a certificate that is not read": {"certificate: {pfx: own.pfx}", func(s *Snapshot) { s.Wish.PFXErr = errors.New("no rights") }, []string{"skipped certificate.pfx", "ok "}},
		"the wrong password":             {"pollingProxy: {host: proxy, passwordFile: p.txt}", func(s *Snapshot) { s.Wish.OtherProxyPassword = true }, []string{"problem pollingProxy.passwordFile"}},
		"a proxy that is none":           {"pollingProxy: false", func(s *Snapshot) { s.ProxyErr = errors.New("broken") }, []string{"skipped pollingProxy", "ok "}},
		"the service as it should be":    {"service: {install: true, start: true, account: {user: octopus}}", runs(service.Running, "octopus", true), []string{"ok "}},
		"no service":                     {"service: {install: true, start: true}", runs(service.Absent, "", false), []string{"problem service.install"}},
		"no service manager":             {"service: {install: true, start: true}", runs(service.Unmanaged, "", false), []string{"skipped service", "ok "}},
		"a service of another account":   {"service: {account: {user: octopus}}", runs(service.Running, "root", true), []string{"problem service.account.user"}},
		"a service that does not run":    {"service: {install: true, start: true}", runs(service.Stopped, "root", true), []string{"problem service.start"}},
		"a service that does not boot":   {"service: {install: true, start: true}", runs(service.Running, "root", false), []string{"problem service.install"}},
		"nobody asked":                   {"registrations: [{roles: [web]}]", nil, []string{"skipped registrations", "ok "}},
		"no such Tentacle":               {"instance: web", func(s *Snapshot) { s.Wish.Absent = errors.New("there is none") }, []string{"problem instance"}},
	} {
		f, err := tentaclefile.Read("tentacle.yaml", []byte(test.file))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		s := &Snapshot{Wish: &Wish{File: f, Name: "tentacle.yaml", Path: "/etc/tentacle.yaml"}}
		if test.is != nil {
			test.is(s)
		}
		r := newReport(s)
		r.wish()
		var got []string
		for _, found := range r.findings {
			got = append(got, found.Level.String()+" "+found.Key)
			switch line := f.Line(found.Key); {
			case found.ID != idFile, found.Line != line, found.Level == Problem && !strings.Contains(found.Fix, "octo-tentacle apply --file=/etc/tentacle.yaml"):
				t.Errorf("%s: %+v", name, found)
			case found.Level != OK && found.Why == "":
				t.Errorf("%s: %s has no reason", name, found.What)
			}
		}
		if slices.Sort(got); !slices.Equal(got, slices.Sorted(slices.Values(test.want))) {
			t.Errorf("%s: %q, not %q", name, got, test.want)
		}
	}
}
