package check

import (
	"errors"
	"fmt"
	"time"

	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// expirySoon is how long before its expiry check warns of a certificate.
const expirySoon = 60 * 24 * time.Hour

func (r *report) certificate() {
	newCertificate, ifBlank := r.Tentacle.Command("new-certificate"), r.Tentacle.Command("new-certificate", "--if-blank")
	switch err := r.CertificateErr; {
	case errors.Is(err, tentacleconfig.ErrNoCertificate) && r.Thumbprint != "":
		// RunAgentCommand.cs of OctopusTentacle: a Tentacle without a certificate creates one when
		// it starts.
		r.problem(idCertificate, "the certificate is missing; only its thumbprint is configured: "+r.Thumbprint,
			"at its next start the Tentacle creates a new certificate, which the server refuses"+nextLine+
				"import the old certificate from a backup, or create a new one and register again", r.importCertificate())
	case errors.Is(err, tentacleconfig.ErrNoCertificate) && len(r.Servers) == 0:
		r.warning(idCertificate, "the Tentacle has no certificate yet", "it cannot be registered without one", ifBlank)
	case errors.Is(err, tentacleconfig.ErrNoCertificate):
		r.problem(idCertificate, "the Tentacle has no certificate",
			"at its next start it creates one that no server knows: create one now and register again", ifBlank)
	case err != nil:
		r.problem(idCertificate, "the certificate cannot be read on this machine: "+err.Error(),
			"the Tentacle cannot start; a configuration copied from another machine needs its own certificate and registration", newCertificate)
		r.notComplete(registerAfterwards)
	default:
		r.ok(idCertificate, "the certificate can be read")
		r.validity()
		r.strength()
		r.certificateThumbprint()
	}
}

// validity looks at the dates, which nothing depends on: Tentacle and Octopus Server know each
// other by their thumbprints alone (Halibut, ClientCertificateValidator.cs and SecureListener.cs).
// So no fix is named: a new certificate means a new registration.
func (r *report) validity() {
	const compare = "Tentacles and Octopus Servers compare thumbprints only, so it "
	switch dates := r.Certificate; {
	case dates.NotAfter.Before(r.Now):
		r.warning(idCertificateExpiry, "the certificate expired on "+day(dates.NotAfter), compare+"still works: replace it when it suits you", "")
	case dates.NotBefore.After(r.Now):
		r.warning(idCertificateExpiry, "the certificate is not valid before "+day(dates.NotBefore), compare+"works, but this machine's clock may be wrong", "")
	case dates.NotAfter.Before(r.Now.Add(expirySoon)):
		r.warning(idCertificateExpiry, "the certificate expires on "+day(dates.NotAfter), compare+"works after that date, too: replace it when it suits you", "")
	default:
		r.ok(idCertificateExpiry, "the certificate is valid until %s", day(dates.NotAfter))
	}
}

const registerAfterwards = "then register it again"

const newThumbprint = "a new certificate has another thumbprint, so the Tentacle must be registered again"

// strength looks for certificates like those of Tentacle before 3.14 (2017). Octopus Cloud, and
// Octopus Server 2025.3 and later on Linux, accept no SHA-1 (OctopusDeploy/Issues 9508); OpenSSL,
// as most distributions set it up, accepts no key below 2048 bits (SSL_CTX_set_security_level).
func (r *report) strength() {
	c := r.Certificate
	switch fix := r.Tentacle.Command("new-certificate"); {
	case c.SHA1:
		r.warning(idCertificateStrength, "the certificate is signed with SHA-1", "Octopus Cloud, and Octopus Server 2025.3 or later on Linux, refuse it; "+newThumbprint, fix)
		r.notComplete(registerAfterwards)
	case c.KeyBits == 0: // another finding's matter: Tentacle uses RSA keys only
	case c.KeyBits < tentacleconfig.RecommendedKeyBits:
		r.warning(idCertificateStrength, fmt.Sprintf("the certificate's key has %d bits, and %d are recommended", c.KeyBits, tentacleconfig.RecommendedKeyBits),
			"an Octopus Server on Linux may refuse it; "+newThumbprint, fix)
		r.notComplete(registerAfterwards)
	default:
		r.ok(idCertificateStrength, "its key has %d bits", c.KeyBits)
	}
}

func (r *report) certificateThumbprint() {
	dates := r.Certificate
	if r.Thumbprint != "" && !thumbprint.Same(r.Thumbprint, dates.Thumbprint) {
		r.problem(idCertificateThumbprint,
			fmt.Sprintf("the setting %s is %s, but the certificate's thumbprint is %s", tentacleconfig.KeyThumbprint, r.Thumbprint, dates.Thumbprint),
			"the server knows only one of them, and the Tentacle may present the other; importing the right certificate sets both", r.importCertificate())
		return
	}
	r.ok(idCertificateThumbprint, "its thumbprint is %s", dates.Thumbprint)
}

func (r *report) importCertificate() string {
	return r.Tentacle.Command("import-certificate", "--from-file=FILE")
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }
