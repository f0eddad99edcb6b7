package commands

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/urfave/cli/v2"
)

// nodeOptions say which addresses to poll.
type nodeOptions struct {
	address        cli.StringSlice
	port           cli.StringSlice
	webSocket      string
	webSocketTrust webSocketTrust
	// allowUnreachable adds new addresses that do not answer, too.
	allowUnreachable bool
}

// webSocketTrust is which certificate of a web socket is trusted, besides one that stands up on its
// own. Both options are Tentacle's (OctopusTentacle, pull request 1295): the second was its first
// answer to a certificate of one's own authority, the first its last.
type webSocketTrust struct {
	thumbprint string
	any        bool
}

func (o *nodeOptions) flags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "server-comms-address", Category: theNodes, Destination: &o.address,
			Usage: "`ADDRESS` of a node, like https://octo1:10943; repeatable, or with commas (default: the host of --server)"},
		&cli.StringSliceFlag{Name: "server-comms-port", Category: theNodes, Destination: &o.port,
			Usage: "polling `PORTS` (list or range, like 10943-10945,10950) to use for every address (default: the port in the address, else 443; 10943 for the --server host)"},
		&cli.StringFlag{Name: "server-web-socket", Category: theNodes, Destination: &o.webSocket,
			Usage: "web socket `ADDRESS` to poll instead, like wss://octopus.example.com:443/OctopusComms (Windows only)"},
		&cli.StringFlag{Name: "server-web-socket-thumbprint", Category: theNodes, Destination: &o.webSocketTrust.thumbprint,
			Usage: "`THUMBPRINT` of the web socket's certificate (default: any certificate with a known issuer and the right name)"},
		&cli.BoolFlag{Name: "dangerously-skip-certificate-validation", Category: theNodes, Destination: &o.webSocketTrust.any, DisableDefaultText: true,
			Usage: "trust any certificate of the web socket; --server-web-socket-thumbprint is safer"},
		&cli.BoolFlag{Name: "allow-unreachable", Category: theNodes, Destination: &o.allowUnreachable, DisableDefaultText: true,
			Usage: "also add new addresses that do not answer, if another node does; waits about 10 s for them"},
	}
}

func (o *nodeOptions) given() bool {
	return o.named() || len(commaSeparated(o.port.Value())) > 0
}

// named says whether an address is given. Ports alone are those of the API's host.
func (o *nodeOptions) named() bool {
	return len(commaSeparated(o.address.Value())) > 0 || o.webSocket != ""
}

// defaultSource is where the addresses come from if the options name none; "" if they do.
func (o *nodeOptions) defaultSource() string {
	if o.named() {
		return ""
	}
	return "--server-comms-address (by default, it is the host of --server)"
}

// addresses are the addresses to poll, in the order given, each once: every port at every address.
// Server is the URL of the API, whose host is polled when no address is given; "" where that would
// be a guess. Web sockets exist on one goos only.
func (o *nodeOptions) addresses(server, goos string) ([]string, error) {
	ports, err := parsePorts(commaSeparated(o.port.Value()))
	if err != nil {
		return nil, err
	}
	typed := commaSeparated(o.address.Value())
	if o.webSocket != "" {
		return o.webSocketAddress(typed, ports, goos)
	}
	if o.webSocketTrust.thumbprint != "" {
		return nil, errors.New("--server-web-socket-thumbprint is for --server-web-socket: every other address must present the cluster's own certificate")
	}
	if len(typed) == 0 {
		if server == "" {
			return nil, hint.New("--server-comms-address is required", "give the address of each node, like --server-comms-address=https://octo1.example.com:10943")
		}
		host, err := apiHost(server)
		if err != nil {
			return nil, err
		}
		if strings.Contains(host, "%") {
			return nil, hint.New("the address of --server has a zone, and a Tentacle cannot poll such an address", "give the address of each node with --server-comms-address")
		}
		typed = []string{"https://" + host}
		if len(ports) == 0 {
			ports = []int{octoapi.DefaultPollingPort}
		}
	}

	if goos != "windows" && slices.ContainsFunc(typed, isWebSocket) {
		return nil, hint.New("--server-comms-address: a Tentacle on this system cannot poll web sockets (wss://)",
			"give the https:// address of the polling port, like https://octopus.example.com:10943")
	}
	all, err := eachAddress(typed, ports)
	if err != nil {
		return nil, fmt.Errorf("--server-comms-address: %w", err)
	}
	return all, nil
}

