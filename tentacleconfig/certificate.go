package tentacleconfig

import (
	"bytes"
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
	"software.sslmate.com/src/go-pkcs12"
)

// RecommendedKeyBits is the length in bits of the keys that Tentacle makes, and
// below which it warns (Certificates/CertificateGenerator.cs).
const RecommendedKeyBits = 2048

// Errors of ParsePFX that a user can do something about.
var (
	// ErrPassword is a PFX that another password protects.
	ErrPassword = errors.New("wrong password")
	// ErrNoKey is a PFX with a certificate, but without its private key.
	ErrNoKey = errors.New("it contains no private key")
)

// ErrNoCertificate is a Tentacle that has no certificate yet. Errors that are it are a
// *NoCertificateError.
var ErrNoCertificate = errors.New("has no certificate yet")

// A NoCertificateError says which Tentacle has no certificate yet.
type NoCertificateError struct{ Path string } // of its configuration

func (e *NoCertificateError) Error() string {
	return fmt.Sprintf("the Tentacle of %s %v", e.Path, ErrNoCertificate)
}

func (e *NoCertificateError) Unwrap() error { return ErrNoCertificate }

var errNotPFX = errors.New("it is not a PFX, or it is damaged")

// Certificate is a Tentacle's certificate with its private key. It is a secret:
// it has no text form.
type Certificate struct {
	key  *rsa.PrivateKey
	x509 *x509.Certificate
}

