package commands

import (
	"runtime"
	"time"

	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// network reaches the polling ports the way the Tentacle itself does. It does not use the network.
func (t *tentacle) network(c *console, timeout time.Duration) (*network, error) {
	proxy, err := t.document.PollingProxy()
	if err != nil {
		return nil, err
	}
	c.keepSecret(proxy.Password)
	n := &network{console: c, ports: pollingProxy(proxy, runtime.GOOS), timeout: timeout}
	n.startTimeout()
	return n, nil
}

// connect reaches the Octopus Server the way the Tentacle itself does: through its polling proxy,
// if one is configured. It does not use the network. The proxy of an agent's pod is not for what is
// outside its cluster. A server that is being started together with this machine is waited for.
func (t *tentacle) connect(c *console, o apiOptions) (*connection, error) {
	o.awaitsStart = true
	if t.agent != nil {
		return connect(c, o, tentacleconfig.Proxy{UseDefault: true})
	}
	proxy, err := t.document.PollingProxy()
	if err != nil {
		return nil, err
	}
	return connect(c, o, proxy)
}
