package commands_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/octo-tentacle/octo-tentacle/commands"
	"github.com/octo-tentacle/octo-tentacle/kubernetes/kubetest"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/rogpeppe/go-internal/testscript"
)

// The commands of scripts that start Kubernetes clusters, and install agents in them.

type kubernetesKey struct{}

// kubernetesScene are the Kubernetes clusters of a script, by name, and how it starts another one.
type kubernetesScene struct {
	start    func(ts *testscript.TestScript, name string) kubernetesCluster
	clusters map[string]kubernetesCluster
}

// kubernetesCluster is what scripts do to a cluster: to kubetest.Cluster, or to a real control
// plane, to which kubetest.Front is it.
type kubernetesCluster interface {
	Close()
	Client() *kubetest.Client
	Allow(account, roles string) error
	AgentAccount(namespace string) (account string, err error)
	Kubeconfig(account string) string
	WritePod(folder, account, namespace string) (environment []string, err error)
	Requests() []kubetest.Request
	ResetRequests()
	Break(kubetest.Fault)
	Repair()
	SetRollout(namespace string, r kubetest.Rollout) error
	Restart(namespace string) error
	Log(namespace string, lines ...string) error
	// Settled waits until all that follows from the requests until now has happened.
	Settled() error
}

// smallAPI is a cluster in this process, where nothing has to be waited for.
type smallAPI struct{ *kubetest.Cluster }

func startSmallAPI(ts *testscript.TestScript, name string) kubernetesCluster {
	cluster, err := kubetest.Start(name)
	ts.Check(err)
	return smallAPI{cluster}
}

func (c smallAPI) AgentAccount(namespace string) (string, error) {
	return c.Cluster.AgentAccount(namespace), nil
}

func (c smallAPI) SetRollout(namespace string, r kubetest.Rollout) error {
	c.Cluster.SetRollout(namespace, r)
	return nil
}

func (c smallAPI) Restart(namespace string) error {
	c.Cluster.Restart(namespace)
	return nil
}

func (c smallAPI) Log(namespace string, lines ...string) error {
	c.Cluster.Log(namespace, lines...)
	return nil
}

func (c smallAPI) Settled() error { return nil }

// kubernetesClusters are those of a script, by name.
func kubernetesClusters(ts *testscript.TestScript) map[string]kubernetesCluster {
	return ts.Value(kubernetesKey{}).(kubernetesScene).clusters
}

// theCluster is the name of the cluster that is meant where none is named.
const theCluster = "test"

// kubernetesNamed takes the name of a Kubernetes cluster off the arguments, if the first is one.
func kubernetesNamed(ts *testscript.TestScript, args []string) (kubernetesCluster, []string) {
	name := theCluster
	if len(args) > 0 && kubernetesClusters(ts)[args[0]] != nil {
		name, args = args[0], args[1:]
	}
	cluster := kubernetesClusters(ts)[name]
	if cluster == nil {
		ts.Fatalf("no Kubernetes cluster was started")
	}
	return cluster, args
}

func cmdKubernetes(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) == 0 || len(args) == 1 && kubernetesClusters(ts)[args[0]] == nil && !isKubernetesVerb(args[0]) {
		name := theCluster
		if len(args) > 0 {
			name = args[0]
		}
		startKubernetes(ts, name)
		return
	}
	cluster, args := kubernetesNamed(ts, args)
	switch verb, args := args[0], args[1:]; verb {
	case "account":
		kubernetesAccount(ts, cluster, args)
	case "pod":
		kubernetesPod(ts, cluster, args)
	case "request":
		kubernetesRequest(ts, neg, cluster, args)
	case "requests":
		stdout := ts.Stdout() // even with nothing to print: it empties what was there
		for _, r := range cluster.Requests() {
			if len(args) == 0 || r.Changes() {
				fmt.Fprintln(stdout, r)
			}
		}
		cluster.ResetRequests()
	case "fault":
		kubernetesFault(ts, cluster, args)
	case "restart":
		ts.Check(cluster.Restart(args[0]))
	case "log":
		ts.Check(cluster.Log(args[0], args[1:]...))
	case "settled":
		ts.Check(cluster.Settled())
	case "rollout":
		kubernetesRollout(ts, cluster, args)
	}
}

func isKubernetesVerb(word string) bool {
	switch word {
	case "account", "pod", "request", "requests", "fault", "restart", "log", "rollout", "settled":
		return true
	}
	return false
}

func startKubernetes(ts *testscript.TestScript, name string) {
	cluster := ts.Value(kubernetesKey{}).(kubernetesScene).start(ts, name)
	ts.Defer(cluster.Close)
	kubernetesClusters(ts)[name] = cluster
	file := writeKubeconfig(ts, cluster, name, kubetest.Admin)
	if before := ts.Getenv("KUBECONFIG"); before != "" {
		file = before + string(os.PathListSeparator) + file
	}
	ts.Setenv("KUBECONFIG", file)
}

func writeKubeconfig(ts *testscript.TestScript, cluster kubernetesCluster, name, account string) (file string) {
	file = ts.MkAbs(name + ".kubeconfig")
	ts.Check(os.WriteFile(file, []byte(cluster.Kubeconfig(account)), 0o600))
	return file
}

// kubernetesAccount lets the program be an account with the rights of roles, none without a file.
func kubernetesAccount(ts *testscript.TestScript, cluster kubernetesCluster, args []string) {
	if len(args) > 1 {
		ts.Check(cluster.Allow(args[0], ts.ReadFile(args[1])))
	}
	ts.Setenv("KUBECONFIG", writeKubeconfig(ts, cluster, args[0], args[0]))
}

