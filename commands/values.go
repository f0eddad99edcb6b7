package commands

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// Functions that parse the values of options. An error says what is wrong with the value; the
// caller adds the option.

// commaSeparated splits repeated options at commas. Empty ones, as scripts pass them, do not count.
func commaSeparated(values []string) []string {
	var all []string
	for _, value := range values {
		for item := range strings.SplitSeq(value, ",") {
			if item = strings.TrimSpace(item); item != "" {
				all = append(all, item)
			}
		}
	}
	return all
}

// nonEmpty drops the empty values that scripts pass.
func nonEmpty(values []string) []string {
	return slices.DeleteFunc(slices.Clone(values), func(v string) bool { return strings.TrimSpace(v) == "" })
}

func parsePort(text string) (int, error) { return octoapi.ParsePort(text) }

// formatPort is a port as settings have it.
func formatPort(text string) (string, error) {
	port, err := parsePort(text)
	return strconv.Itoa(port), err
}

func formatBool(text string) (string, error) {
	switch strings.ToLower(text) {
	case "true", "false":
		return strings.ToLower(text), nil
	}
	return "", errors.New("use true or false")
}

// formatListenIP is the address to listen on; the setting is empty for any address.
func formatListenIP(text string) (string, error) {
	if strings.EqualFold(text, "any") {
		return "", nil
	}
	if _, err := netip.ParseAddr(text); err != nil {
		return "", errors.New("use an IP address of this machine, like 10.0.0.5, or any")
	}
	return text, nil
}

// formatConnections is the number of polling connections.
func formatConnections(text string) (string, error) {
	count, err := strconv.ParseInt(text, 10, 32) // .NET's int
	if err != nil || count < 1 {
		return "", errors.New("use a whole number from 1, like 5")
	}
	return strconv.FormatInt(count, 10), nil
}

// fullPath is filepath.Abs, but keeps a separator at the end, as .NET's GetFullPath does, from
// which Tentacle has its settings.
//
// It refuses what a configuration cannot hold.
func fullPath(path string) (string, error) {
	full, err := filepath.Abs(path)
	if err == nil {
		err = tentacleconfig.CheckPath(full)
	}
	if err == nil && os.IsPathSeparator(path[len(path)-1]) && !os.IsPathSeparator(full[len(full)-1]) {
		full += string(filepath.Separator)
	}
	return full, err
}

// givenStyles are those that a Tentacle can be given.
var givenStyles = []tentacleconfig.Style{tentacleconfig.StylePolling, tentacleconfig.StyleListening}

// parseStyle knows the two styles that a Tentacle can be given.
func parseStyle(option, text string) (tentacleconfig.Style, error) {
	style, err := tentacleconfig.ParseStyle(text)
	if err != nil || !slices.Contains(givenStyles, style) {
		return 0, fmt.Errorf("%s %q: use TentacleActive (polling) or TentaclePassive (listening)", option, text)
	}
	return style, nil
}

// parseHost is a name or an IP address, in lower case and without brackets. The other parts of an
// address have their own options or are refused.
func parseHost(text string) (string, error) {
	host, is := octoapi.ParseHost(text)
	if !is {
		return "", fmt.Errorf("%q: give only the host, like web01.example.com; its port is --tentacle-comms-port", text)
	}
	return host, nil
}

// bracketed is a host as addresses have it: an IPv6 address stands in brackets.
func bracketed(host string) string {
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}

// parseParticipation knows the modes, ignoring case; "" is none.
func parseParticipation(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	for _, mode := range octoapi.Participations {
		if strings.EqualFold(text, mode) {
			return mode, nil
		}
	}
	return "", fmt.Errorf("--tenanted-deployment-participation %q: use %s", text, strings.Join(octoapi.Participations, ", "))
}

// parseSubscription brings a subscription into the form by which Octopus compares: a URI with a
// slash at its end.
func parseSubscription(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	parts := regexp.MustCompile(`^(?i:poll)://([A-Za-z0-9._~-]+)/?$`).FindStringSubmatch(text)
	if parts == nil {
		return "", fmt.Errorf("--server-subscription-id %q: it must look like poll://abcdefghij0123456789/", text)
	}
	return "poll://" + strings.ToLower(parts[1]) + "/", nil
}

func isWebSocket(address string) bool { return strings.HasPrefix(address, "wss:") }

// parseWebSocket reads https:// as wss://, as Tentacle does.
func parseWebSocket(option, typed string) (string, error) {
	text := typed
	if rest, isHTTPS := strings.CutPrefix(strings.ToLower(text), "https://"); isHTTPS {
		text = "wss://" + text[len(text)-len(rest):]
	}
	address, err := tentacleconfig.AddressOf(text)
	if err != nil || !strings.HasPrefix(address, "wss:") {
		return "", fmt.Errorf("%s %q: it must look like wss://octopus.example.com:443/OctopusComms", option, typed)
	}
	return address, nil
}

// parseThumbprints are thumbprints as Octopus writes them, of lists with commas. Empty ones, as
// scripts pass them, do not count.
func parseThumbprints(values []string) []string {
	var all []string
	for _, value := range commaSeparated(values) {
		all = append(all, thumbprint.Clean(value))
	}
	return all
}

// warnOfThumbprint warns of an invalid thumbprint. The Tentacle CLI accepts any text, so scripts
// may rely on that, but no server ever matches it.
func warnOfThumbprint(c *console, option, text string) {
	if !thumbprint.Valid(thumbprint.Clean(text)) {
		c.warn("%s %s is not a thumbprint (40 hexadecimal digits): no Octopus Server will match it", option, text)
	}
}
