package commands

import (
	"errors"
	"time"

	"github.com/octo-tentacle/octo-tentacle/commands/tentaclefile"
	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// certificateWish is the certificate that a file asks for.
type certificateWish struct {
	certificate *tentacleconfig.Certificate // nil: it stays as it is
	isNew       bool                        // it was made for this change
}

// wishedCertificate reads or makes the certificate that the file asks for. It writes nothing.
func (a *fileChange) wishedCertificate() (w certificateWish, err error) {
	switch wish := a.wish.Certificate; {
	case wish == nil:
	case wish.PFX != "":
		if w.certificate, err = readPFX(a.console, a.wish); err == nil {
			warnOfShortKey(a.console, w.certificate)
		}
	case a.tentacle.document.HasCertificate():
		err = checkUsable(a.tentacle)
	default:
		w.isNew = true
		w.certificate, err = tentacleconfig.NewCertificate(time.Now())
	}
	return w, err
}

// readPFX reads the certificate that a file names.
func readPFX(c *console, f tentaclefile.File) (*tentacleconfig.Certificate, error) {
	path := f.Certificate.PFX
	password, err := passwordIn(c, f, "certificate.passwordFile", f.Certificate.PasswordFile)
	if err != nil {
		return nil, err
	}
	content, err := c.readInput(path)
	if err != nil {
		return nil, f.Mistake("certificate.pfx", err)
	}
	certificate, err := readCertificate(content, password, path, "name the file that has it in the key passwordFile")
	if err != nil {
		return nil, f.Mistake("certificate.pfx", err)
	}
	return certificate, nil
}

// passwordIn reads a password from the file that a key names; "" where there is no such key.
func passwordIn(c *console, f tentaclefile.File, key, file string) (string, error) {
	if file == "" {
		return "", nil
	}
	password, err := c.readSecretFile(file)
	c.keepSecret(password)
	if err != nil {
		return "", f.Mistake(key, err)
	}
	return password, nil
}

// set installs the certificate. Of a dry run, nobody knows the thumbprint.
func (w certificateWish) set(document *tentacleconfig.Document, dryRun bool) error {
	switch {
	case w.certificate == nil:
		return nil
	case w.isNew && dryRun:
		return setCertificate(document, nil)
	}
	return setCertificate(document, w.certificate)
}

// errOvertaken says that another process has made what this one was about to make.
var errOvertaken = errors.New("another process has set up this Tentacle meanwhile: run the same command again")

// overtakes says whether a configuration has got another certificate than the new one, which is not
// to be registered then.
func (w certificateWish) overtakes(document *tentacleconfig.Document) bool {
	if !w.isNew || !document.HasCertificate() {
		return false
	}
	now, err := document.Thumbprint()
	return err != nil || !thumbprint.Same(now, w.certificate.Thumbprint())
}

// subscription is a new one for the Tentacle. That of a certificate made here is its own for ever:
// if this run ends before the registration, the next one knows that no other machine has it.
func (w certificateWish) subscription() string {
	if w.isNew {
		return w.certificate.SubscriptionID()
	}
	return tentacleconfig.NewSubscriptionID()
}

// warn warns of what follows another certificate, where the file does not register it.
func (w certificateWish) warn(a *fileChange) {
	switch {
	case w.certificate == nil || len(a.wish.Registrations) > 0:
	case w.isNew:
		warnOfNewCertificate(a.console, a.tentacle, a.out)
	default:
		warnOfReplacement(a.console, a.tentacle, w.certificate, a.out)
	}
}

// plannedSecrets are those of a plan: what it encrypts stays in memory, and no key is made for it.
type plannedSecrets struct {
	tentacleconfig.Secrets
	plain map[string][]byte // by what stands for it
}

func (s plannedSecrets) Encrypt(plain []byte) (string, error) {
	for text, other := range s.plain {
		if string(other) == string(plain) {
			return text, nil
		}
	}
	text := secretValue + string(rune('a'+len(s.plain)))
	s.plain[text] = plain
	return text, nil
}

func (s plannedSecrets) Decrypt(text string) ([]byte, error) {
	if plain, planned := s.plain[text]; planned {
		return plain, nil
	}
	return s.Secrets.Decrypt(text)
}