// kubernetesPod lets the program run in the container of the agent of a namespace.
func kubernetesPod(ts *testscript.TestScript, cluster kubernetesCluster, args []string) {
	namespace := args[0]
	account, err := cluster.AgentAccount(namespace)
	ts.Check(err)
	variables, err := cluster.WritePod(ts.MkAbs(podAccount), account, namespace)
	ts.Check(err)
	for _, variable := range append(variables, "OCTOPUS__K8STENTACLE__NAMESPACE="+namespace) {
		name, value, _ := strings.Cut(variable, "=")
		ts.Setenv(name, value)
	}
}

// kubernetesRequest asks the API as the account that may do everything.
func kubernetesRequest(ts *testscript.TestScript, neg bool, cluster kubernetesCluster, args []string) {
	method, path := args[0], args[1]
	var body any
	if len(args) > 2 {
		ts.Check(json.Unmarshal([]byte(args[2]), &body))
	}
	contentType := ""
	if method == "PATCH" {
		contentType = "application/merge-patch+json"
		if strings.Contains(path, "/deployments/") {
			contentType = "application/strategic-merge-patch+json"
		}
	}
	var answer string
	err := cluster.Client().Do(method, path, contentType, body, &answer)
	if !neg {
		ts.Check(err)
	}
	fmt.Fprintln(ts.Stdout(), answer)
	ts.Check(cluster.Settled())
}

func kubernetesFault(ts *testscript.TestScript, cluster kubernetesCluster, args []string) {
	var f kubetest.Fault
	for _, arg := range args {
		key, value, _ := strings.Cut(arg, "=")
		number := func() int {
			n, err := strconv.Atoi(value)
			ts.Check(err)
			return n
		}
		switch key {
		case "ok":
			cluster.Repair()
			return
		case "verb":
			f.Verb = value
		case "resource":
			f.Resource = value
		case "namespace":
			f.Namespace = value
		case "name":
			f.Name = value
		case "after":
			f.After = number()
		case "times":
			f.Times = number()
		case "status":
			f.Status = number()
		case "reason":
			f.Reason = value
		case "message":
			f.Message = value
		case "html":
			f.HTML = true
		case "cut":
			f.CutBefore = true
		case "lost":
			f.CutAfter = true
		case "delay":
			delay, err := time.ParseDuration(value)
			ts.Check(err)
			f.Delay = delay
		default:
			ts.Fatalf("unknown fault of Kubernetes: %s", arg)
		}
	}
	cluster.Break(f)
}

func kubernetesRollout(ts *testscript.TestScript, cluster kubernetesCluster, args []string) {
	var r kubetest.Rollout
	switch args[1] {
	case "ok":
	case "fails":
		r.Fails = strings.Join(args[2:], " ")
	case "delay":
		delay, err := time.ParseDuration(args[2])
		ts.Check(err)
		r.Delay = delay
	default:
		ts.Fatalf("unknown rollout: %s", args[1])
	}
	ts.Check(cluster.SetRollout(args[0], r))
}

func cmdAgent(ts *testscript.TestScript, _ bool, args []string) {
	cluster, args := kubernetesNamed(ts, args)
	a := kubetest.Agent{
		Namespace: args[0], Thumbprint: ts.Getenv("THUMB"), Subscription: "poll://g3662re9njtelsyfhm7t/",
		Data: map[string]string{"Tentacle.CertificateThumbprint": tentacleThumbprint()}, Labels: map[string]string{}, Annotations: map[string]string{},
	}
	certificate := false
	for _, arg := range args[1:] {
		key, value, _ := strings.Cut(arg, "=")
		switch key {
		case "single":
			a.Address = value
		case "release":
			a.Release = value
		case "chart-version":
			a.ChartVersion = value
		case "thumbprint":
			a.Thumbprint = value
		case "subscription":
			a.Subscription = value
		case "label":
			key, value, _ := strings.Cut(value, "=")
			a.Labels[key] = value
		case "annotation":
			key, value, _ := strings.Cut(value, "=")
			a.Annotations[key] = value
		case "data":
			key, value, _ := strings.Cut(value, "=")
			a.Data[key] = value
		case "certificate":
			certificate = true
		case "server-side":
			a.ServerSide = true
		case "no-helm":
			a.NoHelm = true
		default:
			a.Addresses = append(a.Addresses, arg)
		}
	}
	secret := map[string]any{}
	if certificate {
		setting, keys, err := agentCertificate()
		ts.Check(err)
		a.Data[tentacleconfig.KeyCertificate], secret["data"] = setting, keys
	}
	ts.Check(a.Install(cluster.Client()))
	if certificate {
		ts.Check(cluster.Client().Do("PATCH", "/api/v1/namespaces/"+a.Namespace+"/secrets/tentacle-secret", "application/merge-patch+json", secret, nil))
	}
	ts.Check(cluster.Settled())
	ts.Setenv("OWN", tentacleThumbprint())
}

// agentCertificate is the setting with the certificate of an agent, and the data of the Secret with
// the key that encrypts it.
func agentCertificate() (setting string, keys map[string][]byte, err error) {
	pfx, err := commands.OnePFX()
	if err != nil {
		return "", nil, err
	}
	keys = map[string][]byte{"machine-key": []byte("0123456789abcdef0123456789abcdef"), "machine-iv": []byte("0123456789abcdef")}
	key, err := tentacleconfig.NewKey(keys["machine-key"], keys["machine-iv"])
	if err != nil {
		return "", nil, err
	}
	setting, err = key.Encrypt([]byte(base64.StdEncoding.EncodeToString(pfx)))
	return setting, keys, err
}
