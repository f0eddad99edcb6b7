//go:build linux || windows

package service

import (
	"net"
	"net/netip"
	"os"
	"slices"
	"testing"
)

// connect connects this process to a listener of its own, and returns where that listens.
func connect(t *testing.T, network, address string) (end netip.AddrPort, conn net.Conn) {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	if conn, err = net.Dial(network, l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = conn.Close(), accepted.Close() })
	return l.Addr().(*net.TCPAddr).AddrPort(), conn
}

func TestTheConnectionsOfAProcessAreThoseThatItHas(t *testing.T) {
	for network, address := range map[string]string{"tcp4": "127.0.0.1:0", "tcp6": "[::1]:0"} {
		t.Run(network, func(t *testing.T) {
			end, conn := connect(t, network, address)
			if ownerUnknown(end) {
				t.Skip("this system does not know whose connection it is")
			}
			got, err := connectionsOf([]int{os.Getpid()})
			if err != nil || !slices.Contains(got, end) || slices.ContainsFunc(got, func(e netip.AddrPort) bool { return e.Port() == 0 }) {
				t.Errorf("%v, %v: not %v", got, err, end)
			}
			_ = conn.Close()
			if got, err := connectionsOf([]int{os.Getpid()}); err != nil || slices.Contains(got, end) {
				t.Errorf("closed: %v, %v", got, err)
			}
		})
	}
}

func TestAProcessThatHasEndedHasNoConnections(t *testing.T) {
	const none = 1 << 30
	if got, err := connectionsOf([]int{none}); err != nil || len(got) > 0 {
		t.Errorf("%v, %v", got, err)
	}
}

func TestAServiceThatIsAbsentHasNoConnections(t *testing.T) {
	if got, err := Connections(t.Context(), "octo-tentacle-no-such-service"); err != nil || len(got) > 0 {
		t.Errorf("%v, %v", got, err)
	}
}
