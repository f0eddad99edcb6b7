package commands_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/commands"
	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// freshMachine is a machine without a Tentacle, and a file that says what it should be: a
// deployment target and a worker.
func freshMachine(t *testing.T, o octotest.Options) (s *scene, file string) {
	t.Helper()
	s = newFreshScene(t, o)
	file = filepath.Join(filepath.Dir(s.config), "tentacle.yaml")
	must(t, os.WriteFile(file, []byte("instance: Tentacle\nconfiguration: "+s.config+"\ncertificate: if-blank\ncommunication: polling\nserver: "+s.cluster.URL()+
		"\nnodes: ["+strings.Join(s.cluster.Addresses(), ", ")+"]\nregistrations:\n"+
		"  - {name: web01, environments: [Development], roles: [web]}\n  - {kind: worker, name: build01, workerPools: [Windows Pool]}\n"), 0o600))
	return s, file
}

// isWhole: the Tentacle is what that file says.
func (s *scene) isWhole(t *testing.T, when string) {
	t.Helper()
	addresses, err := polled(s.config)
	index, unindexed := indexed(s, "tentacle")
	if err := errors.Join(err, unindexed); err != nil || len(addresses) != 3 || index != s.config || !s.isRegisteredTwice(s.config) {
		t.Errorf("%s: it polls %v, is indexed as %q, and registered as %v: %v", when, addresses, index, s.cluster.Registrations(), err)
	}
}

// indexed is what the index file of that name says.
func indexed(s *scene, name string) (config string, err error) {
	data, err := os.ReadFile(filepath.Join(s.home, "Tentacle", "Instances", name+".config"))
	if err != nil {
		return "", err
	}
	var entry struct{ ConfigurationFilePath string }
	return entry.ConfigurationFilePath, json.Unmarshal(data, &entry)
}

// isRegisteredTwice: there is a deployment target and a worker, each with the certificate and the
// subscription of the configuration.
func (s *scene) isRegisteredTwice(config string) bool {
	document, err := tentacleconfig.Read(config)
	if err != nil {
		return false
	}
	thumbprint, err := document.Thumbprint()
	servers, unread := document.TrustedServers()
	all := s.cluster.Registrations()
	return err == nil && unread == nil && len(all) == 2 && !slices.ContainsFunc(all, func(r octotest.Registration) bool {
		return r.Thumbprint != thumbprint || !slices.ContainsFunc(servers, func(s tentacleconfig.TrustedServer) bool { return s.SubscriptionID == r.URI })
	})
}

// TestCtrlCAtAnyMomentOfApplyIsFinishedByTheNextRun interrupts apply on a fresh machine. What it
// has registered then has the certificate that is in the configuration.
func TestCtrlCAtAnyMomentOfApplyIsFinishedByTheNextRun(t *testing.T) {
	t.Parallel()
	needInterrupts(t)
	interrupted := 0
	var whole time.Duration
	for i := range interruptedRuns / 2 {
		s, file := freshMachine(t, octotest.Options{Latency: 2 * time.Millisecond})
		_, stderr, err := runInterrupted(t, s.command("apply", "--file="+file), 2*i, &whole)
		switch {
		case err == nil:
			s.isWhole(t, "not interrupted")
		case len(s.cluster.Registrations()) > 0 && strings.Contains(stderr.String(), "nothing was changed"):
			t.Errorf("registered, but said %q", stderr.String())
		default:
			interrupted++
		}
		s.run(t, 0, "apply", "--file="+file)
		s.isWhole(t, fmt.Sprintf("after the run that said %q, and the next", stderr.String()))
		if stdout, _ := s.run(t, 0, "apply", "--file="+file); !strings.Contains(stdout, "Nothing to change") {
			t.Errorf("then: %s", stdout)
		}
		s.cluster.Close()
	}
	if interrupted == 0 {
		t.Error("no run was interrupted: the test shows nothing")
	}
}

