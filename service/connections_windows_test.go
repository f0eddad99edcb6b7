package service

import (
	"net"
	"net/netip"
	"slices"
	"testing"
)

// ownerUnknown says whether the system does not tell whose connection this is, as Wine does not for
// IPv6.
func ownerUnknown(end netip.AddrPort) bool {
	all, err := ipv6Table.read()
	return err == nil && slices.Contains(all, connection{0, end})
}

func TestTheConnectionsOfAServiceAreThoseOfItsProcess(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	own, _ := connect(t, "tcp4", "127.0.0.1:0") // of another process than the service's
	s := install(t, "Connected")
	s.put(t, "act", "connect "+l.Addr().String())
	if got, err := Connections(t.Context(), s.name); err != nil || len(got) > 0 {
		t.Errorf("stopped: %v, %v", got, err)
	}
	s.start(t)
	end := l.Addr().(*net.TCPAddr).AddrPort()
	if got, err := Connections(t.Context(), s.name); err != nil || !slices.Contains(got, end) || slices.Contains(got, own) {
		t.Errorf("%v, %v: not %v", got, err, end)
	}
}
