package commands

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/service"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

const (
	clusterPrint  = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	ownPrint      = "CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC"
	aSubscription = "poll://abcdefghij0123456789/"
)

var checkedAt = time.Date(2026, 8, 1, 10, 0, 0, 0, time.UTC)

// goodFacts are those of a Tentacle that is right for a cluster of two nodes.
func goodFacts() *facts {
	f := &facts{
		instance: tentacleconfig.Instance{Name: "Tentacle", ConfigPath: "/etc/octopus/Tentacle/Tentacle.config"},
		service:  service.NameFor("Tentacle", "linux"), goos: "linux", now: checkedAt,
		thumbprint:  ownPrint,
		certificate: tentacleconfig.CertificateDates{Thumbprint: ownPrint, NotBefore: checkedAt.AddDate(-1, 0, 0), NotAfter: checkedAt.AddDate(99, 0, 0)},
		file:        tentacleconfig.FileTimes{Born: checkedAt.AddDate(0, -2, 0), Modified: checkedAt.AddDate(0, -2, 0)},
		status:      service.Status{Name: "Tentacle", State: service.Running, MainPID: 1, Started: checkedAt.AddDate(0, -1, 0)},
		url:         "https://octopus.example.com", serverOptions: []string{"--server=https://octopus.example.com"},
	}
	f.setServers("https://octo1.example.com:10943", "https://octo2.example.com:10943")
	f.api = apiFacts{
		thumbprint: clusterPrint,
		nodes:      []octoapi.Node{{Name: "OCTO1"}, {Name: "OCTO2"}},
		registrations: []registered{{Space: octoapi.Named{ID: "Spaces-1", Name: "Default"}, Machine: octoapi.Machine{
			ID: "Machines-1", Name: "web1", HealthStatus: "Healthy", EnvironmentIDs: []string{"Environments-1"}, Roles: []string{"web server"},
			Endpoint: octoapi.Endpoint{CommunicationStyle: octoapi.Polling, Thumbprint: ownPrint, URI: aSubscription},
		}}},
	}
	return f
}

// setServers makes the Tentacle poll these addresses, each of which answers.
func (f *facts) setServers(addresses ...string) {
	f.servers = nil
	for _, address := range addresses {
		f.servers = append(f.servers, polls(clusterPrint, address))
	}
	f.answer()
}

// answer lets every polled port present the cluster's certificate.
func (f *facts) answer() {
	f.ports = portsOf(f.servers)
	for i := range f.ports {
		f.ports[i].port = octoapi.Port{Address: f.ports[i].address, Thumbprint: clusterPrint, Took: 12 * time.Millisecond}
	}
}

func polls(thumbprint, address string) tentacleconfig.TrustedServer {
	return tentacleconfig.TrustedServer{Thumbprint: thumbprint, Style: tentacleconfig.StylePolling, Address: address, SubscriptionID: aSubscription}
}

func TestATentacleThatIsRightHasNoFindingButGoodOnes(t *testing.T) {
	var ids []string
	for _, found := range goodFacts().findings() {
		if found.Level != levelOK || found.Why != "" || found.Mend != "" {
			t.Errorf("%+v", found)
		}
		ids = append(ids, found.ID)
	}
	want := []string{idConfiguration, idCertificate, idCertificateDates, idCertificatePrint, idTrustedServers, idDuplicates, idSubscriptions, idEnvironment,
		idService, idRestart, idPollingPort, idPollingPort, idAPI, idClusterThumbprint, idRegistration, idNodes}
	if !slices.Equal(ids, want) {
		t.Errorf("looked at %q", ids)
	}
}

// bad is one thing that is wrong, and what check has to say about it.
type bad struct {
	what  string
	make  func(f *facts)
	level level
	id    string
	says  string // in what, why or mend
	mend  string // the whole command; "" where none mends it
}

func TestEachFaultHasItsFindingAndTheCommandThatMendsIt(t *testing.T) {
	for _, c := range slices.Concat(badFiles, badServices, badEnvironments, badClusters) {
		t.Run(c.what, func(t *testing.T) {
			f := goodFacts()
			c.make(f)
			var hits []finding
			for _, found := range f.findings() {
				if found.Level != levelOK || c.level == levelOK && found.ID == c.id {
					hits = append(hits, found)
				}
			}
			if len(hits) != 1 {
				t.Fatalf("%d findings: %+v", len(hits), hits)
			}
			found := hits[0]
			if found.ID != c.id || found.Level != c.level || found.Mend != c.mend {
				t.Errorf("%+v", found)
			}
			if text := found.What + "\n" + found.Why; !strings.Contains(text, c.says) {
				t.Errorf("%q does not say %q", text, c.says)
			}
			if found.Level != levelOK && found.Why == "" {
				t.Error("it does not say why that matters")
			}
		})
	}
}

