package tentacleconfig

import "strings"

// Thumbprints are those of the servers, each once, as it is spelled first and in the order of the
// list. Case and white space around them make no difference. The time is linear.
func Thumbprints(servers []TrustedServer) []string {
	seen := make(map[string]bool)
	var list []string
	for _, s := range servers {
		key := strings.ToUpper(strings.TrimSpace(s.Thumbprint))
		if !seen[key] {
			seen[key] = true
			list = append(list, s.Thumbprint)
		}
	}
	return list
}
