package tentacleconfig

import "github.com/octo-tentacle/octo-tentacle/internal/thumbprint"

// AlsoTrusting is the list with a second thumbprint for one cluster, as while its certificate is
// renewed: each entry that has the first one gets a copy with the second one, of the same style and
// under the same subscription. Tentacle tries an address under both, and the one that fits works.
// The arguments are not modified.
func AlsoTrusting(list []TrustedServer, first, second string) []TrustedServer {
	var copies []TrustedServer
	for _, s := range list {
		if thumbprint.Same(s.Thumbprint, first) {
			s.Thumbprint = second
			copies = append(copies, s)
		}
	}
	return Upsert(list, copies...)
}
