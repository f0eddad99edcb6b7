package octoapi

import (
	"errors"
	"net/url"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

// systemProxy is the proxy that Windows has for an address, nil for none: that of the account which
// runs this program.
func systemProxy(target *url.URL) (*url.URL, error) { return ownProxies.of(target), nil }

var ownProxies = newSystemProxies()

// systemProxies keeps the settings and the answers, since a script may take its time.
type systemProxies struct {
	settings func() systemProxySettings
	answers  sync.Map // functions by scheme, host and port
}

func newSystemProxies() *systemProxies {
	return &systemProxies{settings: sync.OnceValue(readProxySettings)}
}

func (s *systemProxies) of(target *url.URL) *url.URL {
	key := target.Scheme + "://" + target.Host
	answer, _ := s.answers.LoadOrStore(key, sync.OnceValue(func() *url.URL { return askWindows(target, s.settings()) }))
	return answer.(func() *url.URL)()
}

// scriptTime is how long Windows may look for a script and run it. In a network without one, that
// takes a second or two.
const scriptTime = 10 * time.Second

// askWindows goes by a script first, and then by the list, as .NET does (System.Net.Http,
// HttpWindowsProxy.cs): a script that cannot be had counts for nothing.
func askWindows(target *url.URL, settings systemProxySettings) *url.URL {
	type found struct {
		list string
		err  error
	}
	answer := make(chan found, 1)
	go func() {
		list, err := byScript(&url.URL{Scheme: target.Scheme, Host: target.Host, Path: "/"}, settings)
		answer <- found{list, err}
	}()
	select {
	case f := <-answer:
		if f.err == nil {
			return chosenProxy(f.list, target.Scheme)
		}
	case <-time.After(scriptTime):
	}
	return settings.listed(target)
}

var (
	winhttp          = windows.NewLazySystemDLL("winhttp.dll")
	getUsersProxy    = winhttp.NewProc("WinHttpGetIEProxyConfigForCurrentUser")
	openSession      = winhttp.NewProc("WinHttpOpen")
	getProxyForURL   = winhttp.NewProc("WinHttpGetProxyForUrl")
	closeSession     = winhttp.NewProc("WinHttpCloseHandle")
	globalFree       = windows.NewLazySystemDLL("kernel32.dll").NewProc("GlobalFree")
	errNoProxyScript = errors.New("no script is set")
)

// systemProxySettings are a person's settings of the proxy.
type systemProxySettings struct {
	detect bool   // look for a script in the network (WPAD)
	script string // the URL of a script (PAC), "" for none
	proxyList
}

// readProxySettings reads the settings of the account; none are none.
func readProxySettings() systemProxySettings {
	var config struct { // WINHTTP_CURRENT_USER_IE_PROXY_CONFIG
		autoDetect            int32
		script, proxy, bypass *uint16
	}
	if getUsersProxy.Find() != nil { // a Windows without it (Nano Server)
		return systemProxySettings{}
	}
	if ok, _, _ := getUsersProxy.Call(uintptr(unsafe.Pointer(&config))); ok == 0 {
		return systemProxySettings{}
	}
	return systemProxySettings{config.autoDetect != 0, taken(config.script), proxyList{taken(config.proxy), taken(config.bypass)}}
}

// taken is a text that Windows made for the caller, who frees it.
func taken(p *uint16) string {
	if p == nil {
		return ""
	}
	text := windows.UTF16PtrToString(p)
	_, _, _ = globalFree.Call(uintptr(unsafe.Pointer(p)))
	return text
}

// byScript is the list of proxies that a script has for an address: "" for none. It fails if there
// is no script, or none that can be run.
func byScript(target *url.URL, settings systemProxySettings) (string, error) {
	if !settings.detect && settings.script == "" {
		return "", errNoProxyScript
	}
	const withoutProxy = 1 // WINHTTP_ACCESS_TYPE_NO_PROXY: to fetch the script
	session, _, err := openSession.Call(0, withoutProxy, 0, 0, 0)
	if session == 0 {
		return "", err
	}
	defer closeSession.Call(session)
	address, err := windows.UTF16PtrFromString(target.String())
	if err != nil {
		return "", err
	}
	script, err := windows.UTF16PtrFromString(settings.script)
	if err != nil {
		return "", err
	}

	const autoDetect, configURL, byDHCPAndDNS = 1, 2, 1 | 2
	type options struct { // WINHTTP_AUTOPROXY_OPTIONS
		flags, detectFlags uint32
		script             *uint16
		_                  uintptr
		_                  uint32
		logon              int32
	}
	ways := []options{}
	if settings.detect {
		ways = append(ways, options{flags: autoDetect, detectFlags: byDHCPAndDNS})
	}
	if settings.script != "" {
		ways = append(ways, options{flags: configURL, script: script}, options{flags: configURL, script: script, logon: 1})
	}
	for _, way := range ways {
		var info struct { // WINHTTP_PROXY_INFO
			access        uint32
			proxy, bypass *uint16
		}
		ok, _, failure := getProxyForURL.Call(session, uintptr(unsafe.Pointer(address)), uintptr(unsafe.Pointer(&way)), uintptr(unsafe.Pointer(&info)))
		if ok != 0 {
			list := taken(info.proxy)
			taken(info.bypass)
			return list, nil
		}
		err = failure
	}
	return "", err
}
