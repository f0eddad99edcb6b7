package commands

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/octo-tentacle/octo-tentacle/commands/suggest"
	"github.com/octo-tentacle/octo-tentacle/internal/plural"
	"github.com/octo-tentacle/octo-tentacle/kubernetes"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/service"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// confirmation proves, after a restart, that a Tentacle works with its new configuration: its
// process stays up, and each address that answered before still answers. Otherwise the former
// configuration is put back.
type confirmation struct {
	neededRestart
	console *console
	options restartOptions
	time    time.Duration // for which the process has to stay up

	saved      *tentacleconfig.Document // the new configuration
	savedTimes tentacleconfig.FileTimes
	answered   []string // of the addresses that are polled with both, those that answered before
}

// prepareConfirmation asks the polled ports, before the restart, which of them answer. Where the
// former configuration is not known or cannot be read, only the process has to stay up, and nothing
// can be put back.
func prepareConfirmation(ctx context.Context, c *console, n neededRestart, o restartOptions) (*confirmation, error) {
	k := &confirmation{neededRestart: n, console: c, options: o, time: o.confirm}
	if n.former == nil {
		return k, nil
	}
	if _, err := n.former.TrustedServers(); err != nil { // no Tentacle could work with it
		k.former = nil
		return k, nil
	}
	var err error
	if k.saved, err = tentacleconfig.Read(n.config); err != nil {
		return nil, err
	}
	k.savedTimes, _ = tentacleconfig.TimesOf(n.config) // without them, only the content tells of another change
	before, err := reachOf(c, n.former)
	if err != nil {
		c.warnOf(fmt.Errorf("it cannot be confirmed that the polled ports answer: %w", err))
		return k, nil
	}
	polled, err := k.saved.TrustedServers()
	if err != nil {
		return nil, err
	}
	c.progress("asking which polled ports answer before the restart")
	defer c.endProgress()
	still := tentacleconfig.AddressSetOf(reach{servers: polled}.addresses())
	k.answered, _ = before.ask(ctx, slices.DeleteFunc(before.addresses(), func(address string) bool { return !still.Has(address) }))
	return k, nil
}

// conclude confirms a restart, which ended with that status and error. Otherwise it puts the former
// configuration back, and restarts the service with it.
func (k *confirmation) conclude(ctx context.Context, status service.Status, restarting error) (service.Status, error) {
	why := restarting
	switch {
	case why != nil && !errors.As(why, new(*service.StartError)):
		return status, why // it was not restarted
	case why == nil && status.State != service.Running:
		return status, nil // it was left alone
	case why == nil:
		why = k.confirm(ctx)
	}
	switch {
	case why == nil:
		return status, nil
	case ctx.Err() != nil:
		return status, unconfirmedError{unfinishedError{done: fmt.Sprintf("service %s was restarted, but the change is not confirmed yet", k.service), cause: why}}
	}
	kept, err := k.putBack(ctx)
	if err != nil {
		return status, unconfirmedError{unfinishedError{done: k.config + " is in use, but not confirmed: " + why.Error(), cause: err}}
	}
	if status, err = k.restartFormer(ctx, status); err != nil {
		return status, unconfirmedError{unfinishedError{
			done:   fmt.Sprintf("%s is as before the change, which was not confirmed: %v; but the service does not use it", k.config, why),
			cause:  err,
			finish: suggest.Tentacle{Instance: tentacleconfig.Instance{ConfigPath: k.config}, Service: k.service}.Restart(),
		}}
	}
	return status, undoneError{why, kept}
}

// undoWait is how long the restart with the former configuration waits for a deployment, at most:
// other commands wait for it.
const undoWait = 3 * time.Minute

// restartFormer restarts the service, or starts it, with the configuration that was put back.
// Meanwhile, a node that the change did not cut off may have begun a deployment.
func (k *confirmation) restartFormer(ctx context.Context, status service.Status) (service.Status, error) {
	if wait := min(k.options.wait, undoWait); !k.options.now {
		if err := waitUntilIdle(ctx, k.console, k.service, time.Now().Add(wait), wait); err != nil {
			return status, err
		}
	}
	k.stopped, k.since = true, time.Time{} // whatever it does now, it is to run with the former configuration
	if now, err := service.Query(ctx, k.service); err == nil {
		status = now
	}
	return k.carryOut(ctx, k.console, status)
}

// unconfirmedError is a change that was neither confirmed nor undone.
type unconfirmedError struct{ unfinishedError }

func (e unconfirmedError) Unwrap() error { return e.unfinishedError }

