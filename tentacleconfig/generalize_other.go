//go:build !windows

package tentacleconfig

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
)

// keyFilesOf are the files in which there may be keys for the secrets of the configuration at path:
// see Decrypt.
func keyFilesOf(path string) []string {
	return append([]string{filepath.Join(filepath.Dir(path), "machinekey.v1")}, keyFiles()...)
}

// certificateCopies are the files in which .NET keeps certificates with their keys for the accounts
// with these home folders. Tentacle adds its own whenever it reads it (FromBase64String in
// Security/Certificates/CertificateEncoder.cs); the place and the names are those of .NET's
// OpenSslDirectoryBasedStoreProvider.cs.
func certificateCopies(thumbprints, homes []string) (files []string) {
	for _, home := range homes {
		if home == "" {
			continue
		}
		store := filepath.Join(home, ".dotnet", "corefx", "cryptography", "x509stores", "my")
		entries, _ := os.ReadDir(store) // there is none, or it is another account's
		for _, e := range entries {
			own, _, _ := strings.Cut(e.Name(), ".") // THUMBPRINT.pfx, THUMBPRINT.1.pfx
			file := filepath.Join(store, e.Name())
			if thumbprint.Valid(own) && slices.Contains(thumbprints, own) && !slices.Contains(files, file) {
				files = append(files, file)
			}
		}
	}
	return files
}
