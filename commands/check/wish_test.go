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
	connects := func(thumbprint string) tentacleconfig.TrustedServer {
		return tentacleconfig.TrustedServer{Thumbprint: thumbprint, Style: tentacleconfig.StyleListening}
	}
	all := func(some ...func(*Snapshot)) func(*Snapshot) {
		return func(s *Snapshot) {
			for _, one := range some {
				one(s)
			}
		}
	}
	asked := func(thumbprint string) func(*Snapshot) {
		return func(s *Snapshot) { s.API.Thumbprint = thumbprint }
	}
	differ := func(keys ...string) func(*Snapshot) {
		return func(s *Snapshot) {
			for _, key := range keys {
				s.Wish.Settings = append(s.Wish.Settings, SettingDifference{Key: key})
			}
		}
	}
	configured := func(path string) func(*Snapshot) {
		return func(s *Snapshot) { s.Tentacle.Instance.ConfigPath = path }
	}
	listens := func(want, is bool) func(*Snapshot) {
		return func(s *Snapshot) { s.Wish.Listens, s.Listens = &want, is }
	}
	registered := func(list ...WishedRegistration) func(*Snapshot) {
		return func(s *Snapshot) { s.Server, s.Wish.Registrations = "https://octopus.example.com", list }
	}
	const web = "registrations: [{roles: [web]}]"
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
		"trusts nobody who connects":     {"communication: listening", servers(), []string{"problem communication"}},
		"listens":                        {"communication: listening", servers(connects(own)), []string{"ok "}},
		"listens to several clusters":    {"communication: listening", servers(connects(own), connects(third)), []string{"ok "}},
		"polls several clusters":         {"communication: listening", servers(polls(own, "https://octo1:10943"), polls(third, "https://octo2:10943"), connects(own)), []string{"problem communication"}},
		"listens to the cluster asked":   {"communication: listening", all(servers(connects(own), polls(third, "https://octo2:10943")), asked(own)), []string{"ok "}},
		"another cluster connects":       {"communication: listening", all(servers(connects(third)), asked(own)), []string{"problem communication"}},
		"polls, whichever nodes":         {"communication: polling", servers(polls(own, "https://octo1:10943")), []string{"ok "}},
		"a thumbprint without nodes":     {"thumbprints: [" + own + "]", servers(polls(other, "https://octo1:10943")), []string{"problem thumbprints[0]"}},
		"settings":                       {"home: elsewhere\nlisten: {port: 10940}", differ("home", "listen.port"), []string{"problem home", "problem listen.port"}},
		"what has a section for a key":   {"listen: {port: 10940}", differ("listen.address"), []string{"problem listen"}},
		"a proxy, said once":             {"pollingProxy: false", differ("pollingProxy.host", "pollingProxy.port"), []string{"problem pollingProxy"}},
		"another path":                   {"configuration: /etc/a.config", configured("/etc/b.config"), []string{"problem configuration"}},
		"the same path":                  {"configuration: /etc/b/../a.config", configured("/etc/a.config"), []string{"ok "}},
		"has to listen":                  {"communication: listening", all(servers(connects(own)), listens(true, false)), []string{"problem communication"}},
		"has not to listen":              {"listen: {port: 10940}", listens(false, true), []string{"problem listen"}},
		"listens as it has to":           {"listen: {port: 10940}", listens(true, true), []string{"ok "}},
		"the server does not answer":     {web, all(registered(WishedRegistration{}), func(s *Snapshot) { s.API.Err = errors.New("it is down") }), []string{"skipped registrations", "ok "}},
		"registrations are not known":    {web, all(registered(), func(s *Snapshot) { s.Wish.RegistrationsErr = errors.New("forbidden") }), []string{"skipped registrations", "ok "}},
		"one registration is not known":  {web, registered(WishedRegistration{Err: errors.New("forbidden")}), []string{"skipped registrations[0]", "ok "}},
		"a registration is missing":      {web, registered(WishedRegistration{Missing: true}), []string{"problem registrations[0]"}},
		"a registration is refused":      {web, registered(WishedRegistration{Refusals: []Refusal{{Key: "registrations[0].roles", Line: 1, Text: "no", Hints: []string{"there is none"}}}}), []string{"problem registrations[0].roles"}},
		"a registration differs":         {web, registered(WishedRegistration{Differences: []Difference{{Key: "registrations[0].roles", Is: nil, Wish: []string{"web"}}}}), []string{"problem registrations[0].roles"}},
		"a registration as it should be": {web, registered(WishedRegistration{}), []string{"ok "}},
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
		"another program's service":      {"service: {install: true, start: true}", runs(service.Foreign, "", false), []string{"skipped service", "ok "}},
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
			if strings.HasSuffix(found.What, "polls ") {
				t.Errorf("%s: %s", name, found.What)
			}
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