var badFiles = []bad{
	{"a file that may not be read", func(f *facts) { f.configurationErr = fmt.Errorf("not allowed: %w", fs.ErrPermission) },
		levelProblem, idConfiguration, "not allowed", "sudo octo-tentacle check"},
	{"a certificate that ends soon", func(f *facts) { f.certificate.NotAfter = checkedAt.AddDate(0, 0, 59) },
		levelWarning, idCertificateDates, "expires on 2026-09-29", "octo-tentacle new-certificate"},
	{"a certificate that ends later", func(f *facts) { f.certificate.NotAfter = checkedAt.AddDate(0, 0, 61) },
		levelOK, idCertificateDates, "valid until 2026-10-01", ""},
	{"a certificate that has ended", func(f *facts) { f.certificate.NotAfter = checkedAt.Add(-time.Hour) },
		levelProblem, idCertificateDates, "expired on 2026-08-01", "octo-tentacle new-certificate"},
	{"a certificate of the future", func(f *facts) { f.certificate.NotBefore = checkedAt.AddDate(0, 0, 1) },
		levelProblem, idCertificateDates, "not valid before 2026-08-02", "octo-tentacle new-certificate"},
	{"neither certificate nor thumbprint", func(f *facts) {
		f.thumbprint, f.certificateErr, f.api.registrations = "", tentacleconfig.ErrNoCertificate, nil
		f.certificate = tentacleconfig.CertificateDates{}
	}, levelProblem, idCertificate, "which no server knows", "octo-tentacle new-certificate"},
	{"a polling proxy that cannot be one", func(f *facts) { f.proxyErr = errors.New("line 7: the port is x\nset it again") },
		levelProblem, idPollingProxy, "line 7: the port is x", "octo-tentacle polling-proxy --proxyEnable=false --proxyPort=80"},
	{"a duplicate that is all there is", func(f *facts) {
		f.setServers("https://octo1:10943", "https://OCTO1:10943/")
		f.api.nodes = f.api.nodes[:1]
	}, levelWarning, idDuplicates, "polled 2 times", "octo-tentacle remove-server https://octo1:10943 --thumbprint=" + clusterPrint + " --force && " +
		"octo-tentacle register-with --server=https://octopus.example.com --force --name=web1 --space=Spaces-1 --environment=Environments-1 '--role=web server' " +
		"--comms-style=TentacleActive --server-subscription-id=" + aSubscription + " --server-comms-address=https://octo1:10943"},
}

var badServices = []bad{
	{"a forgotten restart", func(f *facts) { f.file.Born = checkedAt },
		levelProblem, idRestart, "still works with the old one", `octo-tentacle restart-service --instance=Tentacle`},
	{"stopped", func(f *facts) { f.status = service.Status{State: service.Stopped} },
		levelProblem, idService, "service Tentacle is stopped", "octo-tentacle service --start"},
	{"failed", func(f *facts) { f.status = service.Status{State: service.Failed, Reason: "exit status 7"} },
		levelProblem, idService, "failed (exit status 7)", "octo-tentacle service --start"},
	{"absent", func(f *facts) { f.status = service.Status{State: service.Absent} },
		levelWarning, idService, "there is no service Tentacle", "octo-tentacle service --install --start"},
	{"a crash loop", func(f *facts) { f.status = service.Status{State: service.Starting} },
		levelWarning, idService, "starts again and again", ""},
	{"unmanaged", func(f *facts) { f.status = service.Status{State: service.Unmanaged} },
		levelOK, idService, "no service manager runs here", ""},
	{"not to be told", func(f *facts) {
		f.status.State, f.statusErr = stateUnknown, errors.New("the state of service Tentacle is not known: x")
	},
		levelWarning, idService, "is not known", ""},
}

var contributes = service.Variable{Name: contributeFlag, Value: "True", Place: service.InDefinition}

