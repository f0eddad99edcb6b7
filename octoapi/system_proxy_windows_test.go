package octoapi

import (
	"encoding/binary"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
)

// setProxy sets the proxy of this account, as the Control Panel does. It is not done on a real
// Windows, where other programs go by it.
func setProxy(t *testing.T, list, bypass, script string) {
	t.Helper()
	if windows.NewLazySystemDLL("ntdll.dll").NewProc("wine_get_version").Find() != nil {
		t.Skip("changes the proxy of the account: only under Wine")
	}
	const path, name = `Software\Microsoft\Windows\CurrentVersion\Internet Settings\Connections`, "DefaultConnectionSettings"
	flags := uint32(1)
	if list != "" {
		flags |= 2
	}
	if script != "" {
		flags |= 4
	}
	var settings []byte
	for _, number := range []uint32{0x46, 1, flags} {
		settings = binary.LittleEndian.AppendUint32(settings, number)
	}
	for _, text := range []string{list, bypass, script} {
		settings = append(binary.LittleEndian.AppendUint32(settings, uint32(len(text))), text...)
	}
	key, _, err := registry.CreateKey(registry.CURRENT_USER, path, registry.SET_VALUE)
	if err != nil {
		t.Fatal(err)
	}
	defer key.Close()
	if err := key.SetBinaryValue(name, append(settings, make([]byte, 32)...)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if key, err := registry.OpenKey(registry.CURRENT_USER, path, registry.SET_VALUE); err == nil {
			_ = key.DeleteValue(name)
			key.Close()
		}
	})
}

func TestTheProxyOfWindowsIsTheOneInItsList(t *testing.T) {
	setProxy(t, "http=web:80;https=secure:8080", "direct.example.com", "")
	settings := readProxySettings()
	if want := (systemProxySettings{proxyList: proxyList{"http=web:80;https=secure:8080", "direct.example.com"}}); settings != want {
		t.Fatalf("the settings are %+v, want %+v", settings, want)
	}
	proxies := newSystemProxies()
	for address, want := range map[string]string{"https://octo1.example.com:10943": "http://secure:8080", "https://direct.example.com": "<nil>"} {
		u, _ := url.Parse(address)
		if proxy := proxies.of(u); fmt.Sprint(proxy) != want {
			t.Errorf("%s goes through %v; want %s", address, proxy, want)
		}
	}
}

func TestAScriptOfWindowsNamesTheProxyAndWithoutItTheListDoes(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/x-ns-proxy-autoconfig")
		fmt.Fprint(w, `function FindProxyForURL(url, host) { return host == "octo1" ? "PROXY scripted:3128; DIRECT" : "DIRECT"; }`)
	}))
	setProxy(t, "listed:80", "", server.URL+"/proxy.pac")
	settings := readProxySettings()
	gone := settings
	gone.script = server.URL + "/gone.pac" // a script that was had is kept for a while
	through := func(address string, settings systemProxySettings) string {
		target, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(askWindows(target, settings))
	}
	if got := through("https://octo1:10943", settings); got != "http://scripted:3128" {
		t.Errorf("the script names %s", got)
	}
	if got := through("https://octo2:10943", settings); got != "<nil>" {
		t.Errorf("the script has no proxy, but %s", got)
	}
	server.Close()
	if got := through("https://octo1:10943", gone); got != "http://listed:80" {
		t.Errorf("without the script: %s", got)
	}
}