// NewCertificate makes a certificate as Tentacle makes it: RSA 2048, SHA-256,
// CN=Octopus Tentacle, from the day before now (UTC) until 100 years after it,
// no extensions (Certificates/CertificateGenerator.cs).
func NewCertificate(now time.Time) (*Certificate, error) {
	key, err := rsa.GenerateKey(rand.Reader, RecommendedKeyBits)
	if err != nil {
		return nil, fmt.Errorf("cannot create a key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).SetUint64(1<<63-1))
	if err != nil {
		return nil, fmt.Errorf("cannot create a certificate: %w", err)
	}
	today := now.UTC().Truncate(24 * time.Hour)
	template := &x509.Certificate{
		SerialNumber:       serial.Add(serial, big.NewInt(1)),
		Subject:            pkix.Name{CommonName: "Octopus Tentacle"},
		NotBefore:          today.AddDate(0, 0, -1),
		NotAfter:           today.AddDate(100, 0, 0),
		SignatureAlgorithm: x509.SHA256WithRSA,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("cannot create a certificate: %w", err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("cannot create a certificate: %w", err)
	}
	return &Certificate{key, certificate}, nil
}

// Thumbprint is the SHA-1 of the certificate, 40 upper-case hexadecimal digits.
func (c *Certificate) Thumbprint() string { return thumbprint.Of(c.x509.Raw) }

// SubscriptionID is a subscription that belongs to this certificate, the same each time, in the
// form of NewSubscriptionID. It is made from the private key, so nobody else can guess it. It is
// for a certificate that was made for one Tentacle: machines that share a certificate must not
// share this.
func (c *Certificate) SubscriptionID() string {
	mac := hmac.New(sha256.New, x509.MarshalPKCS1PrivateKey(c.key))
	_, _ = mac.Write([]byte("octo-tentacle subscription")) // never fails
	const length, base = 20, 36
	number := new(big.Int).SetBytes(mac.Sum(nil))
	text := number.Mod(number, new(big.Int).Exp(big.NewInt(base), big.NewInt(length), nil)).Text(base)
	return "poll://" + strings.Repeat("0", length-len(text)) + text + "/"
}

// Owns says whether a subscription is that of SubscriptionID.
func (c *Certificate) Owns(subscription string) bool { return subscription == c.SubscriptionID() }

// KeyBits is the length of the key in bits.
func (c *Certificate) KeyBits() int { return c.key.N.BitLen() }

// pfxEncoding is what Tentacle's own PFX look like, those in the recordings
// included: 3DES for key and certificate, HMAC-SHA-1, 2000 rounds. It is the one
// that all of .NET reads: Windows before Server 2019 knows neither AES nor
// SHA-256 there, and .NET on Linux no RC2 where OpenSSL has none. What protects
// the key is the encryption of the setting, or the mode of the file.
var pfxEncoding = pkcs12.LegacyDES.WithIterations(2000)

// PFX is the certificate with its key as PKCS#12, under a password that may be
// empty.
func (c *Certificate) PFX(password string) ([]byte, error) {
	data, err := pfxEncoding.Encode(c.key, c.x509, nil, password)
	if err != nil {
		return nil, fmt.Errorf("cannot create a PFX: %w", err)
	}
	return data, nil
}

// ParsePFX reads a PFX (PKCS#12), old (RC2, 3DES, SHA-1) or modern (AES,
// SHA-256), or the base64 text that Tentacle's new-certificate exports and
// keeps. Of several certificates it takes the one that the key belongs to.
// Errors are ErrPassword, ErrNoKey, or say what it is instead.
func ParsePFX(data []byte, password string) (*Certificate, error) {
	if block, _ := pem.Decode(data); block != nil {
		return nil, hint.New("it is PEM (-----BEGIN …), not a PFX",
			"create one with: openssl pkcs12 -export -in certificate.pem -inkey key.pem -out certificate.pfx")
	}
	key, first, more, err := pkcs12.DecodeChain(fromBase64(data), password)
	switch {
	case errors.Is(err, pkcs12.ErrIncorrectPassword):
		return nil, ErrPassword
	case err != nil && keyless(err):
		return nil, ErrNoKey
	case errors.As(err, new(pkcs12.NotImplementedError)):
		return nil, fmt.Errorf("it is a PFX of a kind that octo-tentacle cannot read: %w", err)
	case err != nil: // go-pkcs12's own words are about how it decodes
		return nil, errNotPFX
	}
	private, isRSA := key.(*rsa.PrivateKey)
	if !isRSA {
		return nil, errors.New("its key is not an RSA key, the only kind that Tentacle uses")
	}
	all := append([]*x509.Certificate{first}, more...)
	own := slices.IndexFunc(all, func(c *x509.Certificate) bool { return samePublicKey(c, private) })
	if own < 0 {
		return nil, errors.New("its private key does not match any of its certificates")
	}
	return &Certificate{private, all[own]}, nil
}

// HoldsKey says whether the content of a file has a private key in it: a PFX with whatever
// password, as it is or as base64 text; PEM; or a configuration with a certificate.
func HoldsKey(content []byte) bool {
	if bytes.Contains(content, []byte("PRIVATE KEY-----")) {
		return true
	}
	if block, _ := pem.Decode(content); block != nil {
		return false // a certificate alone
	}
	if document, err := Parse("", content); err == nil {
		return document.HasCertificate()
	}
	_, err := ParsePFX(content, "")
	return !errors.Is(err, errNotPFX) && !errors.Is(err, ErrNoKey)
}

// keyless knows a PFX without a key by go-pkcs12's words for it: it has no error
// value for that.
func keyless(err error) bool { return strings.Contains(err.Error(), "private key missing") }

func samePublicKey(c *x509.Certificate, key *rsa.PrivateKey) bool {
	public, ok := c.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	return ok && public.Equal(key.Public())
}

// fromBase64 takes off the base64 around a PFX, if there is any: PKCS#12 itself
// begins with a byte (0x30, "0") that is followed by one that is no text.
func fromBase64(data []byte) []byte {
	text := strings.Join(strings.Fields(string(bytes.TrimPrefix(data, []byte(bom)))), "")
	if plain, err := base64.StdEncoding.DecodeString(text); err == nil && len(plain) > 0 {
		return plain
	}
	return data
}

// HasCertificate says whether there is a certificate at all, readable or not.
func (d *Document) HasCertificate() bool {
	text, _ := d.Get(KeyCertificate)
	return text != ""
}

// SetCertificate makes c the Tentacle's own, as Tentacle does: a PFX without a
// password, base64, encrypted, and its thumbprint in a setting of its own
// (SetTentacleCertificate in Configuration/TentacleConfiguration.cs). If it is
// already, nothing changes.
func (d *Document) SetCertificate(c *Certificate) error {
	if !d.holds(c) {
		pfx, err := c.PFX("")
		if err != nil {
			return err
		}
		text, err := d.Secrets.Encrypt([]byte(base64.StdEncoding.EncodeToString(pfx)))
		if err != nil {
			return err
		}
		d.Set(KeyCertificate, text)
	}
	d.Set(KeyThumbprint, c.Thumbprint())
	return nil
}

func (d *Document) holds(c *Certificate) bool {
	own, err := d.certificate()
	return err == nil && own.Equal(c.x509)
}

// Thumbprint is the thumbprint of the Tentacle's own certificate, in upper case: what the setting
// says, else that of the certificate in the file. The error is ErrNoCertificate where there is
// none, and a *SecretError where it cannot be read on this machine.
func (d *Document) Thumbprint() (string, error) {
	if t, _ := d.Get(KeyThumbprint); t != "" {
		return strings.ToUpper(thumbprint.Clean(t)), nil
	}
	dates, err := d.CertificateDates()
	if err != nil && !errors.Is(err, ErrNoCertificate) {
		err = d.secretError(KeyCertificate, err)
	}
	return dates.Thumbprint, err
}

// CertificateDates is what the Tentacle's certificate in the file says of itself.
type CertificateDates struct {
	Thumbprint string // of the certificate, whatever the setting says; 40 upper-case hexadecimal digits
	NotBefore  time.Time
	NotAfter   time.Time
	KeyBits    int  // the length of the key
	SHA1       bool // it is signed with SHA-1
}

// CertificateDates reads the Tentacle's certificate. The error is ErrNoCertificate where the file
// has none; another one says only why it cannot be read on this machine.
func (d *Document) CertificateDates() (CertificateDates, error) {
	certificate, err := d.certificate()
	if err != nil {
		return CertificateDates{}, err
	}
	dates := CertificateDates{
		Thumbprint: thumbprint.Of(certificate.Raw),
		NotBefore:  certificate.NotBefore,
		NotAfter:   certificate.NotAfter,
		SHA1:       certificate.SignatureAlgorithm == x509.SHA1WithRSA,
	}
	if key, is := certificate.PublicKey.(*rsa.PublicKey); is {
		dates.KeyBits = key.N.BitLen()
	}
	return dates, nil
}

// OwnCertificate is the Tentacle's certificate with its key, decrypted: with it one can act as the
// Tentacle. The error is ErrNoCertificate where the file has none, and a *SecretError where it
// cannot be read on this machine.
func (d *Document) OwnCertificate() (*Certificate, error) {
	pfx, err := d.pfx()
	if errors.Is(err, ErrNoCertificate) {
		return nil, err
	}
	var certificate *Certificate
	if err == nil {
		certificate, err = ParsePFX(pfx, "")
	}
	if errors.Is(err, ErrPassword) { // Tentacle uses none
		err = errNotPFX
	}
	if err != nil {
		return nil, d.secretError(KeyCertificate, err)
	}
	return certificate, nil
}

// TLS is the certificate as a Tentacle presents it: alone, with its key.
func (c *Certificate) TLS() tls.Certificate {
	return tls.Certificate{Certificate: [][]byte{c.x509.Raw}, PrivateKey: c.key, Leaf: c.x509}
}

// pfx decrypts the setting Tentacle.Certificate: a PFX without a password, as base64, encrypted
// (Security/Certificates/CertificateEncoder.cs).
func (d *Document) pfx() ([]byte, error) {
	secret, _ := d.Get(KeyCertificate)
	if secret == "" {
		return nil, &NoCertificateError{d.path}
	}
	encoded, err := d.Secrets.Decrypt(secret)
	if err != nil {
		return nil, err
	}
	pfx, err := base64.StdEncoding.DecodeString(string(encoded))
	if err != nil {
		return nil, errors.New("it is not base64")
	}
	return pfx, nil
}

func (d *Document) certificate() (*x509.Certificate, error) {
	pfx, err := d.pfx()
	if err != nil {
		return nil, err
	}
	_, certificate, _, err := pkcs12.DecodeChain(pfx, "")
	if err != nil {
		return nil, errNotPFX // go-pkcs12's own words are about how it decodes
	}
	return certificate, nil
}
