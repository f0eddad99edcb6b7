package octotest

import (
	"crypto/tls"

	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
)

func thumbprintOf(c tls.Certificate) string { return thumbprint.Of(c.Certificate[0]) }
