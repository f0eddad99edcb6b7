package commands_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/commands"
	"github.com/octo-tentacle/octo-tentacle/internal/machinefiles"
	"github.com/octo-tentacle/octo-tentacle/internal/podaccount"
	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
	"github.com/octo-tentacle/octo-tentacle/service"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets the scripts run the real main as `octo-tentacle`.
func TestMain(m *testing.M) {
	_ = os.Setenv(raceVariable, raceOptions)
	asService()
	atOnce()
	if folder := os.Getenv(standInVariable); folder != "" {
		os.Exit(standIn(folder))
	}
	testscript.Main(inMuchMemory{m}, map[string]func(){
		"octo-tentacle": func() {
			// Scripts have a machine of their own: the one they run on stays out of it.
			if folder := os.Getenv(scriptMachine); folder != "" {
				machinefiles.Use(filepath.Join(folder, "machine-id"), filepath.Join(folder, "machinekey"))
				podaccount.Use(filepath.Join(folder, podAccount))
				os.Exit(commands.MainOf(filepath.Join(folder, systemLog)))
			}
			os.Exit(commands.Main())
		},
	})
}

// inMuchMemory runs the tests with fewer garbage collections, which took a third of their time. The
// programs that scripts start are not concerned.
type inMuchMemory struct{ *testing.M }

func (m inMuchMemory) Run() int {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
		debug.SetMemoryLimit(1 << 30)
	}
	return m.M.Run()
}

// With the race detector, each process would wait for a second before it ends.
const raceVariable, raceOptions = "GORACE", "atexit_sleep_ms=0"

// atOnce lets more tests run at once than there are processors, unless -parallel
// says otherwise: most of them wait, for what hangs or for another try.
func atOnce() {
	if runtime.GOOS == "windows" {
		return // there they start processes, above all, which takes long
	}
	if err := flag.Set("test.parallel", strconv.Itoa(max(16, runtime.GOMAXPROCS(0)))); err != nil {
		panic(err)
	}
}

const (
	scriptMachine = "OCTO_TENTACLE_SCRIPT_MACHINE"
	systemLog     = "system.log" // the log of that machine
	podAccount    = "podaccount" // the account of the pod that it is, if it is one
)

// TestScripts runs what users type: one file per feature, with what they see.
// testdata/scripts/README.md describes the commands that a script has.
func TestScripts(t *testing.T) {
	t.Parallel()
	p := scriptParams(startSmallAPI)
	if testing.Short() {
		p.Dir, p.Files = "", scriptsForWindows(t, p.Dir)
	}
	testscript.Run(t, p)
}

// scriptsForWindows are the scripts that have lines for Windows, or for other systems than that.
// With -short, the others are left out.
func scriptsForWindows(t *testing.T, folder string) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(folder, "*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, file := range all {
		script, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(script, []byte("windows]")) {
			files = append(files, file)
		}
	}
	if len(files) == 0 {
		t.Fatalf("no script in %s has lines for Windows", folder)
	}
	return files
}

// scriptParams are those of all scripts, which start Kubernetes clusters so.
func scriptParams(startKubernetes func(*testscript.TestScript, string) kubernetesCluster) testscript.Params {
	return testscript.Params{
		Dir: "../testdata/scripts",
		Setup: func(env *testscript.Env) error {
			env.Setenv("TentacleMachineConfigurationHomeDirectory", filepath.Join(env.WorkDir, "home"))
			env.Setenv(scriptMachine, env.WorkDir)
			if err := writeMachineID(env.WorkDir); err != nil {
				return err
			}
			env.Setenv(raceVariable, raceOptions)
			env.Setenv("KEY", octotest.APIKey)
			env.Setenv("LIMITED_KEY", octotest.LimitedAPIKey)
			env.Setenv("TOKEN", octotest.BearerToken)
			// A machine that runs the tests has no service of these Tentacles; what
			// is said about that depends on whether it has a service manager.
			status, err := service.Query(context.Background(), "octo-tentacle-no-such-service")
			if err != nil {
				return err
			}
			env.Setenv("STATE", string(status.State))
			env.Setenv("SERVICE", service.NameFor("Tentacle", runtime.GOOS))
			env.Setenv("W", filepath.ToSlash(env.WorkDir)) // for what the command slashes has printed
			env.Values[clustersKey{}] = map[string]*octotest.Cluster{}
			env.Values[kubernetesKey{}] = kubernetesScene{startKubernetes, map[string]kubernetesCluster{}}
			env.Values[proxyKey{}] = new([]*octotest.Proxy)
			return nil
		},
		Cmds: scriptCommands(),
		Condition: func(condition string) (bool, error) {
			switch condition {
			case "root":
				return os.Geteuid() == 0, nil
			case "services": // a service manager runs here
				status, err := service.Query(context.Background(), "octo-tentacle-no-such-service")
				return status.State != service.Unmanaged, err
			case "systemd":
				_, err := os.Stat("/run/systemd/system")
				return err == nil, nil
			}
			return false, fmt.Errorf("unknown condition %q", condition)
		},
		UpdateScripts: *commands.Update,
	}
}

