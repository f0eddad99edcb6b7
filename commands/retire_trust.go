package commands

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// What update-trust does at the end of a renewal, and how it finds out which thumbprint is the old
// one.

// retireOld drops the old thumbprint where every port that is polled under it, or under the new
// one, presents the new one.
func (o *updateTrustOptions) retireOld(ctx context.Context, c *console, t *tentacle) (change, error) {
	trusted := tentacleconfig.Thumbprints(t.servers)
	if o.oldThumbprint != "" && !thumbprint.Contains(trusted, o.oldThumbprint) {
		o.warnOfNone(c, t)
		return nothing(o.newThumbprint), nil
	}
	if thumbprint.Same(o.oldThumbprint, o.newThumbprint) && o.newThumbprint != "" {
		return change{}, fmt.Errorf("the old thumbprint and the new one are the same, %s: there is none to retire", o.newThumbprint)
	}
	old, err := o.retired(t)
	if err != nil || len(old) == 0 {
		return nothing(o.newThumbprint), err
	}
	if !thumbprint.Contains(trusted, o.newThumbprint) {
		return change{}, hint.Errorf(trustedHint(t.servers), "the new thumbprint %s is not trusted: without the old one, the cluster would not be trusted at all", o.newThumbprint)
	}
	if !o.force {
		if err := o.checkAllRenewed(ctx, c, t, old); err != nil {
			return change{}, err
		}
	}
	return change{servers: func(now []tentacleconfig.TrustedServer) (decision, error) {
		for _, one := range old {
			now = tentacleconfig.Renewed(now, one, o.newThumbprint)
		}
		return ofRenewal(now, o.newThumbprint), nil
	}}, nil
}

// ofRenewal is the decision for a cluster and its other thumbprint, if that is trusted.
func ofRenewal(servers []tentacleconfig.TrustedServer, renewed string) decision {
	return decision{servers: servers, thumbprint: renewed, cluster: tentacleconfig.ClusterOf(servers, renewed)}
}

// retired are the thumbprints to retire; none where nothing is being renewed. It completes the
// options by the new one. Where neither is named, the new one is that which is trusted for less
// long: what the ports present does not tell it from the old one until the certificate is renewed.
func (o *updateTrustOptions) retired(t *tentacle) ([]string, error) {
	if o.oldThumbprint != "" && o.newThumbprint != "" {
		return []string{o.oldThumbprint}, nil
	}
	named := o.oldThumbprint + o.newThumbprint // one of them, or none
	renewals := slices.DeleteFunc(tentacleconfig.Renewals(t.servers), func(r []string) bool { return named != "" && !thumbprint.Contains(r, named) })
	switch {
	case len(renewals) == 0 && o.oldThumbprint != "":
		return nil, hint.New("it is not known which thumbprint replaces "+o.oldThumbprint+": no address is polled under both", "name it with --newThumbprint", trustedHint(t.servers))
	case len(renewals) == 0:
		return nil, nil
	case len(renewals) > 1:
		return nil, hint.New("the certificates of several clusters are being renewed: name the old thumbprint with --oldThumbprint", pairsOf(renewals)...)
	}
	cluster := renewals[0]
	without := func(one string) []string {
		return slices.DeleteFunc(slices.Clone(cluster), func(t string) bool { return thumbprint.Same(t, one) })
	}
	switch {
	case o.newThumbprint != "" && o.asksAPI && thumbprint.Same(cluster[0], o.newThumbprint):
		return nil, hint.With(fmt.Errorf("the Octopus Server has the thumbprint %s, which has been trusted for longer than %s: its certificate is not renewed yet", cluster[0], strings.Join(cluster[1:], ", ")),
			"if "+cluster[1]+" is the old one: "+t.retireCommand(cluster[1], cluster[0]))
	case o.newThumbprint != "":
		return without(o.newThumbprint), nil
	case len(cluster) > 2:
		return nil, hint.New(fmt.Sprintf("the cluster is trusted under %d thumbprints: name the old one with --oldThumbprint, and the new one with --newThumbprint", len(cluster)), pairsOf(renewals)...)
	case o.oldThumbprint != "":
		o.newThumbprint = without(o.oldThumbprint)[0]
		return []string{o.oldThumbprint}, nil
	}
	o.newThumbprint = cluster[1]
	return cluster[:1], nil
}

func pairsOf(renewals [][]string) (lines []string) {
	for _, r := range renewals {
		lines = append(lines, "trusted together: "+strings.Join(r, ", "))
	}
	return lines
}

