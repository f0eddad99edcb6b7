package commands

import (
	"path/filepath"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

func TestAnAgentIsRegisteredIfItsSettingIsTrueOrOne(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]struct{ inFile, inConfigMap bool }{
		"true": {true, true}, "1": {true, true},
		"True": {true, false}, " TRUE ": {true, false},
		"": {}, "false": {}, "0": {}, "yes": {}, "t": {}, "T": {},
	} {
		file, err := tentacleconfig.New("Tentacle.config", tentacleconfig.Setting{Key: tentacleconfig.KeyIsRegistered, Value: value})
		if err != nil {
			t.Fatal(err)
		}
		kept := inFile(tentacleconfig.Instance{ConfigPath: filepath.Join(t.TempDir(), "Tentacle.config")}, "")
		kept.document = file
		if got := kept.isRegistered(); got != want.inFile {
			t.Errorf("%q in a file: %t", value, got)
		}
		agent := inConfigMap(&configMapPlace{}, "Tentacle")
		agent.document = tentacleconfig.FromMap("", map[string]string{tentacleconfig.KeyIsRegistered: value}, nil)
		if got := agent.isRegistered(); got != want.inConfigMap {
			t.Errorf("%q in a ConfigMap: %t", value, got)
		}
	}
}
