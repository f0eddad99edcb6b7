package commands

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// secretPlaceholder is how help names the value of an option that is a secret.
var secretPlaceholder = regexp.MustCompile("`(KEY|TOKEN|PASSWORD|CERTIFICATE|BASE64|TEXT)`")

func TestTheValueOfEverySecretOptionIsLeftOutOfTheHistory(t *testing.T) {
	var found []string
	for _, command := range testCommands() {
		for _, flag := range command.Flags {
			name := flag.Names()[0]
			looksSecret := regexp.MustCompile(`(?i)key|token|password|secret|base64`).MatchString(name) && !strings.HasSuffix(name, "-file") && !strings.HasSuffix(name, "-secret-name")
			named := secretPlaceholder.MatchString(flag.(cli.DocGenerationFlag).GetUsage()) && name != "reason"
			if (looksSecret || named) && !slices.Contains(secretOptions, name) {
				t.Errorf("%s --%s is no secret option", command.Name, name)
			}
			found = append(found, name)
		}
	}
	for _, name := range secretOptions {
		if !slices.Contains(found, name) {
			t.Errorf("no command has --%s", name)
		}
	}
}

func TestARecordedCommandHasNoSecretsAndIsOneLine(t *testing.T) {
	var out bytes.Buffer
	c := newConsole(nil, &out, &out)
	c.keepSecret("a secret of this test")
	for _, test := range []struct {
		arguments []string
		want      string
	}{
		{[]string{"check", "--apiKey=x", "--bearerToken=y=z", "--pfx-password=", "--role=a=b"}, "octo-tentacle check --apiKey=*** --bearerToken=*** --pfx-password= --role=a=b"},
		{[]string{"check", "--server=https://admin:pa@ss@octo/", "--", "wss://me@octo1"}, "octo-tentacle check --server=https://***@octo/ -- wss://***@octo1"},
		{[]string{"check", "--server=https://octo/%zzAPI-0123456789ABCDEFGHIJ/x"}, "octo-tentacle check --server=https://octo/%zz***/x"},
		{[]string{"check", "--role=a secret of this test", "--name=two\nlines\x1b[2J"}, "octo-tentacle check --role=*** --name=two\\nlines\\x1b[2J"},
		{[]string{"check", "--name=API-0123456789ABCDEFGHIJ"}, "octo-tentacle check --name=***"},
	} {
		c.arguments = test.arguments
		if got := strings.NewReplacer("'", "", `"`, "").Replace(c.recordedCommand()); got != test.want {
			t.Errorf("got\n%s\nwant\n%s", got, test.want)
		}
	}
}
