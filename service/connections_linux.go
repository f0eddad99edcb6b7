package service

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"golang.org/x/sys/unix"
)

// Connections lists the other ends of the TCP connections that the processes of the unit
// NAME.service have now, each once. An IPv4 address is always written as one. This process does not
// count, even where a script of the service has started it. There are none for a unit that does not
// run, and on a host without systemd. The error is fs.ErrPermission where this user may not see
// what the unit's processes have open.
func Connections(ctx context.Context, name string) ([]netip.AddrPort, error) {
	group, main, err := controlGroup(ctx, name)
	if err != nil || group == "" {
		return nil, err
	}
	found, err := processesOf(group, func(pid int) bool { return pid == os.Getpid() })
	if err != nil {
		return nil, err
	}
	pids := make([]int, len(found))
	for i, p := range found {
		pids[i] = p.PID
	}
	// With hidepid (proc(5)), the processes of others seem not to be there.
	if main != 0 && !slices.Contains(pids, main) && os.Geteuid() != 0 {
		return nil, notSeen(fs.ErrPermission)
	}
	return connectionsOf(pids)
}

func notSeen(err error) error {
	return hint.Permission(fmt.Errorf("the connections of the service's processes cannot be seen: %w", err))
}

// connectionsOf are those of some processes. What a process has open is in /proc/PID/fd, and where
// that leads in the tables of its own network namespace: proc(5).
func connectionsOf(pids []int) (ends []netip.AddrPort, err error) {
	tables := map[string]map[string]netip.AddrPort{} // by network namespace
	known := map[netip.AddrPort]bool{}
	for _, pid := range pids {
		sockets, namespace, err := socketsOf(pid)
		if hasEnded(err) {
			continue
		}
		if err != nil {
			return nil, notSeen(err)
		}
		if tables[namespace] == nil {
			table, err := established(pid)
			if hasEnded(err) {
				continue
			}
			if err != nil {
				return nil, notSeen(err)
			}
			tables[namespace] = table
		}
		for _, socket := range sockets {
			if end, is := tables[namespace][socket]; is && !known[end] {
				known[end] = true
				ends = append(ends, end)
			}
		}
	}
	return ends, nil
}

// hasEnded says whether an error is due to a process that is gone.
func hasEnded(err error) bool { return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) }

// socketsOf are the inodes of the sockets that a process has open, and its network namespace.
func socketsOf(pid int) (inodes []string, namespace string, err error) {
	folder := fmt.Sprintf("/proc/%d/", pid)
	if namespace, err = os.Readlink(folder + "ns/net"); err != nil {
		return nil, "", err
	}
	open, err := os.ReadDir(folder + "fd")
	if err != nil {
		return nil, "", err
	}
	for _, file := range open {
		// A file that was closed meanwhile is none.
		target, _ := os.Readlink(folder + "fd/" + file.Name())
		if inode, is := strings.CutPrefix(target, "socket:["); is {
			inodes = append(inodes, strings.TrimSuffix(inode, "]"))
		}
	}
	return inodes, namespace, nil
}

// established are the other ends of the established connections in the network namespace of a
// process, by the inode of the socket.
func established(pid int) (map[string]netip.AddrPort, error) {
	ends := map[string]netip.AddrPort{}
	for _, table := range []string{"tcp", "tcp6"} {
		file, err := os.Open(fmt.Sprintf("/proc/%d/net/%s", pid, table))
		if table == "tcp6" && errors.Is(err, fs.ErrNotExist) {
			continue // a kernel without IPv6
		}
		if err != nil {
			return nil, err
		}
		lines := bufio.NewScanner(file)
		for lines.Scan() {
			if inode, end, ok := readConnection(lines.Text()); ok {
				ends[inode] = end
			}
		}
		err = lines.Err()
		file.Close()
		if err != nil {
			return nil, err
		}
	}
	return ends, nil
}

// readConnection reads a line of /proc/net/tcp or tcp6, if it is an established connection:
// its number, the local address, the remote one, the state, and, as the tenth, the inode
// (Linux, Documentation/networking/proc_net_tcp.rst).
func readConnection(line string) (inode string, end netip.AddrPort, ok bool) {
	const established = "01"
	fields := strings.Fields(line)
	if len(fields) < 10 || fields[3] != established {
		return "", end, false
	}
	address, port, _ := strings.Cut(fields[2], ":")
	words, err := hex.DecodeString(address)
	if err != nil || len(words)%4 != 0 {
		return "", end, false
	}
	for i := 0; i < len(words); i += 4 { // each is printed as a number of this machine
		binary.NativeEndian.PutUint32(words[i:], binary.BigEndian.Uint32(words[i:]))
	}
	ip, is := netip.AddrFromSlice(words)
	number, err := strconv.ParseUint(port, 16, 16)
	return fields[9], netip.AddrPortFrom(ip.Unmap(), uint16(number)), is && err == nil
}
