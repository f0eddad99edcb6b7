package octoapi

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/octo-tentacle/octo-tentacle/internal/beside"
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/internal/steps"
	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
)

// Port is a polling port that answered.
type Port struct {
	Address    string        // as it was given
	Thumbprint string        // of the certificate it presented: 40 upper-case hex digits
	Latency    time.Duration // from the connection to the answer, in the try that succeeded
	// Remote is the IP address and port that was connected to; "" through a proxy, which does not
	// tell, and of a web socket. Addresses that have it in common lead to one node.
	Remote string

	// Invalid is why the certificate of a web socket (wss) does not stand up on its own: its issuer
	// is unknown, or it is for another name. It is nil for a polling port, which is known by its
	// thumbprint.
	Invalid error
}

// PortOptions are those of TryPorts and AskTrust.
type PortOptions struct {
	Proxy    func(*url.URL) (*url.URL, error) // nil: that of the environment; see ProxyFunc
	Waiting  func(address, why string)        // optional: a try failed and will be repeated; called from several goroutines
	Done     func(Port)                       // optional: a port answered; called from several goroutines
	FailFast bool                             // do not try again what rarely passes: a port that refuses, a name that does not exist
	// OneIsEnough bounds the time that the others take: once a port has answered, one that does not
	// is tried again only briefly, instead of until the deadline.
	OneIsEnough bool
	RootCAs     *x509.CertPool // for web sockets; nil: the system's

	timing   timing
	answered *firstAnswer
}

// firstAnswer tells when a port has answered.
type firstAnswer struct {
	once sync.Once
	came chan struct{} // closed then
}

func (a *firstAnswer) note() { a.once.Do(func() { close(a.came) }) }

func (a *firstAnswer) is() bool {
	select {
	case <-a.came:
		return true
	default:
		return false
	}
}

// PortError is a polling port that is not responding as one.
type PortError struct {
	Address     string // as it was given
	Cause       string // in short, for the reader: "nothing listens on 10.0.0.3:10943 (connection refused)"
	Reason      Reason
	DefaultPort bool // the port is 443, which an https address without a port has
	// Presented is the thumbprint of the certificate that the port presented nevertheless, in the
	// last try that got as far; "" for none.
	Presented string
	report
}

// Silent says whether nothing answers at the address, as when a node is down. A port at which
// something else answers is not silent.
func (e *PortError) Silent() bool {
	switch e.Reason {
	case NameNotFound, NoNameServer, Refused, TimedOut, OutOfTime, NoRoute, Ended:
		return true
	case ProxyRefused: // with these, the proxy got no answer from the port
		refused, is := errors.AsType[*ProxyError](error(e))
		return is && refused.Status >= http.StatusBadGateway
	}
	return false
}

// TryPorts tries polling ports, https://host:port or wss://host/path, all at once: TLS with
// whatever certificate, and POST /handshake with an empty body, which a polling port answers with
// 200, or with 400 when it requires a client certificate (OctopusTentacle,
// OctopusServerChecker.cs; of a web socket, TLS alone). It never speaks the protocol itself, which
// would make the server hand over work. A try that fails is repeated with a growing delay until
// the context's deadline, a refused port only briefly. One that hangs has that time, and is tried
// once more beside it. The ports are in the order of the addresses; the error joins what is wrong
// with each.
func TryPorts(ctx context.Context, addresses []string, o PortOptions) ([]Port, error) {
	ports, errs := TryEachPort(ctx, addresses, o)
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return ports, nil
}

// TryEachPort is TryPorts for those who want to know about each address: the port, or the error
// that tells why it is none, a *PortError unless the address itself is wrong. Both lists are in the
// order of the addresses.
func TryEachPort(ctx context.Context, addresses []string, o PortOptions) ([]Port, []error) {
	o = o.withDefaults()
	ports, errs := make([]Port, len(addresses)), make([]error, len(addresses))
	var all sync.WaitGroup
	for i, address := range addresses {
		all.Go(func() {
			port, try, err := o.tryUntilDeadline(ctx, address, func(ctx context.Context, u *url.URL) (try portTry, err error) {
				err = o.tryPort(ctx, u, 0, func(ctx context.Context, raw net.Conn) (err error) {
					try.remote = o.remote(u, raw)
					try.presented, err = shakeHands(ctx, raw, u)
					return err
				})
				return try, err
			})
			if err == nil {
				port.Remote = try.remote
			}
			if ports[i], errs[i] = port, err; err == nil {
				o.Done(port)
			}
		})
	}
	all.Wait()
	return ports, errs
}

func (o PortOptions) withDefaults() PortOptions {
	o.timing = o.timing.withDefaults()
	o.answered = &firstAnswer{came: make(chan struct{})}
	if o.Proxy == nil {
		o.Proxy = ProxyFunc(nil)
	}
	if o.Waiting == nil {
		o.Waiting = func(string, string) {}
	}
	if o.Done == nil {
		o.Done = func(Port) {}
	}
	return o
}

// portTry is what one try found out about a port, even if it failed.
type portTry struct {
	presented []*x509.Certificate // at least one if it succeeded
	remote    string              // see PortOptions.remote
	trust     Trust               // if that was asked
	took      time.Duration
}

