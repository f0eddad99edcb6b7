package tentacleconfig

import (
	"errors"
	"fmt"
)

// SecretError says that a secret of the configuration cannot be read on this machine: it was
// encrypted on another one, or is damaged.
type SecretError struct {
	Path string
	Line int    // where its setting begins, from 1
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
	return fmt.Sprintf("%s, line %d: %s cannot be read: %v", e.Path, e.Line, what, e.Err)
}

func (e *SecretError) Unwrap() error { return e.Err }

// secretError is about the secret of the setting key, which there is.
func (d *Document) secretError(key string, err error) error {
	return &SecretError{d.path, d.line(d.place(key)), key, err}
}

var errNotEncrypted = errors.New("it is not a value that Tentacle encrypted")

// A Protect encrypts a secret for the configuration file: Encrypt, or in a dry run something that
// makes no key.
type Protect func(plain []byte) (string, error)

// SetSecret sets key to an encrypted secret. Where it holds that secret already nothing changes,
// although it would be encrypted differently every time. An empty secret is an empty setting.
func (d *Document) SetSecret(key, secret string, protect Protect) error {
	if secret == "" {
		d.Set(key, "")
		return nil
	}
	if text, _ := d.Get(key); text != "" {
		if plain, err := Decrypt(text, d.path); err == nil && string(plain) == secret {
			return nil
		}
	}
	text, err := protect([]byte(secret))
	if err != nil {
		return err
	}
	d.Set(key, text)
	return nil
}
