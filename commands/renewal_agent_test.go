package commands_test

import (
	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// agent stands in for a running Tentacle. It reads its configuration when it starts, and not again.
type agent struct {
	octotest.Tentacle
	config string
	list   string // of trusted servers, which its environment sets instead of that in the file; "" for none
}

// start starts the agent, or starts it again.
func (a *agent) start() error {
	a.Stop()
	document, err := tentacleconfig.Read(a.config)
	if err != nil {
		return err
	}
	if a.list != "" {
		document.Set(tentacleconfig.KeyTrustedServers, a.list)
	}
	servers, err := document.TrustedServers()
	if err != nil {
		return err
	}
	var polled []octotest.Polled
	for _, server := range servers {
		if server.Polls() {
			polled = append(polled, octotest.Polled{Address: server.Address, Thumbprint: server.Thumbprint, Subscription: server.SubscriptionID})
		}
	}
	a.Start(polled)
	return nil
}