// confirm waits, after the restart, until the process has stayed up for the time, and until every
// address answers that answered before. The error says why the change is not confirmed.
func (k *confirmation) confirm(ctx context.Context) error {
	defer k.console.endProgress()
	first, err := lookAtService(ctx, k.service)
	if err != nil {
		return err
	}
	var after reach
	if len(k.answered) > 0 {
		if after, err = reachOf(k.console, k.saved); err != nil {
			return err
		}
	}
	left, why := k.answered, []string(nil)
	for end := time.Now().Add(k.time); ; {
		now, err := lookAtService(ctx, k.service)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil && (now.State != service.Running || now.MainPID != first.MainPID):
			return fmt.Errorf("service %s did not stay up for %v; it is %s now", k.service, k.time, now)
		}
		if len(left) > 0 {
			var answers []string
			answers, why = after.ask(ctx, left)
			left = slices.DeleteFunc(slices.Clone(left), func(address string) bool { return slices.Contains(answers, address) })
		}
		rest := time.Until(end)
		if rest <= 0 {
			break
		}
		k.console.progress(fmt.Sprintf("confirming: service %s runs, %d of %s; %v left",
			k.service, len(k.answered)-len(left), plural.Of(len(k.answered), "address answers", "addresses answer"), rest.Round(time.Second)))
		select {
		case <-ctx.Done():
		case <-time.After(min(rest, confirmPause)):
		}
	}
	if len(left) > 0 {
		return errors.New("not every polled port that answered before the restart answers now: " + strings.Join(why, "; "))
	}
	return nil
}

// confirmPause is how long to wait between two looks.
const confirmPause = 500 * time.Millisecond

// putBack puts the former configuration back, unless another command has changed the file
// meanwhile. kept is the backup of what was undone.
func (k *confirmation) putBack(ctx context.Context) (kept string, err error) {
	if k.former == nil {
		return "", errors.New("there is no former configuration to put back")
	}
	_, err = tentacleconfig.Update(ctx, k.config, tentacleconfig.Change{
		Edit: func(document *tentacleconfig.Document) error {
			// The Tentacle itself writes its file when it starts, but never replaces it.
			if now, err := tentacleconfig.TimesOf(k.config); !bytes.Equal(document.Bytes(), k.saved.Bytes()) && (err != nil || now.Created != k.savedTimes.Created) {
				return errChangedSince
			}
			document.Replace(k.former)
			return nil
		},
		Damaged: true,
		Backup:  func(path string) { kept = path },
		Waiting: func() { k.console.progress("another octo-tentacle is changing " + k.config) },
	})
	return kept, err
}

var errChangedSince = errors.New("the former configuration was not put back, because another command has changed the file since")

// undoneError is a change that was taken back.
type undoneError struct {
	cause error
	kept  string // the backup of what was undone
}

func (e undoneError) Error() string { return "the change was undone: " + e.cause.Error() }
func (e undoneError) Unwrap() error { return e.cause }

// Hints say where the change is.
func (e undoneError) Hints() []string {
	if e.kept == "" { // a rollout, of which the release keeps what it was
		if failed, is := kubernetes.AsRolloutError(e.cause); is && failed.TimedOut {
			return []string{"if it only takes longer, give it more time with --rollout-timeout; else, when that is repaired, " + again}
		}
		return []string{"when that is repaired, " + again}
	}
	return []string{"what was undone is kept as " + e.kept, "to make the change nevertheless: --confirm=0s"}
}

// reach is what a Tentacle polls with a configuration, and how.
type reach struct {
	servers     []tentacleconfig.TrustedServer
	proxy       proxyChoice
	certificate *tentacleconfig.Certificate
}

func reachOf(c *console, document *tentacleconfig.Document) (r reach, err error) {
	if r.servers, err = document.TrustedServers(); err != nil {
		return r, err
	}
	proxy, err := document.PollingProxy()
	if err != nil {
		return r, err
	}
	c.keepSecret(proxy.Password)
	r.proxy = pollingProxy(proxy, runtime.GOOS)
	r.certificate, err = ownCertificate(document)
	return r, err
}

// addresses are those that are polled, each once.
func (r reach) addresses() (list []string) {
	known := tentacleconfig.AddressSet{}
	for _, s := range r.servers {
		if s.Polls() && known.Add(s.Address) {
			list = append(list, s.Address)
		}
	}
	return list
}

// ask asks each address once. It answers if it presents a certificate that is trusted there, and
// accepts this Tentacle; a web socket cannot be asked for the latter. why says it of the others.
func (r reach) ask(ctx context.Context, addresses []string) (answer, why []string) {
	ctx, cancel := context.WithTimeout(ctx, portTime)
	defer cancel()
	sockets := slices.DeleteFunc(slices.Clone(addresses), func(address string) bool { return !strings.HasPrefix(address, "wss:") })
	behindSockets := presented(ctx, r.proxy, sockets)
	for _, port := range octoapi.AskTrust(ctx, addresses, r.certificate.TLS(), octoapi.PortOptions{Proxy: r.proxy, FailFast: true}) {
		if of, is := behindSockets[port.Address]; is && errors.Is(port.Err, octoapi.ErrWebSocket) {
			port = octoapi.PortTrust{Address: port.Address, Trust: octoapi.Trusted, Thumbprint: of}
		}
		if err := whyNotAccepted(port, r.trustedAt(port.Address)); err != nil {
			why = append(why, err.Error())
		} else {
			answer = append(answer, port.Address)
		}
	}
	return answer, why
}

// trustedAt are the thumbprints under which the address is polled.
func (r reach) trustedAt(address string) (thumbprints []string) {
	for _, s := range r.servers {
		if s.Polls() && tentacleconfig.SameAddress(s.Address, address) {
			thumbprints = append(thumbprints, s.Thumbprint)
		}
	}
	return thumbprints
}
