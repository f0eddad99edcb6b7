package check

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/commands/coverage"
	"github.com/octo-tentacle/octo-tentacle/commands/suggest"
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/service"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

const (
	clusterThumbprint = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	ownThumbprint     = "CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC"
	aSubscription     = "poll://abcdefghij0123456789/"
)

var checkedAt = time.Date(2026, 8, 1, 10, 0, 0, 0, time.UTC)

// goodSnapshot is that of a Tentacle that is set up correctly for a cluster of two nodes.
func goodSnapshot() *Snapshot {
	s := &Snapshot{
		Tentacle: suggest.Tentacle{
			Instance: tentacleconfig.Instance{Name: "Tentacle", ConfigPath: "/etc/octopus/Tentacle/Tentacle.config"},
			Service:  service.NameFor("Tentacle", "linux"), GOOS: "linux",
		},
		HostName:    "web1",
		Alone:       true,
		Now:         checkedAt,
		Listens:     true,
		Thumbprint:  ownThumbprint,
		Certificate: tentacleconfig.CertificateDates{Thumbprint: ownThumbprint, NotBefore: checkedAt.AddDate(-1, 0, 0), NotAfter: checkedAt.AddDate(99, 0, 0), KeyBits: 2048},
		File:        tentacleconfig.FileTimes{Created: checkedAt.AddDate(0, -2, 0), Modified: checkedAt.AddDate(0, -2, 0)},
		Service:     service.Status{Name: "Tentacle", State: service.Running, MainPID: 1, Started: checkedAt.AddDate(0, -1, 0)},
		Server:      "https://octopus.example.com", ServerOptions: []string{"--server=https://octopus.example.com"},
	}
	s.setServers("https://octo1.example.com:10943", "https://octo2.example.com:10943")
	s.API = API{
		ClockKnown: true,
		Thumbprint: clusterThumbprint,
		Queues:     coverage.Queues{State: coverage.NotShared, Why: "the nodes do not share their queues"},
		Nodes:      []octoapi.Node{{Name: "OCTO1"}, {Name: "OCTO2"}},
		Registrations: []octoapi.Registration{{Space: octoapi.Named{ID: "Spaces-1", Name: "Default"}, Machine: octoapi.Machine{
			ID: "Machines-1", Name: "web1", HealthStatus: "Healthy", EnvironmentIDs: []string{"Environments-1"}, Roles: []string{"web server"},
			Endpoint: octoapi.Endpoint{CommunicationStyle: octoapi.Polling, Thumbprint: ownThumbprint, URI: aSubscription},
		}}},
	}
	return s
}

// setServers makes the Tentacle poll these addresses, each of which answers.
func (s *Snapshot) setServers(addresses ...string) {
	s.Servers = nil
	for _, address := range addresses {
		s.Servers = append(s.Servers, polled(clusterThumbprint, address))
	}
	s.answer()
}

// answer lets every polled port present the cluster's certificate, and a host that is called like
// a node say that it is that node. The running Tentacle is connected to each.
func (s *Snapshot) answer() {
	s.Ports, s.Connections = PortsOf(s.Servers), nil
	for i := range s.Ports {
		p := &s.Ports[i]
		if _, err := tentacleconfig.AddressOf(p.Address); err != nil {
			p.Err, p.HostErr = err, err
			continue
		}
		ip := fmt.Sprintf("10.0.0.%d", i+1)
		end := netip.AddrPortFrom(netip.MustParseAddr(ip), p.number())
		s.Connections = append(s.Connections, end)
		p.Answer = octoapi.Port{Address: p.Address, Thumbprint: clusterThumbprint, Remote: end.String(), Latency: 12 * time.Millisecond}
		p.Trust, p.AskedIt = octoapi.PortTrust{Address: p.Address, Trust: octoapi.Trusted, Thumbprint: clusterThumbprint}, true
		p.HostErr = errors.New("nothing listens on port 443")
		if host := coverage.FirstLabel(hostOf(p.Address)); strings.HasPrefix(host, "octo") && host != "octopus" {
			p.Host, p.HostErr = octoapi.NodeAtHost{Node: octoapi.Node{Name: strings.ToUpper(host)}, Verified: true, Remote: ip + ":443"}, nil
		}
	}
}

func polled(thumbprint, address string) tentacleconfig.TrustedServer {
	return tentacleconfig.TrustedServer{Thumbprint: thumbprint, Style: tentacleconfig.StylePolling, Address: address, SubscriptionID: aSubscription}
}

func TestACorrectTentacleHasOnlyGoodFindings(t *testing.T) {
	var ids []string
	for _, found := range goodSnapshot().Findings() {
		if found.Level != OK || found.Why != "" || found.Fix != "" {
			t.Errorf("%+v", found)
		}
		ids = append(ids, found.ID)
	}
	want := []string{idConfiguration, idCertificate, idCertificateExpiry, idCertificateStrength, idCertificateThumbprint, idTrustedServers, idDuplicates, idSubscriptions, idEnvironment,
		idService, idRestart, idPollingPort, idPollingPort, idAccepted, idConnections, idAPI, idClock, idClusterThumbprint, idRegistration, idIdentity, idNodes, idNodes}
	if !slices.Equal(ids, want) {
		t.Errorf("looked at %q", ids)
	}
}

func TestWithSharedQueuesPortsThatDoNotSayWhetherTheyAcceptProveNothing(t *testing.T) {
	s := goodSnapshot()
	s.API.Queues.State = coverage.Shared
	for i := range s.Ports {
		s.Ports[i].Trust = octoapi.PortTrust{Address: s.Ports[i].Address, Err: errors.New("x")}
	}
	for _, found := range s.Findings() {
		if found.ID == idNodes && (found.Level != Warning || !found.Unknown) {
			t.Errorf("%+v", found)
		}
	}
}

