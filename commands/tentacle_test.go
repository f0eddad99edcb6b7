package commands

import (
	"testing"

	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

func TestAnAgentIsRegisteredIfItsSettingIsTrueOrOne(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]bool{
		"true": true, "True": true, " TRUE ": true, "1": true,
		"": false, "false": false, "0": false, "yes": false, "t": false, "T": false,
	} {
		document, err := tentacleconfig.New("Tentacle.config", tentacleconfig.Setting{Key: tentacleconfig.KeyIsRegistered, Value: value})
		if err != nil {
			t.Fatal(err)
		}
		if got := (&tentacle{document: document}).isRegistered(); got != want {
			t.Errorf("%q: %t", value, got)
		}
	}
}
