package commands

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestASuggestedCommandHasNoSecret(t *testing.T) {
	folder, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	file := func(name string) string { return filepath.Join(folder, name) }
	for _, c := range []struct {
		given apiOptions
		want  string
	}{
		{apiOptions{}, ""},
		{apiOptions{fromEnvironment: true, apiKey: secretOption{value: "API-SECRET"}}, ""},
		{apiOptions{apiKey: secretOption{value: "API-SECRET"}}, " --apikey-file=FILE"},
		{apiOptions{apiKey: secretOption{value: "API-SECRET", file: "-"}}, " --apikey-file=FILE"},
		{apiOptions{apiKey: secretOption{value: "API-SECRET", file: "key.txt"}}, " --apikey-file=" + file("key.txt")},
		{apiOptions{bearerToken: "SECRET"}, " --bearerToken=TOKEN"},
		{apiOptions{username: "admin", password: secretOption{value: "SECRET"}}, " --username=admin --password-file=FILE"},
		{apiOptions{username: "admin", password: secretOption{value: "SECRET", file: "password.txt"}, caFile: "ca.pem"},
			" --username=admin --password-file=" + file("password.txt") + " --ca-file=" + file("ca.pem")},
	} {
		o := c.given
		o.server, o.apiKey.fileName, o.password.fileName = "https://octopus.example.com", "apikey-file", "password-file"
		if got, want := strings.Join(o.suggestedOptions(), " "), "--server=https://octopus.example.com"+c.want; got != want {
			t.Errorf("%s, not %s", got, want)
		}
	}
}
