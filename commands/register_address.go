package commands

import (
	"cmp"
	"net"
	"net/url"
)

// listeningAddress is where an Octopus Server reaches a Tentacle that listens.
type listeningAddress struct {
	host, port string // "" is left open: a registration that exists keeps it
	listens    string // the port on which the Tentacle listens, or will; not used where one is given
	listened   string // the port on which it has listened until now
}

// uri is the address of a new registration.
func (a listeningAddress) uri() string {
	return "https://" + net.JoinHostPort(cmp.Or(a.host, hostName()), cmp.Or(a.port, a.listens)) + "/"
}

// keeping is the address of a registration that exists: what is left open stays, except for a port
// that is the Tentacle's own, which follows it.
func (a listeningAddress) keeping(before string) string {
	u, err := url.Parse(before)
	if err != nil || u.Hostname() == "" || u.Port() == "" {
		return a.uri()
	}
	port := u.Port()
	if port == a.listened {
		port = a.listens
	}
	return "https://" + net.JoinHostPort(cmp.Or(a.host, u.Hostname()), cmp.Or(a.port, port)) + "/"
}