func scriptCommands() map[string]func(*testscript.TestScript, bool, []string) {
	return map[string]func(*testscript.TestScript, bool, []string){
		"cluster":       cmdCluster,
		"fault":         cmdFault,
		"tentacle":      cmdTentacle,
		"requests":      cmdRequests,
		"addresses":     cmdAddresses,
		"certificate":   cmdCertificate,
		"servers":       cmdServers,
		"machine":       cmdMachine,
		"machines":      cmdMachines,
		"node":          cmdNode,
		"clock":         cmdClock,
		"renew":         cmdRenew,
		"queues":        cmdQueues,
		"envsubst":      cmdEnvsubst,
		"slashes":       cmdSlashes,
		"steady":        cmdSteady,
		"exits":         cmdExits,
		"refused":       cmdRefused,
		"http-proxy":    cmdHTTPProxy,
		"without":       cmdWithout,
		"edit":          cmdEdit,
		"backup":        cmdBackup,
		"large":         cmdLarge,
		"aged":          cmdAged,
		"encode":        cmdEncode,
		"health":        cmdHealth,
		"tasks":         cmdTasks,
		"logged-errors": cmdLoggedErrors,
		"kubernetes":    cmdKubernetes,
		"agent":         cmdAgent,
	}
}

func TestThePageAboutScriptsNamesEveryCommand(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../testdata/scripts/README.md")
	if err != nil {
		t.Fatal(err)
	}
	for name := range scriptCommands() {
		if !regexp.MustCompile("`" + name + "[` ]").Match(page) {
			t.Errorf("testdata/scripts/README.md does not describe %s", name)
		}
	}
}

type clustersKey struct{}

func clustersOf(ts *testscript.TestScript) map[string]*octotest.Cluster {
	return ts.Value(clustersKey{}).(map[string]*octotest.Cluster)
}

// named takes a cluster's name off the arguments, if the first is one.
func named(ts *testscript.TestScript, args []string) (*octotest.Cluster, []string) {
	if len(args) > 0 {
		if cluster, ok := clustersOf(ts)[args[0]]; ok {
			return cluster, args[1:]
		}
	}
	cluster := clustersOf(ts)[""]
	if cluster == nil {
		ts.Fatalf("no cluster was started")
	}
	return cluster, args
}

func cmdCluster(ts *testscript.TestScript, _ bool, args []string) {
	name, prefix := "", ""
	var o octotest.Options
	for i, arg := range args {
		key, value, _ := strings.Cut(arg, "=")
		switch key {
		case "tls":
			o.TLS = true
		case "no-environments-v2":
			o.NoEnvironmentsV2 = true
		case "shared-queues":
			o.SharedQueues = true
		case "recorded":
			o.Recorded = true
		case "balanced":
			o.Balanced = true
		case "nat":
			o.NAT = true
		case "three-spaces":
			o.ThirdSpace = true
		case "no-node-header":
			o.NoNodeHeader = true
		case "changes-endpoint-type":
			o.ChangesEndpointType = true
		case "nodes":
			n, err := strconv.Atoi(value)
			ts.Check(err)
			o.NodeCount = n
		case "latency":
			latency, err := time.ParseDuration(value)
			ts.Check(err)
			o.Latency = latency
		case "path":
			o.Path = value
		default:
			if i > 0 {
				ts.Fatalf("unknown option of cluster: %s", arg)
			}
			name, prefix = arg, strings.ToUpper(arg)+"_"
		}
	}
	cluster, err := octotest.Start(o)
	ts.Check(err)
	ts.Defer(cluster.Close)
	clustersOf(ts)[name] = cluster
	ts.Setenv(prefix+"URL", cluster.URL())
	ts.Setenv(prefix+"THUMB", cluster.Thumbprint())
	ts.Setenv(prefix+"LOWER_THUMB", strings.ToLower(cluster.Thumbprint()))
	ts.Setenv(prefix+"NODES", strings.Join(cluster.Addresses(), ","))
	for i, address := range cluster.Addresses() {
		ts.Setenv(fmt.Sprintf("%sNODE%d", prefix, i+1), address)
		ts.Setenv(fmt.Sprintf("%sNODE%d_PADDED", prefix, i+1), fmt.Sprintf("%-31s", address)) // for a table
	}
	if pem := cluster.CAPEM(); pem != nil {
		ts.Check(os.WriteFile(ts.MkAbs(strings.ToLower(prefix)+"ca.pem"), pem, 0o600))
	}
}

