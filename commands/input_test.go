package commands

import (
	"os"
	"path/filepath"
	"testing"
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
