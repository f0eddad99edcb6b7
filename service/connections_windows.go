package service

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"syscall"
	"unsafe"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"golang.org/x/sys/windows"
)

// Connections lists the other ends of the TCP connections that the service NAME's process and its
// descendants have now, each once. An IPv4 address is always written as one. This process does not
// count, even where a script of the service has started it. There are none for a service that does
// not run. The error is fs.ErrPermission where this account may not see them.
func Connections(ctx context.Context, name string) ([]netip.AddrPort, error) {
	status, err := Query(ctx, name)
	if err != nil || status.MainPID == 0 {
		return nil, err
	}
	all, err := allProcesses()
	if err != nil {
		return nil, err
	}
	pids := []int{status.MainPID}
	for _, p := range all.below(uint32(status.MainPID)) {
		pids = append(pids, p.PID)
	}
	return connectionsOf(pids)
}

// connectionsOf are those of some processes.
func connectionsOf(pids []int) (ends []netip.AddrPort, err error) {
	known := map[netip.AddrPort]bool{}
	for _, t := range []connectionTable{ipv4Table, ipv6Table} {
		all, err := t.read()
		if err != nil {
			return nil, hint.Permission(fmt.Errorf("the connections of the service's processes cannot be seen: %w", err))
		}
		for _, one := range all {
			if slices.Contains(pids, one.pid) && !known[one.end] {
				known[one.end] = true
				ends = append(ends, one.end)
			}
		}
	}
	return ends, nil
}

var getExtendedTCPTable = windows.NewLazySystemDLL("iphlpapi.dll").NewProc("GetExtendedTcpTable")

// A connectionTable is one of the tables of GetExtendedTcpTable: after the number of rows, each row
// has these bytes, with all numbers but the ports in the machine's order.
type connectionTable struct {
	family, size                      int
	state, address, length, port, pid int // where that is in a row; and how long the address is
}

var (
	ipv4Table = connectionTable{windows.AF_INET, 24, 0, 12, 4, 16, 20}    // MIB_TCPROW_OWNER_PID
	ipv6Table = connectionTable{windows.AF_INET6, 56, 48, 24, 16, 44, 52} // MIB_TCP6ROW_OWNER_PID
)

// A connection is one that is established.
type connection struct {
	pid int
	end netip.AddrPort // the other one
}

func (t connectionTable) read() (found []connection, err error) {
	const ownerPIDConnections, established = 4, 5 // TCP_TABLE_OWNER_PID_CONNECTIONS, MIB_TCP_STATE_ESTAB
	size := uint32(16 << 10)
	var table []byte
	for {
		table = make([]byte, size) // which has to grow while connections are made
		code, _, _ := getExtendedTCPTable.Call(uintptr(unsafe.Pointer(&table[0])), uintptr(unsafe.Pointer(&size)), 0, uintptr(t.family), ownerPIDConnections, 0)
		if code == 0 {
			break
		}
		if err := syscall.Errno(code); !errors.Is(err, windows.ERROR_INSUFFICIENT_BUFFER) {
			return nil, err
		}
	}
	number := func(at int) int { return int(binary.NativeEndian.Uint32(table[at:])) }
	for i := range number(0) {
		row := 4 + i*t.size
		if row+t.size > len(table) || number(row+t.state) != established {
			continue
		}
		ip, _ := netip.AddrFromSlice(table[row+t.address:][:t.length])
		port := binary.BigEndian.Uint16(table[row+t.port:])
		found = append(found, connection{number(row + t.pid), netip.AddrPortFrom(ip.Unmap(), port)})
	}
	return found, nil
}
