package octoapi

import (
	"cmp"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// AddressProblem is what is wrong with the address of an Octopus Server.
type AddressProblem int

// The problems an address can have.
const (
	AddressMissing         AddressProblem = iota // it is empty
	AddressWithoutScheme                         // it does not begin with https:// or http://
	AddressWithOtherScheme                       // it begins with something else, like wss://
	AddressWithCredentials                       // it has a user name or password
	AddressMalformed                             // it is no URL, has no host, or a port that is none
)

// AddressError says that a text is not the address of an Octopus Server.
type AddressError struct {
	Problem    AddressProblem
	Suggestion string // an address that may be meant; "" for none
	message    string
}

func (e *AddressError) Error() string { return e.message }

// Hints shows what an address looks like.
func (e *AddressError) Hints() []string {
	if e.Problem == AddressWithCredentials || e.Suggestion != "" {
		return nil
	}
	return []string{"it must look like https://octopus.example.com"}
}

// ServerURL understands an address as people paste it: with a slash at the end, with what the
// browser shows behind /app, or with /api. What is left is scheme, host, port and, if there is one,
// the virtual directory, without a slash at the end. The error is an *AddressError.
func ServerURL(pasted string) (*url.URL, error) {
	wrong := func(problem AddressProblem, format string, a ...any) (*url.URL, error) {
		return nil, &AddressError{Problem: problem, message: "the address of the Octopus Server" + fmt.Sprintf(format, a...)}
	}
	text := strings.TrimSpace(pasted)
	if text == "" {
		return wrong(AddressMissing, " is missing")
	}
	if !strings.Contains(text, "://") {
		shown := oneLine(hideUser(text), 200)
		suggestion := ""
		if shown == text {
			suggestion = "https://" + text
		}
		return nil, &AddressError{AddressWithoutScheme, suggestion,
			"the address of the Octopus Server, " + shown + ", does not begin with https:// or http://"}
	}
	u, err := url.Parse(withEscapedZone(text))
	switch {
	case err != nil && strings.Contains(text, "@"): // what is wrong may be a password with a / in it
		return wrong(AddressWithCredentials, " must not contain a user name or password")
	case err != nil: // the text of *url.Error repeats the address
		return wrong(AddressMalformed, " is not a URL: %s", oneLine(plain(err), 200))
	}
	number, portErr := strconv.Atoi(cmp.Or(u.Port(), "443"))
	switch {
	case u.User != nil:
		return wrong(AddressWithCredentials, " must not contain a user name or password")
	case !strings.EqualFold(u.Scheme, "http") && !strings.EqualFold(u.Scheme, "https"):
		return wrong(AddressWithOtherScheme, ", %s://…, does not begin with https:// or http://", oneLine(u.Scheme, 40))
	case u.Hostname() == "":
		return wrong(AddressMalformed, " has no host name")
	case portErr != nil || number < 1 || number > 65535:
		return wrong(AddressMalformed, " has the port %s, which is not a number from 1 to 65535", oneLine(u.Port(), 40))
	}
	server := &url.URL{Scheme: strings.ToLower(u.Scheme), Host: strings.TrimSuffix(u.Host, ":"), Path: virtualDirectory(u.Path)}
	if _, err := url.Parse(server.String()); err != nil { // a zone with letters that no URL can have
		return wrong(AddressMalformed, " is not a URL: %s", oneLine(plain(err), 200))
	}
	return server, nil
}

// withEscapedZone writes the zone of an IPv6 address as a URL has it (RFC 6874): people write it as
// ping does, with a % alone.
func withEscapedZone(text string) string {
	before, rest, is := strings.Cut(text, "://[")
	address, after, ends := strings.Cut(rest, "]")
	if host, zone, has := strings.Cut(address, "%"); is && ends && has && !strings.HasPrefix(zone, "25") {
		return before + "://[" + host + "%25" + zone + "]" + after
	}
	return text
}

// hideUser hides everything up to an @, which would be a user name and password.
func hideUser(text string) string {
	if at := strings.LastIndex(text, "@"); at >= 0 {
		return "…" + text[at+1:]
	}
	return text
}

// virtualDirectory is the path before the last /app or /api, with which Octopus's own paths begin.
func virtualDirectory(path string) string {
	segments := strings.Split(strings.TrimRight(path, "/"), "/")
	for i := len(segments) - 1; i > 0; i-- {
		if strings.EqualFold(segments[i], "app") || strings.EqualFold(segments[i], "api") {
			return strings.TrimRight(strings.Join(segments[:i], "/"), "/")
		}
	}
	return strings.Join(segments, "/")
}

// sameOrigin says whether scheme, host and port are the same: case does not matter, nor whether a
// default port is written.
func sameOrigin(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && strings.EqualFold(a.Hostname(), b.Hostname()) && portOf(a) == portOf(b)
}

func portOf(u *url.URL) string {
	if u.Port() == "" && u.Scheme == "http" {
		return "80"
	}
	return cmp.Or(u.Port(), "443")
}
