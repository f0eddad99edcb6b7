//go:build !windows

package tentacleconfig

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/internal/machinefiles"
)

func skipOnWine(*testing.T, string) {}

// testMachine is one that has a key for secrets.
func testMachine(t *testing.T) { recordedMachine(t) }

// recordedMachine is the machine that the recordings were made on.
func recordedMachine(t *testing.T) { keys(t, "0f1e2d3c4b5a69788796a5b4c3d2e1f0\n") }

// keys gives the test a machine id (none when empty) and places for own keys.
func keys(t *testing.T, id string) (folder string) {
	t.Helper()
	folder = t.TempDir()
	t.Setenv("TentacleMachineConfigurationHomeDirectory", filepath.Join(folder, "home"))
	t.Cleanup(machinefiles.Use(filepath.Join(folder, "machine-id"), filepath.Join(folder, "octopus", "machinekey")))
	if id != "" {
		put(t, machinefiles.ID, id)
	}
	return folder
}

func TestRecordedSecretsAreReadAndWrittenAlike(t *testing.T) {
	recordedMachine(t)
	const recorded = "7hVbAUeUZWNHnIqogHszWQ==" // polling-proxy --proxyPassword=p
	if got, err := thisMachine.Decrypt(recorded); string(got) != "p" || err != nil {
		t.Errorf("decrypted: %q, %v", got, err)
	}
	if got, err := thisMachine.Encrypt([]byte("p")); got != recorded || err != nil {
		t.Errorf("encrypted: %s, %v", got, err)
	}
}

func TestTheThumbprintOfARecordedCertificateIsRead(t *testing.T) {
	recordedMachine(t)
	d, err := Read("testdata/new-certificate.config")
	if err != nil {
		t.Fatal(err)
	}
	d.Set(KeyThumbprint, "")
	if got, err := d.Thumbprint(); got != "D89EF364B03EF8DA78FEDA7FE6E7E2155FE45B57" || err != nil {
		t.Errorf("%s, %v", got, err)
	}
}

func TestWithoutAMachineIDTheMachineGetsAKeyOfItsOwn(t *testing.T) {
	for name, id := range map[string]string{"none": "", "short": "abc\n", "empty": "\n"} {
		t.Run(name, func(t *testing.T) {
			keys(t, id)
			if _, err := thisMachine.Decrypt("7hVbAUeUZWNHnIqogHszWQ=="); err == nil {
				t.Error("decrypted without a key")
			}
			if _, err := os.Stat(machinefiles.Key); err == nil {
				t.Error("reading made a key")
			}
			for _, secret := range []string{"", "p", strings.Repeat("é", 8), strings.Repeat("x", 5000)} {
				if got, err := thisMachine.Decrypt(encrypted(t, secret)); string(got) != secret || err != nil {
					t.Errorf("%d bytes were not read back: %v", len(secret), err)
				}
			}
			info, err := os.Stat(machinefiles.Key)
			if err != nil || info.Mode() != 0o600 {
				t.Errorf("the key file: %v, %v", info.Mode(), err)
			}
			// A secret made with the own key stays readable when the id comes later.
			text := encrypted(t, "secret")
			put(t, machinefiles.ID, "0f1e2d3c4b5a69788796a5b4c3d2e1f0\n")
			if got, err := thisMachine.Decrypt(text); string(got) != "secret" || err != nil {
				t.Errorf("with a machine id: %q, %v", got, err)
			}
		})
	}
}

func TestManyProcessesMakeOneKey(t *testing.T) {
	keys(t, "")
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			text, err := thisMachine.Encrypt([]byte("x"))
			if err != nil {
				t.Error(err)
			} else if got, err := thisMachine.Decrypt(text); string(got) != "x" || err != nil {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
	all.Wait()
	if left, _ := os.ReadDir(filepath.Dir(machinefiles.Key)); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

func TestSecretsOfLaterVersionsAreRead(t *testing.T) {
	folder := keys(t, "")
	config := filepath.Join(folder, "web", "Tentacle.config")
	encode := base64.StdEncoding.EncodeToString
	for where, path := range map[string]string{
		"in the machine's home":    filepath.Join(folder, "home", "machinekey"),
		"beside the configuration": filepath.Join(folder, "web", "machinekey.v1"),
	} {
		t.Run(where, func(t *testing.T) {
			key := []byte("0123456789abcdef" + rand.Text()[:16])
			put(t, path, encode(key)+"."+encode(make([]byte, 16)))
			t.Cleanup(func() { _ = os.Remove(path) })
			block, _ := aes.NewCipher(key)
			gcm, _ := cipher.NewGCM(block)
			nonce := []byte("twelve bytes")
			text := gcmPrefix + encode(gcm.Seal(nonce, nonce, []byte("secret"), []byte(gcmPrefix)))

			d := parse(t, `<octopus-settings><set key="Octopus.Server.Proxy.ProxyPassword">`+text+`</set></octopus-settings>`)
			d.Secrets = MachineSecrets{Config: config}
			if p, err := d.PollingProxy(); p.Password != "secret" || err != nil {
				t.Errorf("got %q, %v", p.Password, err)
			}
			altered := text[:len(text)-4] + "AAA="
			if _, err := (MachineSecrets{Config: config}).Decrypt(altered); err == nil || !strings.Contains(err.Error(), "the value was changed") || !strings.Contains(err.Error(), path) {
				t.Errorf("an altered value: %v", err)
			}
		})
	}
}

func TestASecretOfAnotherMachineIsRefused(t *testing.T) {
	keys(t, "ffffffffffffffffffffffffffffffff")
	put(t, machinefiles.Key, "damaged")
	for _, text := range []string{"7hVbAUeUZWNHnIqogHszWQ==", "", "AAAA", "*", gcmPrefix + "AAAA", gcmPrefix} {
		if got, err := thisMachine.Decrypt(text); err == nil {
			t.Errorf("%q became %q", text, got)
		}
	}
}

func TestAnUnreadableKeyIsNotMistakenForThatOfAnotherMachine(t *testing.T) {
	folder := keys(t, "")
	text := encrypted(t, "secret")
	put(t, machinefiles.Key, "damaged")
	if _, err := thisMachine.Decrypt(text); err == nil || !strings.Contains(err.Error(), machinefiles.Key+" is damaged") {
		t.Errorf("a damaged key: %v", err)
	}
	t.Cleanup(machinefiles.Use(machinefiles.ID, folder)) // which cannot be read
	if _, err := thisMachine.Decrypt(text); err == nil || !strings.Contains(err.Error(), "cannot read the machine's key") {
		t.Errorf("a key that cannot be read: %v", err)
	}
}
