package commands_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"

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
	states := map[string]octotest.ServerNode{
		"ok": {}, "maintenance": {Maintenance: true}, "offline": {Offline: true}, "web-only": {WebOnly: true},
	}
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	switch args[1] {
	case "api":
		cluster.SetAPINode(n)
		return
	case "tasks":
		cluster.SetTaskNode(n)
		return
	case "restart":
		cluster.Restart(n, 0)
		return
	case "queues":
		ts.Check(cluster.SetNodeQueues(n, args[2] == "shared"))
		return
	}
	state, ok := states[args[1]]
	if !ok {
		ts.Fatalf("unknown state of a node: %s", args[1])
	}
	cluster.SetServerNode(n, state)
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
