package commands

import (
	"strings"
	"testing"
)

func TestASuggestedCommandHasNoSecret(t *testing.T) {
	o := apiOptions{server: "https://octopus.example.com", apiKey: secretOption{value: "API-SECRET"}, bearerToken: "SECRET", password: secretOption{value: "SECRET"}}
	if text := strings.Join(o.suggestedOptions(), " "); text != "--server=https://octopus.example.com" {
		t.Error(text)
	}
	o.apiKey.file = "key.txt"
	if text := strings.Join(o.suggestedOptions(), " "); text != "--server=https://octopus.example.com --apikey-file=key.txt" {
		t.Error(text)
	}
	o.apiKey.file, o.username, o.password.file = "", "admin", "password.txt"
	if text := strings.Join(o.suggestedOptions(), " "); text != "--server=https://octopus.example.com --username=admin --password-file=password.txt" {
		t.Error(text)
	}
}
