// Package thumbprint is what Octopus knows a certificate by: its SHA-1 as 40 hexadecimal digits.
package thumbprint

import (
	"crypto/sha1" // #nosec G505: a thumbprint is a SHA-1 by definition
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// Of is the thumbprint of a certificate in DER form (x509.Certificate.Raw), in upper case.
func Of(der []byte) string {
	return fmt.Sprintf("%X", sha1.Sum(der)) // #nosec G401: see the import
}

// Valid says whether text is a thumbprint: 40 hexadecimal digits, in any case.
func Valid(text string) bool {
	digits, err := hex.DecodeString(text)
	return err == nil && len(digits) == sha1.Size
}

// Same compares two thumbprints. It ignores case and white space around them: people type and
// paste thumbprints in every form.
func Same(a, b string) bool { return strings.EqualFold(strings.TrimSpace(a), strings.TrimSpace(b)) }

// Contains says whether the list has the thumbprint.
func Contains(list []string, thumbprint string) bool {
	return slices.ContainsFunc(list, func(one string) bool { return Same(one, thumbprint) })
}
