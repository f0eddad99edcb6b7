package commands

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/internal/plural"
	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// answering finds what a change cuts off: an address that is polled and answers now, with a
// certificate that is trusted, and would not do so after the change. It tries only the addresses
// that the change endangers, each once through each proxy, all at the same time.
type answering struct {
	console *console
	// proxyPassword is the one that the change sets, which a dry run cannot encrypt; nil for none.
	proxyPassword *string

	tried map[route]answered
	lost  []lostAddress // by the change that was looked at last
}

// route is the way to a polling port.
type route struct {
	proxy   tentacleconfig.Proxy
	address string
}

// answered is how a polling port answered: what it presented, or why it did not.
type answered struct {
	thumbprint string
	err        error
}

// lostAddress is an address that a change cuts off, and why, unless it is just no longer polled.
type lostAddress struct{ address, why string }

// reasonsAtMost is how many reasons an error gives, each for one address.
const reasonsAtMost = 3

// refusing is refuse as a part of a change.
func (a *answering) refusing(ctx context.Context) func(before, after *tentacleconfig.Document) error {
	return func(before, after *tentacleconfig.Document) error { return a.refuse(ctx, before, after) }
}

// looking is look as a part of a change, after which warn says what was found.
func (a *answering) looking(ctx context.Context) func(before, after *tentacleconfig.Document) error {
	return func(before, after *tentacleconfig.Document) error { return a.look(ctx, before, after) }
}

// refuse refuses a change that cuts something off.
func (a *answering) refuse(ctx context.Context, before, after *tentacleconfig.Document) error {
	if err := a.look(ctx, before, after); err != nil || len(a.lost) == 0 {
		return err
	}
	var hints []string
	given := map[string]bool{"": true}
	for _, lost := range a.lost {
		if !given[lost.why] && len(hints) < reasonsAtMost {
			given[lost.why] = true
			hints = append(hints, lost.address+" "+lost.why)
		}
	}
	return hint.With(fmt.Errorf("this would cut the Tentacle off from %s, where an Octopus Server answers now; nothing was changed", a.lostAddresses()),
		append(hints, "if that is intended, add --force")...)
}

// warn warns of what the change that was looked at cuts off.
func (a *answering) warn(dryRun bool) {
	cuts := "cuts"
	if dryRun {
		cuts = "would cut"
	}
	if len(a.lost) > 0 {
		a.console.warn("this %s the Tentacle off from %s, where an Octopus Server answers now: no more work would arrive from there", cuts, a.lostAddresses())
	}
}

func (a *answering) lostAddresses() string {
	addresses := make([]string, len(a.lost))
	for i, lost := range a.lost {
		addresses[i] = lost.address
	}
	return shortList(addresses)
}

// look finds what a change cuts off. What cannot be found out is no objection. An address that was
// tried before is not tried again.
func (a *answering) look(ctx context.Context, before, after *tentacleconfig.Document) error {
	a.lost = nil
	was, err := a.pollingOf(before, nil)
	if err != nil || was.proxyErr != nil {
		return nil // it is not known what answers now
	}
	will, err := a.pollingOf(after, a.proxyPassword)
	if err != nil {
		return err
	}
	list := endangeredAddresses(was, will)
	if err := a.tryAll(ctx, list, was, will); err != nil {
		return err
	}
	for _, e := range list {
		now := a.tried[route{was.proxy, e.address}]
		if now.err != nil || !thumbprint.Contains(e.trusted, now.thumbprint) {
			continue
		}
		if why, lost := e.isLost(will, a.tried[route{will.proxy, e.address}]); lost {
			a.lost = append(a.lost, lostAddress{e.address, why})
		}
	}
	return nil
}

// pollingState is how a configuration polls.
type pollingState struct {
	servers  []tentacleconfig.TrustedServer
	proxy    tentacleconfig.Proxy // as it is used on this system
	proxyErr error                // why the proxy cannot be used
}

// pollingOf reads how a configuration polls, with another password of the proxy if one is given.
func (a *answering) pollingOf(document *tentacleconfig.Document, password *string) (p pollingState, err error) {
	if p.servers, err = document.TrustedServers(); err != nil {
		return p, err
	}
	if password != nil {
		document = document.Clone()
		document.Set(tentacleconfig.KeyProxyPassword, "")
	}
	p.proxy, p.proxyErr = document.PollingProxy()
	if password != nil {
		p.proxy.Password = *password
	}
	a.console.keepSecret(p.proxy.Password)
	p.proxy = usedProxy(p.proxy, runtime.GOOS)
	return p, nil
}

