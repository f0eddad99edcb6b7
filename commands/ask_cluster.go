package commands

import (
	"context"
	"slices"

	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"golang.org/x/sync/errgroup"
)

// clusterQuestion is what is asked of a cluster before addresses of it are polled.
type clusterQuestion struct {
	addresses        []string                       // to poll
	now              []tentacleconfig.TrustedServer // what the Tentacle trusts already
	allowUnreachable bool
	// settle says, of the thumbprint that the API gives, which addresses need an answer, and which
	// thumbprints they may present. It refuses what makes no sense whatever the ports say.
	settle func(thumbprint string) (need, accepted []string, err error)
	also   func(context.Context) error // runs at the same time; may be nil
}

// clusterAnswer is what a cluster said.
type clusterAnswer struct {
	thumbprint string   // to trust
	unverified []string // addresses that did not answer, and are allowed not to
}

// needed is a settle for those who trust the one thumbprint of the API: an address that is polled
// under it needs no answer, since one node that is down must not stop every other change.
func (q *clusterQuestion) needed(thumbprint string) (need, accepted []string, err error) {
	return notPolled(q.addresses, polledAddresses(q.now, thumbprint)), []string{thumbprint}, nil
}

// notPolled are the addresses that are not among the polled ones.
func notPolled(addresses, polled []string) []string {
	return slices.DeleteFunc(slices.Clone(addresses), tentacleconfig.AddressSetOf(polled).Has)
}

// askCluster asks the API for the cluster's thumbprint and tries the polling ports that are new,
// all at the same time. Each of those has to present the cluster's own certificate.
func (s *connection) askCluster(ctx context.Context, q clusterQuestion) (clusterAnswer, error) {
	if len(q.addresses) > 0 && isWebSocket(q.addresses[0]) {
		return s.askWebSocket(ctx, q)
	}
	defer s.console.endProgress()
	portsCtx, noMorePorts := context.WithCancel(ctx)
	defer noMorePorts()

	// An address that is polled already may be another cluster's: then it comes later.
	early := notPolled(q.addresses, polledAddresses(q.now))
	s.console.progress(askingText(s.URL(), len(early)))
	var a clusterAnswer
	var tried triedPorts
	var need, accepted []string
	var all errgroup.Group
	all.Go(func() (err error) {
		if a.thumbprint, err = s.askAPI(ctx, q.also); err == nil {
			need, accepted, err = q.settle(a.thumbprint)
		}
		if err != nil || len(need) == 0 {
			noMorePorts()
		}
		return err
	})
	all.Go(func() error {
		tried = s.tryPorts(portsCtx, q.withWitnesses(early), s.URL(), q.allowUnreachable)
		return nil // what the API says is more important
	})
	if err := all.Wait(); err != nil {
		return clusterAnswer{}, err
	}
	if len(need) == 0 {
		return a, nil
	}
	late := slices.DeleteFunc(slices.Clone(need), func(address string) bool { return slices.Contains(early, address) })
	tried.add(s.tryPorts(ctx, q.withWitnesses(late), s.URL(), q.allowUnreachable))
	unverified, err := tried.judge(s.console, q.expecting(need, accepted))
	a.unverified = unverified
	return a, err
}

// expecting is what is expected of the ports.
func (q *clusterQuestion) expecting(need, accepted []string) portJudgement {
	return portJudgement{need: need, accepted: accepted, polled: polledAddresses(q.now, accepted...), allowUnreachable: q.allowUnreachable}
}

// withWitnesses are addresses to try, and those polled already: in place of a new one, one of them
// may show that the cluster is there.
func (q *clusterQuestion) withWitnesses(addresses []string) []string {
	if !q.allowUnreachable || len(addresses) == 0 {
		return addresses
	}
	return slices.Concat(addresses, notPolled(polledAddresses(q.now), addresses))
}

// askAPI asks the API for the cluster's thumbprint.
func (s *connection) askAPI(ctx context.Context, also func(context.Context) error) (thumbprint string, err error) {
	api, ctx := errgroup.WithContext(ctx)
	api.Go(func() (err error) {
		thumbprint, err = s.Thumbprint(ctx)
		return err
	})
	if also != nil {
		api.Go(func() error { return also(ctx) })
	}
	return thumbprint, api.Wait()
}

// askWebSocket is askCluster for the address of a web socket, of which there is one. Behind it is
// the certificate of the web server instead of the cluster's. As with the Tentacle CLI, the
// thumbprint that it presents is the one to trust, unless the certificate is neither expected nor
// valid. Where the address is polled already, its entry has that thumbprint.
func (s *connection) askWebSocket(ctx context.Context, q clusterQuestion) (a clusterAnswer, err error) {
	s.console.progress(askingText(s.URL(), 1))
	defer s.console.endProgress()
	for _, server := range q.now {
		if server.Subscribes() && server.IsAt(q.addresses) {
			a.thumbprint = server.Thumbprint
			break
		}
	}
	portCtx, noMorePorts := context.WithCancel(ctx)
	defer noMorePorts()
	var ports []octoapi.Port
	var portErr error
	var all errgroup.Group
	all.Go(func() error {
		_, err := s.askAPI(ctx, q.also)
		if err != nil {
			noMorePorts()
		}
		return err
	})
	if a.thumbprint == "" {
		all.Go(func() error {
			ports, portErr = octoapi.TryPorts(portCtx, q.addresses, s.portOptions(s.URL(), 1))
			return nil
		})
	}
	if err := all.Wait(); err != nil {
		return clusterAnswer{}, err
	}
	if portErr == nil && a.thumbprint == "" {
		a.thumbprint, portErr = ports[0].Thumbprint, s.checkWebSocket(ports[0])
	}
	if portErr != nil {
		return clusterAnswer{}, portErr
	}
	_, _, err = q.settle(a.thumbprint)
	return a, err
}

func (s *connection) checkWebSocket(p octoapi.Port) error {
	if !s.webSocket.any {
		return octoapi.CheckWebSocket(p, s.webSocket.thumbprint)
	}
	if p.Invalid != nil {
		s.console.warn("%s: its certificate %s is trusted without having been verified", p.Address, p.Thumbprint)
	}
	return nil
}
