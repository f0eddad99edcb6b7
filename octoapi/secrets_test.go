package octoapi

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"math/bits"
	"net/url"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/octo-tentacle/octo-tentacle/internal/visible"
)

func TestASecretIsHiddenInEveryForm(t *testing.T) {
	for _, secret := range []string{"API-0123456789ABCDEFGHIJKLMNOPQ", `p<a"s&s w+ö/r=d\1%`, "Password01!", "proxy", "pa/s%s", "eyJhbGciOiJIUzI1NiJ9." + strings.Repeat("x7Y-", 200) + ".abc"} {
		var s Secrets
		s.Add(secret)
		quoted, _ := json.Marshal(secret)
		inJSON := strings.Trim(string(quoted), `"`)
		var entities, brokenUp strings.Builder
		for _, r := range secret {
			fmt.Fprintf(&entities, "&#x%X;", r)
			fmt.Fprintf(&brokenUp, "%c\x00\u200b", r)
		}
		forms := map[string]string{
			"as it is": secret, "in lower case": strings.ToLower(secret), "in a query": url.QueryEscape(secret), "in a path": url.PathEscape(secret),
			"escaped twice": url.PathEscape(url.PathEscape(secret)), "in a query in JSON in HTML": html.EscapeString(strings.ReplaceAll(url.QueryEscape(secret), "%", `\u0025`)),
			"in HTML": html.EscapeString(secret), "in entities": entities.String(), "in JSON": inJSON, "in plain JSON": strings.ReplaceAll(strings.ReplaceAll(secret, `\`, `\\`), `"`, `\"`),
			"in JSON of .NET": strings.NewReplacer("ö", `\u00F6`, `\"`, `\u0022`, "+", `\u002B`).Replace(inJSON), "in hex": strings.ToUpper(hex.EncodeToString([]byte(secret))),
			"in base64": base64.StdEncoding.EncodeToString([]byte(secret)), "in Basic": "Basic " + base64.StdEncoding.EncodeToString([]byte("user:"+secret)),
			"in base64 of JSON": base64.RawURLEncoding.EncodeToString([]byte(`{"Password":"` + secret + `"}`)),
			"broken up":         brokenUp.String(), "in two lines": secret[:3] + "\r\n" + secret[3:],
			"its first half": secret[:len(secret)/2], "its second half": secret[len(secret)/2:],
		}
		for name, form := range forms {
			if len(secret) < longSecret && strings.Contains(name, "half") || len(secret) < partSize && (name == "in lower case" || strings.Contains(name, "base64")) {
				continue
			}
			got := s.HideInQuote("before " + form + " after " + form)
			if strings.Contains(got, strings.TrimPrefix(form, "Basic ")) || !strings.HasPrefix(got, "before ") || !strings.Contains(got, " after ") || !strings.Contains(got, hidden) {
				t.Errorf("%s, %s: %q", secret, name, got)
			}
		}
	}
}

func TestHidingAPlainSecretSpoilsNoAnswer(t *testing.T) {
	var s Secrets
	for _, secret := range []string{"abc", "", "proxy", "Tentacle", "octo1.example.com", "a", "WEB-SERVER-01 and more"} {
		s.Add(secret)
	}
	for _, text := range []string{
		"https://proxy.example.com:10943/", "the proxy http://proxy:3128 wants a user name and password (407)", "/etc/octopus/Tentacle/Tentacle.config",
		`C:\Octopus\Tentacle\Tentacle.config`, "Tentacle", "octo1.example.com", "abc API-… API-key a production é", "WEB-SERVER-01",
		"0123456789ABCDEF0123456789ABCDEF01234567",
	} {
		if got := s.Hide(text); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
	for text, want := range map[string]string{
		"wrong password 'proxy' for a":                  "wrong password '***' for a",
		"no such host: proxy.example.com, /usr/proxy/x": "no such host: proxy.example.com, /usr/proxy/x",
		"Tentacle.": "***.",
		"tentacles, Tentacles, tentacle: Tentacle":           "tentacles, Tentacles, tentacle: ***",
		"WEB-SERVER-01 is half of it":                        "***is half of it",
		`{"password":"abc"}, Password = a, pwd=proxyproxy`:   `{"password":"***"}, Password = ***, pwd=proxyproxy`,
		"http://user:abc@host and http://user:proxy@host:80": "http://user:***@host and http://user:***@host:80",
	} {
		if got := s.HideInQuote(text); got != want {
			t.Errorf("%q became %q, not %q", text, got, want)
		}
	}
}

func TestAPlainSecretIsHiddenWhereSecretsStand(t *testing.T) {
	var s Secrets
	s.Add("abc")
	s.Add("pa/s%s")
	for text, want := range map[string]string{
		"http://user:abc@host/":            "http://user:***@host/",
		"http://user:pa/s%s@host/":         "http://user:***@host/",
		"http://user:pa%2Fs%25s@host/":     "http://user:***@host/",
		"http://user:pa%252Fs%2525s@host/": "http://user:***@host/",
		"?password=pa%2fs%25s&x=abc":       "?password=***&x=abc",
		"Authorization: Basic dTphYmM=":    "Authorization: Basic ***=",
	} {
		if got := s.Hide(text); got != want {
			t.Errorf("%q became %q, not %q", text, got, want)
		}
	}
}

// FuzzHide looks for a secret that can still be read where a server repeats it, each letter escaped
// in a way of its own, and for a text without it that is changed.
func FuzzHide(f *testing.F) {
	f.Add("Pa\"ss", "wrong password ", " for me", uint64(0))
	f.Add("w\u00f6rd", "{", "}", uint64(0x123456789))
	f.Add("API-0123456789ABCDEFGHIJKLMNOPQ", "", "", uint64(1))
	f.Add("a/b%c&d", "http://u:", "@h", uint64(0xfedcba98))
	f.Fuzz(func(t *testing.T, secret, before, after string, ways uint64) {
		if len(secret) < leastWord || len(secret) > 40 || !visible.Is(secret) || strings.ContainsAny(secret, "* ") {
			t.Skip()
		}
		escaped := escapedInWays(secret, ways)
		if strings.Contains(before+after, hidden) || strings.Contains(before+after, secret) || strings.Contains(before+after, escaped) {
			t.Skip()
		}
		var s Secrets
		s.Add(secret)
		text := before + ` "` + escaped + `" ` + after
		got := s.HideInQuote(text)
		if !strings.Contains(got, hidden) || strings.Contains(got, escaped) {
			t.Errorf("of %q, %q shows %q", secret, text, got)
		}
		for r := range readings(got) {
			if strings.Contains(r.text, `"`+secret+`"`) {
				t.Errorf("of %q, %q shows %q", secret, text, got)
			}
		}
	})
}

// escapedInWays escapes each character in the way that the next bits choose.
func escapedInWays(secret string, ways uint64) string {
	var escaped strings.Builder
	for _, r := range secret {
		plain := string(r)
		if r == '%' || r == '&' || r == '\\' { // with what follows, it could be read as an escape
			plain = fmt.Sprintf("%%%02x", r)
		}
		switch way := ways & 7; {
		case way == 1:
			for _, b := range []byte(string(r)) {
				fmt.Fprintf(&escaped, "%%%02x", b)
			}
		case way == 2:
			for _, unit := range utf16.Encode([]rune{r}) {
				fmt.Fprintf(&escaped, `\u%04X`, unit)
			}
		case way == 3:
			fmt.Fprintf(&escaped, "&#%d;", r)
		case way == 4 && html.EscapeString(string(r)) != string(r):
			escaped.WriteString(html.EscapeString(string(r)))
		case way == 5:
			escaped.WriteString(plain + "\x00")
		default:
			escaped.WriteString(plain)
		}
		ways = bits.RotateLeft64(ways, -3)
	}
	return escaped.String()
}

func TestWhatLooksLikeAnAPIKeyIsHiddenWithoutBeingKnown(t *testing.T) {
	var s Secrets
	if got := s.Hide(`--server "API-ABCDEFGHIJKLMNOPQRSTUVWXYZ0" is wrong, and https://api-abcdefghijklmnopqrstuvwxyz0.example.com`); got != `--server "***" is wrong, and https://***.example.com` {
		t.Error(got)
	}
	const host = "https://api-octopusproduction01.example.com"
	if got := s.Hide(host); got != host {
		t.Errorf("the name of a host became %s", got)
	}
}
