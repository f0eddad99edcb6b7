package tentacleconfig

import (
	"fmt"
	"strings"
)

// Keys of the settings that octo-tentacle reads or writes. The names are those
// of Tentacle's Configuration/TentacleConfiguration.cs, HomeConfiguration.cs
// and PollingProxyConfiguration.cs.
const (
	KeyHome                   = "Octopus.Home"
	KeyCertificate            = "Tentacle.Certificate"
	KeyThumbprint             = "Tentacle.CertificateThumbprint"
	KeyTrustedServers         = "Tentacle.Communication.TrustedOctopusServers"
	KeyPollingConnectionCount = "Tentacle.Communication.PollingConnectionCount"
	KeyPort                   = "Tentacle.Services.PortNumber"
	KeyNoListen               = "Tentacle.Services.NoListen"
	KeyListenIP               = "Tentacle.Services.ListenIP"
	KeyIsRegistered           = "Tentacle.Services.IsRegistered"
	KeyApplicationDirectory   = "Tentacle.Deployment.ApplicationDirectory"
	KeySquid                  = "Octopus.Communications.Squid" // of Tentacle 2; later ones only read it
	KeyUseDefaultProxy        = "Octopus.Server.Proxy.UseDefaultProxy"
	KeyProxyHost              = "Octopus.Server.Proxy.ProxyHost"
	KeyProxyPort              = "Octopus.Server.Proxy.ProxyPort"
	KeyProxyUsername          = "Octopus.Server.Proxy.ProxyUsername"
	KeyProxyPassword          = "Octopus.Server.Proxy.ProxyPassword"
)

// IsSecret says whether the value of a setting must not be shown: the
// certificate with its key, and passwords.
func IsSecret(key string) bool {
	key = strings.ToLower(key)
	return key == strings.ToLower(KeyCertificate) || strings.HasSuffix(key, "password")
}

// Document is the settings of one Tentacle: what they mean, and how they are changed. It stands on
// a body, which is the text of a file or the data of a ConfigMap.
type Document struct {
	// Secrets are what certificate and passwords in it are encrypted with.
	Secrets Secrets

	path string // of the file, or the name of the ConfigMap
	body body
}

// body is what settings are written in. Where it may have several settings with one key, one of
// them counts, and overrides the others.
type body interface {
	get(key string) (value string, found bool)
	set(key, value string)
	// remove removes the settings that unwanted picks.
	remove(unwanted func(key string, counts bool) bool)
	// settings are those that count, and all the others, too.
	settings() []Setting
	all() []Setting
	// same says whether two keys are of one setting.
	same(key, other string) bool
	// line is where the setting that counts begins, from 1; 0 where there are no lines.
	line(key string) int
	bytes() []byte
	clone() body
}

// Setting is one key of the configuration and what it is set to.
type Setting struct{ Key, Value string }

// DamagedError is a configuration that cannot be understood.
type DamagedError struct {
	Path string
	Line int    // where in the file, from 1; 0 where it is the whole file
	Key  string // where in a ConfigMap
	Err  error  // the reason: without Line and Key one that reads on after the path, like "is empty"
}

func (e *DamagedError) Error() string {
	if e.Line == 0 && e.Key == "" {
		return fmt.Sprintf("%s %v", e.Path, e.Err)
	}
	return fmt.Sprintf("%s: %v", place(e.Path, e.Line, e.Key), e.Err)
}

func (e *DamagedError) Unwrap() error { return e.Err }

// place says where a setting is: on a line of a file, or under a key of a ConfigMap.
func place(path string, line int, key string) string {
	if line == 0 {
		return fmt.Sprintf("%s, key %s", path, key)
	}
	return fmt.Sprintf("%s, line %d", path, line)
}

// damaged is a DamagedError for the setting key, which there is.
func (d *Document) damaged(key, format string, args ...any) error {
	return &DamagedError{Path: d.path, Line: d.body.line(key), Key: key, Err: fmt.Errorf(format, args...)}
}

// Parse reads data as the configuration that path has. Path is only used to say in errors which
// file is meant, and to find the key for its secrets; the refusals are those of Read.
func Parse(path string, data []byte) (*Document, error) {
	text, err := parseXML(path, data)
	if err != nil {
		return nil, err
	}
	return fileDocument(path, text), nil
}

// fileDocument is the document in the file at path.
func fileDocument(path string, text *xmlText) *Document {
	return &Document{Secrets: MachineSecrets{Config: path}, path: path, body: text}
}

// Bytes is everything as it should be saved: of a file, its content; of a ConfigMap, its data as
// JSON.
func (d *Document) Bytes() []byte { return d.body.bytes() }

// Clone is a copy that can be changed by itself.
func (d *Document) Clone() *Document {
	clone := *d
	clone.body = d.body.clone()
	return &clone
}

// Replace makes d say what other says, in every byte; its path stays.
func (d *Document) Replace(other *Document) { d.body = other.body.clone() }

// Get returns the value of key. In a file, the key may be in any case of letters, and of several
// settings with it the last one counts, as for Tentacle.
func (d *Document) Get(key string) (value string, ok bool) { return d.body.get(key) }

// Set gives key a value. Where it has that value already, nothing changes. In a file, otherwise
// only the bytes between the tags of its element do: a new setting gets a line of its own, where
// the order of the keys wants it, and characters that XML cannot carry become U+FFFD.
func (d *Document) Set(key, value string) { d.body.set(key, value) }

// Remove removes the settings with the key, if there are any.
func (d *Document) Remove(key string) {
	d.body.remove(func(other string, _ bool) bool { return d.body.same(other, key) })
}

// Listens says whether the Tentacle opens its own port, as it does unless told not to.
func (d *Document) Listens() bool {
	noListen, _ := d.Get(KeyNoListen)
	return !strings.EqualFold(strings.TrimSpace(noListen), "true")
}

// Settings lists what is set, in the order of the file or, in a ConfigMap, of the keys. A setting
// that a later one with the same key overrides is omitted. The time is linear, but for sorting.
func (d *Document) Settings() []Setting { return d.body.settings() }
