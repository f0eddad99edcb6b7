package octoapi

import (
	"net"
	"net/netip"
	"strings"
)

// noteUnencrypted tells of credentials that go over http to another machine, the first time.
func (c *connection) noteUnencrypted() {
	if base := c.base(); base.Scheme == "http" {
		c.unencrypted.Do(func() {
			if !isThisMachine(base.Hostname()) {
				c.options.Unencrypted(c.options.Credentials.Kind())
			}
		})
	}
}

// isThisMachine says whether a host is surely this machine, whose own name the caller may know.
func isThisMachine(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return false
	}
	ip = ip.WithZone("").Unmap()
	if ip.IsLoopback() {
		return true
	}
	own, _ := net.InterfaceAddrs() // without them, it is another machine's
	for _, address := range own {
		if prefix, err := netip.ParsePrefix(address.String()); err == nil && prefix.Addr().WithZone("").Unmap() == ip {
			return true
		}
	}
	return false
}
