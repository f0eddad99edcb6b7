package tentacleconfig

import (
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
)

// Thumbprints are those of the servers, each once, as it is spelled first and in the order of the
// list. Case, and what thumbprint.Clean drops, make no difference. The time is linear.
func Thumbprints(servers []TrustedServer) []string {
	seen := make(map[string]bool)
	var list []string
	for _, s := range servers {
		key := strings.ToUpper(thumbprint.Clean(s.Thumbprint))
		if !seen[key] {
			seen[key] = true
			list = append(list, s.Thumbprint)
		}
	}
	return list
}
