package check

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/commands/coverage"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/service"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

const (
	octo1 = "https://octo1.example.com:10943"
	octo2 = "https://octo2.example.com:10943"
	octo3 = "https://octo3.example.com:10943"
)

// goodAgent is the snapshot of a Kubernetes agent that is set up correctly for a cluster of two
// nodes.
func goodAgent() *Snapshot {
	s := goodSnapshot()
	s.Tentacle = agentTentacle("octopus-agent")
	s.HostName, s.Alone, s.Listens, s.Agent = "", false, false, true
	s.File = tentacleconfig.FileTimes{}
	s.Service = service.Status{Name: "octopus-agent-tentacle", State: service.Running, Started: checkedAt.AddDate(0, -1, 0)}
	s.Connections = nil
	s.API.Registrations[0].Machine.Endpoint.CommunicationStyle = octoapi.Kubernetes
	s.API.Registrations[0].Machine.Endpoint.Mode = octoapi.ModePolling
	s.Kubernetes = &Agent{
		Namespace: "octopus-agent", ConfigMap: "tentacle-config",
		Release: &Release{Name: "agent", Revision: 2, Status: "deployed", Description: "Upgrade complete", Chart: "kubernetes-agent", ChartVersion: "2.40.0",
			Former: &Former{Revision: 1, List: StartList{Many: []string{octo1}}}},
		Deployment: Deployment{Name: "octopus-agent-tentacle", Desired: 1, Updated: true},
		Pods:       []Pod{{Name: "octopus-agent-tentacle-1", Started: checkedAt.AddDate(0, -1, 0), Running: true, Ready: true}},
		Changed:    checkedAt.AddDate(0, -1, 0).Add(10 * time.Second),
		Log:        AgentLog{Complete: true, ReadAt: checkedAt.AddDate(0, -1, 0).Add(20 * time.Second)},
	}
	s.setNodes(octo1, octo2)
	return s
}

// setNodes makes all four places of an agent have these addresses.
func (s *Snapshot) setNodes(addresses ...string) {
	s.setServers(addresses...)
	s.Connections = nil
	a := s.Kubernetes
	a.Environment = StartList{Many: addresses}
	a.Release.List = &StartList{Many: addresses}
	a.Log.Polls = nil
	for _, server := range s.Servers {
		a.Log.Polls = append(a.Log.Polls, Polled{Address: server.Address + "/", Subscription: server.SubscriptionID, Thumbprint: server.Thumbprint})
	}
}

func TestACorrectAgentHasOnlyGoodFindings(t *testing.T) {
	var ids []string
	for _, found := range goodAgent().Findings() {
		if found.Level != OK || found.Why != "" || found.Fix != "" {
			t.Errorf("%+v", found)
		}
		ids = append(ids, found.ID)
	}
	want := []string{idConfiguration, idCertificate, idCertificateExpiry, idCertificateStrength, idCertificateThumbprint, idTrustedServers, idDuplicates, idSubscriptions, idEnvironment,
		idRelease, idPlaces, idNextStart, idService, idRestart, idPollingPort, idPollingPort, idAccepted, idConnections, idAPI, idClock, idClusterThumbprint, idRegistration, idIdentity, idNodes, idNodes}
	if !slices.Equal(ids, want) {
		t.Errorf("looked at %q", ids)
	}
}

