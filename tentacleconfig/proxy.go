package tentacleconfig

import (
	"fmt"
	"strconv"
	"strings"
)

// Proxy is how a Tentacle reaches the servers it polls
// (Configuration/PollingProxyConfiguration.cs and ProxyConfigParser.cs). With
// UseDefault, which is also the case when nothing is set, that is the system's
// proxy: Windows has one, elsewhere Tentacle uses none. Otherwise it is the
// HTTP proxy at Host and Port, or none when Host is "". User name and password
// are for either; without a user name the password counts for nothing.
type Proxy struct {
	UseDefault bool
	Host       string
	Port       int // 80 when not set
	Username   string
	Password   string
}

// String describes the proxy without its password.
func (p Proxy) String() string {
	switch {
	case p.UseDefault:
		return "the system's proxy"
	case p.Host == "":
		return "no proxy"
	case p.Username == "":
		return fmt.Sprintf("%s:%d", p.Host, p.Port)
	}
	return fmt.Sprintf("%s:%d as %s", p.Host, p.Port, p.Username)
}

// GoString keeps the password out of %#v as well.
func (p Proxy) GoString() string { return p.String() }

// PollingProxy is the proxy that the Tentacle polls through. The error for a setting that is not
// what it should be is a *DamagedError, for a password that cannot be read a *SecretError.
func (d *Document) PollingProxy() (Proxy, error) {
	p := Proxy{UseDefault: true, Port: 80}
	var err error
	if text, _ := d.Get(KeyUseDefaultProxy); text != "" {
		if p.UseDefault, err = strconv.ParseBool(strings.ToLower(strings.TrimSpace(text))); err != nil {
			return Proxy{}, d.damaged(KeyUseDefaultProxy, "%s is neither true nor false", KeyUseDefaultProxy)
		}
	}
	host, _ := d.Get(KeyProxyHost)
	p.Host = strings.Trim(strings.TrimSpace(host), "[]") // as Tentacle's polling-proxy writes an IPv6 address
	if text, _ := d.Get(KeyProxyPort); text != "" {
		port, err := strconv.ParseUint(strings.TrimSpace(text), 10, 16)
		if err != nil || port == 0 {
			return Proxy{}, d.damaged(KeyProxyPort, "%s is not a port, 1 to 65535", KeyProxyPort)
		}
		p.Port = int(port)
	}
	p.Username, _ = d.Get(KeyProxyUsername)
	secret, _ := d.Get(KeyProxyPassword)
	if secret == "" || !p.UseDefault && p.Host == "" {
		return p, nil
	}
	password, err := d.Secrets.Decrypt(secret)
	if err != nil {
		return Proxy{}, d.secretError(KeyProxyPassword, err)
	}
	p.Password = string(password)
	return p, nil
}
