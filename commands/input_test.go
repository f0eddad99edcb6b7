package commands

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
)

func TestAFileOfPowerShellIsRead(t *testing.T) {
	for name, content := range map[string]string{
		"plain":                  "API-É\n",
		"UTF-8 with a mark":      "\ufeffAPI-É\r\n",
		"UTF-16, as > writes it": "\xff\xfeA\x00P\x00I\x00-\x00\xc9\x00\r\x00\n\x00",
		"UTF-16, big-endian":     "\xfe\xff\x00A\x00P\x00I\x00-\x00\xc9\x00\r\x00\n",
	} {
		file := filepath.Join(t.TempDir(), "key.txt")
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := (&console{}).readSecret("--apikey-file", file); got != "API-É" || err != nil {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// Otherwise a service, a proxy or a PFX would get another password than the one in the file.
func TestASecretThatIsNotUnicodeIsRefusedWhereverItComesFrom(t *testing.T) {
	for name, content := range map[string]string{
		"ANSI, as Set-Content writes it":     "p\xe4ssw\xf6rd",
		"UTF-16 without a mark":              "p\x00\xe4\x00s\x00",
		"UTF-16 that ends within a letter":   "\xff\xfep\x00\xe4",
		"UTF-16 with half a pair":            "\xff\xfep\x00\x00\xd8s\x00",
		"UTF-8 that ends within a character": "p\xc3",
		"a character that was lost before":   "p\ufffdssword",
	} {
		file := filepath.Join(t.TempDir(), "password.txt")
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		for from, read := range map[string]func() (string, error){
			"a file": func() (string, error) { return (&console{}).readSecret("--password-file", file) },
			"standard input": func() (string, error) {
				return (&console{in: strings.NewReader(content)}).readSecret("--password-file", "-")
			},
		} {
			got, err := read()
			if err == nil || got != "" || len(hint.Of(err)) != 1 {
				t.Errorf("%s from %s: %q, %v, %q", name, from, got, err, hint.Of(err))
			}
		}
	}
	for _, value := range []string{"p\xe4ss", "p\xed\xa0\x80ss", "p\ufffdss"} { // the second is how Go has half a pair
		o := newSecretOption("password")
		o.value = value
		if err := o.complete(newConsole(nil, os.Stdout, os.Stderr)); err == nil || strings.Contains(err.Error(), value) {
			t.Errorf("%q as an option: %v", value, err)
		}
		if value == "p\xe4ss" && runtime.GOOS == "windows" {
			continue // a variable of Windows is UTF-16
		}
		t.Setenv("OCTOPUS_API_KEY", value)
		api := apiOptions{}
		if err := api.completeCredentials(newConsole(nil, os.Stdout, os.Stderr)); err == nil || !strings.Contains(err.Error(), "OCTOPUS_API_KEY") {
			t.Errorf("%q in the environment: %v", value, err)
		}
	}
	o := newSecretOption("password")
	o.value = "pässwörd 🐙"
	if err := o.complete(newConsole(nil, os.Stdout, os.Stderr)); err != nil {
		t.Error(err)
	}
}
