package commands

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/urfave/cli/v2"
)

// nodeOptions say which addresses to poll.
type nodeOptions struct {
	address   cli.StringSlice
	port      cli.StringSlice
	webSocket string
}

func (o *nodeOptions) flags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "server-comms-address", Category: theNodes, Destination: &o.address,
			Usage: "`ADDRESS` of a node, like https://octo1:10943; several times, or several with commas; left out: the host of --server"},
		&cli.StringSliceFlag{Name: "server-comms-port", Category: theNodes, Destination: &o.port,
			Usage: "polling `PORT`, list or range, like 10943-10945,10950, at each address instead of its own; left out: the address's own, which is 443 where it names none, or 10943 at the host of --server"},
		&cli.StringFlag{Name: "server-web-socket", Category: theNodes, Destination: &o.webSocket,
			Usage: "web socket `ADDRESS`, like wss://octopus.example.com:443/OctopusComms, instead (Windows only)"},
	}
}

func (o *nodeOptions) given() bool {
	return o.named() || len(commaSeparated(o.port.Value())) > 0
}

// named says whether an address is given: ports alone are those of the API's host.
func (o *nodeOptions) named() bool {
	return len(commaSeparated(o.address.Value())) > 0 || o.webSocket != ""
}

// checkComplete is for what removes every address that is not named.
func (o *nodeOptions) checkComplete() error {
	if err := checkComplete("server-comms-address", o.address.Value()); err != nil {
		return err
	}
	return o.checkPorts()
}

func (o *nodeOptions) checkPorts() error { return checkComplete("server-comms-port", o.port.Value()) }

// addresses are the comms addresses meant, in the order given, each once: every
// port at every address. server is the API's URL, whose host is polled when no
// address is given; "" where that would be a guess.
func (o *nodeOptions) addresses(server, goos string) ([]string, error) {
	ports, err := parsePorts(commaSeparated(o.port.Value()))
	if err != nil {
		return nil, err
	}
	typed := commaSeparated(o.address.Value())
	if o.webSocket != "" {
		return o.webSocketAddress(typed, ports, goos)
	}
	if len(typed) == 0 {
		if server == "" {
			return nil, errors.New("which nodes? Give --server-comms-address=https://octo1.example.com:10943, once for each")
		}
		host, err := apiHost(server)
		if err != nil {
			return nil, err
		}
		typed = []string{"https://" + host}
		if len(ports) == 0 {
			ports = []int{defaultPollingPort}
		}
	}

	var all []string
	for _, text := range typed {
		address, err := tentacleconfig.AddressOf(text)
		if err != nil {
			return nil, fmt.Errorf("--server-comms-address: %w", err)
		}
		if strings.HasPrefix(address, "wss:") {
			return nil, fmt.Errorf("--server-comms-address %s is a web socket: give it as --server-web-socket", address)
		}
		each := []string{address}
		if len(ports) > 0 {
			each = withPorts(address, ports)
		}
		for _, address := range each {
			if !containsAddress(all, address) {
				all = append(all, address)
			}
		}
	}
	return all, nil
}

// defaultPollingPort is where an Octopus Server listens for polling Tentacles.
const defaultPollingPort = 10943

func (o *nodeOptions) webSocketAddress(typed []string, ports []int, goos string) ([]string, error) {
	switch {
	case len(typed) > 0:
		return nil, errors.New("--server-web-socket and --server-comms-address exclude each other: give one of them")
	case len(ports) > 0:
		return nil, errors.New("--server-web-socket carries its own port: leave --server-comms-port out")
	case goos != "windows":
		// Halibut has web sockets on Windows alone (HalibutRuntime.OSSupportsWebSockets).
		return nil, errors.New("--server-web-socket works on Windows only: a Tentacle on this system cannot poll over web sockets")
	}
	address, err := webSocketAddress("--server-web-socket", o.webSocket)
	return []string{address}, err
}

// webSocketAddress understands https:// for wss:// too, as the real one does.
func webSocketAddress(option, typed string) (string, error) {
	text := typed
	if rest, isHTTPS := strings.CutPrefix(strings.ToLower(text), "https://"); isHTTPS {
		text = "wss://" + text[len(text)-len(rest):]
	}
	address, err := tentacleconfig.AddressOf(text)
	if err != nil || !strings.HasPrefix(address, "wss:") {
		return "", fmt.Errorf("%s %q: it has to look like wss://octopus.example.com:443/OctopusComms", option, typed)
	}
	return address, nil
}

// apiHost is the host to poll when only the API's address is known.
func apiHost(server string) (string, error) {
	url, err := octoapi.ServerURL(server)
	if err != nil {
		return "", err
	}
	return bracketed(url.Hostname()), nil
}

func bracketed(host string) string {
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}

// withPorts puts each port in place of an address's own, as the real one lets
// --server-comms-port override the address.
func withPorts(address string, ports []int) []string {
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

// maxNodes is far above any cluster; a range beyond it is a slip of the finger.
const maxNodes = 1000

// parsePorts reads ports and ranges, like 10943-10945 and 10950.
func parsePorts(list []string) ([]int, error) {
	var ports []int
	for _, item := range list {
		first, last, isRange := strings.Cut(item, "-")
		from, err := parsePort(first)
		if err != nil {
			return nil, fmt.Errorf("--server-comms-port %q: %w, like 10943 or 10943-10945", item, err)
		}
		to := from
		if isRange {
			if to, err = parsePort(last); err != nil {
				return nil, fmt.Errorf("--server-comms-port %q: %w, like 10943 or 10943-10945", item, err)
			}
		}
		if to < from {
			return nil, fmt.Errorf("--server-comms-port %q: the range ends before it begins", item)
		}
		if len(ports)+to-from >= maxNodes {
			return nil, fmt.Errorf("--server-comms-port %q: more than %d ports; is that range meant?", item, maxNodes)
		}
		for port := from; port <= to; port++ {
			if !slices.Contains(ports, port) {
				ports = append(ports, port)
			}
		}
	}
	return ports, nil
}

func parsePort(text string) (int, error) {
	port, err := strconv.ParseUint(strings.TrimSpace(text), 10, 16)
	if err != nil || port == 0 {
		return 0, errors.New("a port is a number from 1 to 65535")
	}
	return int(port), nil
}
