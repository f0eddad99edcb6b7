package tentacleconfig

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"math/big"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/internal/machinefiles"
	"software.sslmate.com/src/go-pkcs12"
)

// testCertificate is made once: a key takes a while.
var testCertificate = sync.OnceValues(func() (*Certificate, error) {
	return NewCertificate(time.Date(2026, 11, 23, 23, 59, 59, 0, time.FixedZone("", -3600)))
})

// thisMachine encrypts as it is done for a file in the working directory.
var thisMachine MachineSecrets

func certificate(t *testing.T) *Certificate {
	t.Helper()
	c, err := testCertificate()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestANewCertificateIsLikeTentacles(t *testing.T) {
	c := certificate(t)
	for what, is := range map[string]bool{
		"RSA 2048":     c.KeyBits() == 2048,
		"SHA-256":      c.x509.SignatureAlgorithm == x509.SHA256WithRSA,
		"subject":      c.x509.Subject.String() == "CN=Octopus Tentacle",
		"issuer":       c.x509.Issuer.String() == "CN=Octopus Tentacle",
		"version 3":    c.x509.Version == 3,
		"no extension": len(c.x509.Extensions) == 0,
		"from":         c.x509.NotBefore.Equal(time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)), // it is the 24th in UTC
		"until":        c.x509.NotAfter.Equal(time.Date(2126, 11, 24, 0, 0, 0, 0, time.UTC)),
		"serial":       c.x509.SerialNumber.Sign() > 0 && c.x509.SerialNumber.BitLen() <= 63,
		"own issuer":   c.x509.CheckSignature(c.x509.SignatureAlgorithm, c.x509.RawTBSCertificate, c.x509.Signature) == nil,
	} {
		if !is {
			t.Errorf("%s: not so: %v, %v to %v, serial %v", what, c.x509.Subject, c.x509.NotBefore, c.x509.NotAfter, c.x509.SerialNumber)
		}
	}
}

func TestAPFXIsReadInEveryEncoding(t *testing.T) {
	c := certificate(t)
	for name, encoder := range map[string]*pkcs12.Encoder{
		"RC2 and SHA-1": pkcs12.LegacyRC2, "3DES and SHA-1": pkcs12.LegacyDES, "AES and SHA-256": pkcs12.Modern2023, "AES and PBMAC1": pkcs12.Modern2026, "ours": pfxEncoding,
	} {
		for _, password := range []string{"", "pässword"} {
			data, err := encoder.Encode(c.key, c.x509, nil, password)
			if err != nil {
				t.Fatal(err)
			}
			encoded := base64.StdEncoding.EncodeToString(data)
			for form, content := range map[string]string{"binary": string(data), "base64": encoded, "with a mark and line ends": bom + encoded[:64] + "\r\n" + encoded[64:] + "\r\n"} {
				if got, err := ParsePFX([]byte(content), password); err != nil || got.Thumbprint() != c.Thumbprint() || !got.key.Equal(c.key) {
					t.Errorf("%s, %q, %s: %v", name, password, form, err)
				}
			}
			if _, err := ParsePFX(data, password+"x"); !errors.Is(err, ErrPassword) {
				t.Errorf("%s with a wrong password: %v", name, err)
			}
		}
	}
}

func TestASubscriptionBelongsToItsCertificate(t *testing.T) {
	var all []string
	for range 2 {
		certificate, err := NewCertificate(time.Now())
		if err != nil {
			t.Fatal(err)
		}
		pfx, err := certificate.PFX("")
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParsePFX(pfx, "")
		if err != nil {
			t.Fatal(err)
		}
		own := certificate.SubscriptionID()
		if !regexp.MustCompile(`^poll://[a-z0-9]{20}/$`).MatchString(own) || !again.Owns(own) {
			t.Errorf("the subscription is %s, and later %s", own, again.SubscriptionID())
		}
		all = append(all, own)
	}
	if all[0] == all[1] {
		t.Errorf("two certificates have the subscription %s", all[0])
	}
}

