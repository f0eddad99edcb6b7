package commands

import (
	"fmt"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// ownCertificate is the Tentacle's certificate, if it can be read on this machine and is the one
// whose thumbprint the settings have: a configuration that was copied from another machine has that
// machine's, which the Tentacle cannot use here.
func ownCertificate(document *tentacleconfig.Document) (*tentacleconfig.Certificate, error) {
	certificate, err := document.OwnCertificate()
	if err != nil {
		return nil, err
	}
	if setting, _ := document.Get(tentacleconfig.KeyThumbprint); setting != "" && !thumbprint.Same(strings.TrimSpace(setting), certificate.Thumbprint()) {
		return nil, certificateMismatchError{setting, certificate.Thumbprint()}
	}
	return certificate, nil
}

// certificateMismatchError is a setting that names another certificate than the one there is.
type certificateMismatchError struct{ setting, certificate string }

func (e certificateMismatchError) Error() string {
	return fmt.Sprintf("the setting %s is %s, but the certificate's thumbprint is %s", tentacleconfig.KeyThumbprint, e.setting, e.certificate)
}

func (certificateMismatchError) Hints() []string {
	return []string{"import the right certificate with import-certificate, which sets both"}
}
