package commands

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/octoapi"
)

func TestAnErrorOfTheServerComesWithWhatToType(t *testing.T) {
	address := func(pasted string) error { _, err := octoapi.ServerURL(pasted); return err }
	for name, test := range map[string]struct {
		err  error
		want string
	}{
		"no server":                 {address(""), "give it with --server, or set OCTOPUS_URL"},
		"no scheme":                 {address("octopus.example.com"), "try --server=https://octopus.example.com"},
		"no scheme, but a password": {address("admin:secret@octopus"), "check --server (or OCTOPUS_URL)"},
		"a polling address":         {address("wss://octopus/OctopusComms"), "--server-comms-address"},
		"a password":                {address("https://admin:secret@octopus"), "--username and --password-file, or --password"},
		"no address":                {address("https://a b"), "check --server"},
		"no credentials":            {octoapi.Credentials{}.Check(), "give --apikey-file=FILE (- for standard input), set OCTOPUS_API_KEY, or use --apikey=API-…"},
		"no password":               {octoapi.Credentials{Username: "a"}.Check(), "--username needs its --password-file, or --password"},
		"no user name":              {octoapi.Credentials{Password: "abcd"}.Check(), "--password needs its --username"},
		"a torn key":                {octoapi.Credentials{APIKey: "API- A"}.Check(), "--apikey, --apikey-file or OCTOPUS_API_KEY"},
		"a wrong key": {&octoapi.StatusError{Status: http.StatusUnauthorized, Credential: octoapi.WithAPIKey},
			"check the value of --apikey, --apikey-file or OCTOPUS_API_KEY: it may be mistyped, expired, or for another server"},
		"a wrong token":    {&octoapi.StatusError{Status: http.StatusUnauthorized, Credential: octoapi.WithBearerToken}, "--bearerToken or OCTOPUS_ACCESS_TOKEN:"},
		"a wrong password": {&octoapi.StatusError{Status: http.StatusUnauthorized, Credential: octoapi.WithPassword}, "--username and --password or --password-file:"},
		"a gateway, for a key": {&octoapi.StatusError{Status: http.StatusUnauthorized, Page: true, Credential: octoapi.WithAPIKey},
			"give the address of Octopus Server itself with --server"},
		"a gateway, for a password": {&octoapi.StatusError{Status: http.StatusForbidden, Anonymous: true, Server: "http://octopus", Credential: octoapi.WithPassword},
			"let GET /api through without credentials, or give an API key with --apikey-file"},
		"another web socket":           {octoapi.CheckWebSocket(octoapi.Port{Thumbprint: "A"}, "B"), "check --server-web-socket and --server-web-socket-thumbprint"},
		"a web socket of an authority": {octoapi.CheckWebSocket(octoapi.Port{Thumbprint: "A", Invalid: x509.UnknownAuthorityError{}}, ""), "give --server-web-socket-thumbprint=A, or its issuer's certificate with --ca-file"},
		"not available":                {&octoapi.StatusError{Status: http.StatusServiceUnavailable, Repeated: true}, "--timeout"},
		"another program":              {octoapi.ErrNotOctopus, "check --server (or OCTOPUS_URL): is it an Octopus Server? A virtual directory"},
		"a redirect":                   {&octoapi.RedirectError{}, "give the address of Octopus Server itself with --server"},
		"refused":                      {&octoapi.UnreachableError{Reason: octoapi.Refused}, "check the host and port in --server (or OCTOPUS_URL)"},
		"no such name":                 {&octoapi.UnreachableError{Reason: octoapi.NameNotFound}, "check the spelling in --server"},
		"no route":                     {&octoapi.UnreachableError{Reason: octoapi.NoRoute}, "check the host in --server"},
		"untrusted":                    {&octoapi.UnreachableError{Reason: octoapi.Untrusted}, "--ca-file, or skip the check with --ignoreSslErrors"},
		"plain":                        {&octoapi.UnreachableError{Reason: octoapi.NotTLS}, "should begin with http://"},
		"no HTTP":                      {&octoapi.UnreachableError{Reason: octoapi.NotHTTP}, "should begin with https://"},
		"needs https":                  {&octoapi.UnreachableError{Reason: octoapi.NeedsHTTPS, Server: "http://octopus:8080/x"}, "try --server=https://octopus:8080/x"},
		"maybe https":                  {&octoapi.UnreachableError{Reason: octoapi.TimedOut, Server: "http://octopus", MaybeHTTPS: true}, "if it speaks https, use --server=https://octopus"},
		"a timeout":                    {timeoutError{&octoapi.UnreachableError{Reason: octoapi.TimedOut}, 5 * time.Second}, "timed out after --timeout=5s; try a longer timeout"},
		"an end":                       {&octoapi.UnreachableError{Reason: octoapi.Ended}, "check the port in --server"},
		"no proxy":                     {&octoapi.UnreachableError{Reason: octoapi.ProxyUnreachable}, "the environment variables HTTPS_PROXY and HTTP_PROXY"},
		"a lost path":                  {&octoapi.RedirectError{Server: "https://octopus"}, "try --server=https://octopus"},
		"a polling port":               {&octoapi.UnreachableError{Reason: octoapi.PollingPort}, "give the address of the web portal in --server"},
		"another name":                 {&octoapi.UnreachableError{Reason: octoapi.WrongName}, "use a name that the certificate has in --server"},
		"a weak signature":             {&octoapi.UnreachableError{Reason: octoapi.WeakSignature}, "give that certificate itself with --ca-file"},
		"a common name":                {&octoapi.UnreachableError{Reason: octoapi.OnlyCommonName}, "until then, skip the check with --ignoreSslErrors"},
		"no certificate":               {&octoapi.UnreachableError{Reason: octoapi.CertificateRequired}, "octo-tentacle has no client certificate: give an address that does not need one"},
		"old TLS":                      {&octoapi.UnreachableError{Reason: octoapi.OldTLS}, "enable TLS 1.2 or later there"},
		"a proxy's password":           {&octoapi.ProxyError{Status: http.StatusProxyAuthRequired, Given: true}, "check those of polling-proxy"},
		"a proxy's login":              {&octoapi.ProxyError{Status: http.StatusProxyAuthRequired}, "polling-proxy --proxyUsername and --proxyPassword, or in HTTPS_PROXY"},
		"a refused port":               {&octoapi.PortError{Reason: octoapi.Refused}, "check the host and port in --server-comms-address and --server-comms-port"},
		"a refused port of a list":     {addressesFrom("nodes.yaml", &octoapi.PortError{Reason: octoapi.Refused}), "check the host and port in nodes.yaml"},
		"a refused port, by default":   {addressesFrom(new(nodeOptions).defaultSource(), &octoapi.PortError{Reason: octoapi.Refused}), "check the host and port in --server-comms-address (by default, it is the host of --server)"},
		"a web server":                 {&octoapi.PortError{Reason: octoapi.WebServer}, "check the port in --server-comms-address and --server-comms-port"},
		"port 443":                     {&octoapi.PortError{DefaultPort: true}, "443 is the default port of an address without one"},
		"a certificate":                {octoapi.CheckThumbprints([]octoapi.Port{{Address: "https://octo1", Thumbprint: "A"}}, "B"), "443 is the default port"},
		"the second port":              {errors.Join(&octoapi.PortError{Reason: octoapi.Refused}, &octoapi.PortError{Reason: octoapi.NameNotFound}), "check the spelling"},
		"no spaces":                    {octoapi.ErrNoSpaces, "omit --space"},
		"no default space":             {octoapi.ErrNoDefaultSpace, "name one with --space"},
	} {
		t.Run(name, func(t *testing.T) {
			hints := hintsFor(fmt.Errorf("outside: %w", test.err))
			if !slices.ContainsFunc(hints, func(h string) bool { return strings.Contains(h, test.want) }) {
				t.Errorf("no hint says %q: %q", test.want, hints)
			}
			if strings.Contains(strings.Join(hints, "\n"), "secret") {
				t.Errorf("shows a password: %q", hints)
			}
		})
	}
	for name, err := range map[string]error{
		"nothing":          errors.New("x"),
		"an interrupt":     &octoapi.PortError{Reason: octoapi.Interrupted},
		"an answer before": &octoapi.UnreachableError{Reason: octoapi.Ended, Answered: true},
		"another port":     &octoapi.StatusError{Status: http.StatusBadRequest},
	} {
		if hints := hintsFor(err); len(hints) > 0 {
			t.Errorf("%s: %q", name, hints)
		}
	}
}
