package tentacleconfig

import (
	"errors"
	"fmt"
)

// SecretError says that a secret of the configuration cannot be read on this machine: it was
// encrypted on another one, or is damaged.
type SecretError struct {
	Path string
	Line int    // where its setting begins, from 1; 0 in a ConfigMap
	Key  string // of the setting
	Err  error
}

func (e *SecretError) Error() string {
	what := "the setting " + e.Key
	switch e.Key {
	case KeyCertificate:
		what = "the Tentacle's certificate"
	case KeyProxyPassword:
		what = "the password of the polling proxy"
	}
	return fmt.Sprintf("%s: %s cannot be read: %v", place(e.Path, e.Line, e.Key), what, e.Err)
}

func (e *SecretError) Unwrap() error { return e.Err }

// secretError is about the secret of the setting key, which there is.
func (d *Document) secretError(key string, err error) error {
	return &SecretError{d.path, d.body.line(key), key, err}
}

var errNotEncrypted = errors.New("it is not a value that Tentacle encrypted")

// Secrets encrypt the secrets of a Document, and decrypt them.
type Secrets interface {
	// Encrypt protects a secret. Where there is no key for that yet, it may make one.
	Encrypt(plain []byte) (string, error)
	// Decrypt reads what Encrypt made.
	Decrypt(text string) (plain []byte, err error)
}

// MachineSecrets are the secrets of a configuration file: a key of this machine encrypts them.
type MachineSecrets struct {
	Config string // the path of the file, beside which the key may be
}

// SetSecret sets key to an encrypted secret. Where it holds that secret already nothing changes,
// although it would be encrypted differently every time. An empty secret is an empty setting.
func (d *Document) SetSecret(key, secret string) error {
	if secret == "" {
		d.Set(key, "")
		return nil
	}
	if text, _ := d.Get(key); text != "" {
		if plain, err := d.Secrets.Decrypt(text); err == nil && string(plain) == secret {
			return nil
		}
	}
	text, err := d.Secrets.Encrypt([]byte(secret))
	if err != nil {
		return err
	}
	d.Set(key, text)
	return nil
}
