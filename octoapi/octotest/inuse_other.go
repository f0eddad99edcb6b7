//go:build !windows

package octotest

import "syscall"

const addressInUse = syscall.EADDRINUSE
