package service

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"golang.org/x/sys/unix"
)

func TestAConnectionIsReadAsTheKernelWritesIt(t *testing.T) {
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skip("the lines are those of a little-endian machine")
	}
	const rest = " 00000000:00000000 00:00000000 00000000     0        0 4711 1 0000000000000000 20 4 30 10 -1"
	for _, c := range []struct{ what, line, end string }{
		{"established", "   1: 0100007F:9C40 0200007F:2ABF 01" + rest, "127.0.0.2:10943"},
		{"IPv4 over a socket for both", "   0: 0000000000000000FFFF00000100007F:B2EC 0000000000000000FFFF00000200007F:2ABF 01" + rest, "127.0.0.2:10943"},
		{"IPv6", "   0: 00000000000000000000000001000000:B2EC B80D0120000000000000000001000000:01BB 01" + rest, "[2001:db8::1]:443"},
		{"listening", "   0: 0100007F:2ABF 00000000:0000 0A" + rest, ""},
		{"still connecting", "   0: 0100007F:2ABF 0200007F:2ABF 02" + rest, ""},
		{"the head", "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode", ""},
		{"cut off", "   1: 0100007F:9C40 0200007F:2ABF 01", ""},
	} {
		inode, end, ok := readConnection(c.line)
		if ok != (c.end != "") || ok && (inode != "4711" || end.String() != c.end) {
			t.Errorf("%s: %s, %v, %v", c.what, inode, end, ok)
		}
	}
}

// .NET connects with sockets for both kinds of addresses.
func TestAnIPv4ConnectionOfASocketForBothKindsIsIPv4(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	socket, err := unix.Socket(unix.AF_INET6, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Skip(err)
	}
	defer unix.Close(socket)
	end := l.Addr().(*net.TCPAddr).AddrPort()
	mapped := netip.AddrFrom16(end.Addr().As16())
	if err := unix.Connect(socket, &unix.SockaddrInet6{Port: int(end.Port()), Addr: mapped.As16()}); err != nil {
		t.Fatal(err)
	}
	if got, err := connectionsOf([]int{os.Getpid()}); err != nil || !slices.Contains(got, end) {
		t.Errorf("%v, %v: not %v", got, err, end)
	}
}

// That is no word about the service, and not an empty list.
func TestTheConnectionsOfOtherUsersProcessesNeedPermission(t *testing.T) {
	const root, nobody = 1, 65534
	failed := make(chan error)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		if os.Geteuid() == 0 {
			_, _ = unix.SetfsuidRetUid(nobody)
		}
		_, err := connectionsOf([]int{root})
		failed <- err
	}()
	err := <-failed
	if !errors.Is(err, fs.ErrPermission) || !strings.Contains(strings.Join(hint.Of(err), ""), "root") {
		t.Errorf("%v %q", err, hint.Of(err))
	}
}

func ownerUnknown(netip.AddrPort) bool { return false }
