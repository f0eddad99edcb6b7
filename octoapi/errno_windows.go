package octoapi

import "syscall"

// Winsock's own numbers, which the net package hands through (WSAECONNREFUSED and so on).
const (
	connectionRefused = syscall.Errno(10061)
	connectionReset   = syscall.Errno(10054)
	connectionAborted = syscall.Errno(10053)
	brokenPipe        = syscall.Errno(10058) // WSAESHUTDOWN
	networkUnreached  = syscall.Errno(10051)
	hostUnreached     = syscall.Errno(10065)
)
