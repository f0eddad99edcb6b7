package commands

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// onePFX is a certificate for all Tentacles of the tests that just need one: to make its key
// takes as long as a hundred runs of most commands.
var onePFX = sync.OnceValues(func() ([]byte, error) {
	certificate, err := tentacleconfig.NewCertificate(time.Now())
	if err != nil {
		return nil, err
	}
	return certificate.PFX("")
})

// pfxFile is a file with that certificate.
func pfxFile(t *testing.T) string {
	t.Helper()
	content, err := onePFX()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "own.pfx")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