func cmdFault(ts *testscript.TestScript, _ bool, args []string) {
	cluster, args := named(ts, args)
	if len(args) < 2 {
		ts.Fatalf("usage: fault [NAME] node N KIND | fault [NAME] api KIND [ARG]")
	}
	if args[0] == "node" {
		n, err := strconv.Atoi(args[1])
		ts.Check(err)
		ts.Check(cluster.SetNodeFault(n, nodeFault(ts, args[2:])))
		return
	}
	path := ""
	if args[1] == "at" {
		path, args = args[2], args[2:]
	}
	argument := ""
	if len(args) > 2 {
		argument = args[2]
	}
	f := apiFault(ts, args[1], argument)
	f.Path = path
	cluster.SetAPIFault(f)
}

func nodeFault(ts *testscript.TestScript, kind []string) octotest.NodeFault {
	faults := map[string]octotest.NodeFault{
		"ok":                {},
		"closed":            {Closed: true},
		"hangs":             {Hangs: true},
		"plain-http":        {PlainHTTP: true},
		"other-certificate": {OtherCertificate: true},
		"slow":              {Slow: 300 * time.Millisecond},
		"ends":              {ClosesFirst: 1 << 30},
		"web-site":          {Status: 404},
		"silent":            {Silent: true},
		"dies":              {DiesAfter: 1},
		"cached":            {CachedTrust: true},
	}
	fault, ok := faults[kind[0]]
	if !ok {
		ts.Fatalf("unknown fault of a node: %s", kind[0])
	}
	if len(kind) > 1 {
		times, err := strconv.Atoi(kind[1])
		ts.Check(err)
		if fault.CachedTrust {
			fault.CatchesUp = times
		} else {
			fault.ClosesFirst = times
		}
	}
	return fault
}

func apiFault(ts *testscript.TestScript, kind, argument string) (f octotest.APIFault) {
	switch kind {
	case "ok":
	case "html":
		f.HTML = true
		if argument != "" {
			status, err := strconv.Atoi(argument)
			ts.Check(err)
			f.Status = status
		}
	case "truncated":
		f.TruncatedJSON = true
	case "cut":
		f.CutConnection = true
	case "lost":
		f.LostAnswer, f.Write = true, true
	case "hang":
		f.Hang = true
	case "hang-write":
		f.Hang, f.Write = true, true
	case "not-octopus":
		f.NotOctopus = true
	case "redirect":
		f.RedirectTo = argument
	case "retry-after":
		f.Status, f.RetryAfter = 429, argument
	case "message":
		f.Status, f.ErrorMessage = 500, argument
	case "thumbprint":
		f.Thumbprint = argument
	case "version":
		f.Version = argument
	case "permission":
		f.MissingPermission = argument
	case "permission-write":
		f.MissingPermission, f.Write = argument, true
	case "forbid-write":
		f.Status, f.ErrorMessage, f.Write = 403, argument, true
	case "gateway":
		f.Status, f.Anonymous = 401, true
	case "refuse-write":
		f.Status, f.ErrorMessage, f.Write = 400, argument, true
	case "status":
		status, err := strconv.Atoi(argument)
		ts.Check(err)
		f.Status = status
	default:
		ts.Fatalf("unknown fault of the API: %s", kind)
	}
	return f
}

