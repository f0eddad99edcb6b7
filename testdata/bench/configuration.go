//go:build unix

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
)

const (
	someThumbprint = "0123456789ABCDEF0123456789ABCDEF01234567" // of a cluster
	ownThumbprint  = "89ABCDEF0123456789ABCDEF0123456789ABCDEF" // of the Tentacle
	subscription   = "poll://1f2e3d4c5b6a79880011/"
)

// somewhere makes up addresses of servers.
func somewhere(servers int) []string {
	addresses := make([]string, servers)
	for i := range addresses {
		addresses[i] = fmt.Sprintf("https://octopus%d.example.com:10943", i)
	}
	return addresses
}

// configuration writes the configuration of a Tentacle that polls the cluster with that
// thumbprint at those addresses to a new file.
func (b *bench) configuration(thumbprint string, addresses []string) (string, error) {
	var list strings.Builder
	for i, address := range addresses {
		if i > 0 {
			list.WriteByte(',')
		}
		fmt.Fprintf(&list, `{"Thumbprint":"%s","CommunicationStyle":2,"Address":"%s","Squid":null,"SubscriptionId":"%s"}`,
			thumbprint, address, subscription)
	}
	file, err := os.CreateTemp(b.folder, "*.config")
	if err != nil {
		return "", err
	}
	_, err = file.WriteString("\ufeff" + `<?xml version="1.0" encoding="utf-8"?>
<octopus-settings>
  <set key="Octopus.Home">/home/octopus</set>
  <set key="Tentacle.CertificateThumbprint">` + ownThumbprint + `</set>
  <set key="Tentacle.Communication.TrustedOctopusServers">[` + list.String() + `]</set>
  <set key="Tentacle.Services.NoListen">true</set>
</octopus-settings>
`)
	return file.Name(), errors.Join(err, file.Close())
}

func copyFile(from, to string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, text, 0o644)
}

// polls checks that a run saved what it should.
func polls(config string, servers int) error {
	text, err := os.ReadFile(config)
	if got := bytes.Count(text, []byte("poll://")); err == nil && got != servers {
		return fmt.Errorf("the Tentacle polls %d servers now, want %d", got, servers)
	}
	return err
}
