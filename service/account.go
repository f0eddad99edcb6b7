package service

import "strings"

// Accounts of Windows, by name and by SID. Nothing here needs Windows: who knows the SIDs of names
// is a parameter, a function whose answer is "" for a name that it does not know.

const (
	localSystem    = "LocalSystem"
	localService   = `NT AUTHORITY\LocalService`
	networkService = `NT AUTHORITY\NetworkService`
)

// builtInAccounts are the accounts of Windows that run services, with the names that the service
// control manager wants in every language (CreateServiceW).
var builtInAccounts = []struct{ sid, name string }{
	{"S-1-5-18", localSystem},
	{"S-1-5-19", localService},
	{"S-1-5-20", networkService},
}

// fullAccount completes the name of an account as the service control manager wants it: a built-in
// one gets its full name, a local one a ".\".
func fullAccount(name string) string {
	switch strings.ToLower(strings.ReplaceAll(name, " ", "")) {
	case "":
		return ""
	case "localsystem", "system", `ntauthority\system`, `.\localsystem`:
		return localSystem
	case "localservice", `ntauthority\localservice`:
		return localService
	case "networkservice", `ntauthority\networkservice`:
		return networkService
	}
	if strings.ContainsAny(name, `\@`) {
		return name
	}
	return `.\` + name
}

// canonicalAccount is fullAccount, which also knows the built-in accounts by their names in the
// language of this Windows.
func canonicalAccount(name string, sidOf func(string) string) string {
	full := fullAccount(name)
	if full == "" || hasNoPassword(full, "") {
		return full
	}
	sid := sidOf(full)
	for _, account := range builtInAccounts {
		if sid == account.sid {
			return account.name
		}
	}
	return full
}

// sameAccount says whether two names are those of one account. SIDs are asked for last: to find the
// one of a domain's account takes its domain controller.
func sameAccount(a, b string, sidOf func(string) string) bool {
	a, b = fullAccount(a), fullAccount(b)
	if strings.EqualFold(a, b) {
		return true
	}
	if a == "" || b == "" || hasNoPassword(a, "") && hasNoPassword(b, "") {
		return false
	}
	sid := canonicalSID(a, sidOf)
	return sid != "" && sid == canonicalSID(b, sidOf)
}

// canonicalSID is the SID of an account, whose built-in ones are known without asking.
func canonicalSID(full string, sidOf func(string) string) string {
	for _, account := range builtInAccounts {
		if strings.EqualFold(full, account.name) {
			return account.sid
		}
	}
	return sidOf(full)
}

// hasNoPassword says whether an account is part of Windows: it has no password, and may log on as a
// service. Those are the built-in ones and the virtual account of a service, which is NT
// SERVICE\NAME in every language, and has no SID to look up before that service exists.
func hasNoPassword(full, sid string) bool {
	domain, _, _ := strings.Cut(strings.ToLower(full), `\`)
	for _, account := range builtInAccounts {
		if sid == account.sid || strings.EqualFold(full, account.name) {
			return true
		}
	}
	return domain == "nt service" || strings.HasPrefix(sid, "S-1-5-80-")
}
