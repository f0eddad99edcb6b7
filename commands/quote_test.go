package commands

import "testing"

func TestASuggestedCommandCanBePastedIntoTheShellsOfItsSystem(t *testing.T) {
	for _, c := range []struct{ goos, word, want string }{
		{"linux", "web", "web"},
		{"linux", "My Box", "'My Box'"},
		{"linux", "$HOME's", `'$HOME'\''s'`},
		{"linux", `a\b`, `'a\b'`},
		{"linux", "", "''"},
		{"windows", `C:\Octopus\web\Tentacle.config`, `C:\Octopus\web\Tentacle.config`},
		{"windows", `C:\Program Files\web's\Tentacle.config`, `"C:\Program Files\web's\Tentacle.config"`},
		{"windows", "OctopusDeploy Tentacle: web", `"OctopusDeploy Tentacle: web"`},
		{"windows", "a&b", `"a&b"`},
		{"windows", "$env's", "'$env''s'"},
		{"windows", "", `""`},
	} {
		if got := shellQuote(c.goos, c.word); got != c.want {
			t.Errorf("%s on %s is %s, not %s", c.word, c.goos, got, c.want)
		}
	}
}
