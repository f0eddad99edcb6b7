package tentacleconfig

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

const agentName = "configmap/octopus-agent-1/tentacle-config"

// agentKey is one like those that an agent makes.
func agentKey(t testing.TB) Key {
	t.Helper()
	key, err := NewKey([]byte(strings.Repeat("k", KeySize)), []byte(strings.Repeat("v", IVSize)))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// meaning is all that is understood of settings, with errors that do not say where.
func meaning(d *Document) map[string]any {
	understood := func(value any, err error) any {
		switch {
		case errors.As(err, new(*DamagedError)):
			return "damaged"
		case errors.As(err, new(*SecretError)):
			return "unreadable"
		case err != nil:
			return "an error"
		}
		return fmt.Sprint(value)
	}
	m := map[string]any{
		"listens": d.Listens(), "has a certificate": d.HasCertificate(), "has secrets": d.hasSecrets(),
	}
	for _, s := range d.Settings() {
		if s.Key != KeyCertificate { // which is another text each time
			m["setting "+s.Key] = s.Value
		}
	}
	proxy, err := d.PollingProxy()
	m["proxy"] = understood(proxy, err)
	m["password"] = understood(proxy.Password, err)
	servers, err := d.TrustedServers()
	m["servers"] = understood(FormatTrustedServers(servers), err)
	thumbprint, err := d.Thumbprint()
	m["thumbprint"] = understood(thumbprint, err)
	dates, err := d.CertificateDates()
	m["certificate"] = understood(dates.Thumbprint, err)
	return m
}

func TestSettingsMeanTheSameInAFileAndInAConfigMap(t *testing.T) {
	key := agentKey(t)
	certificate, err := NewCertificate(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	secrets := map[string]string{}
	sample := FromMap("", nil, key)
	for _, err := range []error{sample.SetCertificate(certificate), sample.SetSecret(KeyProxyPassword, "p")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range sample.Settings() {
		secrets[s.Key] = s.Value
	}
	values := map[string][]string{
		KeyCertificate:       {secrets[KeyCertificate], "damaged", ""},
		KeyThumbprint:        {secrets[KeyThumbprint], "0123456789abcdef0123456789ABCDEF01234567", ""},
		KeyProxyPassword:     {secrets[KeyProxyPassword], "AAAA", ""},
		KeyProxyHost:         {"proxy", "[::1]", ""},
		KeyProxyPort:         {"8080", "0", "port", ""},
		KeyProxyUsername:     {"user", ""},
		KeyUseDefaultProxy:   {"true", "False", "maybe"},
		KeyNoListen:          {"true", "false", " True", ""},
		KeySquid:             {"SQ-HOST-0123", ""},
		KeyIsRegistered:      {"true"},
		"Something.Else":     {"<&>", "ä\nö"},
		KeyTrustedServers:    {"", "[]", "[{", `[{"Thumbprint":"AB","CommunicationStyle":2,"Address":"https://a:10943","New":{"x":1}}]`},
		"Octopus.Home\u00df": {"/x"},
	}
	rapid.Check(t, func(t *rapid.T) {
		file, err := Parse("Tentacle.config", []byte("<octopus-settings></octopus-settings>"))
		if err != nil {
			t.Fatal(err)
		}
		file.Secrets = key
		agent := FromMap(agentName, nil, key)
		same := func(step string) {
			t.Helper()
			f, a := meaning(file), meaning(agent)
			maps.DeleteFunc(f, func(what string, value any) bool { return strings.HasPrefix(what, "setting ") && value == "" }) // none, in a ConfigMap
			for what := range maps.Keys(f) {
				if !reflect.DeepEqual(f[what], a[what]) {
					t.Errorf("%s, %s: %v in a file, %v in a ConfigMap", step, what, f[what], a[what])
				}
			}
			if len(f) != len(a) {
				t.Errorf("%s: a file has %d settings, a ConfigMap %d", step, len(f), len(a))
			}
		}
		keys := rapid.SliceOf(rapid.SampledFrom(slices.Sorted(maps.Keys(values)))).Draw(t, "keys")
		for _, key := range keys {
			value := rapid.SampledFrom(values[key]).Draw(t, "value")
			file.Set(key, value)
			agent.Set(key, value)
		}
		same("as set")
		if servers, err := agent.TrustedServers(); err == nil {
			servers = append(servers, TrustedServer{Thumbprint: "AB", Style: StylePolling, Address: "https://b:10943", SubscriptionID: "poll://g3662re9njtelsyfhm7t/"})
			file.SetTrustedServers(servers)
			agent.SetTrustedServers(servers)
			same("with another server")
		}
		for _, d := range []*Document{file, agent} {
			if err := errors.Join(d.SetSecret(KeyProxyPassword, "p"), d.SetCertificate(certificate)); err != nil {
				t.Fatal(err)
			}
		}
		same("with a certificate and a password")
		for _, d := range []*Document{file, agent} {
			d.Remove(KeyProxyHost)
			d.RemoveIdentity()
		}
		same("without an identity")
	})
}

func TestTheKeysOfAConfigMapHaveTheirCase(t *testing.T) {
	d := FromMap(agentName, map[string]string{"octopus.home": "/other", KeyNoListen: "true"}, nil)
	if value, found := d.Get(KeyHome); found {
		t.Errorf("found %q", value)
	}
	d.Set(KeyHome, "/octopus")
	d.Remove("octopus.HOME")
	want := []Setting{{KeyHome, "/octopus"}, {KeyNoListen, "true"}, {"octopus.home", "/other"}}
	if got := d.Settings(); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestOnlyWhatDiffersIsAChange(t *testing.T) {
	data := map[string]string{KeyHome: "/octopus", KeyNoListen: "false", KeyProxyHost: "proxy", "foreign": "x"}
	before := FromMap(agentName, data, nil)
	after := before.Clone()
	if changes := after.Changes(before); len(changes) != 0 {
		t.Errorf("of nothing: %v", changes)
	}
	after.Set(KeyNoListen, "true")
	after.Set(KeyHome, "/octopus")
	after.Set(KeyPort, "") // which it did not have
	after.Set(KeyProxyHost, "")
	after.Remove("foreign")
	yes := "true"
	if got, want := after.Changes(before), map[string]*string{KeyNoListen: &yes, KeyProxyHost: nil, "foreign": nil}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if data[KeyNoListen] != "false" || len(before.Changes(FromMap(agentName, data, nil))) != 0 {
		t.Error("the data that it was read from were changed")
	}
}

func TestAnErrorNamesTheKeyInAConfigMap(t *testing.T) {
	data := map[string]string{KeyTrustedServers: "[{", KeyProxyHost: "p", KeyUseDefaultProxy: "false", KeyProxyPassword: "AAAA", KeyCertificate: "AAAA"}
	d := FromMap(agentName, data, agentKey(t))
	_, err := d.TrustedServers()
	if damage, is := errors.AsType[*DamagedError](err); !is || damage.Key != KeyTrustedServers || damage.Line != 0 ||
		!strings.HasPrefix(err.Error(), agentName+", key "+KeyTrustedServers+": ") {
		t.Errorf("of the trusted servers: %v", err)
	}
	_, err = d.PollingProxy()
	if want := agentName + ", key " + KeyProxyPassword + ": the password of the polling proxy cannot be read: it is not a value that Tentacle encrypted"; err == nil || err.Error() != want {
		t.Errorf("of a password: %v, not %s", err, want)
	}
	if _, err = d.OwnCertificate(); !errors.As(err, new(*SecretError)) || !strings.HasPrefix(err.Error(), agentName+", key "+KeyCertificate) {
		t.Errorf("of the certificate: %v", err)
	}
}

func TestAnAgentsKeyEncryptsOnEverySystem(t *testing.T) {
	key := agentKey(t)
	for _, secret := range []string{"", "p", strings.Repeat("é", 8), strings.Repeat("x", 5000)} {
		text, err := key.Encrypt([]byte(secret))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := key.Decrypt(text); string(got) != secret || err != nil {
			t.Errorf("%d bytes were not read back: %v", len(secret), err)
		}
	}
	if text := fmt.Sprintf("%v %+v %#v %s", key, key, key, key); text != strings.TrimSpace(strings.Repeat("(key) ", 4)) {
		t.Errorf("the key shows in %s", text)
	}
}

func TestAKeyOfAnotherLengthIsRefused(t *testing.T) {
	for _, test := range []struct{ key, iv int }{{0, 0}, {32, 0}, {0, 16}, {16, 16}, {32, 32}, {33, 16}} {
		if _, err := NewKey(make([]byte, test.key), make([]byte, test.iv)); err == nil {
			t.Errorf("a key of %d bytes with a vector of %d", test.key, test.iv)
		}
	}
	a, iv := RandomKey()
	b, _ := RandomKey()
	if _, err := NewKey(a, iv); err != nil || slices.Equal(a, b) {
		t.Errorf("random keys: %v and %v, %v", a, b, err)
	}
}

func TestASecretUnderAnotherKeyIsRefused(t *testing.T) {
	text, err := agentKey(t).Encrypt([]byte(`{"a":"` + strings.Repeat("long enough ", 20) + `"}`))
	if err != nil {
		t.Fatal(err)
	}
	other, err := NewKey([]byte(strings.Repeat("o", KeySize)), []byte(strings.Repeat("v", IVSize)))
	if err != nil {
		t.Fatal(err)
	}
	for name, try := range map[string]string{"another key's": text, "empty": "", "no base64": "*", "half a block": "AAAA"} {
		if plain, err := other.Decrypt(try); err == nil {
			t.Errorf("%s: %q", name, plain)
		}
	}
}

func TestACertificateIsReadBackFromAConfigMap(t *testing.T) {
	certificate, err := NewCertificate(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	d := FromMap(agentName, nil, agentKey(t))
	if err := d.SetCertificate(certificate); err != nil {
		t.Fatal(err)
	}
	before := d.Clone()
	if err := d.SetCertificate(certificate); err != nil || len(d.Changes(before)) != 0 {
		t.Errorf("again: %v, %v", d.Changes(before), err)
	}
	own, err := d.OwnCertificate()
	if err != nil || own.Thumbprint() != certificate.Thumbprint() {
		t.Errorf("%v", err)
	}
}