// eachAddress is every port at every address, each once; without ports, the addresses as they are.
func eachAddress(typed []string, ports []int) (all []string, err error) {
	if list := withoutBraces(typed); list != "" {
		return nil, hint.Errorf("separate the addresses by commas, and omit everything else: "+list,
			"%s is written like a list in Helm or JSON", strings.Join(typed, ","))
	}
	known := tentacleconfig.AddressSet{}
	for _, text := range typed {
		address, err := tentacleconfig.AddressOf(text)
		if err != nil {
			return nil, err
		}
		if strings.HasPrefix(address, "wss:") {
			return nil, fmt.Errorf("%s is a web socket address: give it with --server-web-socket", address)
		}
		each := []string{address}
		if len(ports) > 0 {
			each = octoapi.AtPorts(address, ports) // which override its own, as for the Tentacle CLI
		}
		for _, address := range each {
			if known.Add(address) {
				all = append(all, address)
			}
		}
	}
	return all, nil
}

// withoutBraces is a list of addresses in braces, as Helm writes it, or in brackets, as JSON,
// without them, but with commas; "" for addresses without. IPv6 addresses may begin with a bracket.
func withoutBraces(typed []string) string {
	if len(typed) == 0 || !strings.HasPrefix(typed[0], "{") && !strings.HasPrefix(typed[0], "[") {
		return ""
	}
	plain := slices.Clone(typed)
	last := len(plain) - 1
	plain[0] = plain[0][1:]
	plain[last] = strings.TrimSuffix(strings.TrimSuffix(plain[last], "}"), "]")
	for i := range plain {
		plain[i] = strings.Trim(plain[i], ` "'`)
	}
	if !strings.Contains(plain[0], "://") {
		return ""
	}
	return strings.Join(plain, ",")
}

func (o *nodeOptions) webSocketAddress(typed []string, ports []int, goos string) ([]string, error) {
	switch {
	case len(typed) > 0:
		return nil, errors.New("--server-web-socket and --server-comms-address cannot be combined: give one of them")
	case len(ports) > 0:
		return nil, errors.New("--server-web-socket contains the port: omit --server-comms-port")
	case goos != "windows":
		// Halibut has web sockets only on Windows (HalibutRuntime.OSSupportsWebSockets).
		return nil, errors.New("--server-web-socket works on Windows only: a Tentacle on this system cannot poll over web sockets")
	}
	if err := o.webSocketTrust.check(); err != nil {
		return nil, err
	}
	address, err := parseWebSocket("--server-web-socket", o.webSocket)
	return []string{address}, err
}

func (w webSocketTrust) check() error {
	switch {
	case w.thumbprint == "":
		return nil
	case w.any:
		return errors.New("--server-web-socket-thumbprint and --dangerously-skip-certificate-validation cannot be combined: give one of them")
	case !thumbprint.Valid(thumbprint.Clean(w.thumbprint)):
		return fmt.Errorf("--server-web-socket-thumbprint %q is not a thumbprint (40 hexadecimal digits)", w.thumbprint)
	}
	return nil
}

// apiHost is the host to poll when only the API's address is known.
func apiHost(server string) (string, error) {
	url, err := octoapi.ServerURL(server)
	if err != nil {
		return "", err
	}
	return bracketed(url.Hostname()), nil
}

// parsePorts reads ports and ranges, like 10943-10945 and 10950.
func parsePorts(list []string) ([]int, error) {
	ports, err := octoapi.ParsePorts(list)
	if err != nil {
		return nil, fmt.Errorf("--server-comms-port %w", err)
	}
	return ports, nil
}