// bad is one thing that is wrong, and what check has to say about it.
type bad struct {
	what  string
	with  func(s *Snapshot)
	level Level
	id    string
	says  string // in what, why or fix
	fix   string // the whole command, as whole writes it; "" if none fixes it
}

func TestEachFaultHasItsFindingAndTheCommandThatFixesIt(t *testing.T) {
	for _, c := range slices.Concat(badFiles, badEntries, badServices, badEnvironments, badClusters, badRenewals, badRegistrations, badIdentities, badInstances) {
		t.Run(c.what, func(t *testing.T) {
			s := goodSnapshot()
			c.with(s)
			var hits []Finding
			for _, found := range s.Findings() {
				ofEntry := c.id == idTrustedServers && found.ID == idNodes && found.Level == Warning // the node is perhaps at that address
				if found.Level > Skipped && !ofEntry || c.level <= Skipped && found.Level == c.level && found.ID == c.id && (c.id != idNodes || c.level == Skipped || strings.Contains(found.What, c.says)) {
					hits = append(hits, found)
				}
			}
			if len(hits) != 1 {
				t.Fatalf("%d findings: %+v", len(hits), hits)
			}
			found := hits[0]
			if found.ID != c.id || found.Level != c.level {
				t.Errorf("%+v", found)
			}
			if got := whole(found); got != c.fix {
				t.Errorf("the fix is\n%s, not\n%s", got, c.fix)
			}
			if text := strings.ReplaceAll(found.What+"\n"+found.Why, " --instance=Tentacle", ""); !strings.Contains(text, c.says) {
				t.Errorf("%q does not say %q", text, c.says)
			}
			if found.Level != OK && found.Why == "" {
				t.Error("it does not say why that matters")
			}
		})
	}
}

// whole is the fix of a finding, after what has to be done about it where it is not complete. Each
// command in it has to name the Tentacle, last.
func whole(f Finding) string {
	commands := strings.Split(f.Fix, " && ")
	for i, command := range commands {
		its, named := strings.CutSuffix(command, " --instance=Tentacle")
		if !named && !strings.Contains(command, "--instance=web") && !strings.Contains(command, "--service=Tentacle") && strings.Contains(command, "octo-tentacle ") {
			its = command + " (which Tentacle?)"
		}
		commands[i] = its
	}
	fix := strings.Join(commands, " && ")
	if f.Open != "" {
		fix = "(" + f.Open + ") " + fix
	}
	if f.Complete != (f.Fix != "" && f.Open == "") {
		fix += " (complete?)"
	}
	return fix
}

var badFiles = []bad{
	{"a file that may not be read", func(s *Snapshot) { s.ConfigurationErr = fmt.Errorf("not allowed: %w", fs.ErrPermission) },
		Problem, idConfiguration, "not allowed", "sudo octo-tentacle check --server=https://octopus.example.com"},
	{"a certificate that ends soon", func(s *Snapshot) { s.Certificate.NotAfter = checkedAt.AddDate(0, 0, 59) },
		Warning, idCertificateExpiry, "expires on 2026-09-29", ""},
	{"a certificate that ends later", func(s *Snapshot) { s.Certificate.NotAfter = checkedAt.AddDate(0, 0, 61) },
		OK, idCertificateExpiry, "valid until 2026-10-01", ""},
	{"a certificate that has ended", func(s *Snapshot) { s.Certificate.NotAfter = checkedAt.Add(-time.Hour) },
		Warning, idCertificateExpiry, "compare thumbprints only, so it still works", ""},
	{"a certificate of the future", func(s *Snapshot) { s.Certificate.NotBefore = checkedAt.AddDate(0, 0, 1) },
		Warning, idCertificateExpiry, "not valid before 2026-08-02", ""},
	{"neither certificate nor thumbprint", func(s *Snapshot) {
		s.Thumbprint, s.CertificateErr, s.API.Registrations = "", tentacleconfig.ErrNoCertificate, nil
		s.Certificate = tentacleconfig.CertificateDates{}
	}, Problem, idCertificate, "that no server knows", "octo-tentacle new-certificate --if-blank"},
	{"a polling proxy that cannot be one", func(s *Snapshot) { s.ProxyErr = errors.New("line 7: the port is x") },
		Problem, idPollingProxy, "line 7: the port is x", "(replace HOST, PORT) octo-tentacle polling-proxy --proxyEnable=true --proxyHost=HOST --proxyPort=PORT"},
	{"a duplicate that is all there is", func(s *Snapshot) {
		s.setServers("https://octo1:10943", "https://OCTO1:10943/")
		s.API.Nodes = s.API.Nodes[:1]
	}, Warning, idDuplicates, "polled 2 times", "octo-tentacle server-comms --style=TentacleActive --thumbprint=" + clusterThumbprint + " --host=octo1 --port=10943"},
	{"a setting of another certificate", func(s *Snapshot) { s.Certificate.Thumbprint = strings.Repeat("E", 40) },
		Problem, idCertificateThumbprint, "is " + ownThumbprint + ", but the certificate's thumbprint is " + strings.Repeat("E", 40), "(replace FILE) octo-tentacle import-certificate --from-file=FILE"},
	{"a certificate without the setting", func(s *Snapshot) { s.Thumbprint = "" },
		OK, idCertificateThumbprint, "its thumbprint is " + ownThumbprint, ""},
	{"a certificate signed with SHA-1", func(s *Snapshot) { s.Certificate.SHA1 = true },
		Warning, idCertificateStrength, "signed with SHA-1", "(then register it again) octo-tentacle new-certificate"},
	{"a certificate with a short key", func(s *Snapshot) { s.Certificate.KeyBits = 1024 },
		Warning, idCertificateStrength, "1024 bits, and 2048 are recommended", "(then register it again) octo-tentacle new-certificate"},
}

