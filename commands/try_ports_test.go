package commands

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/octoapi"
)

// TestWhichPortsHaveToAnswer has ports, each of which is new (octo…) or polled (polled…), and what
// came of the try: the thumbprint A is the cluster's.
func TestWhichPortsHaveToAnswer(t *testing.T) {
	t.Parallel()
	good := triedPort{port: octoapi.Port{Thumbprint: strings.Repeat("A", 40)}}
	other := triedPort{port: octoapi.Port{Thumbprint: strings.Repeat("B", 40)}}
	failing := func(reason octoapi.Reason, presented string) triedPort {
		return triedPort{err: &octoapi.PortError{Reason: reason, Presented: strings.Repeat(presented, 40)}}
	}
	down, hangs, web := failing(octoapi.Refused, ""), failing(octoapi.TimedOut, ""), failing(octoapi.WebServer, "A")
	interrupted := failing(octoapi.Interrupted, "")
	for name, test := range map[string]struct {
		tried      triedPorts
		strict     bool   // refused without --allow-unreachable
		unverified string // with it
		refused    bool   // with it, too
		hint       string // of the refusal without it
		allowed    string // of the refusal with it
		warned     string
	}{
		"all answer":                 {tried: triedPorts{"octo1": good, "octo2": good}},
		"nothing is new":             {tried: triedPorts{}},
		"one is down":                {tried: triedPorts{"octo1": good, "octo2": down}, strict: true, unverified: "octo2", hint: "--allow-unreachable"},
		"one hangs":                  {tried: triedPorts{"octo1": good, "octo2": hangs}, strict: true, unverified: "octo2", hint: "--allow-unreachable"},
		"two are down":               {tried: triedPorts{"octo1": down, "octo2": hangs, "octo3": good}, strict: true, unverified: "octo1 octo2"},
		"all are down":               {tried: triedPorts{"octo1": down, "octo2": hangs}, strict: true, refused: true, allowed: "needs at least one node"},
		"a polled one answers":       {tried: triedPorts{"octo1": down, "polled1": good}, strict: true, unverified: "octo1", hint: "--allow-unreachable"},
		"a polled one is down, too":  {tried: triedPorts{"octo1": down, "polled1": down}, strict: true, refused: true, hint: "--allow-unreachable", allowed: "needs at least one node"},
		"a polled one is another's":  {tried: triedPorts{"octo1": good, "polled1": other}, warned: "polled already"},
		"only the polled is another": {tried: triedPorts{"octo1": down, "polled1": other}, strict: true, refused: true},
		"one is another's":           {tried: triedPorts{"octo1": good, "octo2": other}, strict: true, refused: true},
		"one down, one another's":    {tried: triedPorts{"octo1": down, "octo2": other, "octo3": good}, strict: true, refused: true},
		"a web site":                 {tried: triedPorts{"octo1": good, "octo2": web}, strict: true, refused: true},
		"a web site, and one down":   {tried: triedPorts{"octo1": good, "octo2": web, "octo3": down}, strict: true, refused: true},
		"hangs, as another":          {tried: triedPorts{"octo1": good, "octo2": failing(octoapi.TimedOut, "B")}, strict: true, refused: true},
		"hangs, as the cluster":      {tried: triedPorts{"octo1": failing(octoapi.TimedOut, "A"), "octo2": down}, strict: true, unverified: "octo1 octo2"},
		"interrupted":                {tried: triedPorts{"octo1": good, "octo2": interrupted}, strict: true, refused: true},
		"not an address":             {tried: triedPorts{"octo1": good, "octo2": {err: errors.New("no address")}}, strict: true, refused: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := portJudgement{accepted: []string{strings.Repeat("A", 40)}}
			for _, address := range []string{"octo1", "octo2", "octo3", "polled1"} {
				if _, is := test.tried[address]; !is {
					continue
				} else if strings.HasPrefix(address, "octo") {
					j.need = append(j.need, address)
				} else {
					j.polled = append(j.polled, address)
				}
			}
			for address, tried := range test.tried {
				tried.port.Address = address
				test.tried[address] = tried
			}
			_, err := test.tried.judge(newConsole(nil, io.Discard, io.Discard), j)
			if (err != nil) != test.strict || test.strict && !strings.Contains(shown(err), test.hint) {
				t.Errorf("without the option: %v", err)
			}
			var warnings bytes.Buffer
			j.allowUnreachable = true
			unverified, err := test.tried.judge(newConsole(nil, io.Discard, &warnings), j)
			switch {
			case (err != nil) != test.refused || err != nil && !strings.Contains(shown(err), test.allowed):
				t.Errorf("with the option: %v", err)
			case strings.Join(unverified, " ") != test.unverified:
				t.Errorf("unverified: %q", unverified)
			case strings.Count(warnings.String(), "added unverified") != len(unverified) || !strings.Contains(warnings.String(), test.warned):
				t.Errorf("warned: %s", &warnings)
			}
		})
	}
}

// TestAWebSocketHasToPresentWhatIsTrustedIfNoAPIIsAsked: its certificate may be valid, but anybody
// can have a valid one.
func TestAWebSocketHasToPresentWhatIsTrustedIfNoAPIIsAsked(t *testing.T) {
	t.Parallel()
	const address = "wss://octopus.example.com/OctopusComms"
	trusted := strings.Repeat("A", 40)
	for presented, good := range map[string]bool{trusted: true, strings.Repeat("B", 40): false} {
		tried := triedPorts{address: {port: octoapi.Port{Address: address, Thumbprint: presented}}}
		_, err := tried.judge(newConsole(nil, io.Discard, io.Discard), portJudgement{need: []string{address}, accepted: []string{trusted}, unasked: true})
		if (err == nil) != good || !good && !strings.Contains(err.Error(), address+" presents "+presented) {
			t.Errorf("%s: %v", presented, err)
		}
	}
}
