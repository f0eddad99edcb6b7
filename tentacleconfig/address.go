package tentacleconfig

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/internal/lazyregexp"
	"golang.org/x/net/idna"
)

// AddressOf reads the address of a server's polling port as a person types it
// and gives it the form in which Tentacle stores it: https://host:port without
// a slash at the end (http becomes https, the port is 443 when none is given,
// as for .NET's Uri), or wss://host/path for web sockets with the port as
// given. The host is in lower case, and in ASCII (xn--…). User information, a
// query, and with https a path are refused.
func AddressOf(text string) (string, error) {
	u, err := splitAddress(text)
	if err != nil {
		return "", err
	}
	if u.Scheme == "https" && u.Port() == "" {
		u.Host += ":443"
	}
	return u.Scheme + "://" + u.Host + u.EscapedPath(), nil
}

const addressExample = "write it like https://octo1.example.com:10943"

var hostAndPort = lazyregexp.New(`^([A-Za-z0-9][A-Za-z0-9.-]*)(:[0-9]+)?$`)

// exampleFor is the address that was probably meant, with the usual polling port, where only a host
// was typed.
func exampleFor(text string) string {
	parts := hostAndPort().FindStringSubmatch(text)
	if parts == nil {
		return addressExample
	}
	return "write it like https://" + parts[1] + cmp.Or(parts[2], ":10943")
}

// splitAddress is the address with scheme and host in the form that Tentacle
// stores; a path that is only a slash is dropped.
func splitAddress(text string) (*url.URL, error) {
	text = strings.TrimSpace(text)
	refuse := func(format string, args ...any) error {
		return hint.Errorf(exampleFor(text), "%q is not an address to poll: %w", text, fmt.Errorf(format, args...))
	}
	if strings.Contains(text, "@") { // not shown: it may hold a password
		return nil, hint.New("it must not contain a user name or password (there is an @ in it)", addressExample)
	}
	scheme, _, found := strings.Cut(text, "://")
	if !found {
		return nil, refuse("it does not begin with https://")
	}
	if _, zone, has := strings.Cut(text, "%"); has && strings.Contains(text, "://[") {
		zone, _, _ = strings.Cut(strings.TrimPrefix(zone, "25"), "]")
		return nil, refuse("it has a zone (%s), which a Tentacle does not use: give a host name, or an address that needs no zone", zone)
	}
	u, err := url.Parse(text)
	if err != nil {
		return nil, refuse("%s", malformed(err))
	}
	switch u.Scheme {
	case "http":
		u.Scheme = "https" // the port speaks nothing else
	case "https", "wss":
	default:
		return nil, refuse("it begins with %s://, not with https:// (or wss:// for web sockets)", scheme)
	}
	if u.Host, err = canonicalHost(u); err != nil {
		return nil, refuse("%w", err)
	}
	if u.Path == "/" {
		u.Path, u.RawPath = "", ""
	}
	switch {
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.HasSuffix(text, "#"):
		return nil, refuse("it must not contain a ? or #")
	case u.Scheme == "https" && u.Path != "":
		return nil, refuse("it must not contain a path (%s)", u.Path)
	}
	return u, nil
}

// malformed is what package url found wrong with an address, which is quoted already.
func malformed(err error) string {
	if inner, is := errors.AsType[*url.Error](err); is {
		err = inner.Err
	}
	if strings.HasPrefix(err.Error(), "first path segment") {
		return "it does not begin with https://"
	}
	return strings.TrimPrefix(err.Error(), "net/url: ")
}

// canonicalHost is host and, if given, port.
func canonicalHost(u *url.URL) (string, error) {
	host, err := asciiHost(u.Hostname())
	switch ip, notIP := netip.ParseAddr(host); {
	case err != nil:
		return "", err
	case host == "":
		return "", errors.New("it has no host")
	case notIP == nil && ip.Is6() && ip.Zone() == "":
		host = "[" + ip.String() + "]"
	case strings.Contains(host, ":") || strings.ContainsAny(host, `%,;'"!$&()*+=<>\`):
		return "", fmt.Errorf("%s is not a valid host name", host)
	}
	if u.Port() == "" {
		return host, nil
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil || port == 0 {
		return "", fmt.Errorf("the port %s is not a number from 1 to 65535", u.Port())
	}
	return host + ":" + strconv.FormatUint(port, 10), nil
}

// asciiHost is the name in lower case and, where it has other letters than ASCII,
// in the form that every resolver knows: Go's refuses others.
func asciiHost(name string) (string, error) {
	if !strings.ContainsFunc(name, func(c rune) bool { return c > unicode.MaxASCII }) {
		return strings.ToLower(name), nil
	}
	ascii, err := idna.Lookup.ToASCII(name)
	if err != nil {
		return "", fmt.Errorf("%s is not a valid host name", name)
	}
	return ascii, nil
}

// withScheme puts https:// before an address that a person wrote without it; bare says that it is
// one: host:port, or [IPv6]:port. A host alone is none: its port is a guess.
func withScheme(text string) (address string, bare bool) {
	if strings.Contains(text, "://") {
		return "", false
	}
	u, err := splitAddress("https://" + strings.TrimSpace(text))
	if err != nil || u.Port() == "" {
		return "", false
	}
	return u.Scheme + "://" + u.Host, true
}

// SameAddress says whether a and b lead to the same port: the case of letters,
// a slash at the end, the spelling of an IPv6 address, http for https, leaving
// out the port 443, and leaving out https:// make no difference.
func SameAddress(a, b string) bool {
	return a == b || AddressKey(a) == AddressKey(b)
}

// ContainsAddress says whether one of the addresses leads to the same port as address.
func ContainsAddress(addresses []string, address string) bool {
	key := AddressKey(address)
	return slices.ContainsFunc(addresses, func(a string) bool { return a == address || AddressKey(a) == key })
}

// AddressSet are addresses among which others are looked for, in whatever spelling: in the time of
// one, however many there are.
type AddressSet map[string]bool

// AddressSetOf is the set of the addresses.
func AddressSetOf(addresses []string) AddressSet {
	set := make(AddressSet, len(addresses))
	for _, address := range addresses {
		set.Add(address)
	}
	return set
}

// Add adds an address. New says that it was not in the set.
func (set AddressSet) Add(address string) (isNew bool) {
	key := AddressKey(address)
	isNew = !set[key]
	set[key] = true
	return isNew
}

// Has says whether one of the addresses leads to the same port as this one.
func (set AddressSet) Has(address string) bool { return set[AddressKey(address)] }

// HasServer says whether the server has one of the addresses.
func (set AddressSet) HasServer(s TrustedServer) bool { return s.Address != "" && set.Has(s.Address) }

// AddressKey is the same text for all spellings of an address that SameAddress calls the same.
func AddressKey(address string) string {
	if complete, bare := withScheme(address); bare {
		return complete
	}
	u, err := splitAddress(address)
	if err != nil { // what a person wrote there by hand
		return strings.ToLower(strings.TrimRight(strings.TrimSpace(address), "/"))
	}
	if u.Port() == "" {
		u.Host += ":443"
	}
	return u.Scheme + "://" + u.Host + strings.ToLower(strings.TrimRight(u.EscapedPath(), "/"))
}