// setSecond changes the second entry of a good snapshot, and looks at the ports again.
func setSecond(change func(*tentacleconfig.TrustedServer)) func(*Snapshot) {
	return func(s *Snapshot) {
		change(&s.Servers[1])
		s.answer()
	}
}

// setOnly is setSecond for a Tentacle that polls nothing else, of a cluster of one node.
func setOnly(change func(*tentacleconfig.TrustedServer)) func(*Snapshot) {
	return func(s *Snapshot) {
		s.Servers, s.API.Nodes = s.Servers[1:], s.API.Nodes[1:]
		change(&s.Servers[0])
		s.answer()
	}
}

const (
	commsSecond     = "octo-tentacle server-comms --style=TentacleActive --thumbprint=" + clusterThumbprint
	pollSecond      = commsSecond + " --host=octo2.example.com --port=10943"
	pollRegistered  = commsSecond + " --server-subscription-id=" + aSubscription + " --host=octo2.example.com --port=10943"
	pollsNothing    = "the Tentacle does not start with it: it polls nothing, and does not listen either"
	pastedAndPadded = "BBBB BBBB BBBB BBBB BBBB BBBB BBBB BBBB BBBB BBBB"
)

var badEntries = []bad{
	{"a thumbprint in lower case", setSecond(func(e *tentacleconfig.TrustedServer) { e.Thumbprint = strings.ToLower(e.Thumbprint) }),
		Problem, idTrustedServers, "octo2.example.com:10943 is polled with the thumbprint \"aaaa", pollSecond},
	{"a listening thumbprint in lower case", func(s *Snapshot) {
		s.Servers = append(s.Servers, tentacleconfig.TrustedServer{Thumbprint: strings.ToLower(clusterThumbprint), Style: tentacleconfig.StyleListening})
	}, OK, idTrustedServers, "all entries are well-formed", ""},
	{"a listening thumbprint with blanks", func(s *Snapshot) {
		s.Servers = append(s.Servers, tentacleconfig.TrustedServer{Thumbprint: pastedAndPadded, Style: tentacleconfig.StyleListening})
	}, Problem, idTrustedServers, "no server can match it", "octo-tentacle server-comms --style=TentaclePassive --thumbprint=" + strings.ReplaceAll(pastedAndPadded, " ", "")},
	{"a host name without https://", setSecond(func(e *tentacleconfig.TrustedServer) { e.Address = "octo2.example.com:10943" }),
		Problem, idTrustedServers, "the Tentacle never connects to it", pollSecond},
	{"an IP address without https://", setSecond(func(e *tentacleconfig.TrustedServer) { e.Address = "10.0.0.2:10943" }),
		Problem, idTrustedServers, pollsNothing, strings.Replace(pollSecond, "octo2.example.com", "10.0.0.2", 1)},
	{"an address without a port", setSecond(func(e *tentacleconfig.TrustedServer) { e.Address = "octo2.example.com" }),
		Problem, idTrustedServers, pollsNothing, "(replace PORT) " + commsSecond + " --host=octo2.example.com --port=PORT"},
	{"an address that is none", setSecond(func(e *tentacleconfig.TrustedServer) { e.Address = "https://octo 2" }),
		Problem, idTrustedServers, pollsNothing, "octo-tentacle remove-server 'https://octo 2' --thumbprint=" + clusterThumbprint},
	{"an address that is none, and all there is", setOnly(func(e *tentacleconfig.TrustedServer) { e.Address = "https://octo 2" }),
		Problem, idTrustedServers, pollsNothing, "(replace ADDRESS) octo-tentacle sync-servers --server=https://octopus.example.com --server-comms-address=ADDRESS"},
	{"an address that is none, without a style", func(s *Snapshot) {
		s.Servers = append(s.Servers, tentacleconfig.TrustedServer{Thumbprint: clusterThumbprint, Address: "https://octo 2"})
	}, Problem, idTrustedServers, "https://octo 2 has no communication style", ""},
	{"a thumbprint that is none, beside a good one", func(s *Snapshot) {
		s.Servers = append(s.Servers, tentacleconfig.TrustedServer{Thumbprint: "12’3", Style: tentacleconfig.StyleListening})
	}, Problem, idTrustedServers, "which is not 40 hexadecimal digits", "octo-tentacle configure '--remove-trust=12’3'"},
	{"no address, beside others", func(s *Snapshot) {
		s.Servers = append(s.Servers, s.Servers[1].With(""))
	}, Warning, idTrustedServers, "the Tentacle skips it, and polls that server at its other addresses", "octo-tentacle server-comms --style=TentaclePassive --thumbprint=" + clusterThumbprint},
	{"no address, and all there is", func(s *Snapshot) {
		s.Servers, s.API = []tentacleconfig.TrustedServer{s.Servers[1].With("")}, API{Thumbprint: clusterThumbprint, ClockKnown: true, RegistrationsErr: octoapi.ErrForbidden}
		s.answer()
	}, Problem, idTrustedServers, "the Tentacle skips it, so work from that server never arrives", "(replace HOST) " + commsSecond + " --host=HOST"},
	{"an address with http://", setSecond(func(e *tentacleconfig.TrustedServer) { e.Address = "http://octo2.example.com:10943" }),
		OK, idTrustedServers, "all entries are well-formed", ""},
	{"blanks around a thumbprint", setSecond(func(e *tentacleconfig.TrustedServer) { e.Thumbprint = " " + e.Thumbprint + " " }),
		OK, idTrustedServers, "all entries are well-formed", ""},
	{"blanks in a thumbprint", setSecond(func(e *tentacleconfig.TrustedServer) { e.Thumbprint = e.Thumbprint[:20] + " " + e.Thumbprint[20:] }),
		Problem, idTrustedServers, "it never connects to this one", pollSecond},
	{"no thumbprint", func(s *Snapshot) {
		s.Servers = append(s.Servers, tentacleconfig.TrustedServer{Style: tentacleconfig.StyleListening})
	}, Problem, idTrustedServers, "an entry has no thumbprint\n" + pollsNothing, ""},
	{"an address with a path", setSecond(func(e *tentacleconfig.TrustedServer) { e.Address += "/OctopusComms" }),
		Warning, idTrustedServers, "only its host and port", pollSecond},
	{"a right entry beside one without https://", func(s *Snapshot) {
		s.Servers = append(s.Servers, s.Servers[1].With("octo2.example.com:10943"))
		s.answer()
	}, Problem, idTrustedServers, "the Tentacle never connects to it", pollSecond},
	{"no URI as a subscription", setSecond(func(e *tentacleconfig.TrustedServer) { e.SubscriptionID = "abc" }),
		Problem, idTrustedServers, pollsNothing, pollSecond},
	{"no URI as the only subscription", setOnly(func(e *tentacleconfig.TrustedServer) { e.SubscriptionID = "abc" }),
		Problem, idTrustedServers, "octo2.example.com:10943 is polled under \"abc\", which is not a subscription", pollRegistered},
	{"no subscription", setSecond(func(e *tentacleconfig.TrustedServer) { e.SubscriptionID = "" }),
		Problem, idSubscriptions, "the Tentacle polls under no subscription at https://octo2.example.com:10943", pollSecond},
	{"no subscription at all", setOnly(func(e *tentacleconfig.TrustedServer) { e.SubscriptionID = "" }),
		Problem, idSubscriptions, "the Tentacle polls under no subscription at https://octo2.example.com:10943", pollRegistered},
	{"a subscription spelled otherwise", setSecond(func(e *tentacleconfig.TrustedServer) {
		e.SubscriptionID = strings.ToUpper(strings.TrimSuffix(aSubscription, "/"))
	}),
		OK, idSubscriptions, "each cluster is polled with one subscription", ""},
}

