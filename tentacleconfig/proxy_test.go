package tentacleconfig

import (
	"fmt"
	"strings"
	"testing"
)

func TestThePollingProxyIsThatOfItsSettings(t *testing.T) {
	testMachine(t)
	secret := encrypted(t, "p&ss")
	set := func(pairs ...string) *Document {
		d := parse(t, "<octopus-settings/>")
		for i := 0; i < len(pairs); i += 2 {
			d.Set(pairs[i], pairs[i+1])
		}
		return d
	}
	tests := map[string]struct {
		d    *Document
		want Proxy
		text string
	}{
		"nothing set":       {set(), Proxy{UseDefault: true, Port: 80}, "the system's proxy"},
		"none":              {set(KeyUseDefaultProxy, "False", KeyProxyHost, ""), Proxy{Port: 80}, "no proxy"},
		"none, old secret":  {set(KeyUseDefaultProxy, "false", KeyProxyPassword, "undecryptable"), Proxy{Port: 80}, "no proxy"},
		"one of its own":    {set(KeyUseDefaultProxy, "false", KeyProxyHost, "proxy.local", KeyProxyPort, "3128", KeyProxyUsername, "u", KeyProxyPassword, secret), Proxy{false, "proxy.local", 3128, "u", "p&ss"}, "proxy.local:3128 as u"},
		"without a user":    {set(KeyUseDefaultProxy, "false", KeyProxyHost, "proxy.local"), Proxy{Host: "proxy.local", Port: 80}, "proxy.local:80"},
		"the system's wins": {set(KeyUseDefaultProxy, "TRUE", KeyProxyHost, "proxy.local"), Proxy{UseDefault: true, Host: "proxy.local", Port: 80}, "the system's proxy"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := test.d.PollingProxy()
			if err != nil || got != test.want {
				t.Errorf("it is not what the settings say: %v, %v", got, err)
			}
			for _, text := range []string{got.String(), fmt.Sprintf("%v %+v %#v", got, got, got)} {
				if !strings.HasPrefix(text, test.text) || strings.Contains(text, "p&ss") {
					t.Errorf("it is shown as %s", text)
				}
			}
		})
	}
	for key, value := range map[string]string{KeyUseDefaultProxy: "maybe", KeyProxyPort: "99999", KeyProxyPassword: "c2VjcmV0"} {
		_, err := set(KeyProxyHost, "h", key, value).PollingProxy()
		if err == nil || !strings.Contains(err.Error(), "Tentacle.config, line ") || strings.Contains(err.Error(), value) {
			t.Errorf("%s: %v", key, err)
		}
	}
}
