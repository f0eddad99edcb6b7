package commands_test

import (
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/octo-tentacle/octo-tentacle/commands"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/rogpeppe/go-internal/testscript"
)

// The commands of the scripts that change a cluster, and what it knows of a
// Tentacle: testdata/scripts/README.md describes them.

func cmdCertificate(ts *testscript.TestScript, _ bool, _ []string) {
	pfx, err := commands.OnePFX()
	ts.Check(err)
	file := ts.MkAbs("own.pfx")
	ts.Check(os.WriteFile(file, pfx, 0o600))
	ts.Check(ts.Exec("octo-tentacle", "import-certificate", "--from-file="+file, "--config="+ts.Getenv("CONFIG"), "--no-restart", "--no-backup"))
	document, err := tentacleconfig.Read(ts.Getenv("CONFIG"))
	ts.Check(err)
	thumbprint, err := document.Thumbprint()
	ts.Check(err)
	ts.Setenv("OWN", thumbprint)
}

func cmdServers(ts *testscript.TestScript, _ bool, args []string) {
	var servers []tentacleconfig.TrustedServer
	for _, arg := range args {
		fields := strings.Split(strings.ReplaceAll(arg+",,,", ",-", ","), ",")
		style, err := tentacleconfig.ParseStyle(fields[0])
		ts.Check(err)
		servers = append(servers, tentacleconfig.TrustedServer{Style: style, Thumbprint: fields[1], Address: fields[2], SubscriptionID: fields[3]})
	}
	document, err := tentacleconfig.Read(ts.Getenv("CONFIG"))
	ts.Check(err)
	document.SetTrustedServers(servers)
	ts.Check(os.WriteFile(ts.Getenv("CONFIG"), document.Bytes(), 0o600))
}

func cmdMachine(ts *testscript.TestScript, _ bool, args []string) {
	cluster, args := named(ts, args)
	m := octotest.Machine{Name: args[0], Thumbprint: ts.Getenv("OWN"), Subscription: sceneSubscription}
	for _, arg := range args[1:] {
		switch key, value, _ := strings.Cut(arg, "="); key {
		case "worker":
			m.Worker = true
		case "disabled":
			m.Disabled = true
		case "space":
			m.Space = value
		case "subscription":
			m.Subscription = value
		case "thumbprint":
			m.Thumbprint = value
		case "health":
			m.Health = value
		case "kubernetes":
			m.Kubernetes = true
		case "ssh":
			m.SSH, m.Thumbprint, m.Subscription = true, "", ""
		case "address":
			m.Address, m.Subscription = value, ""
		case "mode":
			if value == octoapi.ModeListening {
				m.Subscription = ""
			}
		case "environment":
			m.Environments = append(m.Environments, value)
		case "pool":
			m.Pools = append(m.Pools, value)
		case "role":
			m.Roles = append(m.Roles, value)
		case "tenant":
			m.Tenants = append(m.Tenants, value)
		case "policy":
			m.Policy = value
		case "polls":
			m.Polls = append(m.Polls, strings.Split(value, ",")...)
		case "windows":
			m.Windows = true
		case "version":
			m.Version = value
		case "prints":
			m.Prints = func(octotest.ScriptRun) []string { return []string{value} }
		default:
			ts.Fatalf("unknown option of machine: %s", arg)
		}
	}
	ts.Check(cluster.AddMachine(m))
}

func cmdMachines(ts *testscript.TestScript, _ bool, args []string) {
	cluster, _ := named(ts, args)
	stdout := ts.Stdout() // even with nothing to print: it empties what was there
	for _, registration := range cluster.Registrations() {
		fmt.Fprintln(stdout, registration)
	}
}

func cmdLoggedErrors(ts *testscript.TestScript, _ bool, args []string) {
	cluster, _ := named(ts, args)
	stdout := ts.Stdout()
	for _, logged := range cluster.LoggedErrors() {
		fmt.Fprintln(stdout, logged)
	}
}

func cmdNode(ts *testscript.TestScript, _ bool, args []string) {
	cluster, args := named(ts, args)
	if args[0] == "new" {
		address, err := cluster.AddNode()
		ts.Check(err)
		ts.Setenv(fmt.Sprintf("NODE%d", len(cluster.Addresses())), address)
		return
	}
	n := octotest.EachNode
	if args[0] != "each" {
		n = number(ts, args[0])
	}
	states := map[string]octotest.ServerNode{
		"ok": {}, "maintenance": {Maintenance: true}, "offline": {Offline: true}, "web-only": {WebOnly: true}, "gone": {Gone: true},
	}
	what, more := args[1], args[2:]
	switch state, is := states[what]; {
	case is:
		cluster.SetServerNode(n, state)
	case what == "api":
		cluster.SetAPINode(n)
	case what == "tasks" && len(more) == 0:
		cluster.SetTaskNode(n)
	case what == "tasks":
		cluster.SetNodeTasks(n, octotest.NodeTasks{Never: more[0] == "never", Fails: more[0] == "fail"})
	case what == "checked":
		ago, err := time.ParseDuration(more[0])
		ts.Check(err)
		cluster.AddHealthCheck(n, ago, slices.Contains(more, "warnings"))
	case what == "restart":
		cluster.Restart(n, 0)
	case what == "down", what == "up":
		ts.Check(cluster.SetDown(n, what == "down"))
	case what == "queues":
		status, is := map[string]int{"shared": http.StatusOK, "own": http.StatusNotFound}[more[0]]
		if !is {
			status = number(ts, more[0])
		}
		cluster.SetNodeQueues(n, status)
	case what == "web":
		ts.Check(cluster.SetWebPort(n, webPort(ts, more)))
	default:
		ts.Fatalf("unknown state of a node: %s", what)
	}
}

func webPort(ts *testscript.TestScript, kind []string) octotest.WebPort {
	ports := map[string]octotest.WebPort{"ok": {}, "closed": {Closed: true}, "self-signed": {SelfSigned: true}, "other": {NotOctopus: true}}
	if kind[0] == "as" {
		return octotest.WebPort{As: number(ts, kind[1])}
	}
	port, is := ports[kind[0]]
	if !is {
		ts.Fatalf("unknown web port of a node: %s", kind[0])
	}
	return port
}

func number(ts *testscript.TestScript, text string) int {
	n, err := strconv.Atoi(text)
	ts.Check(err)
	return n
}

// cmdClock sets the clock of the API.
func cmdClock(ts *testscript.TestScript, _ bool, args []string) {
	cluster, args := named(ts, args)
	ahead, err := time.ParseDuration(args[0])
	ts.Check(err)
	cluster.SetClock(ahead)
}

func cmdRenew(ts *testscript.TestScript, _ bool, args []string) {
	cluster, nodes := named(ts, args)
	ts.Check(cluster.Renew())
	ts.Setenv("NEW_THUMB", cluster.Thumbprint())
	if len(nodes) == 0 {
		for i := range cluster.Addresses() {
			cluster.Restart(i+1, 0)
		}
	}
	for _, node := range nodes {
		if node == "none" {
			continue
		}
		n, err := strconv.Atoi(node)
		ts.Check(err)
		cluster.Restart(n, 0)
	}
}

func cmdQueues(ts *testscript.TestScript, _ bool, args []string) {
	cluster, args := named(ts, args)
	cluster.SetSharedQueues(args[0] == "shared")
}