func cmdTentacle(ts *testscript.TestScript, _ bool, args []string) {
	name, clusterName, listens := "Tentacle", "", false
	var servers []tentacleconfig.TrustedServer
	var addresses []string
	for i := 0; i < len(args); i++ {
		switch args[i] {
		case "-listens":
			listens = true
		case "-name":
			i++
			name = args[i]
		case "-cluster":
			i++
			clusterName = args[i]
		default:
			addresses = append(addresses, args[i])
		}
	}
	if listens {
		servers = append(servers, tentacleconfig.TrustedServer{Thumbprint: clustersOf(ts)[clusterName].Thumbprint(), Style: tentacleconfig.StyleListening})
	}
	for _, address := range addresses {
		servers = append(servers, tentacleconfig.TrustedServer{
			Thumbprint: clustersOf(ts)[clusterName].Thumbprint(), Style: tentacleconfig.StylePolling,
			Address: address, SubscriptionID: "poll://g3662re9njtelsyfhm7t/"})
	}
	config := filepath.Join(ts.MkAbs(name), "Tentacle.config")
	ts.Check(makeTentacle(ts.Getenv("TentacleMachineConfigurationHomeDirectory"), name, config, servers))
	ts.Setenv("CONFIG", config)
	ts.Setenv("OWN", tentacleThumbprint())
}

func cmdRequests(ts *testscript.TestScript, _ bool, args []string) {
	option := ""
	if len(args) > 0 && strings.HasPrefix(args[len(args)-1], "-") {
		option, args = args[len(args)-1], args[:len(args)-1]
	}
	cluster, _ := named(ts, args)
	stdout := ts.Stdout() // even with nothing to print: it empties what was there
	for _, request := range cluster.Requests() {
		at, key := "", ""
		if request.Method != "" && request.Address != "" {
			at = request.Address + " "
		}
		if option == "-credentials" {
			key = strings.Join(append([]string{""}, request.Credential...), " ")
		}
		switch {
		case request.PollingPort != 0:
			if option != "-writes" {
				fmt.Fprintf(stdout, "%s %s\n", request.Address, request.Line)
			}
		case request.Method == "GET":
			if option != "-writes" {
				fmt.Fprintf(stdout, "%sGET %s %d%s\n", at, request.Path, request.Status, key)
			}
		default:
			body, err := json.Marshal(request.Body)
			ts.Check(err)
			fmt.Fprintf(stdout, "%s%s %s %d %s%s\n", at, request.Method, request.Path, request.Status, body, key)
		}
	}
	cluster.ResetRequests()
}

func cmdAddresses(ts *testscript.TestScript, _ bool, _ []string) {
	stdout := ts.Stdout()
	document, err := tentacleconfig.Read(ts.Getenv("CONFIG"))
	ts.Check(err)
	servers, err := document.TrustedServers()
	ts.Check(err)
	for _, server := range servers {
		fmt.Fprintf(stdout, "%s %s %s\n", server.Style, server.Address, server.SubscriptionID)
	}
}

func cmdEnvsubst(ts *testscript.TestScript, _ bool, args []string) {
	for _, file := range args {
		ts.Check(os.WriteFile(ts.MkAbs(file), []byte(os.Expand(ts.ReadFile(file), ts.Getenv)), 0o600))
	}
}

type proxyKey struct{}

func cmdHTTPProxy(ts *testscript.TestScript, _ bool, args []string) {
	started := ts.Value(proxyKey{}).(*[]*octotest.Proxy)
	if len(args) > 0 {
		fmt.Fprintln(ts.Stdout(), strings.Join((*started)[0].Targets(), "\n"))
		return
	}
	proxy, err := octotest.StartProxy(0)
	ts.Check(err)
	ts.Defer(proxy.Close)
	*started = []*octotest.Proxy{proxy}
	ts.Setenv("PROXY", proxy.Address())
	ts.Setenv("PROXY_USER", octotest.ProxyUsername)
	ts.Setenv("PROXY_PASSWORD", octotest.ProxyPassword)
}

func cmdHealth(ts *testscript.TestScript, _ bool, args []string) {
	cluster, args := named(ts, args)
	cluster.SetHealthCheck(args[0])
	cluster.SetHealthAfterCheck(strings.Join(args[1:], ""))
}

func cmdTasks(ts *testscript.TestScript, _ bool, args []string) {
	cluster, args := named(ts, args)
	stdout := ts.Stdout()
	if len(args) > 0 {
		cluster.SetTasksHang(args[0] == "hang")
		return
	}
	for _, task := range cluster.StartedTasks() {
		fmt.Fprintln(stdout, task)
	}
}