// usedProxy is the same for proxies that make no difference.
func usedProxy(p tentacleconfig.Proxy, goos string) tentacleconfig.Proxy {
	switch {
	case p.UseDefault && goos == "windows":
		return tentacleconfig.Proxy{UseDefault: true}
	case p.UseDefault || p.Host == "":
		return tentacleconfig.Proxy{}
	case p.Username == "":
		p.Password = ""
	}
	return p
}

// polled are the addresses that are polled, in order, and the thumbprints that are trusted at each.
func (p pollingState) polled() (addresses []string, trusted map[string][]string) {
	trusted = map[string][]string{}
	for _, server := range p.servers {
		if !server.Polls() {
			continue
		}
		key := tentacleconfig.AddressKey(server.Address)
		if trusted[key] == nil {
			addresses = append(addresses, key)
		}
		trusted[key] = append(trusted[key], server.Thumbprint)
	}
	return addresses, trusted
}

// endangered is an address that is polled under these thumbprints, and under those after a change,
// which may cut it off.
type endangered struct {
	address        string
	trusted, after []string
}

// endangeredAddresses are those that are no longer polled under a thumbprint that is trusted now;
// through another proxy, all.
func endangeredAddresses(was, will pollingState) (list []endangered) {
	addresses, trusted := was.polled()
	_, after := will.polled()
	for _, address := range addresses {
		e := endangered{address, trusted[address], after[address]}
		untrusts := slices.ContainsFunc(e.trusted, func(t string) bool { return !thumbprint.Contains(e.after, t) })
		if untrusts || will.proxyErr != nil || was.proxy != will.proxy {
			list = append(list, e)
		}
	}
	return list
}

// tryAll tries the addresses as they are polled now and, if that is through another proxy, as they
// would be polled.
func (a *answering) tryAll(ctx context.Context, list []endangered, was, will pollingState) error {
	routes := map[tentacleconfig.Proxy][]string{}
	add := func(r route) {
		if _, known := a.tried[r]; !known {
			routes[r.proxy] = append(routes[r.proxy], r.address)
		}
	}
	for _, e := range list {
		add(route{was.proxy, e.address})
		if will.proxy != was.proxy && will.proxyErr == nil && len(e.after) > 0 {
			add(route{will.proxy, e.address})
		}
	}
	if len(routes) == 0 {
		return nil
	}
	a.console.progress("trying " + plural.Of(len(list), "polling port", "polling ports"))
	defer a.console.endProgress()
	var mu sync.Mutex
	var all sync.WaitGroup
	for proxy, addresses := range routes {
		all.Go(func() {
			ports, errs := tryOnce(ctx, pollingProxy(proxy, runtime.GOOS), addresses)
			mu.Lock()
			defer mu.Unlock()
			for i, address := range addresses {
				a.note(route{proxy, address}, answered{ports[i].Thumbprint, errs[i]})
			}
		})
	}
	all.Wait()
	return ctx.Err()
}

func (a *answering) note(r route, how answered) {
	if a.tried == nil {
		a.tried = map[route]answered{}
	}
	a.tried[r] = how
}

// isLost says whether an address that answers now would not do so after the change, and why, unless
// it would just not be polled.
func (e endangered) isLost(will pollingState, then answered) (why string, lost bool) {
	switch {
	case len(e.after) == 0:
		return "", true
	case will.proxyErr != nil:
		return "could not be polled: " + will.proxyErr.Error(), true
	case then.err != nil:
		return fmt.Sprintf("does not answer %s: %s", throughProxy(will.proxy), portCause(then.err)), true
	case !thumbprint.Contains(e.after, then.thumbprint):
		return fmt.Sprintf("presents %s, but would be polled under %s", then.thumbprint, strings.Join(e.after, ", ")), true
	}
	return "", false
}

// throughProxy is the way that a change leads.
func throughProxy(p tentacleconfig.Proxy) string {
	switch {
	case p.UseDefault:
		return "through the system's proxy"
	case p.Host == "":
		return "without a proxy"
	}
	return "through the proxy " + net.JoinHostPort(p.Host, strconv.Itoa(p.Port))
}

// portCause is in short why a port does not answer.
func portCause(err error) string {
	if port, is := errors.AsType[*octoapi.PortError](err); is {
		return port.Cause
	}
	return err.Error()
}
