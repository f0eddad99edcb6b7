package tentacleconfig

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// The lengths of a Key and of its initialisation vector, in bytes.
const (
	KeySize = 32
	IVSize  = aes.BlockSize
)

// Key encrypts secrets as Tentacle does on Linux under the machine's id, and as a Kubernetes agent
// does under the machine-key and machine-iv of its Secret: AES-256-CBC, PKCS#7, base64
// (Configuration/Crypto/LinuxMachineKeyEncryptor.cs and Kubernetes/Crypto of OctopusTentacle). The
// same secret is the same text each time. A Key is a secret: it has no text form.
type Key struct{ key, iv []byte }

// NewKey is a key with its initialisation vector. The error is about their lengths.
func NewKey(key, iv []byte) (Key, error) {
	if len(key) != KeySize || len(iv) != IVSize {
		return Key{}, fmt.Errorf("a key has %d bytes and its initialisation vector %d, not %d and %d", KeySize, IVSize, len(key), len(iv))
	}
	return Key{slices.Clone(key), slices.Clone(iv)}, nil
}

// RandomKey makes what NewKey takes.
func RandomKey() (key, iv []byte) {
	random := make([]byte, KeySize+IVSize)
	_, _ = rand.Read(random) // never fails
	return random[:KeySize:KeySize], random[KeySize:]
}

// String and GoString keep the key out of texts.
func (Key) String() string { return "(key)" }

// GoString is String.
func (k Key) GoString() string { return k.String() }

// Encrypt implements Secrets.
func (k Key) Encrypt(plain []byte) (string, error) {
	block, err := aes.NewCipher(k.key)
	if err != nil {
		return "", err
	}
	padding := aes.BlockSize - len(plain)%aes.BlockSize
	padded := append(slices.Clone(plain), bytes.Repeat([]byte{byte(padding)}, padding)...)
	cipher.NewCBCEncrypter(block, k.iv).CryptBlocks(padded, padded)
	return base64.StdEncoding.EncodeToString(padded), nil
}

// Decrypt implements Secrets.
func (k Key) Decrypt(text string) ([]byte, error) {
	data, err := ciphertext(text)
	if err != nil {
		return nil, err
	}
	plain, ok := k.decrypt(data)
	if !ok {
		return nil, errors.New("it was encrypted with another key, or the value was changed")
	}
	return plain, nil
}

// ciphertext is what a key encrypted, without the base64.
func ciphertext(text string) ([]byte, error) {
	data, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil || len(data) == 0 || len(data)%aes.BlockSize != 0 {
		return nil, errNotEncrypted
	}
	return data, nil
}

// decrypt says whether the key is the right one.
func (k Key) decrypt(data []byte) (plain []byte, ok bool) {
	block, err := aes.NewCipher(k.key)
	if err != nil {
		return nil, false
	}
	plain = make([]byte, len(data))
	cipher.NewCBCDecrypter(block, k.iv).CryptBlocks(plain, data)
	n := int(plain[len(plain)-1])
	if n == 0 || n > aes.BlockSize || !bytes.Equal(plain[len(plain)-n:], bytes.Repeat([]byte{byte(n)}, n)) {
		return nil, false
	}
	plain = plain[:len(plain)-n]
	// With a wrong key the padding is right once in 256 times. What was encrypted
	// was text, which is very unlikely to come out by chance.
	return plain, utf8.Valid(plain)
}
