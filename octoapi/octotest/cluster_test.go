package octotest

import (
	"crypto/tls"
	"strings"
	"testing"
)

// presented is the thumbprint of the certificate at a polling port.
func presented(t *testing.T, address string) string {
	t.Helper()
	conn, err := tls.Dial("tcp", strings.TrimPrefix(address, "https://"), &tls.Config{InsecureSkipVerify: true}) // #nosec G402: the thumbprint is compared
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return thumbprintOf(tls.Certificate{Certificate: [][]byte{conn.ConnectionState().PeerCertificates[0].Raw}})
}

func TestARenewedCertificateIsPresentedByTheNodesThatHaveIt(t *testing.T) {
	c := start(t, Options{})
	old := c.Thumbprint()
	if err := c.Renew(); err != nil {
		t.Fatal(err)
	}
	c.Restart(1, 0)
	renewed := c.Thumbprint()
	if renewed == old {
		t.Fatal("the API tells the old one")
	}
	for i, want := range []string{renewed, old, old} {
		if got := presented(t, c.Addresses()[i]); got != want {
			t.Errorf("node %d presents %s", i+1, got)
		}
	}
	c.Restart(2, 0)
	c.Restart(3, 0)
	for i, address := range c.Addresses() {
		if got := presented(t, address); got != c.Thumbprint() {
			t.Errorf("node %d presents %s after all were restarted", i+1, got)
		}
	}
}

func TestANodeThatIsAddedHasAPortAndIsListed(t *testing.T) {
	c := start(t, Options{})
	address, err := c.AddNode()
	if err != nil {
		t.Fatal(err)
	}
	if all := c.Addresses(); len(all) != 4 || all[3] != address || presented(t, address) != c.Thumbprint() {
		t.Errorf("%v", all)
	}
	if nodes := c.serverNodes(); len(nodes) != 4 || nodes[3]["Name"] != "node4" {
		t.Errorf("%v", nodes)
	}
}

func TestAMachineIsChangedByAddingItAgain(t *testing.T) {
	c := start(t, Options{})
	m := Machine{Name: "web1", Thumbprint: strings.Repeat("A", 40)}
	for range 2 {
		if err := c.AddMachine(m); err != nil {
			t.Fatal(err)
		}
		m.Disabled = true
	}
	if list := c.store.list("Spaces-1/machines"); len(list) != 1 || list[0]["IsDisabled"] != true || list[0]["Id"] != "Machines-101" {
		t.Errorf("%v", list)
	}
	if err := c.AddMachine(Machine{Name: "web1", Thumbprint: m.Thumbprint, Space: "none"}); err == nil {
		t.Error("a space that does not exist was taken")
	}
}
