//go:build unix

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
)

const (
	roundTrip = 200 * time.Millisecond
	target    = "web1" // the name of the deployment target
)

// roundTrips counts how many round trips the commands that ask a server wait for, over http and
// over https.
func roundTrips(b *bench) error {
	return errors.Join(b.distance(false), b.distance(true))
}

// distance runs each command close to a server and far from it.
func (b *bench) distance(secure bool) error {
	near, err := b.openSite(secure, 0)
	if err != nil {
		return err
	}
	defer near.close()
	far, err := b.openSite(secure, roundTrip)
	if err != nil {
		return err
	}
	defer far.close()
	scheme, more := "https", 1.0 // for TLS
	if !secure {
		scheme, more = "http", 0
		if err := relayed(near, far); err != nil {
			return err
		}
	}
	for _, c := range []struct {
		what string
		aim  float64
		run  func(*bench, *site) (work, error)
	}{
		{"register-with, 3 nodes", 5.5, register},
		{"poll-server, a new node", 4.5, pollNewNode},
		{"deregister-from", 5.5, deregister},
		{"check, 3 nodes", 4.8, check},
	} {
		what := fmt.Sprintf("%s, round trips of %v over %s", c.what, roundTrip, scheme)
		if err := b.compareSites(what, near, far, c.aim+more, c.run); err != nil {
			return err
		}
	}
	return nil
}

// compareSites prints how many round trips a command takes.
func (b *bench) compareSites(what string, near, far *site, aim float64, run func(*bench, *site) (work, error)) error {
	nearWork, nearErr := run(b, near)
	farWork, farErr := run(b, far)
	if err := errors.Join(nearErr, farErr); err != nil {
		return err
	}
	results, err := inTurns(b.times(5, 1), nearWork, farWork)
	if err == nil {
		trips(what, results[0], results[1], aim)
	}
	return err
}

// trips prints how many round trips a run takes: its time far from the server, less its time close
// to it, divided by a round trip.
func trips(what string, near, far result, aim float64) {
	row(what, near, far, float64(far.median-near.median)/float64(roundTrip), aim)
}

// relayed shows that the relay is as slow as a network: a connection and a request take two
// round trips, the next request one.
func relayed(near, far *site) error {
	var took [2][2]time.Duration
	for i, s := range []*site{near, far} {
		client := http.Client{Transport: &http.Transport{}}
		defer client.CloseIdleConnections()
		for request := range 2 {
			begin := time.Now()
			answer, err := client.Get(s.server + "/api")
			if err != nil {
				return err
			}
			_, err = io.Copy(io.Discard, answer.Body)
			if err := errors.Join(err, answer.Body.Close()); err != nil {
				return err
			}
			took[request][i] = time.Since(begin)
		}
	}
	for request, what := range []string{"a new connection and a request", "the next request"} {
		trips("the relay: "+what+", round trips", result{median: took[request][0]}, result{median: took[request][1]}, float64(2-request)+0.1)
	}
	return nil
}

// register registers a new deployment target that polls every node. After each run it is deleted.
func register(b *bench, s *site) (work, error) {
	original, _, err := b.certified(s, nil)
	if err != nil {
		return work{}, err
	}
	arguments := append(s.login(), "--name", target, "--environment", "Production", "--role", "web-server",
		"--comms-style", "TentacleActive")
	for _, node := range s.nodes {
		arguments = append(arguments, "--server-comms-address", node)
	}
	w := b.change(original, len(s.nodes), "register-with", arguments...)
	saved := w.after
	w.after = func(output []byte) error {
		undo, err := deregister(b, s.direct())
		if err == nil {
			undo.before = nil // register-with made the target, with a subscription of its own
			undo.arguments = append(undo.arguments, "--name", target)
			_, _, err = undo.run()
		}
		return errors.Join(saved(output), err)
	}
	return w, nil
}

// certified is a configuration that polls these nodes, with the certificate of all such
// configurations, and its thumbprint.
func (b *bench) certified(s *site, nodes []string) (config, thumbprint string, err error) {
	if config, err = b.configuration(s.cluster.Thumbprint(), nodes); err != nil {
		return "", "", err
	}
	certificate := filepath.Join(b.folder, "certificate.txt")
	if _, err := os.Stat(certificate); err != nil {
		if err := exec.Command(b.program, "new-certificate", "--export-file", certificate).Run(); err != nil {
			return "", "", err
		}
	}
	if err := exec.Command(b.program, "import-certificate", "--from-file", certificate, "--config", config, "--no-restart", "--no-backup").Run(); err != nil {
		return "", "", err
	}
	output, err := exec.Command(b.program, "show-thumbprint", "--config", config).Output()
	return config, string(bytes.TrimSpace(output)), err
}

// pollNewNode adds the cluster's second node to its first. The Tentacle is registered, and has a
// certificate to ask with whether the nodes accept it.
func pollNewNode(b *bench, s *site) (work, error) {
	original, thumbprint, err := b.certified(s, s.nodes[:1])
	if err != nil {
		return work{}, err
	}
	w := b.change(original, 2, "poll-server", append(s.login(), "--server-comms-address", s.nodes[1])...)
	copied := w.before
	w.before = func() error { return errors.Join(copied(), s.registers(thumbprint)) }
	return w, nil
}

// registers makes a deployment target of the Tentacle with this thumbprint.
func (s *site) registers(thumbprint string) error {
	return s.cluster.AddMachine(octotest.Machine{Name: target, Thumbprint: thumbprint, Subscription: subscription})
}

// deregister deletes a deployment target.
func deregister(b *bench, s *site) (work, error) {
	config, thumbprint, err := b.certified(s, s.nodes)
	if err != nil {
		return work{}, err
	}
	return work{
		arguments: append([]string{b.program, "deregister-from", "--config", config, "--format", "json"}, s.login()...),
		before:    func() error { return s.registers(thumbprint) },
		after:     func(output []byte) error { return contains(output, `"deleted"`) },
	}, nil
}

// check checks a Tentacle without a problem, which makes its exit code 0.
func check(b *bench, s *site) (work, error) {
	config, thumbprint, err := b.certified(s, s.nodes)
	if err != nil {
		return work{}, err
	}
	return work{
		arguments: append([]string{b.program, "check", "--config", config}, s.login()...),
		before:    func() error { return s.registers(thumbprint) },
		after: func(output []byte) error {
			return contains(output, "deployment target "+target)
		},
	}, nil
}

func contains(output []byte, want string) error {
	if !bytes.Contains(output, []byte(want)) {
		return fmt.Errorf("%s is missing in:\n%s", want, output)
	}
	return nil
}