var badServices = []bad{
	{"a forgotten restart", func(s *Snapshot) { s.File.Created = checkedAt },
		Problem, idRestart, "still uses the old one", `octo-tentacle restart-service`},
	{"stopped", func(s *Snapshot) { s.Service = service.Status{State: service.Stopped} },
		Problem, idService, "service Tentacle is stopped", "octo-tentacle service --start"},
	{"failed", func(s *Snapshot) { s.Service = service.Status{State: service.Failed, Reason: "exit status 7"} },
		Problem, idService, "failed (exit status 7)", "octo-tentacle service --start"},
	{"absent", func(s *Snapshot) { s.Service = service.Status{State: service.Absent} },
		Warning, idService, "there is no service Tentacle", "octo-tentacle service --install --start"},
	{"starting", func(s *Snapshot) { s.Service = service.Status{State: service.Starting} },
		Warning, idService, "service Tentacle is starting", ""},
	{"a crash loop", func(s *Snapshot) {
		s.Service = service.Status{State: service.Crashing, Restarts: 4}
		s.LastWords = []string{"the port is taken"}
	}, Problem, idService, "service Tentacle does not stay up: it is crashing (started again 4 times)\na Tentacle that keeps ending gets no work, or loses it; the last lines of its log:\nthe port is taken", ""},
	{"a crash loop since the last change", func(s *Snapshot) { s.Service, s.Undo = service.Status{State: service.Crashing}, true },
		Problem, idService, "does not stay up", "(only if the last change is the cause) octo-tentacle restore-backup --latest"},
	{"failed since the last change", func(s *Snapshot) { s.Service, s.Undo = service.Status{State: service.Failed}, true },
		Problem, idService, "service Tentacle is failed", "(only if the last change is the cause) octo-tentacle restore-backup --latest"},
	{"a restart that came to no end", func(s *Snapshot) { s.Service, s.Interrupted = service.Status{State: service.Stopped}, true },
		Problem, idService, "service Tentacle was stopped for a restart and does not run: it is stopped", "octo-tentacle restart-service"},
	{"unmanaged", func(s *Snapshot) { s.Service = service.Status{State: service.Unmanaged} },
		Skipped, idService, "no service manager runs here", ""},
	{"not to be told", func(s *Snapshot) {
		s.Service.State, s.ServiceErr = service.State("unknown"), errors.New("the state of service Tentacle is not known: x")
	},
		Warning, idService, "is not known", ""},
}

var contributes = service.Variable{Name: contributeFlag, Value: "True", Source: service.SourceDefinition}

