//go:build !windows

package octoapi

import (
	"crypto/tls"
	"errors"
	"net"
	"testing"
	"time"
)

// Not on Windows, because Wine tells a reset as an end now and then: whoever writes at that moment
// takes the error away from the one who reads.
func TestAResetIsNoAnswer(t *testing.T) {
	t.Parallel()
	own, _ := anyCertificate(t)
	address := securedBy(t, &tls.Config{ClientAuth: tls.RequestClientCert}, func(conn *tls.Conn) {
		_ = conn.NetConn().(*net.TCPConn).SetLinger(0)
		_ = conn.NetConn().Close()
	})
	p := AskTrust(deadline(t, 5*time.Second), []string{address}, own, PortOptions{timing: quick, FailFast: true})[0]
	if failed, _ := errors.AsType[*PortError](p.Err); p.Trust != NoAnswer || failed == nil || failed.Reason != Ended {
		t.Errorf("%+v", p)
	}
}