// checkAllRenewed refuses to retire a thumbprint while a port does not present the new certificate.
func (o *updateTrustOptions) checkAllRenewed(ctx context.Context, c *console, t *tentacle, old []string) error {
	addresses := polledPorts(t.servers, append([]string{o.newThumbprint}, old...)...)
	answers, err := t.presentedAt(ctx, c, addresses)
	if err != nil {
		return err
	}
	e := retireError{tentacle: t, old: old, renewed: o.newThumbprint, polled: len(addresses)}
	for _, address := range addresses {
		switch answer, answered := answers[address]; {
		case !answered:
			e.silent = append(e.silent, address)
		case thumbprint.Contains(old, answer):
			e.presentOld = append(e.presentOld, address)
		case !thumbprint.Same(answer, o.newThumbprint):
			e.others = append(e.others, fmt.Sprintf("%s (%s)", address, answer))
		}
	}
	if len(e.silent)+len(e.presentOld)+len(e.others) == 0 {
		return nil
	}
	return e
}

// retireError is why a thumbprint cannot be retired yet.
type retireError struct {
	tentacle *tentacle
	old      []string
	renewed  string
	polled   int // how many ports

	silent, presentOld, others []string // those that do not present the new certificate
}

func (e retireError) Error() string {
	var ports []string
	for _, group := range []struct {
		text      string
		addresses []string
	}{
		{"the old one is presented at ", e.presentOld},
		{"no answer from ", e.silent},
		{"another one is presented at ", e.others},
	} {
		if len(group.addresses) > 0 {
			ports = append(ports, group.text+shortList(group.addresses))
		}
	}
	return fmt.Sprintf("not every polled port presents the new certificate %s: %s", e.renewed, strings.Join(ports, "; "))
}

// Hints say how to go on.
func (e retireError) Hints() []string {
	var hints []string
	if len(e.presentOld) > 0 {
		hints = append(hints, "restart the nodes that present the old certificate; then retire its thumbprint")
	}
	if len(e.silent) > 0 {
		hints = append(hints, "if a node is gone for good, remove-server stops polling it")
	}
	hints = append(hints, "--force retires it nevertheless: the Tentacle then no longer reaches a port that presents it")
	if len(e.presentOld) == e.polled && len(e.old) == 1 {
		hints = append(hints, "if the renewal is done, and "+e.renewed+" is the one from before it: "+e.tentacle.retireCommand(e.renewed, e.old[0]))
	}
	return hints
}

// replacedBy is the thumbprint that gives way to the new one; "" where there is none.
func replacedBy(t *tentacle, renewed string) (old string, err error) {
	servers := t.servers
	var candidates []string
	if thumbprint.Contains(tentacleconfig.Thumbprints(servers), renewed) {
		for _, cluster := range tentacleconfig.Renewals(servers) { // another that was trusted later is for a renewal to come
			if thumbprint.Contains(cluster[1:], renewed) {
				candidates = cluster
			}
		}
	} else {
		polled := slices.DeleteFunc(slices.Clone(servers), func(s tentacleconfig.TrustedServer) bool { return !s.Polls() })
		if candidates = tentacleconfig.Thumbprints(polled); len(candidates) == 0 {
			candidates = tentacleconfig.Thumbprints(servers)
		}
		if len(candidates) == 0 {
			return "", hint.New("this Tentacle trusts no Octopus Server yet, so there is none whose certificate was renewed", registerHint(t.suggest()))
		}
	}
	candidates = slices.DeleteFunc(candidates, func(one string) bool { return thumbprint.Same(one, renewed) })
	switch len(candidates) {
	case 0:
		return "", nil
	case 1:
		return thumbprint.Clean(candidates[0]), nil
	}
	return "", hint.With(fmt.Errorf("several thumbprints may be the old one of the cluster with thumbprint %s: name it with --oldThumbprint", renewed),
		"the candidates: "+shortList(candidates))
}

// polledPorts are the ports that are polled under one of the thumbprints, each once, as they can be
// tried.
func polledPorts(servers []tentacleconfig.TrustedServer, thumbprints ...string) []string {
	addresses := polledAddresses(servers, thumbprints...)
	for i, address := range addresses {
		addresses[i] = tentacleconfig.AddressKey(address)
	}
	return addresses
}

// presentedAt is what the polled ports present, through the Tentacle's proxy. The network is not
// used where there are none.
func (t *tentacle) presentedAt(ctx context.Context, c *console, addresses []string) (map[string]string, error) {
	if len(addresses) == 0 {
		return nil, nil
	}
	proxy, err := t.document.PollingProxy()
	if err != nil {
		return nil, err
	}
	c.keepSecret(proxy.Password)
	c.progress(askingText("", len(addresses)))
	defer c.endProgress()
	answers := presented(ctx, pollingProxy(proxy, runtime.GOOS), addresses)
	return answers, ctx.Err()
}

// retireCommand ends a renewal.
func (t *tentacle) retireCommand(old, renewed string) string {
	return t.suggest().Command("update-trust", "--retire", "--oldThumbprint="+old, "--newThumbprint="+renewed)
}
