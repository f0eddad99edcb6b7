package octoapi

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// maxPorts is far above the nodes of any cluster; a range beyond it is a typing error.
const maxPorts = 1000

// ParsePorts reads ports and ranges, like 10943-10945 and 10950, each once.
func ParsePorts(list []string) ([]int, error) {
	var ports []int
	for _, item := range list {
		first, last, isRange := strings.Cut(item, "-")
		from, err := ParsePort(first)
		if err != nil {
			return nil, fmt.Errorf("%q: %w, like 10943 or 10943-10945", item, err)
		}
		to := from
		if isRange {
			if to, err = ParsePort(last); err != nil {
				return nil, fmt.Errorf("%q: %w, like 10943 or 10943-10945", item, err)
			}
		}
		if to < from {
			return nil, fmt.Errorf("%q: the range ends before it begins", item)
		}
		if len(ports)+to-from >= maxPorts {
			return nil, fmt.Errorf("%q: there are more than %d ports; check the range", item, maxPorts)
		}
		for port := from; port <= to; port++ {
			if !slices.Contains(ports, port) {
				ports = append(ports, port)
			}
		}
	}
	return ports, nil
}

// ParsePort reads a port.
func ParsePort(text string) (int, error) {
	port, err := strconv.ParseUint(strings.TrimSpace(text), 10, 16)
	if err != nil || port == 0 {
		return 0, errors.New("a port is a number from 1 to 65535")
	}
	return int(port), nil
}

// AtPorts is an https:// address with each of these ports in the place of its own.
func AtPorts(address string, ports []int) []string {
	hostPort := strings.TrimPrefix(address, "https://")
	host, _, err := net.SplitHostPort(hostPort)
	if err != nil {
		host = strings.Trim(hostPort, "[]")
	}
	all := make([]string, len(ports))
	for i, port := range ports {
		all[i] = "https://" + net.JoinHostPort(host, strconv.Itoa(port))
	}
	return all
}

// ParseHost is a host name or an IP address in lower case and without brackets. Is says that the
// text has nothing besides.
func ParseHost(text string) (host string, is bool) {
	host = strings.Trim(strings.ToLower(text), "[]")
	if _, err := netip.ParseAddr(host); err != nil && strings.ContainsAny(host, ":/\\?#@[]<>\"% \t\r\n") {
		return "", false
	}
	return host, true
}
