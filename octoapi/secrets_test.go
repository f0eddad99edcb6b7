package octoapi

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"html"
	"net/url"
	"strings"
	"testing"
)

func TestASecretIsHiddenInEveryForm(t *testing.T) {
	for _, secret := range []string{"API-0123456789ABCDEFGHIJKLMNOPQ", `p<a"s&s w+ö/r=d\1`, "Password01!", "eyJhbGciOiJIUzI1NiJ9." + strings.Repeat("x7Y-", 200) + ".abc"} {
		var s Secrets
		s.Add(secret)
		quoted, _ := json.Marshal(secret)
		forms := map[string]string{
			"as it is": secret, "in lower case": strings.ToLower(secret), "in a query": url.QueryEscape(secret), "in a path": url.PathEscape(secret),
			"in HTML": html.EscapeString(secret), "in JSON": strings.Trim(string(quoted), `"`), "in plain JSON": strings.ReplaceAll(strings.ReplaceAll(secret, `\`, `\\`), `"`, `\"`), "in hex": strings.ToUpper(hex.EncodeToString([]byte(secret))),
			"in base64": base64.StdEncoding.EncodeToString([]byte(secret)), "in Basic": base64.StdEncoding.EncodeToString([]byte("user:" + secret)),
			"in base64 of JSON": base64.RawURLEncoding.EncodeToString([]byte(`{"Password":"` + secret + `"}`)),
			"its first half":    secret[:len(secret)/2], "its second half": secret[len(secret)/2:],
		}
		for name, form := range forms {
			if len(secret) < 2*secretPart && strings.Contains(name, "half") || len(secret) < secretPart && name == "in lower case" {
				continue
			}
			got := s.Hide("before " + form + " after " + form)
			if strings.Contains(got, form) || !strings.HasPrefix(got, "before ") || !strings.Contains(got, " after ") || !strings.Contains(got, hidden) {
				t.Errorf("%s, %s: %s", secret, name, got)
			}
		}
	}
}

func TestOrdinaryWordsAreNotHidden(t *testing.T) {
	var s Secrets
	s.Add("abc")
	s.Add("")
	s.Add("Production")
	const text = "abc API-… API-key https://octo1:10943 production 0123456789ABCDEF0123456789ABCDEF01234567 é"
	if got := s.Hide(text); got != text {
		t.Error(got)
	}
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
