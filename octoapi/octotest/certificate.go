package octotest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"time"

	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
)

// selfSigned makes a certificate as a server's: self-signed, valid from yesterday for 100 years.
func selfSigned(name string) (tls.Certificate, error) {
	return certificate(template(name), nil)
}

// authority makes a CA.
func authority() (ca *tls.Certificate, caPEM []byte, err error) {
	t := template("octotest CA")
	t.IsCA, t.BasicConstraintsValid, t.KeyUsage = true, true, x509.KeyUsageCertSign
	made, err := certificate(t, nil)
	if err != nil {
		return nil, nil, err
	}
	return &made, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: made.Certificate[0]}), nil
}

// issued makes a certificate of the CA for the host.
func issued(host string, ca *tls.Certificate) (tls.Certificate, error) {
	t := template("octotest API")
	t.DNSNames = []string{"localhost"}
	if ip := net.ParseIP(host); ip != nil {
		t.IPAddresses = []net.IP{ip}
	}
	return certificate(t, ca)
}

func template(name string) *x509.Certificate {
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    now.AddDate(0, 0, -1),
		NotAfter:     now.AddDate(100, 0, 0),
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
}

func certificate(t *x509.Certificate, issuer *tls.Certificate) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	parent, signer := t, any(key)
	if issuer != nil {
		parent, signer = issuer.Leaf, issuer.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, t, parent, &key.PublicKey, signer)
	if err != nil {
		return tls.Certificate{}, err
	}
	leaf, err := x509.ParseCertificate(der)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, err
}

func thumbprintOf(c tls.Certificate) string { return thumbprint.Of(c.Certificate[0]) }
