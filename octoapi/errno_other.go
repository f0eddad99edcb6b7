//go:build !windows

package octoapi

import "syscall"

const (
	connectionRefused = syscall.ECONNREFUSED
	connectionReset   = syscall.ECONNRESET
	connectionAborted = syscall.ECONNABORTED
	brokenPipe        = syscall.EPIPE
	networkUnreached  = syscall.ENETUNREACH
	hostUnreached     = syscall.EHOSTUNREACH
)