var badEnvironments = []bad{
	{"the trusted servers, in the unit", func(f *facts) {
		f.variables = []service.Variable{contributes, {Name: "TENTACLE_TRUSTED_SERVERS", Value: "[]", Place: service.InDefinition}}
	}, levelProblem, idEnvironment, "TENTACLE_TRUSTED_SERVERS is set in the service's definition",
		`systemctl edit --full Tentacle.service && octo-tentacle restart-service --instance=Tentacle`},
	{"the certificate, in a file", func(f *facts) {
		f.variables = []service.Variable{contributes, {Name: "TENTACLE_CERTIFICATE", Value: "x", Place: service.InFile, File: "/etc/tentacle env"}}
	}, levelProblem, idEnvironment, "TENTACLE_CERTIFICATE is set for the service in /etc/tentacle env",
		`sed -i '/^TENTACLE_CERTIFICATE=/d' '/etc/tentacle env' && octo-tentacle restart-service --instance=Tentacle`},
	{"the port, in the running process alone", func(f *facts) {
		f.variables = []service.Variable{contributes, {Name: "TENTACLE_SERVICE_PORT", Value: "1", Place: service.InProcess}}
	}, levelWarning, idEnvironment, "TENTACLE_SERVICE_PORT is set in the running Tentacle", `octo-tentacle restart-service --instance=Tentacle`},
	{"the trusted servers, without the flag that a Tentacle of today needs", func(f *facts) {
		f.variables = []service.Variable{{Name: "TENTACLE_TRUSTED_SERVERS", Value: "[]", Place: service.InProcess}}
	}, levelWarning, idEnvironment, "does not look at it without OCTOPUS_CONTRIBUTE_ENV_SETTINGS=true", `octo-tentacle restart-service --instance=Tentacle`},
	{"the connection count, which needs no flag", func(f *facts) {
		f.variables = []service.Variable{{Name: "TentaclePollingConnectionCount", Value: "5", Place: service.InProcess}}
	}, levelWarning, idEnvironment, "it takes the place of the setting", `octo-tentacle restart-service --instance=Tentacle`},
	{"one that is blank, and others", func(f *facts) {
		f.variables = []service.Variable{contributes, {Name: "TENTACLE_TRUSTED_SERVERS", Value: " "}, {Name: "PATH", Value: "/bin"}}
	}, levelOK, idEnvironment, "no environment variable", ""},
	{"on Windows, for the machine, in another case", func(f *facts) {
		f.goos = "windows"
		f.variables = []service.Variable{contributes, {Name: "tentacle_trusted_servers", Value: "[]", Place: service.InMachine}}
	}, levelProblem, idEnvironment, "for every service of this machine", `[Environment]::SetEnvironmentVariable('tentacle_trusted_servers', $null, 'Machine')`},
}

var badClusters = []bad{
	{"a node without an address, called like the others", func(f *facts) { f.api.nodes = append(f.api.nodes, octoapi.Node{Name: "OCTO3"}) },
		levelProblem, idNodes, "only 2 addresses are polled, and 3 nodes", "octo-tentacle poll-server --server=https://octopus.example.com --server-comms-address=https://octo3.example.com:10943"},
	{"a node without a port, behind NAT", func(f *facts) {
		f.setServers("https://octopus.example.com:10943", "https://octopus.example.com:10944")
		f.api.nodes = []octoapi.Node{{Name: "a"}, {Name: "b"}, {Name: "c"}, {Name: "d"}}
	}, levelProblem, idNodes, "a, b, c, d", "octo-tentacle poll-server --server=https://octopus.example.com --server-comms-address=https://octopus.example.com --server-comms-port=10945-10946"},
	{"one balanced address", func(f *facts) { f.setServers("https://balanced.example.com:10943") },
		levelProblem, idNodes, "a load balancer does not help", "octo-tentacle sync-servers --server=https://octopus.example.com --server-comms-address=https://octo1:10943,https://octo2:10943"},
	{"one balanced address, shared queues", func(f *facts) {
		f.setServers("https://balanced.example.com:10943")
		f.api.shared = true
	}, levelOK, idNodes, "the nodes share their queues", ""},
	{"a node that is gone", func(f *facts) { f.setServers("https://octo1:10943", "https://octo2:10943", "https://octo3:10943") },
		levelWarning, idNodes, "3 addresses are polled, and 2 nodes of the cluster hand out work, 2 are known altogether", ""},
	{"a node offline, and polled", func(f *facts) { f.api.nodes[1].Offline = true },
		levelOK, idNodes, "2 addresses are polled, and 1 node of the cluster hands out work", ""},
	{"a node in maintenance, not polled", func(f *facts) {
		f.api.nodes = append(f.api.nodes, octoapi.Node{Name: "octo3", InMaintenanceMode: true})
	}, levelWarning, idNodes, "in maintenance: octo3", "octo-tentacle poll-server --server=https://octopus.example.com --server-comms-address=https://octo3.example.com:10943"},
	{"no permission to see the nodes", func(f *facts) { f.api.nodesErr = fmt.Errorf("x: %w", octoapi.ErrForbidden) },
		levelOK, idNodes, "may not see the nodes", ""},
	{"nodes that cannot be asked", func(f *facts) { f.api.nodesErr = errors.New("x is broken\ntry again") },
		levelWarning, idNodes, "x is broken", ""},
	{"machines that cannot be asked", func(f *facts) { f.api.registrationsErr = context.DeadlineExceeded },
		levelWarning, idRegistration, "could not be checked", ""},
	{"an API that does not answer", func(f *facts) { f.api = apiFacts{err: errors.New("it is down\n  start it")} },
		levelProblem, idAPI, "start it", ""},
	{"a server that is not asked", func(f *facts) { f.url, f.api = "", apiFacts{} },
		levelOK, idAPI, "was not asked", ""},
}