// TestTheCommandThatAppliesTheFileNamesItsTentacleOnlyIfTheFileDoesNot: an option would mean one
// that is there.
func TestTheCommandThatAppliesTheFileNamesItsTentacleOnlyIfTheFileDoesNot(t *testing.T) {
	web := tentacleconfig.Instance{Name: "web", ConfigPath: "/etc/web.config"}
	for _, test := range []struct {
		file     string
		instance tentacleconfig.Instance
		service  string
		want     string
	}{
		{"instance: web", web, service.NameFor("web", "linux"), ""},
		{"instance: web", web, "mine", " --service=mine"},
		{"instance: other", web, service.NameFor("web", "linux"), " --instance=web"},
		{"configuration: /etc/web.config", tentacleconfig.Instance{ConfigPath: "/etc/web.config"}, "", ""},
		{"configuration: /etc/other.config", tentacleconfig.Instance{ConfigPath: "/etc/web.config"}, "", " --config=/etc/web.config"},
		{"home: elsewhere", tentacleconfig.Instance{ConfigPath: "/etc/web.config"}, "", " --config=/etc/web.config"},
		{"home: elsewhere", tentacleconfig.Instance{}, "", ""},
	} {
		f, err := tentaclefile.Read("tentacle.yaml", []byte(test.file))
		if err != nil {
			t.Fatal(err)
		}
		s := &Snapshot{Wish: &Wish{File: f, Path: "/tentacle.yaml"}}
		s.Tentacle.Instance, s.Tentacle.Service, s.Tentacle.GOOS = test.instance, test.service, "linux"
		if got := newReport(s).apply(); got != "octo-tentacle apply --file=/tentacle.yaml"+test.want {
			t.Errorf("%s, %+v: %s", test.file, test.instance, got)
		}
	}
}

func TestAccountsAndPathsAreTheSameAsTheSystemTakesThem(t *testing.T) {
	for _, test := range []struct {
		system string
		a, b   string
		same   bool
	}{
		{"linux", "octopus", "octopus", true},
		{"linux", "octopus", "Octopus", false},
		{"linux", `.\octopus`, "octopus", false},
		{"windows", "octopus", "Octopus", true},
		{"windows", `.\octopus`, "octopus", true},
		{"windows", `WEB01\octopus`, `.\octopus`, true},
		{"windows", `CORP\octopus`, `.\octopus`, false},
		{"windows", `CORP\octopus`, "octopus", false},
	} {
		s := &Snapshot{HostName: "web01"}
		s.Tentacle.GOOS = test.system
		r := newReport(s)
		if r.sameAccount(test.a, test.b) != test.same || r.sameAccount(test.b, test.a) != test.same {
			t.Errorf("%s: %s and %s: %t", test.system, test.a, test.b, !test.same)
		}
	}
	for system, same := range map[string]bool{"linux": false, "windows": true} {
		s := &Snapshot{}
		s.Tentacle.GOOS = system
		if r := newReport(s); r.samePath("a/b", "A/b") != same || !r.samePath("a/./b", "a/b") {
			t.Errorf("paths on %s", system)
		}
	}
}