var badEnvironments = []bad{
	{"the trusted servers, in the unit and in a drop-in", func(s *Snapshot) {
		s.Variables = []service.Variable{contributes, {Name: "TENTACLE_TRUSTED_SERVERS", Value: "[]", Source: service.SourceDefinition, Files: []string{"/etc/systemd/system/Tentacle.service", "/run/systemd/system/Tentacle.service.d/x.conf"}}}
	}, Problem, idEnvironment, "TENTACLE_TRUSTED_SERVERS is set for the service in /etc/systemd/system/Tentacle.service and /run/systemd/system/Tentacle.service.d/x.conf",
		`mkdir -p /etc/systemd/system/Tentacle.service.d && printf '[Service]\nUnsetEnvironment=TENTACLE_TRUSTED_SERVERS\n' > /etc/systemd/system/Tentacle.service.d/unset-TENTACLE_TRUSTED_SERVERS.conf && systemctl daemon-reload && octo-tentacle restart-service`},
	{"the trusted servers, in the definition on Windows", func(s *Snapshot) {
		s.Tentacle.GOOS = "windows"
		s.Variables = []service.Variable{contributes, {Name: "TENTACLE_TRUSTED_SERVERS", Value: "[]", Source: service.SourceDefinition}}
	}, Problem, idEnvironment, "TENTACLE_TRUSTED_SERVERS is set in the service's definition",
		`Set-ItemProperty 'HKLM:\SYSTEM\CurrentControlSet\Services\Tentacle' Environment ([string[]]@((Get-ItemProperty 'HKLM:\SYSTEM\CurrentControlSet\Services\Tentacle').Environment -notlike 'TENTACLE_TRUSTED_SERVERS=*')); octo-tentacle restart-service --service=Tentacle`},
	{"the certificate, in a file", func(s *Snapshot) {
		s.Variables = []service.Variable{contributes, {Name: "TENTACLE_CERTIFICATE", Value: "x", Source: service.SourceFile, Files: []string{"/etc/tentacle env"}}}
	}, Problem, idEnvironment, "TENTACLE_CERTIFICATE is set for the service in /etc/tentacle env",
		`mkdir -p /etc/systemd/system/Tentacle.service.d && printf '[Service]\nUnsetEnvironment=TENTACLE_CERTIFICATE\n' > /etc/systemd/system/Tentacle.service.d/unset-TENTACLE_CERTIFICATE.conf && systemctl daemon-reload && octo-tentacle restart-service`},
	{"the port, in the running process alone", func(s *Snapshot) {
		s.Variables = []service.Variable{contributes, {Name: "TENTACLE_SERVICE_PORT", Value: "1", Source: service.SourceProcess}}
	}, Warning, idEnvironment, "TENTACLE_SERVICE_PORT is set in the running Tentacle", `octo-tentacle restart-service`},
	{"the trusted servers, without the flag that a Tentacle of today needs", func(s *Snapshot) {
		s.Variables = []service.Variable{{Name: "TENTACLE_TRUSTED_SERVERS", Value: "[]", Source: service.SourceProcess}}
	}, Warning, idEnvironment, "ignore it unless OCTOPUS_CONTRIBUTE_ENV_SETTINGS=true", `octo-tentacle restart-service`},
	{"the connection count, which needs no flag", func(s *Snapshot) {
		s.Variables = []service.Variable{{Name: "TentaclePollingConnectionCount", Value: "5", Source: service.SourceProcess}}
	}, Warning, idEnvironment, "it overrides the setting", `octo-tentacle restart-service`},
	{"one that is blank, and others", func(s *Snapshot) {
		s.Variables = []service.Variable{contributes, {Name: "TENTACLE_TRUSTED_SERVERS", Value: " "}, {Name: "PATH", Value: "/bin"}}
	}, OK, idEnvironment, "no environment variable", ""},
	{"a variable file that this user may not read", func(s *Snapshot) {
		s.VariablesErr = hint.Permission(fmt.Errorf("open /etc/tentacle.env: %w", fs.ErrPermission))
	}, Skipped, idEnvironment, "open /etc/tentacle.env: permission denied\nrun this as root", ""},
	{"on Windows, for the machine, in another case", func(s *Snapshot) {
		s.Tentacle.GOOS = "windows"
		s.Variables = []service.Variable{contributes, {Name: "tentacle_trusted_servers", Value: "[]", Source: service.SourceSystem}}
	}, Problem, idEnvironment, "keeps the variable until Windows is restarted", `[Environment]::SetEnvironmentVariable('tentacle_trusted_servers', $null, 'Machine'); octo-tentacle restart-service --service=Tentacle`},
}

// renewedThumbprint is that of the cluster's new certificate.
const renewedThumbprint = "EEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEE"

// trustsBoth trusts the new certificate as well, of which these addresses present one or the other.
func trustsBoth(presented ...string) func(*Snapshot) {
	return func(s *Snapshot) {
		s.Servers = tentacleconfig.AlsoTrusting(s.Servers, clusterThumbprint, renewedThumbprint)
		s.answer()
		for i := range s.Ports {
			s.Ports[i].Answer.Thumbprint = presented[i]
		}
	}
}

const presentedAtBoth = "https://octo1.example.com:10943, https://octo2.example.com:10943"

var badRenewals = []bad{
	{"a renewal to come", trustsBoth(clusterThumbprint, clusterThumbprint),
		Warning, idRenewal, "; " + clusterThumbprint + " is presented at " + presentedAtBoth, ""},
	{"a renewal of which the API does not know yet", trustsBoth(clusterThumbprint, renewedThumbprint),
		Warning, idRenewal, "; " + clusterThumbprint + " is presented at https://octo1.example.com:10943; " + renewedThumbprint + " is presented at https://octo2.example.com:10943", ""},
	{"a renewal of which the API knows already", func(s *Snapshot) {
		trustsBoth(clusterThumbprint, clusterThumbprint)(s)
		s.API.Thumbprint = renewedThumbprint
	}, Warning, idRenewal, "whichever of the two certificates it presents", ""},
	{"a renewal that is done", trustsBoth(renewedThumbprint, renewedThumbprint),
		Warning, idRenewal, "; " + renewedThumbprint + " is presented at " + presentedAtBoth, "octo-tentacle update-trust --retire --oldThumbprint=" + clusterThumbprint + " --newThumbprint=" + renewedThumbprint},
	{"a renewal that is prepared in part", func(s *Snapshot) {
		trustsBoth(clusterThumbprint, clusterThumbprint)(s)
		s.Servers = s.Servers[:3]
		s.answer()
	}, Warning, idRenewal, "at https://octo2.example.com:10943 only the old thumbprint is trusted", "octo-tentacle update-trust --keep-old --oldThumbprint=" + clusterThumbprint + " --newThumbprint=" + renewedThumbprint},
	{"a new thumbprint that no node presents yet", func(s *Snapshot) { s.API.Thumbprint = renewedThumbprint },
		Problem, idClusterThumbprint, "as soon as it presents the new one", "octo-tentacle update-trust --keep-old --oldThumbprint=" + clusterThumbprint + " --newThumbprint=" + renewedThumbprint},
}

const proves = "octo-tentacle check --server=https://octopus.example.com --prove"

