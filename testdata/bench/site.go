//go:build unix

package main

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
)

// A site is a cluster of three nodes whose API and polling ports are reached through relays.
type site struct {
	cluster *octotest.Cluster
	relays  []*relay
	server  string   // URL of the API
	caFile  string   // for https
	nodes   []string // comms addresses
}

// openSite starts a cluster at a distance of roundTrip. secure makes its API speak https.
func (b *bench) openSite(secure bool, roundTrip time.Duration) (*site, error) {
	cluster, err := octotest.Start(octotest.Options{TLS: secure})
	if err != nil {
		return nil, err
	}
	s := &site{cluster: cluster}
	err = s.relay(roundTrip)
	if err == nil && secure {
		s.caFile = filepath.Join(b.folder, fmt.Sprintf("ca-%v.pem", roundTrip))
		err = os.WriteFile(s.caFile, cluster.CAPEM(), 0o644)
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// relay starts a relay to the API and to each polling port.
func (s *site) relay(roundTrip time.Duration) (err error) {
	if s.server, err = s.through(s.cluster.URL(), roundTrip); err != nil {
		return err
	}
	for _, address := range s.cluster.Addresses() {
		node, err := s.through(address, roundTrip)
		if err != nil {
			return err
		}
		s.nodes = append(s.nodes, node)
	}
	return nil
}

// login is the options that say which server, and as whom.
func (s *site) login() []string {
	options := []string{"--server", s.server, "--apikey", octotest.APIKey}
	if s.caFile != "" {
		options = append(options, "--ca-file", s.caFile)
	}
	return options
}

// direct is the same cluster, but the URL of its API leads past the relay.
func (s *site) direct() *site {
	direct := *s
	direct.server = s.cluster.URL()
	return &direct
}

// through starts a relay to an address and returns the address that leads through it. The API's
// links are paths without a host, so requests that follow them go through the relay, too.
func (s *site) through(address string, roundTrip time.Duration) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", err
	}
	r, err := startRelay(u.Host, roundTrip)
	if err != nil {
		return "", err
	}
	s.relays = append(s.relays, r)
	return strings.Replace(address, u.Host, r.address(), 1), nil
}

func (s *site) close() {
	for _, r := range s.relays {
		r.stop()
	}
	s.cluster.Close()
}
