//go:build linux

package main

import (
	"context"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // what a thumbprint is
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Keys of the ConfigMap.
const (
	keyServers    = "Tentacle.Communication.TrustedOctopusServers"
	keyRegistered = "Tentacle.Services.IsRegistered"
	keyThumbprint = "Tentacle.CertificateThumbprint"
)

// pretendedTentacle does to the ConfigMap what Tentacle does for the calls of the start, the wrong
// included: each change writes everything as it was read, without a resourceVersion, and
// clear-trusted-servers empties the list before it fills it.
type pretendedTentacle struct {
	*pod
	log io.Writer
}

type trustedServer struct {
	Thumbprint         string
	CommunicationStyle int
	Address            string
	Squid              *string
	SubscriptionId     string
}

// registered is what the start script asks for: exactly "true".
func (t *pretendedTentacle) registered(ctx context.Context) (bool, error) {
	data, err := t.read(ctx)
	return data[keyRegistered] == "true", err
}

func (t *pretendedTentacle) read(ctx context.Context) (map[string]string, error) {
	m, err := t.client.CoreV1().ConfigMaps(t.spec.Namespace).Get(ctx, "tentacle-config", metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	if m.Data == nil {
		m.Data = map[string]string{}
	}
	return m.Data, nil
}

func (t *pretendedTentacle) write(ctx context.Context, data map[string]string) error {
	patch, err := json.Marshal(map[string]any{"data": data})
	if err == nil {
		_, err = t.client.CoreV1().ConfigMaps(t.spec.Namespace).Patch(ctx, "tentacle-config", types.MergePatchType, patch, metav1.PatchOptions{FieldManager: "Tentacle"})
	}
	return err
}

func (t *pretendedTentacle) writeServers(ctx context.Context, data map[string]string, servers []trustedServer) error {
	list, err := json.Marshal(append([]trustedServer{}, servers...)) // [] rather than null
	if err != nil {
		return err
	}
	data[keyServers] = string(list)
	return t.write(ctx, data)
}

// call is one run of Tentacle.
func (t *pretendedTentacle) call(ctx context.Context, arguments ...string) error {
	data, err := t.read(ctx)
	if err != nil {
		return t.fails(err)
	}
	var servers []trustedServer
	if list := data[keyServers]; list != "" {
		if err := json.Unmarshal([]byte(list), &servers); err != nil {
			return t.fails(err)
		}
	}
	if err := t.run(ctx, data, servers, arguments[0], option(arguments)); err != nil {
		return t.fails(err)
	}
	return nil
}

// fails is how Tentacle ends when a command fails.
func (t *pretendedTentacle) fails(err error) error {
	fmt.Fprintln(t.log, err)
	return &exitError{100, err.Error()}
}

// option gives the value of an option.
func option(arguments []string) func(name string) string {
	return func(name string) string {
		for i, a := range arguments {
			if a == name && i+1 < len(arguments) {
				return arguments[i+1]
			}
		}
		return ""
	}
}

func (t *pretendedTentacle) run(ctx context.Context, data map[string]string, servers []trustedServer, command string, option func(string) string) error {
	switch command {
	case "create-instance":
		data["Octopus.Home"] = "/octopus"
	case "configure":
		if option("--noListen") != "" {
			data["Tentacle.Services.NoListen"] = "true"
		} else {
			data["Tentacle.Deployment.ApplicationDirectory"] = "/octopus/Applications"
		}
	case "new-certificate":
		if data[keyThumbprint] != "" {
			return nil
		}
		data[keyThumbprint] = strings.ToUpper(fmt.Sprintf("%x", random(20)))
	case "polling-proxy":
		if host := option("--proxyHost"); host != "" {
			data["Octopus.Server.Proxy.ProxyHost"] = host
		}
		data["Octopus.Server.Proxy.UseDefaultProxy"] = "false"
	case "register-k8s-target", "register-k8s-worker":
		if data["Tentacle.Communication.PollingConnectionCount"] == "" {
			data["Tentacle.Communication.PollingConnectionCount"] = "1"
		}
		data[keyRegistered] = "true"
		address := trimmed(option("--server-comms-address"))
		return t.writeServers(ctx, data, append(servers, trustedServer{
			Thumbprint: thumbprintAt(address), CommunicationStyle: 2, Address: address, SubscriptionId: subscription(),
		}))
	case "clear-trusted-servers":
		var kept []trustedServer
		for _, s := range servers {
			if trimmed(s.Address) == trimmed(option("--keep")) {
				kept = append(kept, s)
			}
		}
		if err := t.writeServers(ctx, data, nil); err != nil {
			return err
		}
		return t.writeServers(ctx, data, kept)
	case "poll-server":
		if len(servers) == 0 {
			return errNoElements
		}
		added := servers[0]
		added.Address = trimmed(option("--server-comms-address"))
		for _, s := range servers {
			if trimmed(s.Address) == added.Address {
				return t.write(ctx, data)
			}
		}
		return t.writeServers(ctx, data, append(servers, added))
	case "agent":
		t.says("==== RunAgentCommand starting up ====")
		if len(servers) == 0 {
			t.says("The agent is not configured to trust any Octopus Servers.")
		}
		for _, s := range servers {
			t.says("Agent will poll Octopus Server at %s/ for subscription %s expecting thumbprint %s", s.Address, s.SubscriptionId, s.Thumbprint)
		}
		return nil
	case "migrate-preinstalled-k8s-config": // there is nothing to migrate: the chart has no hook
		return nil
	default:
		return fmt.Errorf("the pretended Tentacle does not know %s", command)
	}
	return t.write(ctx, data)
}

// says logs a line as Tentacle does.
func (t *pretendedTentacle) says(format string, values ...any) {
	fmt.Fprintf(t.log, "%s %6d  INFO  %s\n", time.Now().UTC().Format("2006-01-02 15:04:05.0000"), 1, fmt.Sprintf(format, values...))
}

// errNoElements is what Tentacle says where it has no entry to make another one like.
var errNoElements = errors.New("Sequence contains no elements")

func trimmed(address string) string { return strings.TrimSuffix(address, "/") }

// subscription is a new one.
func subscription() string {
	letters := random(20)
	for i := range letters {
		letters[i] = 'a' + letters[i]%26
	}
	return "poll://" + string(letters) + "/"
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}

// thumbprintAt is that of the server at an address. Tentacle asks the API for it; where nobody
// answers here, it is made up.
func thumbprintAt(address string) string {
	dialer := tls.Dialer{NetDialer: &net.Dialer{Timeout: time.Second}, Config: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // it is asked who it is
	connection, err := dialer.Dial("tcp", strings.TrimPrefix(address, "https://"))
	if err != nil {
		return "A9A8E6B1F2C34D5E6F708192A3B4C5D6E7F80910"
	}
	defer connection.Close()
	certificates := connection.(*tls.Conn).ConnectionState().PeerCertificates
	return strings.ToUpper(fmt.Sprintf("%x", sha1.Sum(certificates[0].Raw)))
}