// tryUntilDeadline tries one port until it answers, or another try makes no sense, or time is up.
func (o PortOptions) tryUntilDeadline(ctx context.Context, address string, try func(context.Context, *url.URL) (portTry, error)) (Port, portTry, error) {
	u, err := portURL(address)
	if err != nil {
		return Port{}, portTry{}, err
	}
	tries := newAttempts(o.timing)
	var (
		before     error // of the last try that was not broken off, which found out this, and took as long
		foundOut   portTry
		tookBefore time.Duration
	)
	seen := ""
	for {
		started := time.Now()
		last, err := o.tryOnce(ctx, address, u, try)
		took := time.Since(started)
		o.tell(tries.told(ctx), address, u, last, err, started)
		if err == nil {
			o.answered.note()
			return o.port(address, u, last), last, nil
		}
		if len(last.presented) > 0 {
			seen = thumbprint.Of(last.presented[0].Raw)
		}
		if before != nil && deadlinePassed(ctx) {
			err, last = before, foundOut // the deadline broke this try off, which says less than how the one before ended
		} else {
			before, foundOut, tookBefore = err, last, took
		}
		d := diagnosePort(err, u.Host, tookBefore).through(o.Proxy, proxied(u))
		if o.FailFast && d.retry == retryBriefly {
			d.retry = noRetry
		}
		if o.OneIsEnough && o.answered.is() && d.retry == retryUntilDeadline {
			d.retry = retryBriefly
		}
		wait, again := tries.next(ctx, d.retry, 0)
		if again {
			o.Waiting(address, d.text)
			again = sleep(ctx, wait)
		}
		if !again {
			d.text = d.cause(proxySecrets(o.Proxy, proxied(u)))
			failure := portFailure(ctx, address, d, err, tries)
			failure.Presented = seen
			return Port{}, last, failure
		}
	}
}

// tell tells of a try of a port.
func (o PortOptions) tell(ctx context.Context, address string, u *url.URL, last portTry, err error, started time.Time) {
	var details []any
	if proxy, failed := proxyFor(o.Proxy, proxied(u)); failed == nil && proxy != nil {
		details = append(details, "proxy", proxy.Host)
	}
	if ip, _, failed := net.SplitHostPort(last.remote); failed == nil && ip != u.Hostname() {
		details = append(details, "ip", ip)
	}
	if len(last.presented) > 0 {
		details = append(details, "thumbprint", thumbprint.Of(last.presented[0].Raw))
	}
	if err != nil {
		details = append(details, "error", err)
	}
	steps.Log(ctx, "port "+address, append(details, steps.Took(started))...)
}

// tryOnce tries a port, and once more beside that where it hangs. Where one is enough, and another
// port has answered, one that hangs gets no more time than until the second try.
func (o PortOptions) tryOnce(ctx context.Context, address string, u *url.URL, try func(context.Context, *url.URL) (portTry, error)) (portTry, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if o.OneIsEnough {
		go func() {
			if !sleep(ctx, o.timing.portTry) {
				return
			}
			select {
			case <-o.answered.came:
				cancel(givenUpError{})
			case <-ctx.Done():
			}
		}()
	}
	last, done, err := beside.Tries[portTry]{
		Patience: o.timing.portTry,
		Again: func() {
			o.Waiting(address, fmt.Sprintf("no response from %s within %s", u.Host, round(o.timing.portTry)))
		},
		Try: func(ctx context.Context) (portTry, error) {
			started := time.Now()
			found, err := try(ctx, u)
			found.took = time.Since(started)
			return found, err
		},
		Good: func(portTry) bool { return true },
		Drop: func(portTry) {},
	}.Do(ctx)
	done()
	return last, err
}

// givenUpError is that a port hangs that is not needed. Unlike after a deadline, more time would
// not be used.
type givenUpError struct{}

func (givenUpError) Error() string   { return "given up" }
func (givenUpError) Timeout() bool   { return true }
func (givenUpError) Temporary() bool { return true }

// port is a port that answered.
func (o PortOptions) port(address string, u *url.URL, last portTry) Port {
	p := Port{Address: address, Thumbprint: thumbprint.Of(last.presented[0].Raw), Latency: last.took}
	if u.Scheme == "wss" {
		p.Invalid = verify(last.presented, u.Hostname(), o.RootCAs)
	}
	return p
}

// remote is the other end of a connection to a port: "" through a proxy, which does not tell, and
// of a web socket, whose port many nodes may share.
func (o PortOptions) remote(u *url.URL, raw net.Conn) string {
	if proxy, err := o.Proxy(proxied(u)); err != nil || proxy != nil || u.Scheme == "wss" {
		return ""
	}
	return raw.RemoteAddr().String()
}

func portFailure(ctx context.Context, address string, d diagnosis, cause error, tries *attempts) *PortError {
	e := &PortError{Address: address, Cause: oneLine(d.text, maxQuote), Reason: d.reason, DefaultPort: hasDefaultPort(address)}
	if errors.Is(ctx.Err(), context.Canceled) {
		e.Cause, e.Reason = "interrupted", Interrupted
		e.report = report{message: "interrupted while trying " + address, causes: []error{ctx.Err()}}
		return e
	}
	e.report = report{
		message: fmt.Sprintf("%s is not responding as an Octopus polling port: %s", address, e.Cause),
		hints:   d.hints,
		causes:  []error{cause},
	}
	e.message += tries.note()
	return e
}

// portURL reads a comms address; the port of wss is 443 when it has none.
func portURL(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || u.User != nil || u.Scheme != "https" && u.Scheme != "wss" {
		return nil, hint.Errorf("it must look like https://octopus.example.com:10943",
			"%s is not the address of a polling port", cmp.Or(oneLine(hideUser(address), 200), `""`))
	}
	u.Host = net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), "443"))
	return u, nil
}

// hasDefaultPort says whether the port is the one that https addresses without a port have: perhaps
// nobody typed it.
func hasDefaultPort(address string) bool {
	u, err := portURL(address)
	return err == nil && u.Scheme == "https" && u.Port() == "443"
}
