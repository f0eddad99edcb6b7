package octoapi

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
)

// diagnoseCertificate says why the certificate of host does not prove that it is host.
func diagnoseCertificate(err *tls.CertificateVerificationError, host string) diagnosis {
	d := diagnosis{reason: InvalidCertificate, text: "the certificate of " + host + " is not trusted", retry: noRetry}
	if len(err.UnverifiedCertificates) == 0 {
		return d
	}
	leaf := err.UnverifiedCertificates[0]
	var why string
	d.reason, why, d.hints = whyUntrusted(err.Err, err.UnverifiedCertificates)
	d.text += ": " + why
	names := slices.Clone(leaf.DNSNames)
	for _, ip := range leaf.IPAddresses {
		names = append(names, ip.String())
	}
	d.hints = append([]string{fmt.Sprintf("the certificate: subject %s, issuer %s, names %s, thumbprint %s",
		oneLine(leaf.Subject.String(), 100), oneLine(leaf.Issuer.String(), 100),
		oneLine(cmp.Or(strings.Join(names, ", "), "none"), 150), thumbprint.Of(leaf.Raw))}, d.hints...)
	return d
}

// whyUntrusted is what is wrong with a chain, the server's own certificate first, in which err was
// found. An issuer is called unknown, too, whose signature is not looked at.
func whyUntrusted(err error, chain []*x509.Certificate) (reason Reason, why string, hints []string) {
	var (
		name    x509.HostnameError
		invalid x509.CertificateInvalidError
		unknown x509.UnknownAuthorityError
	)
	leaf := chain[0]
	switch {
	case errors.As(err, &name) && !namesHosts(leaf) && leaf.Subject.CommonName == clusterSubject:
		return PollingPort, "it is an Octopus cluster's own, which polling ports present", nil
	case errors.As(err, &name) && !namesHosts(leaf):
		why := "it names no host"
		if strings.EqualFold(leaf.Subject.CommonName, name.Host) {
			why = "it names the host in its subject only (common name), which no longer counts"
		}
		return OnlyCommonName, why, []string{"it must be issued again, with the host among its subject alternative names"}
	case errors.As(err, &name):
		return WrongName, "it is for another name", nil
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		of := "it is"
		if invalid.Cert != nil && !invalid.Cert.Equal(leaf) {
			of, leaf = "that of its issuer is", invalid.Cert
		}
		return OutOfDate, fmt.Sprintf("%s valid from %s to %s", of, leaf.NotBefore.Format(time.DateOnly), leaf.NotAfter.Format(time.DateOnly)),
			[]string{"it must be renewed, unless the clock of this machine is wrong"}
	case errors.As(err, &invalid) && invalid.Reason == x509.IncompatibleUsage:
		return NotForServers, "it may not be used by servers", // but by clients, as a rule
			[]string{"it must be issued again, with server authentication as its extended key usage"}
	case errors.As(err, &invalid):
		return InvalidCertificate, "it breaks a rule for certificates: " + invalidity(invalid.Reason), nil
	case errors.As(err, &unknown):
		if weak := weaklySigned(chain); weak != nil {
			of := "it is"
			if !weak.Equal(leaf) {
				of = "that of its issuer is"
			}
			return WeakSignature, fmt.Sprintf("%s signed with %s, which no longer counts", of, weak.SignatureAlgorithm),
				[]string{"it must be issued again, with SHA-256 or better"}
		}
		return Untrusted, "this machine does not know its issuer", nil
	}
	return InvalidCertificate, plain(err), nil
}

// clusterSubject is the common name of the certificate that Octopus Server makes for itself.
const clusterSubject = "Octopus Portal"

// namesHosts says whether the certificate has subject alternative names that a host can have.
func namesHosts(c *x509.Certificate) bool { return len(c.DNSNames)+len(c.IPAddresses) > 0 }

// weaklySigned is the first certificate of a chain whose signature is too weak to be verified; nil
// if there is none. A self-signed one is trusted for itself, or not at all.
func weaklySigned(chain []*x509.Certificate) *x509.Certificate {
	for _, c := range chain {
		switch c.SignatureAlgorithm {
		case x509.MD2WithRSA, x509.MD5WithRSA, x509.SHA1WithRSA, x509.DSAWithSHA1, x509.ECDSAWithSHA1:
			if string(c.RawSubject) != string(c.RawIssuer) {
				return c
			}
		}
	}
	return nil
}

// invalidity is a rule that a chain breaks.
func invalidity(reason x509.InvalidReason) string {
	switch reason {
	case x509.NotAuthorizedToSign:
		return "its issuer is no authority"
	case x509.TooManyIntermediates:
		return "there are more authorities in its chain than allowed"
	case x509.CANotAuthorizedForThisName, x509.NameConstraintsWithoutSANs, x509.UnconstrainedName:
		return "its issuer may not issue it for this name"
	case x509.CANotAuthorizedForExtKeyUsage:
		return "its issuer may not issue it for servers"
	case x509.NameMismatch:
		return "it was issued under another name than that of its issuer"
	}
	return "its chain is not valid"
}
