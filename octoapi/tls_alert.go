package octoapi

import (
	"errors"
	"net"
	"slices"
	"strings"
)

// diagnoseTLS explains what either side found wrong while TLS was being set up.
func diagnoseTLS(err error, host string) (d diagnosis, is bool) {
	said := alertOf(err)
	text := withoutWrappers(err).Error()
	found, isLocal := strings.CutPrefix(text, "tls: ")
	switch {
	case said != "" && slices.Contains(noneInCommon, said), isLocal && saysOldTLS(found):
		return diagnosis{OldTLS, host + " and this program have no TLS version or cipher in common", noRetry,
			[]string{"it must speak TLS 1.2 with ECDHE and AES-GCM or ChaCha20, or TLS 1.3"}}, true
	case said == "unrecognized name":
		return diagnosis{OtherReason, host + " does not know the name that it was asked for (TLS)", noRetry,
			[]string{"a load balancer or web server there serves other names only"}}, true
	case said != "":
		return diagnosis{OtherReason, host + " ended TLS: " + said, retryBriefly, nil}, true
	case isLocal && strings.Contains(found, "parse certificate"):
		return diagnosis{InvalidCertificate, "the certificate of " + host + " cannot be read: " + plain(err), noRetry, nil}, true
	case isLocal:
		return diagnosis{OtherReason, host + " breaks the rules of TLS: " + oneLine(found, maxQuote), noRetry, nil}, true
	}
	return diagnosis{}, false
}

// alertOf is what a TLS alert of the other side says, in the words of RFC 8446 without underscores,
// like "handshake failure"; "" when err is none.
func alertOf(err error) string {
	var operation *net.OpError
	for e := err; errors.As(e, &operation); e = operation.Err {
		if operation.Op == "remote error" {
			return strings.TrimPrefix(operation.Err.Error(), "tls: ")
		}
	}
	return ""
}

// noneInCommon are the alerts of a server that can or will use none of the versions and ciphers
// offered.
var noneInCommon = []string{"handshake failure", "protocol version not supported", "insufficient security level"}

// saysOldTLS says whether what was found wrong with a server's choice is that it is too old.
func saysOldTLS(found string) bool {
	return strings.HasPrefix(found, "server selected unsupported protocol version") ||
		slices.Contains([]string{"server chose an unconfigured cipher suite", "server selected unsupported group", "no supported elliptic curves for ECDHE"}, found)
}

// saysCertificate says whether an alert is about the client's certificate. None is sent, so that it
// means that one is required.
func saysCertificate(alert string) bool {
	return slices.Contains([]string{"certificate required", "bad certificate", "unknown certificate", "unknown certificate authority",
		"unsupported certificate"}, alert)
}