func TestEachFaultOfAnAgentHasItsFindingAndTheCommandThatFixesIt(t *testing.T) {
	for _, c := range slices.Concat(badPlaces, badReleases, badPods, badAgentPorts, badAgentSettings, badAgentLogs) {
		t.Run(c.what, func(t *testing.T) {
			s := goodAgent()
			c.with(s)
			var hits []Finding
			for _, found := range s.Findings() {
				ofPort := c.id == idPollingPort && found.ID == idNodes // that the node is polled is not proved then
				if found.Level > Skipped && !ofPort || c.level <= Skipped && found.Level == c.level && found.ID == c.id && strings.Contains(found.What, c.says) {
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
			if got := wholeOfAgent(found); got != c.fix {
				t.Errorf("the fix is\n%s, not\n%s", got, c.fix)
			}
			if text := found.What + "\n" + found.Why; !strings.Contains(text, c.says) {
				t.Errorf("%q does not say %q", text, c.says)
			}
			if found.Level != OK && found.Why == "" {
				t.Error("it does not say why that matters")
			}
		})
	}
}

// wholeOfAgent is whole for an agent, which each command has to name.
func wholeOfAgent(f Finding) string {
	commands := strings.Split(f.Fix, " && ")
	for i, command := range commands {
		its, named := strings.CutSuffix(command, " --namespace=octopus-agent")
		if !named && command != "" {
			its = command + " (which agent?)"
		}
		commands[i] = its
	}
	fix := strings.Join(commands, " && ")
	if f.Open != "" {
		fix = "(" + f.Open + ") " + fix
	}
	return fix
}

const (
	syncNodes  = "octo-tentacle sync-servers --server=https://octopus.example.com --server-comms-address="
	restart    = "octo-tentacle restart-service"
	leaveOut   = "(leave out the addresses where no node will be again) "
	removeKey  = `kubectl patch configmap tentacle-config --type=json '--patch=[{op: remove, path: /data/`
	octo1And2  = octo1 + "," + octo2
	otherProxy = "proxy.example.com:3128"
)

// configMapHas changes the ConfigMap alone: the running agent has read it.
func configMapHas(addresses ...string) func(*Snapshot) {
	return func(s *Snapshot) {
		environment, helm := s.Kubernetes.Environment, s.Kubernetes.Release.List
		s.setNodes(addresses...)
		s.Kubernetes.Environment, s.Kubernetes.Release.List = environment, helm
	}
}

var badPlaces = []bad{
	{"a node that only the ConfigMap has", func(s *Snapshot) {
		s.setNodes(octo1, octo2)
		s.Kubernetes.Environment, s.Kubernetes.Release.List = StartList{Many: []string{octo1}}, &StartList{Many: []string{octo1}}
	}, Warning, idPlaces, "the ConfigMap and the Deployment have different lists of nodes: the Deployment lacks " + octo2 + "\nthe next start of the pod polls " + octo1, syncNodes + octo1And2},
	{"a node that only the ConfigMap lacks", func(s *Snapshot) {
		s.setNodes(octo1, octo2)
		three := StartList{Many: []string{octo1, octo2, octo3}}
		s.Kubernetes.Environment, s.Kubernetes.Release.List = three, &three
	}, Warning, idPlaces, "the ConfigMap lacks " + octo3, syncNodes + octo1And2 + "," + octo3},
	{"a list that Helm does not know", func(s *Snapshot) { s.Kubernetes.Release.List = &StartList{Many: []string{octo1}} },
		Warning, idPlaces, "the next helm upgrade, as when the server upgrades the agent, gives the Deployment " + octo1, syncNodes + octo1And2},
	{"two lists that have little in common", func(s *Snapshot) {
		start := StartList{Many: []string{octo1, octo3}}
		s.Kubernetes.Environment, s.Kubernetes.Release.List = start, &start
	}, Warning, idPlaces, "the Deployment lacks " + octo2 + ", the ConfigMap lacks " + octo3, leaveOut + syncNodes + octo1 + "," + octo3 + "," + octo2},
	{"the same addresses, written differently", func(s *Snapshot) {
		s.Kubernetes.Environment = StartList{Many: []string{"HTTPS://octo1.example.com:10943/", octo2 + "/"}}
	}, OK, idPlaces, "the same list of 2 addresses", ""},
	{"a load balancer beside the list", func(s *Snapshot) {
		s.setNodes("https://octopus.example.com:10943", octo1, octo2)
		start := StartList{Single: "https://octopus.example.com:10943", Many: []string{octo1, octo2}}
		s.Kubernetes.Environment, s.Kubernetes.Release.List = start, &start
		s.Ports[0].Answer.Remote = s.Ports[1].Answer.Remote
		s.API.Queues.State = coverage.Shared
	}, Warning, idPlaces, "serverCommsAddress https://octopus.example.com:10943 is polled beside the 2 addresses",
		"(only if no node is there that has no other address) " + syncNodes + octo1And2},
	{"an agent of Flux with different lists", func(s *Snapshot) {
		configMapHas(octo1, octo2)(s)
		s.Kubernetes.Owner = "Flux"
		s.Kubernetes.Environment = StartList{Many: []string{octo1}}
		s.Kubernetes.Release.List = nil
	}, Warning, idPlaces, "the Deployment lacks " + octo2,
		"(then roll out what it prints) octo-tentacle sync-servers --server=https://octopus.example.com --server-comms-address=" + octo1And2 + " --prepare"},
	{"a first address that the ConfigMap lacks", func(s *Snapshot) {
		start := StartList{Many: []string{octo3, octo2}}
		s.Kubernetes.Environment, s.Kubernetes.Release.List, s.Kubernetes.Release.Former = start, &start, nil
	}, Problem, idNextStart, "critical: the next start of the pod ends all trust: its first address " + octo3 + " is not in the ConfigMap",
		leaveOut + syncNodes + octo3 + "," + octo2 + "," + octo1},
	{"a load balancer that comes first, and that the ConfigMap lacks", func(s *Snapshot) {
		s.Kubernetes.Environment.Single = octo3
		s.Kubernetes.Environment.Many = append(s.Kubernetes.Environment.Many, octo3)
		s.Kubernetes.Release.List, s.Kubernetes.Release.Former = &s.Kubernetes.Environment, nil
	}, Problem, idNextStart, "its first address " + octo3 + " is not in the ConfigMap", syncNodes + octo3 + "," + octo1And2},
	{"a former revision that begins with another address", func(s *Snapshot) { s.Kubernetes.Release.Former.List = StartList{Many: []string{octo3, octo2}} },
		Warning, idNextStart, "helm rollback to revision 1 would end all trust: its first address " + octo3, ""},
	{"an entry without an address", func(s *Snapshot) {
		s.Servers = append(s.Servers, tentacleconfig.TrustedServer{Thumbprint: clusterThumbprint, Style: tentacleconfig.StyleListening})
	}, Problem, idNextStart, "critical: the pod does not start again: an entry has no address", ""},
	{"a first address that is none", func(s *Snapshot) {
		s.Kubernetes.Environment.Many = []string{"octo1 example", octo1, octo2}
		s.Kubernetes.Release.List, s.Kubernetes.Release.Former = &s.Kubernetes.Environment, nil
	}, Problem, idNextStart, "is no address", ""},
	{"an agent that will register itself at its next start", func(s *Snapshot) {
		s.Agent = false
		s.Kubernetes.Environment.Many = []string{octo3, octo1, octo2}
		s.Kubernetes.Release.List = &s.Kubernetes.Environment
	}, Warning, idPlaces, "the ConfigMap lacks " + octo3, syncNodes + octo3 + "," + octo1And2},
}

var badReleases = []bad{
	{"a release that is pending", func(s *Snapshot) {
		s.Kubernetes.Release.Status, s.Kubernetes.Release.Description = "pending-upgrade", "Preparing upgrade"
	},
		Warning, idRelease, "revision 2 of the Helm release agent is pending-upgrade\neither it is being changed now", ""},
	{"a release that octo-tentacle left pending", func(s *Snapshot) {
		r := s.Kubernetes.Release
		r.Status, r.Own, r.Wanted = "pending-upgrade", true, StartList{Many: []string{octo1, octo2, octo3}}
	}, Warning, idRelease, "octo-tentacle began it", "(only if octo-tentacle does not run any more) " + syncNodes + octo1And2 + "," + octo3},
	{"a release that failed", func(s *Snapshot) {
		s.Kubernetes.Release.Status, s.Kubernetes.Release.Description = "failed", "timed out"
	},
		Warning, idRelease, "Helm says: timed out", ""},
	{"a release that may not be read", func(s *Snapshot) { s.Kubernetes.Release, s.Kubernetes.ReleaseErr = nil, errors.New("forbidden") },
		Skipped, idRelease, "was not looked at", ""},
	{"an agent that Helm did not make", func(s *Snapshot) { s.Kubernetes.Release = nil }, OK, idRelease, "Helm did not make this agent", ""},
	{"an agent that Argo CD deploys", func(s *Snapshot) { s.Kubernetes.Release, s.Kubernetes.Owner = nil, "Argo CD" }, OK, idRelease, "Argo CD deploys this agent", ""},
	{"a chart that keeps its first list", func(s *Snapshot) { s.Kubernetes.Release.KeepsList = true },
		Warning, idRelease, "chart kubernetes-agent 2.40.0 does not honour a changed list", ""},
}

var badPods = []bad{
	{"a Deployment without pods", func(s *Snapshot) {
		s.Kubernetes.Pods, s.Kubernetes.Deployment.Troubles = nil, []string{"exceeded quota: pods"}
	}, Problem, idService, "Deployment octopus-agent-tentacle has no pod\nan agent that is not running gets no work\nexceeded quota: pods", ""},
	{"a Deployment that was scaled down", func(s *Snapshot) { s.Kubernetes.Pods, s.Kubernetes.Deployment.Desired = nil, 0 },
		Problem, idService, "is scaled to 0", "kubectl scale deployment octopus-agent-tentacle --replicas=1"},
	{"a pod that keeps ending", func(s *Snapshot) {
		s.Kubernetes.Pods = []Pod{{Name: "p", Waiting: "CrashLoopBackOff", Message: "back-off 5m0s", Restarts: 7, Words: []string{"Sequence contains no elements"}}}
	}, Problem, idService, "pod p does not stay up: CrashLoopBackOff: back-off 5m0s, 7 restarts\nan agent that is not running gets no work; the last lines of its log:\nSequence contains no elements", ""},
	{"a pod without its image", func(s *Snapshot) {
		s.Kubernetes.Pods = []Pod{{Name: "p", Waiting: "ImagePullBackOff", Message: "no such image"}}
	}, Problem, idService, "pod p does not start: ImagePullBackOff: no such image", ""},
	{"a pod that begins", func(s *Snapshot) { s.Kubernetes.Pods = []Pod{{Name: "p", Waiting: "ContainerCreating"}} },
		Warning, idService, "pod p is starting", ""},
	{"a pod that does not become ready", func(s *Snapshot) { s.Kubernetes.Pods[0].Ready = false }, Warning, idService, "is starting", ""},
	{"a roll-out that does not end", func(s *Snapshot) {
		s.Kubernetes.Deployment.Updated = false
		s.Kubernetes.Pods = append([]Pod{{Name: "new", Waiting: "ImagePullBackOff", Message: "no such image"}}, s.Kubernetes.Pods...)
	}, Warning, idService, "a former pod still runs\nthe agent uses its former list until the new pod is ready\nImagePullBackOff: no such image", ""},
	{"a pod that is older than the last change", func(s *Snapshot) { s.Kubernetes.Changed, s.Kubernetes.ChangedElse = checkedAt, checkedAt },
		Problem, idRestart, "still uses the old one", restart},
	{"a pod that is older than the last change of a list which it polls anyway", func(s *Snapshot) { s.Kubernetes.Changed = checkedAt },
		OK, idRestart, "uses what its ConfigMap says", ""},
	{"a pod whose own start wrote last", func(s *Snapshot) {
		s.Kubernetes.Changed = s.Kubernetes.Pods[0].Started.Add(startTime)
		s.Kubernetes.Log.ReadAt = time.Time{}
	}, OK, idRestart, "uses what its ConfigMap says", ""},
	{"scripts that run", func(s *Snapshot) { s.Kubernetes.ScriptPods = []string{"a", "b"} }, OK, idScripts, "2 script pods run", ""},
}

var noAnswer = &octoapi.PortError{Cause: "connection refused"}

var badAgentPorts = []bad{
	{"a port that only this machine cannot reach", func(s *Snapshot) {
		s.Ports[1].Err, s.Ports[1].AskedIt, s.Ports[1].Answer, s.Ports[1].HostErr = noAnswer, false, octoapi.Port{}, noAnswer
	}, OK, idPollingPort, "the agent's log has no error; from here it does not respond: connection refused", ""},
	{"a port that the pod does not reach", func(s *Snapshot) {
		s.Kubernetes.Log.Failures = []LogFailure{{Address: octo2 + "/", Cause: "Connection refused.", At: checkedAt, Silent: true}}
	}, Problem, idPollingPort, "the agent does not reach " + octo2 + ": Connection refused\n", ""},
	{"a port that nobody knows about", func(s *Snapshot) {
		s.Ports[1].Err, s.Ports[1].AskedIt, s.Ports[1].Answer = noAnswer, false, octoapi.Port{}
		s.Kubernetes.Log = AgentLog{Err: errors.New("forbidden")}
		s.API.Queues.State = coverage.Shared
	}, Warning, idPollingPort, "from here it does not respond: connection refused, and the agent's log does not tell", ""},
	{"a port that presents something else here", func(s *Snapshot) {
		s.Ports[1].Answer.Thumbprint, s.Ports[1].AskedIt = otherThumbprint, false
	}, Warning, idPollingPort, "from here it presents the certificate " + otherThumbprint, ""},
	{"a port of which only this machine knows, and that it is another's", func(s *Snapshot) {
		s.Ports[1].Answer.Thumbprint, s.Ports[1].AskedIt = otherThumbprint, false
		s.Kubernetes.Log = AgentLog{Err: errors.New("forbidden")}
		s.API.Queues.State = coverage.Shared
	}, Warning, idPollingPort, onlyAHint, ""},
	{"a proxy that nothing can use", func(s *Snapshot) {
		s.ProxyErr = errors.New("the port of the proxy is not a number")
	}, Problem, idPollingProxy, "the agent cannot poll through it: set it again with agent.pollingProxy of the chart", ""},
	{"a proxy whose password only the agent can read", func(s *Snapshot) {
		s.Kubernetes.SecretErr = errors.New("forbidden")
		s.ProxyErr = &tentacleconfig.SecretError{Key: tentacleconfig.KeyProxyPassword, Err: errors.New("no key")}
	}, Skipped, idPollingProxy, "the polling proxy was not looked at", ""},
	{"ports that were not asked as the agent", func(s *Snapshot) {
		s.Ports[0].AskedIt, s.Ports[1].AskedIt, s.Kubernetes.SecretErr = false, false, errors.New("secrets are forbidden")
	}, Skipped, idAccepted, "were not asked whether they accept this agent", ""},
}

var badAgentSettings = []bad{
	{"secrets that may not be read", func(s *Snapshot) {
		s.Kubernetes.SecretErr, s.CertificateErr = errors.New("secrets are forbidden"), errors.New("no key")
		s.Certificate = tentacleconfig.CertificateDates{}
	}, Skipped, idCertificate, "the certificate was not looked at", ""},
	{"a Secret that was made anew", func(s *Snapshot) {
		s.CertificateErr = fmt.Errorf("x: %w", &tentacleconfig.SecretError{})
		s.Certificate = tentacleconfig.CertificateDates{}
	}, Problem, idCertificate, "the Secret was made again", ""},
	{"an agent that lost its list", func(s *Snapshot) { s.setList() },
		Problem, idTrustedServers, "critical: the agent is registered, but trusts no Octopus Server: it polls nobody",
		`kubectl patch configmap tentacle-config --type=merge '--patch={"data":{"Tentacle.Communication.TrustedOctopusServers":"[` +
			`{\"Thumbprint\":\"` + clusterThumbprint + `\",\"CommunicationStyle\":2,\"Address\":\"` + octo1 + `\",\"Squid\":null,\"SubscriptionId\":\"` + aSubscription + `\"},` +
			`{\"Thumbprint\":\"` + clusterThumbprint + `\",\"CommunicationStyle\":2,\"Address\":\"` + octo2 + `\",\"Squid\":null,\"SubscriptionId\":\"` + aSubscription + `\"}]"}}' && ` + restart},
	{"an agent that lost its list, of which nobody knows", func(s *Snapshot) {
		s.setList()
		s.Server, s.API = "", API{}
	}, Problem, idTrustedServers, "ask the Octopus Server: its record of this agent has the subscription",
		`(only if the server's record is of no use, and the chart still has valid credentials) ` + removeKey + `Tentacle.Services.IsRegistered}]' && ` + restart},
	{"a proxy that was switched off", func(s *Snapshot) { s.Kubernetes.LeftProxy = otherProxy },
		Problem, idPollingProxy, "still polls through the proxy proxy.example.com:3128", removeKey + `Octopus.Server.Proxy.ProxyHost}]' && ` + restart},
	{"a proxy of the chart", func(s *Snapshot) {
		s.Kubernetes.LeftProxy, s.Kubernetes.ProxyHost = otherProxy, "proxy.example.com"
	}, OK, idService, "is running", ""},
	{"a list that a variable overrides", func(s *Snapshot) {
		s.Kubernetes.Variables = []service.Variable{{Name: TrustedServersVariable, Value: "[]"}, {Name: contributeFlag, Value: "true"}}
	}, Problem, idEnvironment, "a change of the ConfigMap has no effect", ""},
	{"a variable that is ignored", func(s *Snapshot) {
		s.Kubernetes.Variables = []service.Variable{{Name: TrustedServersVariable, Value: "[]"}, {Name: "TentaclePollingConnectionCount", Value: "5"}}
	}, OK, idEnvironment, "no variable", ""},
	{"an address that is polled twice", func(s *Snapshot) {
		s.Servers = append(s.Servers, s.Servers[1])
		s.answer()
	}, Warning, idDuplicates, "polled 2 times", syncNodes + octo1And2},
	{"a thumbprint in lower case", func(s *Snapshot) {
		setSecond(func(e *tentacleconfig.TrustedServer) { e.Thumbprint = strings.ToLower(e.Thumbprint) })(s)
	},
		Problem, idTrustedServers, "compares thumbprints of polled servers exactly", syncNodes + octo1And2},
	{"a renewed certificate", func(s *Snapshot) {
		s.API.Thumbprint = otherThumbprint
	}, Problem, idClusterThumbprint, "the cluster's certificate was renewed",
		"octo-tentacle update-trust --keep-old --oldThumbprint=" + clusterThumbprint + " --newThumbprint=" + otherThumbprint},
	{"an agent that the server does not know", func(s *Snapshot) { s.API.Registrations = nil }, Problem, idRegistration, "a Kubernetes agent registers itself when it starts",
		`(only if the chart still has a valid API key or token) ` + removeKey + `Tentacle.Services.IsRegistered}]' && ` + restart},
	{"an agent without a certificate", func(s *Snapshot) { s.CertificateErr = tentacleconfig.ErrNoCertificate },
		Problem, idCertificate, "agent.certificate", ""},
}

// setList makes the ConfigMap of an agent that goes on to run empty.
func (s *Snapshot) setList(servers ...tentacleconfig.TrustedServer) {
	s.Servers = servers
	s.Ports = PortsOf(servers)
	s.Kubernetes.Log.Polls = nil
}

var badAgentLogs = []bad{
	{"a node that the running agent does not poll", func(s *Snapshot) { s.Kubernetes.Log.Polls = s.Kubernetes.Log.Polls[:1] },
		Problem, idConnections, "the running agent does not poll " + octo2, restart},
	{"a node that only the running agent polls", func(s *Snapshot) {
		s.Kubernetes.Log.Polls = append(s.Kubernetes.Log.Polls, Polled{Address: octo3})
	}, Warning, idConnections, "also polls " + octo3 + ", which the ConfigMap lacks", restart},
	{"an agent that polls for another", func(s *Snapshot) { s.Kubernetes.Log.Polls[1].Subscription = otherSubscription },
		Problem, idConnections, "under another subscription or thumbprint", restart},
	{"a log that may not be read", func(s *Snapshot) { s.Kubernetes.Log = AgentLog{Err: errors.New("forbidden")} },
		Skipped, idConnections, "what the running agent polls is not known", ""},
	{"a log without its beginning", func(s *Snapshot) { s.Kubernetes.Log = AgentLog{} }, Skipped, idConnections, "what the running agent polls is not known", ""},
}

// TestNoRestartIsSuggestedThatEndsTrust: the fix of one finding must not bring about another.
func TestNoRestartIsSuggestedThatEndsTrust(t *testing.T) {
	s := goodAgent()
	s.Kubernetes.Environment.Many = []string{octo3, octo1, octo2}
	s.Kubernetes.Changed, s.Kubernetes.ChangedElse = checkedAt, checkedAt
	s.Kubernetes.LeftProxy = otherProxy
	s.Kubernetes.Log.Polls = s.Kubernetes.Log.Polls[:1]
	for _, f := range s.Findings() {
		if strings.Contains(f.Fix, "restart-service") {
			t.Errorf("%+v", f)
		}
	}
}

// TestTheLogOfThePodSaysWhatIsReached: a try from here neither proves nor disproves it.
func TestTheLogOfThePodSaysWhatIsReached(t *testing.T) {
	s := goodAgent()
	for i := range s.Ports {
		s.Ports[i].Err, s.Ports[i].Answer, s.Ports[i].AskedIt = noAnswer, octoapi.Port{}, true
		s.Ports[i].Trust, s.Ports[i].HostErr = octoapi.PortTrust{}, noAnswer
	}
	cover := s.Coverage()
	if cover.Answering() != 2 || cover.Unpolled != 0 {
		t.Errorf("%+v", cover)
	}
	s.Kubernetes.Log.Failures = []LogFailure{{Address: octo2, Cause: "x", Silent: true}}
	if cover = s.Coverage(); cover.Answering() != 1 || !cover.Places[1].Silent {
		t.Errorf("%+v", cover)
	}
}
