package tentacleconfig

import (
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"software.sslmate.com/src/go-pkcs12"
)

// ErrNoCertificate is a Tentacle that is too new to have a certificate.
var ErrNoCertificate = errors.New("has no certificate yet")

// Thumbprint is the thumbprint of the Tentacle's own certificate, in upper
// case: what the setting says, else that of the certificate in the file. The
// error for a Tentacle without a certificate says how to make one.
func (d *Document) Thumbprint() (string, error) {
	if t, _ := d.Get(KeyThumbprint); t != "" {
		return strings.ToUpper(strings.TrimSpace(t)), nil
	}
	certificate, err := d.certificate()
	switch {
	case errors.Is(err, ErrNoCertificate):
		return "", fmt.Errorf("%w: run octo-tentacle new-certificate first", err)
	case err != nil:
		return "", fmt.Errorf("%s, line %d: the Tentacle's certificate cannot be read: %w\nif the file comes from another machine, run octo-tentacle new-certificate here", d.path, d.line(d.place(KeyCertificate)), err)
	}
	return thumbprintOf(certificate), nil
}

// certificate reads the setting Tentacle.Certificate: a PFX without a password,
// as base64, encrypted (Security/Certificates/CertificateEncoder.cs).
func (d *Document) certificate() (*x509.Certificate, error) {
	secret, _ := d.Get(KeyCertificate)
	if secret == "" {
		return nil, fmt.Errorf("the Tentacle of %s %w", d.path, ErrNoCertificate)
	}
	encoded, err := Decrypt(secret, d.path)
	if err != nil {
		return nil, err
	}
	pfx, err := base64.StdEncoding.DecodeString(string(encoded))
	if err != nil {
		return nil, errors.New("it is not base64")
	}
	_, certificate, _, err := pkcs12.DecodeChain(pfx, "")
	if err != nil {
		return nil, errors.New("it is not a PFX, or a damaged one") // go-pkcs12 has nothing to say but how it decodes
	}
	return certificate, nil
}

// place is where the setting key, which there is, begins.
func (d *Document) place(key string) int { return d.settings[d.find(key)].start }

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

// PollingProxy is the proxy that the Tentacle polls through. The error for a
// setting that is not what it should be names file and line.
func (d *Document) PollingProxy() (Proxy, error) {
	p := Proxy{UseDefault: true, Port: 80}
	var err error
	if text, _ := d.Get(KeyUseDefaultProxy); text != "" {
		if p.UseDefault, err = strconv.ParseBool(strings.ToLower(strings.TrimSpace(text))); err != nil {
			return Proxy{}, d.refuse(d.place(KeyUseDefaultProxy), "%s is neither true nor false", KeyUseDefaultProxy)
		}
	}
	host, _ := d.Get(KeyProxyHost)
	p.Host = strings.Trim(strings.TrimSpace(host), "[]") // as Tentacle's polling-proxy writes an IPv6 address
	if text, _ := d.Get(KeyProxyPort); text != "" {
		port, err := strconv.ParseUint(strings.TrimSpace(text), 10, 16)
		if err != nil || port == 0 {
			return Proxy{}, d.refuse(d.place(KeyProxyPort), "%s is not a port, 1 to 65535", KeyProxyPort)
		}
		p.Port = int(port)
	}
	p.Username, _ = d.Get(KeyProxyUsername)
	secret, _ := d.Get(KeyProxyPassword)
	if secret == "" || !p.UseDefault && p.Host == "" {
		return p, nil
	}
	password, err := Decrypt(secret, d.path)
	if err != nil {
		return Proxy{}, fmt.Errorf("%s, line %d: the password of the polling proxy cannot be decrypted: %w\nset it again on this machine with octo-tentacle polling-proxy --proxyPassword-file", d.path, d.line(d.place(KeyProxyPassword)), err)
	}
	p.Password = string(password)
	return p, nil
}
