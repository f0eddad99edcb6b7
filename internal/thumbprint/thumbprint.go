// Package thumbprint is what Octopus knows a certificate by: its SHA-1 as 40 hexadecimal digits.
package thumbprint

import (
	"crypto/sha1" // #nosec G505: a thumbprint is a SHA-1 by definition
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"unicode"
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

// Clean is a thumbprint as Octopus writes it: 40 hexadecimal digits in upper case. White space,
// colons, dashes and invisible marks, which people paste along with it (from the certificate
// dialogs of Windows, from openssl), are dropped. Text that is no thumbprint without them either is
// returned as it is, except for white space around it.
func Clean(text string) string {
	digits := strings.ToUpper(strings.Map(func(c rune) rune {
		if c == ':' || unicode.IsSpace(c) || unicode.In(c, unicode.Cf, unicode.Pd) {
			return -1
		}
		return c
	}, text))
	if !Valid(digits) {
		return strings.TrimSpace(text)
	}
	return digits
}

// Same compares two thumbprints, as Clean writes them and without case: people type and paste
// thumbprints in every form.
func Same(a, b string) bool { return a == b || strings.EqualFold(Clean(a), Clean(b)) }

// Contains says whether the list has the thumbprint.
func Contains(list []string, thumbprint string) bool {
	return slices.ContainsFunc(list, func(one string) bool { return Same(one, thumbprint) })
}
