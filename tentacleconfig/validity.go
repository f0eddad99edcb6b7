package tentacleconfig

import "time"

// CertificateDates is what the Tentacle's certificate in the file says of itself.
type CertificateDates struct {
	Thumbprint string // of the certificate, whatever the setting says; 40 upper-case hexadecimal digits
	NotBefore  time.Time
	NotAfter   time.Time
}

// CertificateDates reads the Tentacle's certificate. The error is
// ErrNoCertificate where the file has none, and says why where it cannot be
// read on this machine.
func (d *Document) CertificateDates() (CertificateDates, error) {
	certificate, err := d.certificate()
	if err != nil {
		return CertificateDates{}, err
	}
	return CertificateDates{
		Thumbprint: thumbprintOf(certificate),
		NotBefore:  certificate.NotBefore,
		NotAfter:   certificate.NotAfter,
	}, nil
}