func TestNoCommandThatMendsHasASecret(t *testing.T) {
	o := checkOptions{api: apiOptions{server: "https://octopus.example.com", apiKey: "API-SECRET", bearerToken: "SECRET", password: "SECRET"}}
	if text := strings.Join(o.serverOptions(), " "); text != "--server=https://octopus.example.com" {
		t.Error(text)
	}
	o.api.apiKeyFile = "key.txt"
	if text := strings.Join(o.serverOptions(), " "); text != "--server=https://octopus.example.com --apikey-file=key.txt" {
		t.Error(text)
	}
	o.api.apiKeyFile, o.api.username, o.api.passwordFile = "", "admin", "password.txt"
	if text := strings.Join(o.serverOptions(), " "); text != "--server=https://octopus.example.com --username=admin --password-file=password.txt" {
		t.Error(text)
	}
}

func TestARegistrationThatFitsHasNoMisfit(t *testing.T) {
	fits := goodFacts().api.registrations[0]
	for _, c := range []struct {
		what          string
		change        func(m *octoapi.Machine)
		subscriptions []string
		want          string // "" for one that fits
	}{
		{"as it is", func(*octoapi.Machine) {}, []string{"poll://other/", aSubscription}, ""},
		{"without a slash, in another case", func(m *octoapi.Machine) { m.Endpoint.URI = strings.ToUpper(strings.TrimRight(aSubscription, "/")) }, []string{aSubscription}, ""},
		{"another subscription", func(*octoapi.Machine) {}, []string{"poll://other/"}, "registered with the subscription " + aSubscription},
		{"the Tentacle listens", func(*octoapi.Machine) {}, nil, "registered as polling"},
		{"the registration listens", func(m *octoapi.Machine) { m.Endpoint.CommunicationStyle = octoapi.Listening }, []string{aSubscription}, "registered as listening"},
		{"both listen", func(m *octoapi.Machine) { m.Endpoint.CommunicationStyle = octoapi.Listening }, nil, ""},
		{"a Kubernetes agent", func(m *octoapi.Machine) {
			m.Endpoint.CommunicationStyle, m.Endpoint.Mode = octoapi.Kubernetes, octoapi.ModePolling
		}, []string{aSubscription}, ""},
		{"a Kubernetes agent that listens", func(m *octoapi.Machine) {
			m.Endpoint.CommunicationStyle, m.Endpoint.Mode = octoapi.Kubernetes, octoapi.ModeListening
		}, []string{aSubscription}, "registered as listening"},
		{"disabled and unhealthy", func(m *octoapi.Machine) { m.IsDisabled, m.HealthStatus = true, "Unhealthy" }, []string{aSubscription}, "unhealthy; it is disabled"},
		{"not checked yet", func(m *octoapi.Machine) { m.HealthStatus = "Unknown" }, []string{aSubscription}, ""},
	} {
		r := fits
		c.change(&r.Machine)
		got := strings.Trim(r.unreachable(c.subscriptions)+"; "+r.unwell()+"; "+r.disabled(), "; ")
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q", c.what, got)
		}
	}
}