var badClusters = []bad{
	{"a node without an address, called like the others", func(s *Snapshot) { s.API.Nodes = append(s.API.Nodes, octoapi.Node{Name: "OCTO3"}) },
		Problem, idNodes, "OCTO3 is not polled\nwork queued on a node that is not polled waits forever\neach address leads to another node", "(its addresses are guesses) octo-tentacle poll-server --server=https://octopus.example.com --server-comms-address=https://octo3.example.com:10943"},
	{"a node without an address, and a key from standard input", func(s *Snapshot) {
		s.API.Nodes = append(s.API.Nodes, octoapi.Node{Name: "OCTO3"})
		s.ServerOptions = append(s.ServerOptions, "--apikey-file=FILE")
	}, Problem, idNodes, "OCTO3 is not polled", "(replace FILE; its addresses are guesses) octo-tentacle poll-server --server=https://octopus.example.com --apikey-file=FILE --server-comms-address=https://octo3.example.com:10943"},
	{"a node without a port, behind NAT", func(s *Snapshot) {
		s.setServers("https://octopus.example.com:10943", "https://octopus.example.com:10944")
		s.API.Nodes = []octoapi.Node{{Name: "a"}, {Name: "b"}, {Name: "c"}, {Name: "d"}}
	}, Problem, idNodes, "only 2 addresses are polled for the 4 nodes that hand out work: a, b, c, d", "(its addresses are guesses) octo-tentacle poll-server --server=https://octopus.example.com --server-comms-address=https://octopus.example.com --server-comms-port=10945-10946"},
	{"one balanced address", func(s *Snapshot) { s.setServers("https://balanced.example.com:10943") },
		Problem, idNodes, "a load balancer does not help", "(its addresses are guesses) octo-tentacle sync-servers --server=https://octopus.example.com --server-comms-address=https://octo1:10943,https://octo2:10943"},
	{"one balanced address, shared queues", func(s *Snapshot) {
		s.setServers("https://balanced.example.com:10943")
		s.API.Queues.State = coverage.Shared
	}, OK, idNodes, "the nodes share their queues", ""},
	{"a node that is gone", func(s *Snapshot) { s.setServers("https://octo1:10943", "https://octo2:10943", "https://octo3:10943") },
		Warning, idNodes, "https://octo3:10943 leads to OCTO3, which is no node of the cluster", "(only if OCTO3 is gone for good) octo-tentacle remove-server https://octo3:10943"},
	{"a node offline, that answers", func(s *Snapshot) { s.API.Nodes[1].Offline = true },
		Warning, idNodes, "https://octo2.example.com:10943 leads to OCTO2, which is offline\nit answers here, but the cluster does not hear of it", ""},
	{"a node offline, not polled", func(s *Snapshot) { s.API.Nodes = append(s.API.Nodes, octoapi.Node{Name: "OCTO3", Offline: true}) },
		OK, idNodes, "OCTO3 is offline: it hands out no work", ""},
	{"a node for the web alone, not polled", func(s *Snapshot) { s.API.Nodes = append(s.API.Nodes, octoapi.Node{Name: "OCTO3", WebOnly: true}) },
		OK, idNodes, "OCTO3 runs no tasks: it hands out no work", ""},
	{"a node in maintenance, not polled", func(s *Snapshot) {
		s.API.Nodes = append(s.API.Nodes, octoapi.Node{Name: "octo3", InMaintenanceMode: true})
	}, Warning, idNodes, "octo3 is not polled; it is drained", "(its addresses are guesses) octo-tentacle poll-server --server=https://octopus.example.com --server-comms-address=https://octo3.example.com:10943"},
	{"no permission to see the nodes", func(s *Snapshot) { s.API.NodesErr = fmt.Errorf("x: %w", octoapi.ErrForbidden) },
		Skipped, idNodes, "may not see the cluster's nodes", ""},
	{"two names of one node, beside all others", func(s *Snapshot) {
		s.setServers("https://octo1.example.com:10943", "https://octo2.example.com:10943", "https://old-name:10943")
		s.Ports[2].Answer.Remote = s.Ports[0].Answer.Remote
	}, Warning, idSameNode, "https://octo1.example.com:10943 and https://old-name:10943 are one node, OCTO1: both end at 10.0.0.1:10943", "octo-tentacle remove-server https://old-name:10943"},
	{"two names of one node, with shared queues", func(s *Snapshot) {
		s.Ports[1].Answer.Remote, s.Ports[1].Host = s.Ports[0].Answer.Remote, octoapi.NodeAtHost{}
		s.API.Queues.State = coverage.Shared
	}, OK, idSameNode, "the nodes share their queues, so one is enough", ""},
	{"two names of one node, with queues that another node may not share", func(s *Snapshot) {
		s.Ports[1].Answer.Remote, s.Ports[1].Host = s.Ports[0].Answer.Remote, octoapi.NodeAtHost{}
		s.API.Queues = coverage.Queues{State: coverage.Shared, Unasked: []string{"OCTO2"}}
	}, Warning, idSameNode, "so one is enough, but that is not known of OCTO2", ""},
	{"two addresses of the only node", func(s *Snapshot) {
		s.API.Nodes = s.API.Nodes[:1]
		s.Ports[1].Host = octoapi.NodeAtHost{}
	}, Warning, idSameNode, "https://octo1.example.com:10943 and https://octo2.example.com:10943 are one node, OCTO1: the cluster has no other\n", "octo-tentacle remove-server https://octo2.example.com:10943"},
	{"two names of one port, and an account that sees no nodes", func(s *Snapshot) {
		s.API.Nodes, s.API.NodesErr = nil, fmt.Errorf("x: %w", octoapi.ErrForbidden)
		s.Ports[1].Answer.Remote, s.Ports[1].Host = s.Ports[0].Answer.Remote, octoapi.NodeAtHost{}
	}, Problem, idSameNode, "look at DNS, the hosts file, NAT rules and load balancers", ""},
	{"a node that is not polled, and queues that are perhaps shared", func(s *Snapshot) {
		s.API.Nodes = append(s.API.Nodes, octoapi.Node{Name: "OCTO3"})
		s.API.Queues = coverage.Queues{Why: "it is not known whether the nodes share their queues: 500"}
	}, Warning, idNodes, "OCTO3 is not polled\nwork queued on a node that is not polled waits forever\neach address leads to another node\nit is not known whether the nodes share their queues: 500",
		"(its addresses are guesses) octo-tentacle poll-server --server=https://octopus.example.com --server-comms-address=https://octo3.example.com:10943"},
	{"one balanced address, and a node that does not say whether it shares its queues", func(s *Snapshot) {
		s.setServers("https://balanced.example.com:10943")
		s.API.Queues = coverage.Queues{State: coverage.Shared, Unasked: []string{"OCTO2"}}
	}, Warning, idNodes, "that is not known of OCTO2", ""},
	{"two addresses, and a node that does not say whether it shares its queues", func(s *Snapshot) {
		s.API.Queues = coverage.Queues{State: coverage.Shared, Unasked: []string{"octo2.example.com"}}
	}, OK, idNodes, "(that is not known of octo2.example.com)", ""},
	{"one address too few, and nodes that do not say whether they share their queues", func(s *Snapshot) {
		s.API.Nodes = append(s.API.Nodes, octoapi.Node{Name: "OCTO3"}, octoapi.Node{Name: "OCTO4"})
		s.API.Queues = coverage.Queues{State: coverage.Shared, Unasked: []string{"OCTO3", "OCTO4"}}
	}, Warning, idNodes, "that is not known of OCTO3 and OCTO4\na node that does not share its queues has to be polled: only https://octo1.example.com:10943 and https://octo2.example.com:10943 are\n", ""},
	{"behind NAT, a worker, whose health checks are not listed", func(s *Snapshot) {
		for i := range s.Ports {
			s.Ports[i].Host = octoapi.NodeAtHost{}
		}
		s.API.Queues = coverage.Queues{State: coverage.NotShared}
		for i := range s.API.Registrations {
			s.API.Registrations[i].Kind = octoapi.Worker
		}
	}, Warning, idNodes, "0 of 2 nodes that hand out work are proved to be polled", "(it tells once: nobody can ask the server later for the health checks of a worker) octo-tentacle check --server=https://octopus.example.com --prove"},
	{"a node that is not polled any more, after its health check", func(s *Snapshot) {
		s.setServers("https://octo1.example.com:10943")
		s.Ports[0].Host = octoapi.NodeAtHost{}
		s.API.Nodes[0].InMaintenanceMode = true
		s.API.HealthChecks = []octoapi.Task{{ServerNode: "OCTO1"}}
	}, Problem, idNodes, "no address is left for a node that hands out work: OCTO2", "(its addresses are guesses) octo-tentacle poll-server --server=https://octopus.example.com --server-comms-address=https://octo2.example.com:10943"},
	{"one balanced address, through which each node came", func(s *Snapshot) {
		s.setServers("https://balanced.example.com:10943")
		s.API.HealthChecks = []octoapi.Task{{ServerNode: "OCTO1"}, {ServerNode: "OCTO2"}}
	}, Warning, idNodes, "2 nodes were reached through 1 address\nsomething spreads the connections", "(its addresses are guesses) octo-tentacle sync-servers --server=https://octopus.example.com --server-comms-address=https://octo1:10943,https://octo2:10943"},
	{"an address too many", func(s *Snapshot) {
		s.setServers("https://octo1.example.com:10943", "https://octo2.example.com:10943", "https://other:10943")
	}, Warning, idNodes, "3 addresses are polled, and the cluster has 2 nodes: https://other:10943 may be superfluous", "(only if no node will be there again) octo-tentacle remove-server https://other:10943"},
	{"a host that does not say which node it is", func(s *Snapshot) {
		s.Ports[1].Host, s.Ports[1].HostErr = octoapi.NodeAtHost{}, errors.New("nothing listens")
	}, Warning, idNodes, "1 of 2 nodes that hand out work is proved to be polled; not proved: OCTO2\nhttps://octo2.example.com:10943: its host does not say which node it is: nothing listens\n", proves},
	{"a host whose web port is closed", func(s *Snapshot) {
		s.Ports[1].Host, s.Ports[1].HostErr = octoapi.NodeAtHost{}, &octoapi.UnreachableError{Server: "https://octo2.example.com", Cause: "nothing listens on octo2.example.com:443"}
	}, Warning, idNodes, "\nhttps://octo2.example.com:10943: its host does not say which node it is: nothing listens on octo2.example.com:443\n", proves},
	{"a host with another web site", func(s *Snapshot) {
		s.Ports[1].Host, s.Ports[1].HostErr = octoapi.NodeAtHost{}, fmt.Errorf("%w: x", octoapi.ErrNotOctopus)
	}, Warning, idNodes, "\nhttps://octo2.example.com:10943: not a response of an Octopus Server: x\n", proves},
	{"a web port whose certificate is not trusted", func(s *Snapshot) { s.Ports[1].Host.Verified = false },
		Warning, idNodes, "https://octo2.example.com:10943: its host says that it is OCTO2, but the certificate of its web port is not trusted", proves},
	{"a web port elsewhere", func(s *Snapshot) { s.Ports[1].Host.Remote = "10.9.9.9:443" },
		Warning, idNodes, "https://octo2.example.com:10943: its host says that it is OCTO2, but at another IP address (10.9.9.9:443, not 10.0.0.2:10943)", proves},
	{"one web port for all hosts", func(s *Snapshot) { s.Ports[1].Host = s.Ports[0].Host },
		Warning, idNodes, "0 of 2 nodes that hand out work are proved to be polled; not proved: OCTO1, OCTO2\nseveral hosts have one web port, as behind a load balancer", proves},
	{"NAT", func(s *Snapshot) { s.setServers("https://octopus:10943", "https://octopus:10944") },
		Warning, idNodes, "several addresses have one host, as behind NAT", proves},
	{"NAT, and each node checked the health", func(s *Snapshot) {
		s.setServers("https://octopus:10943", "https://octopus:10944")
		s.API.HealthChecks = []octoapi.Task{{ServerNode: "OCTO1", Completed: checkedAt}, {ServerNode: "OCTO2"}}
	}, OK, idNodes, "OCTO1 is polled (it checked the Tentacle's health at 2026-08-01T10:00:00Z)", ""},
	{"nodes that cannot be asked", func(s *Snapshot) { s.API.NodesErr = errors.New("x is broken") },
		Warning, idNodes, "x is broken", ""},
	{"machines that cannot be asked", func(s *Snapshot) { s.API.RegistrationsErr = context.DeadlineExceeded },
		Warning, idRegistration, "is not known whether the Tentacle is registered", ""},
	{"a clock that is slow", func(s *Snapshot) { s.API.ClockAhead = 61 * time.Second },
		Warning, idClock, "this machine's clock is 1m1s behind the server's", ""},
	{"a clock that is fast", func(s *Snapshot) { s.API.ClockAhead = -2 * time.Hour },
		Warning, idClock, "this machine's clock is 2h0m0s ahead of the server's", ""},
	{"a server that tells the year 1", func(s *Snapshot) { s.API.ClockAhead = math.MinInt64 },
		Warning, idClock, " ahead of the server's", ""},
	{"a clock that is a little off", func(s *Snapshot) { s.API.ClockAhead = -59500 * time.Millisecond },
		OK, idClock, "agrees with the server's to within 1m0s", ""},
	{"a clock that is exact", func(s *Snapshot) { s.API.ClockAhead = 300 * time.Millisecond },
		OK, idClock, "agrees with the server's to within 1s", ""},
	{"a server that does not tell the time", func(s *Snapshot) { s.API.ClockKnown = false },
		Skipped, idClock, "was not compared", ""},
	{"an API that does not answer", func(s *Snapshot) { s.API = API{Err: hint.New("it is down", "start it")} },
		Problem, idAPI, "start it", ""},
	{"a server that is not asked", func(s *Snapshot) { s.Server, s.API = "", API{} },
		Skipped, idAPI, "was not asked\ngive --server and credentials", ""},
}

