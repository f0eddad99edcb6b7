package check

import (
	"fmt"
	"slices"
	"time"

	"github.com/octo-tentacle/octo-tentacle/service"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// Agent is what is known about a Kubernetes agent beside its settings, which its ConfigMap keeps:
// from its Helm release, its Deployment, its pods and their log.
//
// The list of nodes is in four places. The Helm release has what helm upgrade last set. It becomes
// the environment of the Deployment. From that, the start of the pod makes the list in the
// ConfigMap, which the agent reads once, when it starts.
type Agent struct {
	Context   string // of the kubeconfig; "" in a pod
	Namespace string
	ConfigMap string // its name

	Release    *Release // nil where Helm did not make the agent, or where ReleaseErr says why it is not known
	ReleaseErr error
	Owner      string // what deploys the agent from elsewhere, such as Flux; "" for nothing

	Deployment  Deployment
	Environment StartList // of the Deployment
	ProxyHost   string    // the polling proxy that the environment sets; "" where a start switches it off
	LeftProxy   string    // the host and port of the polling proxy in the ConfigMap; "" for none
	Variables   []service.Variable
	Pods        []Pod // of the Deployment, the newest first
	PodsErr     error // why they are not known
	ScriptPods  []string
	Log         AgentLog

	SecretErr error     // why the key of the agent's secrets is not known
	Changed   time.Time // when the settings were last changed; zero where that is not known
	// ChangedElse is when another setting than the list of trusted servers was changed.
	ChangedElse time.Time
}

// StartList is what a start of the pod polls (helm-charts, kubernetes-agent, values.yaml;
// OctopusTentacle, configure-and-run.sh of the agent).
type StartList struct {
	Single string   // serverCommsAddress; "" for none
	Many   []string // serverCommsAddresses
}

// First is the address whose entry a start keeps, while it drops all others; "" for an agent that
// listens.
func (l StartList) First() string {
	if l.Single == "" && len(l.Many) > 0 {
		return l.Many[0]
	}
	return l.Single
}

// listens says whether there is nothing to poll.
func (l StartList) listens() bool { return l.Single == "" && len(l.Many) == 0 }

// All are the addresses, each once, the first one first.
func (l StartList) All() (all []string) {
	if l.Single != "" {
		all = append(all, l.Single)
	}
	for _, address := range l.Many {
		if !tentacleconfig.ContainsAddress(all, address) {
			all = append(all, address)
		}
	}
	return all
}

// Release is the newest revision of the Helm release that made an agent.
type Release struct {
	Name         string
	Revision     int
	Status       string // deployed, failed, pending-upgrade, …
	Description  string
	Chart        string // its name
	ChartVersion string
	KeepsList    bool       // the chart does not take a changed list over
	List         *StartList // of the values that helm upgrade goes on with; nil where they have none
	ListIsNewer  bool       // somebody gave it another list since the ConfigMap was last written
	Own          bool       // octo-tentacle made the revision
	Wanted       StartList  // of its own values
	Former       *Former    // nil for none
}

// Former is the revision to which helm rollback leads.
type Former struct {
	Revision int
	List     StartList
}

// Deployment is what runs the agent.
type Deployment struct {
	Name     string
	Desired  int      // pods; 0 where somebody has stopped the agent
	Updated  bool     // its pods are those of its newest version
	Troubles []string // why it has not the pods that it should have
}

// Pod is a pod of the agent.
type Pod struct {
	Name     string
	Started  time.Time // when its container did; zero while it does not run
	Running  bool
	Ready    bool
	Restarts int
	Waiting  string   // why its container does not run, such as CrashLoopBackOff; "" where it does
	Message  string   // more about that; "" for nothing
	Words    []string // the last lines of a container that does not run or stay up
}

// AgentLog is what the log of the running agent says.
type AgentLog struct {
	Err      error        // why it was not read
	Polls    []Polled     // what it polls, as it said when it started
	ReadAt   time.Time    // when it said so, having read the ConfigMap; zero where that is not known
	Complete bool         // the log has its start
	Failures []LogFailure // one for each address at which it fails now
}

// Polled is what an agent said that it polls.
type Polled struct{ Address, Subscription, Thumbprint string }

// LogFailure is an address that the agent's log says it does not reach.
type LogFailure struct {
	Address string
	Cause   string
	At      time.Time // the last time; zero where that is not known
	Silent  bool      // nothing responds, as when a node is down
}

// runs says whether a pod of the agent runs.
func (a *Agent) runs() bool {
	return slices.ContainsFunc(a.Pods, func(p Pod) bool { return p.Running })
}

// says is what the running agent's log tells: nothing without a running pod.
func (a *Agent) says() bool {
	return a.runs() && a.Log.Err == nil && (a.Log.Complete || len(a.Log.Polls) > 0)
}

// polls says whether the running agent polls an address, as its log says.
func (a *Agent) polls(address string) bool {
	return a.says() && slices.ContainsFunc(a.Log.Polls, func(p Polled) bool { return tentacleconfig.SameAddress(p.Address, address) })
}

// fails is why the running agent does not reach an address now; nil where nothing says so.
func (a *Agent) fails(address string) *LogFailure {
	if !a.runs() || a.Log.Err != nil {
		return nil
	}
	i := slices.IndexFunc(a.Log.Failures, func(f LogFailure) bool { return tentacleconfig.SameAddress(f.Address, address) })
	if i < 0 {
		return nil
	}
	return &a.Log.Failures[i]
}

// reaches says whether the log of the running agent vouches for an address: it polls there, and
// nothing fails.
func (a *Agent) reaches(address string) bool { return a.polls(address) && a.fails(address) == nil }

// StartEnd is how the start of a registered agent ends.
type StartEnd int

// The ends.
const (
	StartGoesWell  StartEnd = iota
	StartEndsTrust          // it drops every entry, and with the last one the thumbprint and the subscription
	StartFails              // the container ends before anything is dropped
)

// EndOfStart is how the start of a registered agent with a first address ends. The start script has
// the Tentacle CLI of its image drop all entries but that of the first address, which fails where
// that is none, or where an entry has none (OctopusTentacle, configure-and-run.sh of the agent and
// ClearTrustedServersCommand.cs). The reason is that of a failure.
func EndOfStart(first string, servers []tentacleconfig.TrustedServer) (end StartEnd, reason string) {
	if _, err := tentacleconfig.AddressOf(first); err != nil {
		return StartFails, fmt.Sprintf("%q, the first address of its environment, is no address", first)
	}
	if slices.ContainsFunc(servers, func(s tentacleconfig.TrustedServer) bool { return s.Address == "" }) {
		return StartFails, "an entry has no address, as configure --trust makes one"
	}
	if !slices.ContainsFunc(servers, func(s tentacleconfig.TrustedServer) bool { return s.IsAt([]string{first}) }) {
		return StartEndsTrust, ""
	}
	return StartGoesWell, ""
}

const stateUnknown service.State = "unknown"

// State is that of the Deployment, in the words for services.
func (a *Agent) State() service.State {
	switch {
	case a.Deployment.Desired == 0:
		return service.Stopped
	case a.PodsErr != nil:
		return stateUnknown
	case len(a.Pods) == 0:
		return service.Failed
	case slices.ContainsFunc(a.Pods, func(p Pod) bool { return p.Running && p.Ready }):
		return service.Running
	case a.unready().crashes():
		return service.Crashing
	case !a.unready().begins():
		return service.Failed
	}
	return service.Starting
}

// crashes says whether the container keeps ending.
func (p Pod) crashes() bool { return p.Waiting == "CrashLoopBackOff" }

// begins says whether the container waits for what every container waits for (Kubernetes,
// kubelet: the reasons of a waiting container).
func (p Pod) begins() bool {
	return slices.Contains([]string{"", "ContainerCreating", "PodInitializing"}, p.Waiting)
}

// what is the Deployment in a sentence.
func (a *Agent) what() string { return "Deployment " + a.Deployment.Name }

// unready is the newest pod that is not ready; the zero value for none.
func (a *Agent) unready() Pod {
	for _, p := range a.Pods {
		if !p.Ready {
			return p
		}
	}
	return Pod{}
}