// TestAppliesAtTheSameTimeMakeOneTentacle: on a fresh machine, or with a configuration that has no
// certificate yet, all find nothing, and each makes a certificate. One of them is the Tentacle's;
// with that it is registered, and nothing else is.
func TestAppliesAtTheSameTimeMakeOneTentacle(t *testing.T) {
	t.Parallel()
	for n := range 8 {
		s, file := freshMachine(t, octotest.Options{})
		if n%2 == 1 {
			s.run(t, 0, "create-instance", "--instance=Tentacle", "--config="+s.config)
		}
		s.cluster.SetAPIFault(octotest.APIFault{Write: true, Slow: time.Duration(n/2) * 50 * time.Millisecond})
		outputs := make([]string, 3)
		var wait sync.WaitGroup
		for i := range outputs {
			wait.Go(func() {
				output, err := s.command("apply", "--file="+file).CombinedOutput()
				outputs[i] = fmt.Sprintf("%v: %s", err, output)
			})
		}
		wait.Wait()
		s.cluster.SetAPIFault(octotest.APIFault{})
		for _, r := range s.cluster.Registrations() {
			document, err := tentacleconfig.Read(s.config)
			must(t, err)
			if own, err := document.Thumbprint(); err != nil || own != r.Thumbprint {
				t.Errorf("registered with %s, and the certificate is %s: %v\n%s", r.Thumbprint, own, err, strings.Join(outputs, "\n"))
			}
		}
		s.run(t, 0, "apply", "--file="+file)
		s.isWhole(t, strings.Join(outputs, "\n"))
	}
}

// TestApplyRegistersNoCertificateThatItDidNotSave: another process makes one while it asks the
// server, and apply goes on with that.
func TestApplyRegistersNoCertificateThatItDidNotSave(t *testing.T) {
	t.Parallel()
	s, file := freshMachine(t, octotest.Options{})
	s.run(t, 0, "create-instance", "--instance=Tentacle", "--config="+s.config)
	s.cluster.SetAPIFault(octotest.APIFault{Slow: 2 * time.Second})
	asking := s.command("apply", "--file="+file)
	must(t, asking.Start())
	time.Sleep(time.Second)
	s.run(t, 0, "new-certificate", "--if-blank", "--config="+s.config)
	s.cluster.SetAPIFault(octotest.APIFault{})
	made := certificateIn(t, s.config)
	must(t, asking.Wait())
	if now := certificateIn(t, s.config); now != made {
		t.Errorf("the certificate %s became %s", made, now)
	}
	s.isWhole(t, "with a certificate that came meanwhile")
}

// certificateIn is the thumbprint of a configuration's certificate.
func certificateIn(t *testing.T, config string) string {
	t.Helper()
	document, err := tentacleconfig.Read(config)
	must(t, err)
	thumbprint, err := document.Thumbprint()
	must(t, err)
	return thumbprint
}

// TestALostAnswerToApplyIsFinishedByTheNextRun: the server did what it was sent, and nobody heard.
func TestALostAnswerToApplyIsFinishedByTheNextRun(t *testing.T) {
	t.Parallel()
	commands.TriesEverything(t)
	for _, path := range []string{"machines", "workers"} {
		for _, fault := range []octotest.APIFault{{LostAnswer: true}, {CutConnection: true}, {Status: 500}, {HTML: true}} {
			s, file := freshMachine(t, octotest.Options{})
			fault.Path, fault.Write = path, true
			s.cluster.SetAPIFault(fault)
			_, stderr := s.run(t, 3, "apply", "--file="+file) // the configuration is new: it is saved by then
			if strings.Contains(stderr, "nothing was changed") {
				t.Errorf("%s, %+v: it said %q", path, fault, stderr)
			}
			s.cluster.SetAPIFault(octotest.APIFault{})
			s.run(t, 0, "apply", "--file="+file)
			s.isWhole(t, stderr)
			s.cluster.Close()
		}
	}
}