// TestNoFixIsCompleteThatFailsBeforeAnotherOne: a list with which the Tentacle does not start is
// refused, and so is a registration without a certificate.
func TestNoFixIsCompleteThatFailsBeforeAnotherOne(t *testing.T) {
	s := goodSnapshot()
	s.Servers = append(s.Servers, s.Servers[1].With("https://octo 3"), s.Servers[0].With("octo1.example.com:10943"))
	s.CertificateErr = tentacleconfig.ErrNoCertificate
	s.API.Registrations[0].Machine.Endpoint.URI = "poll://other/"
	s.answer()
	var got []string
	for _, f := range s.Findings() {
		if f.Level != OK && f.Fix != "" {
			got = append(got, fmt.Sprintf("%s: %t, %s", f.ID, f.Complete, f.Open))
		}
	}
	want := []string{
		"certificate: false, replace FILE",
		"trusted-servers: true, ",
		"trusted-servers: false, first repair the entry that keeps the Tentacle from starting",
		"registration: false, first repair the certificate",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q, not\n%q", got, want)
	}
}

// TestAFixThatWouldLoseWorkIsNotComplete: as pasting what check suggests for generated Tentacles
// has shown.
func TestAFixThatWouldLoseWorkIsNotComplete(t *testing.T) {
	entry := func(s *Snapshot, i int, thumbprint, address, subscription string) {
		s.Servers[i] = polled(thumbprint, address)
		s.Servers[i].SubscriptionID = subscription
	}
	for name, test := range map[string]struct {
		with func(s *Snapshot)
		id   string
		open string
	}{
		"a new subscription, while an address is polled for two clusters": {func(s *Snapshot) {
			sharedBy(copied("copy", aSubscription))(s)
			s.Servers = append(s.Servers, polled(renewedThumbprint, s.Servers[1].Address))
			entry(s, 2, renewedThumbprint, s.Servers[1].Address, "poll://another/")
			s.answer()
		}, idIdentity, "first leave one thumbprint to the address that is polled with several"},
		"a thumbprint that is none, of a cluster with two subscriptions": {func(s *Snapshot) {
			entry(s, 1, "0123", s.Servers[1].Address, "poll://another/")
			s.answer()
		}, idTrustedServers, "first make the cluster's entries have one subscription"},
		"another thumbprint, at an address that a command refuses": {func(s *Snapshot) {
			entry(s, 1, otherThumbprint, s.Servers[1].Address+"/path", aSubscription)
			s.answer()
			s.Ports[1].Err, s.Ports[1].Answer.Thumbprint = nil, clusterThumbprint
		}, idPollingPort, "first repair the address"},
		"a thumbprint that the API calls the cluster's, at a node that presents another": {func(s *Snapshot) {
			s.Servers = append(s.Servers, tentacleconfig.TrustedServer{Thumbprint: otherThumbprint, Style: tentacleconfig.StyleListening})
			s.answer()
			s.Ports[1].Answer.Thumbprint = otherThumbprint
		}, idPollingPort, "only if no node of the cluster is at that address"},
	} {
		s := goodSnapshot()
		test.with(s)
		all := s.Findings()
		i := slices.IndexFunc(all, func(f Finding) bool { return f.ID == test.id && f.Level == Problem })
		if i < 0 || all[i].Complete || all[i].Open != test.open || all[i].Fix == "" {
			t.Errorf("%s: %+v", name, all)
		}
	}
}