// makecert, say, made three of four so.
func TestACertificateWithANegativeSerialNumberIsRead(t *testing.T) {
	c := certificate(t)
	template := &x509.Certificate{SerialNumber: big.NewInt(0x7122334455667788), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, c.key.Public(), c.key)
	if err != nil {
		t.Fatal(err)
	}
	der = bytes.Replace(der, []byte{0x71, 0x22, 0x33, 0x44}, []byte{0xf1, 0x22, 0x33, 0x44}, 1)
	negative, err := x509.ParseCertificate(der)
	if err != nil || negative.SerialNumber.Sign() >= 0 {
		t.Fatal(negative, err)
	}
	pfx, err := pkcs12.Modern2023.Encode(c.key, negative, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ParsePFX(pfx, ""); err != nil || !got.x509.Equal(negative) {
		t.Errorf("it is not read: %v", err)
	}
}

func TestOfSeveralCertificatesTheOneWithTheKeyIsTaken(t *testing.T) {
	c := certificate(t)
	other, err := NewCertificate(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for _, certificates := range [][]*x509.Certificate{{c.x509, other.x509}, {other.x509, c.x509}} {
		data, err := pkcs12.Modern2023.Encode(c.key, certificates[0], certificates[1:], "")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := ParsePFX(data, ""); err != nil || got.Thumbprint() != c.Thumbprint() {
			t.Errorf("%v", err)
		}
	}
	data, err := pkcs12.Modern2023.Encode(c.key, other.x509, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ParsePFX(data, ""); err == nil || !strings.Contains(err.Error(), "does not match any of its certificates") {
		t.Errorf("a foreign key: %v", err)
	}
}

func TestAnInvalidPFXIsExplained(t *testing.T) {
	c := certificate(t)
	noKey, err := pkcs12.Modern2023.EncodeTrustStore([]*x509.Certificate{c.x509}, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ParsePFX(noKey, ""); !errors.Is(err, ErrNoKey) {
		t.Errorf("without a key: %v", err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, curve.Public(), curve)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	elliptical, err := pkcs12.Modern2023.Encode(curve, parsed, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	for content, want := range map[string]string{
		string(elliptical): "RSA",
		"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n": "PEM",
		"AAAA":                                  "not a PFX",
		"":                                      "not a PFX",
		"hello world":                           "not a PFX",
		string(bytes.Repeat([]byte{0x30}, 100)): "not a PFX",
	} {
		_, err := ParsePFX([]byte(content), "")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %v, which does not say %q", content, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "asn1") {
			t.Errorf("%.20q: it is told how it was decoded: %v", content, err)
		}
	}
}

func TestACertificateIsKeptAsTentacleReadsIt(t *testing.T) {
	temporaryKeys(t)
	c := certificate(t)
	d, err := New("Tentacle.config")
	if err != nil {
		t.Fatal(err)
	}
	if d.HasCertificate() {
		t.Error("a new one has a certificate")
	}
	if err := d.SetCertificate(c); err != nil {
		t.Fatal(err)
	}
	text, _ := d.Get(KeyCertificate)
	plain, err := thisMachine.Decrypt(text)
	if err != nil {
		t.Fatal(err)
	}
	pfx, err := base64.StdEncoding.DecodeString(string(plain))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ParsePFX(pfx, ""); err != nil || got.Thumbprint() != c.Thumbprint() {
		t.Errorf("read back: %v", err)
	}
	if thumbprint, _ := d.Get(KeyThumbprint); thumbprint != c.Thumbprint() || !d.HasCertificate() {
		t.Errorf("thumbprint %s", thumbprint)
	}
	before := d.Bytes()
	if err := d.SetCertificate(c); err != nil || !bytes.Equal(before, d.Bytes()) {
		t.Errorf("the same again changes something: %v", err)
	}
}

func TestASecretThatIsThereAlreadyIsNotEncryptedAgain(t *testing.T) {
	temporaryKeys(t)
	d, err := New("Tentacle.config")
	if err != nil {
		t.Fatal(err)
	}
	encrypting := d.Secrets
	d.Secrets = neverEncrypting{encrypting}
	if err := d.SetSecret(KeyProxyPassword, "p"); err == nil {
		t.Error("the error was dropped")
	}
	d.Secrets = encrypting
	if err := d.SetSecret(KeyProxyPassword, "p"); err != nil {
		t.Fatal(err)
	}
	d.Secrets = neverEncrypting{encrypting}
	if err := d.SetSecret(KeyProxyPassword, "p"); err != nil {
		t.Error(err)
	}
	if err := d.SetSecret(KeyProxyPassword, ""); err != nil {
		t.Error(err)
	}
	if text, ok := d.Get(KeyProxyPassword); text != "" || !ok {
		t.Errorf("cleared: %q, %t", text, ok)
	}
}

type neverEncrypting struct{ Secrets }

func (neverEncrypting) Encrypt([]byte) (string, error) { return "", errors.New("encrypted") }

// temporaryKeys keeps a test from making a key on the machine it runs on.
func temporaryKeys(t *testing.T) {
	t.Helper()
	folder := t.TempDir()
	t.Setenv("TentacleMachineConfigurationHomeDirectory", filepath.Join(folder, "home"))
	t.Cleanup(machinefiles.Use(filepath.Join(folder, "machine-id"), filepath.Join(folder, "machinekey")))
}

func TestTheCertificateTellsItsDates(t *testing.T) {
	testMachine(t)
	d, err := Parse("Tentacle.config", []byte("<octopus-settings></octopus-settings>"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.CertificateDates(); !errors.Is(err, ErrNoCertificate) {
		t.Errorf("without one: %v", err)
	}
	now := time.Date(2026, 8, 1, 10, 0, 0, 0, time.UTC)
	certificate, err := NewCertificate(now)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.SetCertificate(certificate); err != nil {
		t.Fatal(err)
	}
	d.Set(KeyThumbprint, "0123") // what the setting says does not matter
	dates, err := d.CertificateDates()
	if err != nil || dates.Thumbprint != certificate.Thumbprint() ||
		!dates.NotBefore.Equal(time.Date(2026, 7, 31, 0, 0, 0, 0, time.UTC)) || !dates.NotAfter.Equal(time.Date(2126, 8, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("%+v, %v", dates, err)
	}
	if dates.KeyBits != 2048 || dates.SHA1 {
		t.Errorf("the key has %d bits; SHA-1: %v", dates.KeyBits, dates.SHA1)
	}
	if err := d.SetCertificate(oldCertificate(t)); err != nil {
		t.Fatal(err)
	}
	if old, err := d.CertificateDates(); err != nil || old.KeyBits != 1024 || !old.SHA1 {
		t.Errorf("an old one: %+v, %v", old, err)
	}
	d.Set(KeyCertificate, "AAAA")
	if _, err := d.CertificateDates(); err == nil || errors.Is(err, ErrNoCertificate) {
		t.Errorf("one that cannot be read: %v", err)
	}
}

// oldCertificate has a short key and is signed with SHA-1, as certificates were long ago.
func oldCertificate(t *testing.T) *Certificate {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 1024) // #nosec G403: such certificates are to be recognised
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().AddDate(1, 0, 0), SignatureAlgorithm: x509.SHA1WithRSA}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &Certificate{key, parsed}
}

func TestTheThumbprintIsTheSettingOrThatOfTheCertificate(t *testing.T) {
	testMachine(t)
	certificate, err := NewCertificate(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	d := parse(t, "<octopus-settings/>")
	if err := d.SetCertificate(certificate); err != nil {
		t.Fatal(err)
	}
	want := certificate.Thumbprint()
	if got, err := d.Thumbprint(); got != want || err != nil {
		t.Errorf("from the setting: %s, %v", got, err)
	}
	d.Set(KeyThumbprint, "")
	if got, err := d.Thumbprint(); got != want || err != nil {
		t.Errorf("from the certificate: %s, %v", got, err)
	}
	d.Set(KeyThumbprint, strings.ToLower(want))
	if got, _ := d.Thumbprint(); got != want {
		t.Errorf("in lower case it is %s", got)
	}
}

func TestATentacleWithoutAUsableCertificateSaysWhy(t *testing.T) {
	testMachine(t)
	for name, value := range map[string]string{"none": "", "not a secret": "hello", "not a certificate": encrypted(t, "aGVsbG8="), "no base64": encrypted(t, "*")} {
		d := parse(t, "<octopus-settings/>")
		d.Set(KeyCertificate, value)
		_, err := d.Thumbprint()
		_, errOfOwn := d.OwnCertificate()
		for _, err := range []error{err, errOfOwn} {
			unreadable, is := errors.AsType[*SecretError](err)
			if is && unreadable.Key != KeyCertificate || is == errors.Is(err, ErrNoCertificate) || is == (value == "") || !strings.Contains(err.Error(), "Tentacle.config") {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestTheTentaclesOwnCertificateHasItsKey(t *testing.T) {
	testMachine(t)
	want := certificate(t)
	d := parse(t, "<octopus-settings/>")
	if err := d.SetCertificate(want); err != nil {
		t.Fatal(err)
	}
	d.Set(KeyThumbprint, "0123") // what the setting says does not matter
	own, err := d.OwnCertificate()
	if err != nil || own.Thumbprint() != want.Thumbprint() {
		t.Fatalf("%v", err)
	}
	forTLS := own.TLS()
	if len(forTLS.Certificate) != 1 || !bytes.Equal(forTLS.Certificate[0], want.x509.Raw) || !want.key.Equal(forTLS.PrivateKey) {
		t.Error("what is presented is another certificate")
	}
	for name, pfx := range map[string]func() ([]byte, error){
		"under a password": func() ([]byte, error) { return want.PFX("a password") },
		"without its key":  func() ([]byte, error) { return pkcs12.Modern2023.EncodeTrustStore([]*x509.Certificate{want.x509}, "") },
	} {
		data, err := pfx()
		if err != nil {
			t.Fatal(err)
		}
		d.Set(KeyCertificate, encrypted(t, base64.StdEncoding.EncodeToString(data)))
		if _, err := d.OwnCertificate(); !errors.As(err, new(*SecretError)) || errors.Is(err, ErrPassword) || !strings.Contains(err.Error(), "cannot be read: it ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func encrypted(t *testing.T, plain string) string {
	t.Helper()
	text, err := thisMachine.Encrypt([]byte(plain))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestAFileWithAPrivateKeyIsKnown(t *testing.T) {
	c := certificate(t)
	for _, password := range []string{"", "pässword"} {
		data, err := c.PFX(password)
		if err != nil {
			t.Fatal(err)
		}
		if encoded := base64.StdEncoding.EncodeToString(data); !HoldsKey(data) || !HoldsKey([]byte(bom+encoded+"\r\n")) {
			t.Errorf("a PFX with the password %q is not known", password)
		}
	}
	d := parse(t, `<octopus-settings><set key="tentacle.certificate">AAAA</set></octopus-settings>`)
	for text, holds := range map[string]bool{
		string(d.Bytes()):                                                true,
		"<octopus-settings></octopus-settings>":                          false,
		"# mine\n-----BEGIN RSA PRIVATE KEY-----\nAA==\n":                true,
		"-----BEGIN OPENSSH PRIVATE KEY-----\r\nAA==":                    true,
		"-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n": false,
		c.Thumbprint():            false,
		`{"Thumbprint":"AAAA"}`:   false,
		"":                        false,
		"nodes:\n- https://a:1\n": false,
	} {
		if HoldsKey([]byte(text)) != holds {
			t.Errorf("%q: %v", text, !holds)
		}
	}
	without, err := pkcs12.Modern2023.EncodeTrustStore([]*x509.Certificate{c.x509}, "")
	if err != nil || HoldsKey(without) {
		t.Errorf("certificates alone are called a key: %v", err)
	}
}
