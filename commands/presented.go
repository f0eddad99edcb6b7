package commands

import (
	"context"
	"time"

	"github.com/octo-tentacle/octo-tentacle/octoapi"
)

// portTime is how long a polling port may take to answer where nobody waits for it longer.
const portTime = 10 * time.Second

// presented tries each address once, all at the same time, through the proxy that the Tentacle uses
// for them. The result has the thumbprint that each presents; an address that does not answer as a
// polling port is not in it.
func presented(ctx context.Context, proxy proxyChoice, addresses []string) map[string]string {
	ports, errs := tryOnce(ctx, proxy, addresses)
	answers := map[string]string{}
	for i, address := range addresses {
		if errs[i] == nil {
			answers[address] = ports[i].Thumbprint
		}
	}
	return answers
}

// tryOnce is presented for those who want to know why an address does not answer.
func tryOnce(ctx context.Context, proxy proxyChoice, addresses []string) ([]octoapi.Port, []error) {
	ctx, cancel := context.WithTimeout(ctx, portTime)
	defer cancel()
	return octoapi.TryEachPort(ctx, addresses, octoapi.PortOptions{Proxy: proxy, FailFast: true})
}
