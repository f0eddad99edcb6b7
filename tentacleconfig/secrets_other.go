//go:build !windows

package tentacleconfig

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/atomicfile"
	"github.com/octo-tentacle/octo-tentacle/internal/boundedread"
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/internal/machinefiles"
)

// What the values of later versions of Tentacle begin with: AES-256-GCM under a
// key of its own, nonce first, tag last, the prefix as associated data
// (Configuration/Crypto/LinuxMachineKeyEncryptor.cs).
const (
	gcmPrefix = "$OctopusMachineKeyV1$"
	nonceSize = 12
)

// Encrypt protects a secret for the configuration file, so that every Tentacle 9 on this machine
// can read it: under the machine id, or, where there is none of the right length, under a key of
// the machine's own, which is made when it is first needed. Later versions read it and store it
// again their own way.
func (s MachineSecrets) Encrypt(plain []byte) (string, error) {
	key, err := machineIDKey()
	if err != nil {
		if key, err = ownKey(); err != nil {
			return "", err
		}
	}
	return key.Encrypt(plain)
}

// Decrypt reads a secret of the configuration file. It tries the keys that Tentacle tries, in its
// order.
func (s MachineSecrets) Decrypt(text string) ([]byte, error) {
	plain, _, err := decrypt(text, s.Config)
	return plain, err
}

// decrypt also says in which file the key is.
func decrypt(text, config string) (plain []byte, keyFile string, err error) {
	text = strings.TrimSpace(text)
	if encoded, ok := strings.CutPrefix(text, gcmPrefix); ok {
		return decryptGCM(encoded, config)
	}
	data, err := ciphertext(text)
	if err != nil {
		return nil, "", err
	}
	if key, err := machineIDKey(); err == nil {
		if plain, ok := key.decrypt(data); ok {
			return plain, machinefiles.ID, nil
		}
	}
	var unread []error
	for _, path := range keyFiles() {
		key, err := readKeyFile(path)
		if err == nil {
			if plain, ok := key.decrypt(data); ok {
				return plain, path, nil
			}
		} else if !errors.Is(err, fs.ErrNotExist) {
			unread = append(unread, err)
		}
	}
	if err := errors.Join(unread...); err != nil { // it may be the key
		return nil, "", err
	}
	return nil, "", fmt.Errorf("neither %s nor %s is the key it was encrypted with: it comes from another machine, or the key was changed",
		machinefiles.ID, strings.Join(keyFiles(), " nor "))
}

func decryptGCM(encoded, config string) (plain []byte, keyFile string, err error) {
	data, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(data) < nonceSize {
		return nil, "", errNotEncrypted
	}
	// Beside the configuration, or, where an older one of these versions made it,
	// in MachineHome (Configuration/Crypto/MachineKeyEncryptor.cs).
	path := filepath.Join(filepath.Dir(config), "machinekey.v1")
	key, err := readKeyFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		path = filepath.Join(MachineHome(), "machinekey")
		key, err = readKeyFile(path)
	}
	if err != nil {
		return nil, "", err
	}
	block, err := aes.NewCipher(key.key)
	if err != nil {
		return nil, "", err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, "", err
	}
	plain, err = gcm.Open(nil, data[:nonceSize], data[nonceSize:], []byte(gcmPrefix))
	if err != nil {
		return nil, "", fmt.Errorf("%s is not the key it was encrypted with, or the value was changed", path)
	}
	return plain, path, nil
}

// machineIDKey is made of the machine's id (Configuration/Crypto/
// LinuxMachineIdKey.cs). An id of another length is no key.
func machineIDKey() (Key, error) {
	data, err := readKey(machinefiles.ID)
	if err != nil {
		return Key{}, err
	}
	id, _, _ := strings.Cut(string(data), "\n")
	id = strings.TrimSuffix(id, "\r")
	if len(id) != KeySize {
		return Key{}, fmt.Errorf("%s does not contain an ID of 32 characters", machinefiles.ID)
	}
	return NewKey([]byte(id), []byte("743677397A244326"))
}

// keyFiles are the places of the machine's own key: Tentacle 9.1 has it in
// /etc/octopus always, later versions in MachineHome
// (Configuration/Crypto/LinuxGeneratedMachineKey.cs).
func keyFiles() []string {
	return slices.Compact([]string{filepath.Join(MachineHome(), "machinekey"), machinefiles.Key})
}

// readKey reads a file with a key, or what one is made of.
func readKey(path string) ([]byte, error) {
	data, err := boundedread.File(path, maxKeyFile, atomicfile.Open)
	if err != nil {
		err = &fs.PathError{Op: "read", Path: path, Err: atomicfile.WithoutPath(err)}
	}
	return data, err
}

// maxKeyFile is far above any key, in bytes.
const maxKeyFile = 64 << 10

// readKeyFile reads base64 of the key, a dot, base64 of the vector.
func readKeyFile(path string) (Key, error) {
	data, err := readKey(path)
	if err != nil {
		return Key{}, hint.Permission(fmt.Errorf("cannot read the machine's key: %w", err))
	}
	key, iv, _ := strings.Cut(strings.TrimSpace(string(data)), ".")
	k, err1 := base64.StdEncoding.DecodeString(key)
	v, err2 := base64.StdEncoding.DecodeString(iv)
	read, err := NewKey(k, v)
	if err1 != nil || err2 != nil || err != nil {
		return Key{}, hint.Errorf("restore it from a backup", "the machine's key in %s is damaged", path)
	}
	return read, nil
}

// ownKey is the machine's own key where every version looks for it, made when
// there is none.
func ownKey() (Key, error) {
	key, err := readKeyFile(machinefiles.Key)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	random, iv := RandomKey()
	encode := base64.StdEncoding.EncodeToString
	text := encode(random) + "." + encode(iv)
	if err := atomicfile.Create(machinefiles.Key, []byte(text)); err != nil && !errors.Is(err, fs.ErrExist) {
		return Key{}, fmt.Errorf("cannot create the machine's key: %w", err)
	}
	return readKeyFile(machinefiles.Key) // another process may have been faster
}
