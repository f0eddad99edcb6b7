package commands

import (
	"runtime"
	"time"
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
// if one is configured. It does not use the network.
func (t *tentacle) connect(c *console, o apiOptions) (*connection, error) {
	proxy, err := t.document.PollingProxy()
	if err != nil {
		return nil, err
	}
	return connect(c, o, proxy)
}
