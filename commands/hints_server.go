package commands

import (
	"errors"
	"net/http"
	"runtime"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/commands/tentaclefile"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
)

// Where the addresses come from.
const (
	serverSource = "--server (or OCTOPUS_URL)"
	portSource   = "--server-comms-address and --server-comms-port"
)

// serverHints says what to type to fix an error of package octoapi.
func serverHints(err error) []string {
	var hints []string
	lost := errors.Is(err, octoapi.ErrOutcomeUnknown)
	eachError(err, func(err error) {
		if _, is := err.(*octoapi.UnreachableError); is && lost {
			return // the server was reached: its address is right
		}
		hints = append(hints, serverHintsOfOne(err)...)
	})
	for _, known := range []struct {
		is   error
		hint string
	}{
		{octoapi.ErrNoCredentials, "give --apikey-file=FILE (- for standard input), set OCTOPUS_API_KEY, or use --apikey=API-…"},
		{octoapi.ErrNoPassword, "--username needs its --password-file, or --password"},
		{octoapi.ErrNoUsername, "--password needs its --username"},
		{octoapi.ErrNotOctopus, "check " + serverSource + ": is it an Octopus Server? A virtual directory is part of its address"},
		{octoapi.ErrNoSpaces, "omit --space"},
		{octoapi.ErrNoDefaultSpace, "name one with --space"},
	} {
		if errors.Is(err, known.is) {
			hints = append(hints, known.hint)
		}
	}
	return hintsAboutSource(err, hints)
}

// addressesFromError is an error about addresses to poll that come from elsewhere than portSource.
type addressesFromError struct {
	cause  error
	source string
}

func (e addressesFromError) Error() string { return e.cause.Error() }
func (e addressesFromError) Unwrap() error { return e.cause }

// addressesFrom says where the addresses to poll come from; "" is portSource.
func addressesFrom(source string, err error) error {
	if source == "" || err == nil {
		return err
	}
	return addressesFromError{err, source}
}

// hintsAboutSource name where an address really comes from, such as the key of a file, instead of
// the options.
func hintsAboutSource(err error, hints []string) []string {
	var names *strings.Replacer
	mistake, inFile := errors.AsType[*tentaclefile.Mistake](err)
	from, isFrom := errors.AsType[addressesFromError](err)
	switch {
	case inFile && mistake.Key == "server":
		names = strings.NewReplacer(serverSource, mistake.Key, "--server=", "server: ")
	case inFile:
		names = strings.NewReplacer(portSource, mistake.Key)
	case isFrom:
		names = strings.NewReplacer(portSource, from.source)
	default:
		return hints
	}
	for i := range hints {
		hints[i] = names.Replace(hints[i])
	}
	return hints
}

// eachError visits err and all that it wraps: several polling ports may have failed, each in its
// own way.
func eachError(err error, visit func(error)) {
	if err == nil {
		return
	}
	visit(err)
	switch err := err.(type) {
	case interface{ Unwrap() error }:
		eachError(err.Unwrap(), visit)
	case interface{ Unwrap() []error }:
		for _, cause := range err.Unwrap() {
			eachError(cause, visit)
		}
	}
}

func serverHintsOfOne(err error) []string {
	switch err := err.(type) {
	case *octoapi.AddressError:
		return serverAddressHints(err)
	case *octoapi.MalformedCredentialError:
		if err.Kind == octoapi.WithAPIKey {
			return []string{"check the value of " + credentialSources(err.Kind) + ": it must be the key alone, like API-…"}
		}
		return []string{"check the value of " + credentialSources(err.Kind)}
	case *octoapi.StatusError:
		switch {
		case err.Anonymous && err.Credential == octoapi.WithPassword:
			return []string{"let GET /api through without credentials, or give an API key with --apikey-file"}
		case err.Anonymous:
			return nil // none were to be sent
		case err.Status == http.StatusUnauthorized && err.Page:
			return []string{"give the address of Octopus Server itself with " + serverSource, "check the value of " + credentialSources(err.Credential)}
		case err.Status == http.StatusUnauthorized:
			return []string{"check the value of " + credentialSources(err.Credential) + ": it may be mistyped, expired, or for another server"}
		case err.Repeated:
			return []string{"allow more time with --timeout"}
		}
	case *octoapi.RedirectError:
		if err.Server != "" {
			return []string{"try --server=" + err.Server}
		}
		return []string{"give the address of Octopus Server itself with " + serverSource}
	case *octoapi.UnreachableError:
		return unreachableHints(err)
	case *octoapi.PortError:
		return append(connectionHints(err.Reason, portSource), defaultPortHints(err.DefaultPort)...)
	case *octoapi.WebSocketError:
		if err.Expected != "" {
			return []string{"check --server-web-socket and --server-web-socket-thumbprint"}
		}
		return []string{"if it is the right one, give --server-web-socket-thumbprint=" + err.Port.Thumbprint + ", or its issuer's certificate with --ca-file"}
	case *octoapi.ThumbprintError:
		sources := serverSource + ", " + portSource
		if err.Trusted {
			sources = portSource
		}
		return append([]string{"check " + sources}, defaultPortHints(err.DefaultPort())...)
	case *octoapi.ProxyError:
		switch {
		case err.Status == http.StatusProxyAuthRequired && err.Given:
			return []string{"check those of polling-proxy --proxyUsername and --proxyPassword, or in HTTPS_PROXY"}
		case err.Status == http.StatusProxyAuthRequired:
			return []string{"give them with polling-proxy --proxyUsername and --proxyPassword, or in HTTPS_PROXY"}
		}
	}
	return nil
}

