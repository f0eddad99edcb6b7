package commands

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/internal/plainjson"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

func TestNoSecretIsAmongTheSettingsShown(t *testing.T) {
	folder := t.TempDir()
	t.Setenv("TentacleMachineConfigurationHomeDirectory", filepath.Join(folder, "home"))
	config := filepath.Join(folder, "Tentacle.config")
	text := `<octopus-settings><set key="Octopus.Home">below</set><set key="Tentacle.CertificateThumbprint">AB</set>`
	for _, key := range []string{"Tentacle.Certificate", "Octopus.Proxy.ProxyPassword", "Octopus.Server.Proxy.ProxyPassword", "Unknown.Thing", "Octopus.Home.Password"} {
		text += `<set key="` + key + `">hidden value</set>`
	}
	if err := os.WriteFile(config, []byte(text+"</octopus-settings>"), 0o600); err != nil {
		t.Fatal(err)
	}
	found, err := lookAtInstance(t.Context(), tentacleconfig.Instance{ConfigPath: config}, "")
	if err != nil {
		t.Fatal(err)
	}
	shown, err := shownSettings(found)
	if err != nil {
		t.Fatal(err)
	}
	out, err := plainjson.Marshal(shown, "")
	if err != nil || strings.Contains(string(out), "hidden") || !strings.Contains(string(out), `"CertificateThumbprint":"AB"`) {
		t.Errorf("%s, %v", out, err)
	}
	if want := filepath.Join(folder, "below"); !strings.Contains(string(out), strings.ReplaceAll(want, `\`, `\\`)) {
		t.Errorf("a relative home is not below the configuration's folder: %s", out)
	}
}

func TestKeysAreSplitAtTheirDots(t *testing.T) {
	keys := tree{}
	keys.set("A.B.C", 1)
	keys.set("A.B.D", nil)
	keys.set("A.E", "x")
	if got, err := plainjson.Marshal(keys, ""); string(got) != `{"A":{"B":{"C":1,"D":null},"E":"x"}}` || err != nil {
		t.Errorf("%s, %v", got, err)
	}
}
