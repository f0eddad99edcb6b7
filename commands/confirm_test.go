package commands_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/commands"
	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
)

func TestAnAddressAnswersIfItsCertificateIsTrustedThereAndItAcceptsTheTentacle(t *testing.T) {
	s := newScene(t, "Tentacle", octotest.Options{})
	useHost(t, s.home, sceneMachineID)
	nodes := s.cluster.Addresses()
	s.trusts(t, s.entry(0), s.entry(1), s.entry(2))
	s.run(t, 0, "register-with", "--name=web01", "--environment=Production", "--role=web", "--comms-style=TentacleActive",
		"--server-comms-address="+strings.Join(nodes, ","))
	answering := func() (answer []string, why string) {
		t.Helper()
		answer, reasons, err := commands.Answering(t.Context(), s.config)
		if err != nil {
			t.Fatal(err)
		}
		return answer, strings.Join(reasons, "\n")
	}
	if answer, why := answering(); !slices.Equal(answer, nodes) || why != "" {
		t.Errorf("answers: %v\n%s", answer, why)
	}

	for n, fault := range map[int]octotest.NodeFault{1: {OtherCertificate: true}, 2: {Closed: true}} {
		if err := s.cluster.SetNodeFault(n, fault); err != nil {
			t.Fatal(err)
		}
	}
	answer, why := answering()
	if !slices.Equal(answer, nodes[2:]) || !strings.Contains(why, nodes[0]+" presents the thumbprint ") || !strings.Contains(why, nodes[1]+" is not responding") {
		t.Errorf("answers: %v\n%s", answer, why)
	}

	s.run(t, 0, "deregister-from", "--name=web01")
	if answer, why := answering(); len(answer) > 0 || !strings.Contains(why, nodes[2]+" does not accept this Tentacle") {
		t.Errorf("answers: %v\n%s", answer, why)
	}
}