func serverAddressHints(err *octoapi.AddressError) []string {
	switch err.Problem {
	case octoapi.AddressMissing:
		return []string{"give it with --server, or set OCTOPUS_URL"}
	case octoapi.AddressWithoutScheme:
		if err.Suggestion != "" {
			return []string{"try --server=" + err.Suggestion}
		}
	case octoapi.AddressWithOtherScheme:
		return []string{"an address to poll belongs in --server-comms-address"}
	case octoapi.AddressWithCredentials:
		return []string{"give them with --username and --password-file, or --password"}
	}
	return []string{"check " + serverSource}
}

func unreachableHints(err *octoapi.UnreachableError) []string {
	https := "--server=" + strings.Replace(err.Server, "http:", "https:", 1)
	if err.Reason == octoapi.NeedsHTTPS {
		return []string{"try " + https}
	}
	if err.Answered {
		return nil // it is not the address
	}
	hints := connectionHints(err.Reason, serverSource)
	if err.MaybeHTTPS {
		hints = append(hints, "if it speaks https, use "+https)
	}
	return hints
}

// connectionHints says what to do about a failed connection to an address that came from source.
func connectionHints(reason octoapi.Reason, source string) []string {
	switch reason {
	case octoapi.Interrupted, octoapi.NoNameServer, octoapi.ProxyRefused, octoapi.ProxyMalformed, octoapi.OutOfTime:
		return nil // it is not the address, or the error says it itself
	case octoapi.NameNotFound:
		return []string{"check the spelling in " + source}
	case octoapi.NoRoute:
		return []string{"check the host in " + source}
	case octoapi.Untrusted:
		return []string{"if it is the right server, give its issuer's certificate with --ca-file, or skip the check with --ignoreSslErrors"}
	case octoapi.PollingPort:
		return []string{"give the address of the web portal in " + source}
	case octoapi.WeakSignature:
		return []string{"until then, give that certificate itself with --ca-file, or skip the check with --ignoreSslErrors"}
	case octoapi.WrongName:
		return []string{"use a name that the certificate has in " + source + ", or skip the check with --ignoreSslErrors"}
	case octoapi.OnlyCommonName, octoapi.NotForServers, octoapi.OutOfDate, octoapi.InvalidCertificate:
		return []string{"until then, skip the check with --ignoreSslErrors"}
	case octoapi.CertificateRequired:
		return []string{"octo-tentacle has no client certificate: give an address that does not need one in " + source}
	case octoapi.OldTLS:
		return []string{"enable TLS 1.2 or later there, or check the host and port in " + source}
	case octoapi.NotTLS:
		if source == serverSource {
			return []string{"check the port in " + source + ", or whether it should begin with http://"}
		}
		return []string{"check the port in " + source}
	case octoapi.NotHTTP:
		return []string{"check the port in " + source + ", or whether it should begin with https://"}
	case octoapi.TimedOut:
		return []string{"check the host and port in " + source}
	case octoapi.Ended, octoapi.WebServer, octoapi.Garbled:
		return []string{"check the port in " + source}
	case octoapi.ProxyUnreachable:
		if runtime.GOOS == "windows" {
			return []string{"check the proxy: the setting of polling-proxy, the environment variables HTTPS_PROXY and HTTP_PROXY, or the proxy of Windows (each account has its own)"}
		}
		return []string{"check the proxy: the setting of polling-proxy, or the environment variables HTTPS_PROXY and HTTP_PROXY"}
	}
	return []string{"check the host and port in " + source}
}

func defaultPortHints(isDefault bool) []string {
	if !isDefault {
		return nil
	}
	return []string{"443 is the default port of an address without one; the usual polling port is 10943"}
}

// credentialSources are the options and variables that the credentials may come from.
func credentialSources(kind octoapi.CredentialKind) string {
	switch kind {
	case octoapi.WithAPIKey:
		return "--apikey, --apikey-file or OCTOPUS_API_KEY"
	case octoapi.WithBearerToken:
		return "--bearerToken or OCTOPUS_ACCESS_TOKEN"
	}
	return "--username and --password or --password-file"
}
