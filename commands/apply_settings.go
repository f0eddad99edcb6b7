package commands

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/commands/tentaclefile"
	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// settingWish is a setting that a file asks for.
type settingWish struct {
	tentacleconfig.Setting
	// same says whether a value means the same; nil where only the same text does. One that is
	// missing is "".
	same func(now string) bool
}

// settingWishes are those that a file asks for, besides secrets and trusted servers.
type settingWishes []settingWish

// set sets what differs: what means the same keeps its spelling.
func (list settingWishes) set(document *tentacleconfig.Document) {
	for _, wish := range list {
		if _, met := wish.metBy(document); met {
			continue
		}
		document.Set(wish.Key, wish.Value)
	}
}

// metBy says what a document has, and whether that is what is wished for.
func (w settingWish) metBy(document *tentacleconfig.Document) (now string, met bool) {
	now, found := document.Get(w.Key)
	return now, found && now == w.Value || w.same != nil && w.same(now)
}

// settings are those wished for.
func (list settingWishes) settings() []tentacleconfig.Setting {
	settings := make([]tentacleconfig.Setting, len(list))
	for i, wish := range list {
		settings[i] = wish.Setting
	}
	return settings
}

// wishedSettings are the settings that a file asks for, of a Tentacle with that configuration.
// Whether it listens depends on whom it trusts: see wishesToListen.
func wishedSettings(f tentaclefile.File, config string) (list settingWishes) {
	add := func(key, value string, same func(string) bool) {
		list = append(list, settingWish{tentacleconfig.Setting{Key: key, Value: value}, same})
	}
	folder := func(key, path string) {
		if path != "" {
			add(key, path, func(now string) bool {
				now = rootedHome(config, strings.TrimSpace(now))
				return filepath.IsAbs(now) && tentacleconfig.SamePath(now, path)
			})
		}
	}
	folder(tentacleconfig.KeyHome, f.Home)
	folder(tentacleconfig.KeyApplicationDirectory, f.Applications)
	if port := portOf(f.Listen); port > 0 {
		add(tentacleconfig.KeyPort, strconv.Itoa(port), sameNumber(port, defaultListeningPort))
	}
	if f.Listen != nil && f.Listen.Address != "" {
		address, _ := formatListenIP(f.Listen.Address) // which was checked when it was read
		add(tentacleconfig.KeyListenIP, address, func(now string) bool { return strings.EqualFold(strings.TrimSpace(now), address) })
	}
	if count := f.PollingConnectionCount; count > 0 {
		add(tentacleconfig.KeyPollingConnectionCount, strconv.Itoa(count), sameNumber(count, ""))
	}
	return append(list, wishedProxy(f.PollingProxy)...)
}

func portOf(l *tentaclefile.Listen) int {
	if l == nil {
		return 0
	}
	return l.Port
}

// sameNumber compares with a setting that has a default where it is missing.
func sameNumber(wanted int, missing string) func(string) bool {
	return func(now string) bool {
		if now = strings.TrimSpace(now); now == "" {
			now = missing
		}
		number, err := strconv.Atoi(now)
		return err == nil && number == wanted
	}
}

// setListening sets whether the Tentacle opens its own port, where the file says so.
func setListening(f tentaclefile.File, document *tentacleconfig.Document) error {
	servers, err := document.TrustedServers()
	if err != nil {
		return err
	}
	if listens, known := wishesToListen(f, servers); known && listens != document.Listens() {
		document.Set(tentacleconfig.KeyNoListen, strconv.FormatBool(!listens))
	}
	return nil
}

// wishesToListen says whether a Tentacle that trusts these servers is to open its own port, where
// the file says so. One that only polls has no use for it; but a cluster besides that of the file
// may connect to it.
func wishesToListen(f tentaclefile.File, servers []tentacleconfig.TrustedServer) (listens, known bool) {
	switch l := f.Listen; {
	case l != nil && l.Off:
		return false, true
	case f.Communication == tentaclefile.Listening:
		return true, true
	case f.Communication == tentaclefile.Polling && l == nil:
		return false, !connectedTo(servers)
	case f.Communication == tentaclefile.Polling:
		return true, true
	}
	return false, false
}

// connectedTo says whether a cluster that is not polled is trusted: its server connects to the
// Tentacle.
func connectedTo(servers []tentacleconfig.TrustedServer) bool {
	polled := slices.Concat(tentacleconfig.PolledClusters(servers)...)
	return slices.ContainsFunc(servers, func(s tentacleconfig.TrustedServer) bool {
		return s.Style == tentacleconfig.StyleListening && !thumbprint.Contains(polled, s.Thumbprint)
	})
}

// wishedProxy are the settings of the polling proxy, without its password.
func wishedProxy(p *tentaclefile.PollingProxy) (list settingWishes) {
	if p == nil {
		return nil
	}
	host, port, useDefault := "", "", strconv.FormatBool(p.System)
	if p.Host != "" {
		host = strings.ToLower(bracketed(p.Host))
	}
	if p.Port > 0 {
		port = strconv.Itoa(p.Port)
	}
	for _, setting := range pollingProxyKind.settings(host, port, p.User, useDefault) {
		wish := settingWish{Setting: setting}
		switch setting.Key {
		case tentacleconfig.KeyUseDefaultProxy: // without the setting, it is true
			wish.same = func(now string) bool {
				now = strings.ToLower(strings.TrimSpace(now))
				return now == useDefault || now == "" && useDefault == "true"
			}
		case tentacleconfig.KeyProxyPort:
			wish.same = sameNumber(p.Port, "80")
		case tentacleconfig.KeyProxyHost:
			wish.same = func(now string) bool { return strings.EqualFold(strings.TrimSpace(now), host) }
		default: // the user name
			wish.same = func(now string) bool { return now == setting.Value }
		}
		list = append(list, wish)
	}
	return list
}
