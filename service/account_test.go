package service

import "testing"

// german knows accounts as a Windows in German does.
func german(name string) string {
	return map[string]string{
		`NT-AUTORITÄT\Netzwerkdienst`: "S-1-5-20", `NT-AUTORITÄT\Lokaler Dienst`: "S-1-5-19", `NT-AUTORITÄT\SYSTEM`: "S-1-5-18",
		`.\svc`: "S-1-5-21-1-2-3-1001", `WEB01\svc`: "S-1-5-21-1-2-3-1001",
		`CORP\svc`: "S-1-5-21-4-5-6-1105", "svc@corp.example": "S-1-5-21-4-5-6-1105",
	}[name]
}

func TestAccountsCompareByWhomTheyMean(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{`CORP\svc`, `corp\SVC`, true},
		{`NT Authority\NetworkService`, `NT AUTHORITY\NETWORK SERVICE`, true},
		{"NetworkService", `NT-AUTORITÄT\Netzwerkdienst`, true},
		{"LocalSystem", `NT-AUTORITÄT\SYSTEM`, true},
		{"svc", `WEB01\svc`, true},
		{"svc@corp.example", `CORP\svc`, true},
		{`NT SERVICE\web`, `nt service\WEB`, true},
		{"svc", `CORP\svc`, false},
		{"LocalService", `NT-AUTORITÄT\Netzwerkdienst`, false},
		{"LocalService", "LocalSystem", false},
		{`CORP\unknown`, `CORP\svc`, false},
		{`CORP\unknown`, `CORP\missing`, false},
		{"", "LocalSystem", false},
	} {
		if sameAccount(c.a, c.b, german) != c.same || sameAccount(c.b, c.a, german) != c.same {
			t.Errorf("%s and %s are the same: %v", c.a, c.b, !c.same)
		}
	}
}

func TestBuiltInAccountsAreKnownInEveryLanguage(t *testing.T) {
	for name, want := range map[string]string{
		`NT-AUTORITÄT\Netzwerkdienst`: `NT AUTHORITY\NetworkService`,
		`NT-AUTORITÄT\Lokaler Dienst`: `NT AUTHORITY\LocalService`,
		`NT-AUTORITÄT\SYSTEM`:         "LocalSystem",
		"network service":             `NT AUTHORITY\NetworkService`,
		"svc":                         `.\svc`,
		`CORP\svc`:                    `CORP\svc`,
		"":                            "",
	} {
		if got := canonicalAccount(name, german); got != want {
			t.Errorf("%s becomes %s, not %s", name, got, want)
		}
	}
}

func TestAccountsOfWindowsItselfHaveNoPassword(t *testing.T) {
	for _, c := range []struct {
		name, sid string
		want      bool
	}{
		{"LocalSystem", "", true},
		{`nt authority\localservice`, "", true},
		{"whatever it is called", "S-1-5-18", true},
		{"whatever it is called", "S-1-5-19", true},
		{"whatever it is called", "S-1-5-20", true},
		{`NT SERVICE\OctopusDeploy Tentacle: web`, "", true}, // before that service exists
		{"a virtual account", "S-1-5-80-1-2-3-4-5", true},
		{`CORP\svc`, "S-1-5-21-1-2-3-1001", false},
		{`IIS APPPOOL\web`, "S-1-5-82-1-2-3-4-5", false}, // which runs no services
		{`CORP\svc`, "", false},
		{"S-1-5-18", "", false},
	} {
		if got := hasNoPassword(c.name, c.sid); got != c.want {
			t.Errorf("%s %s: %v", c.name, c.sid, got)
		}
	}
}
