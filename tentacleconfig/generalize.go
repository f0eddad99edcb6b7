package tentacleconfig

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/octo-tentacle/octo-tentacle/internal/atomicfile"
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
)

// identityKeys are the settings that make a Tentacle this one and no other, besides secrets and the
// trusted servers (Configuration/TentacleConfiguration.cs). The Squid is the subscription of an
// entry that has none.
var identityKeys = []string{
	KeyThumbprint,
	KeyIsRegistered,
	KeySquid,
	"Tentacle.Communication.LastReceivedHandshake",
}

// RemoveIdentity removes the certificate, all passwords, and what else makes the Tentacle this one
// and no other. The trusted servers, which hold its subscriptions, are a list of their own
// (SetTrustedServers); only what a later list overrides is removed.
func (d *Document) RemoveIdentity() {
	d.body.remove(func(key string, counts bool) bool {
		overridden := d.body.same(key, KeyTrustedServers) && !counts
		own := slices.ContainsFunc(identityKeys, func(k string) bool { return d.body.same(k, key) })
		return own || overridden || IsSecret(key)
	})
}

// hasSecrets says whether there is a certificate or a password.
func (d *Document) hasSecrets() bool {
	return slices.ContainsFunc(d.body.all(), func(s Setting) bool { return IsSecret(s.Key) && s.Value != "" })
}

// IdentityFiles are the files besides a configuration that hold what RemoveIdentity removes from
// it, or what decrypts that.
type IdentityFiles struct {
	// Copies are of the certificate and its key: those that .NET keeps for the account of the
	// service. Tentacle makes them again from the configuration.
	Copies []string

	// Rest are the backups of the configuration, what processes that were killed left there, and
	// last the keys of this machine. Without them, an older configuration cannot be restored.
	Rest []string

	// Kept are keys of this machine that other instances need.
	Kept []KeptKey
}

// A KeptKey is a key of this machine, with which secrets of another instance are encrypted.
type KeptKey struct {
	Path     string
	Instance Instance // the other one
}

// IdentityFilesOf finds the files for the configuration at path, and the copies in these home
// folders. What does not exist is not listed.
func IdentityFilesOf(path string, homes ...string) (IdentityFiles, error) {
	target, err := resolve(path)
	if err != nil {
		return IdentityFiles{}, err
	}
	backups, err := namedBackups(target) // whoever they belong to: they may hold the key
	if err != nil {
		return IdentityFiles{}, err
	}
	var f IdentityFiles
	thumbprints := []string{thumbprintIn(path, Read)}
	for _, b := range backups {
		thumbprints = append(thumbprints, thumbprintIn(b.Path, func(string) (*Document, error) { return b.Read() }))
		f.Rest = append(f.Rest, b.Path)
	}
	f.Copies = certificateCopies(thumbprints, homes)
	f.Rest = append(f.Rest, atomicfile.Leftovers(target, 0)...)
	if mark := restartMarkFile(target); isThere(mark) {
		f.Rest = append(f.Rest, mark)
	}
	keys := slices.DeleteFunc(keyFilesOf(path), func(key string) bool { return !isThere(key) })
	if len(keys) == 0 {
		return f, nil
	}
	others, err := othersWithSecrets(target)
	if err != nil {
		return IdentityFiles{}, fmt.Errorf("it is not known which instances need the key of this machine, %s: %w", keys[0], err)
	}
	for _, key := range keys {
		needs := func(i Instance) bool { return slices.Contains(keyFilesOf(i.ConfigPath), key) }
		if other := slices.IndexFunc(others, needs); other >= 0 {
			f.Kept = append(f.Kept, KeptKey{key, others[other]})
			continue
		}
		f.Rest = append(f.Rest, key)
		f.Rest = append(f.Rest, atomicfile.Leftovers(key, 0)...)
	}
	return f, nil
}

func isThere(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// thumbprintIn is the thumbprint in a configuration or a backup; "" where there is none, or it
// cannot be read.
func thumbprintIn(path string, read func(string) (*Document, error)) string {
	d, err := read(path)
	if err != nil {
		return ""
	}
	thumbprint, _ := d.Thumbprint()
	return thumbprint
}

// othersWithSecrets are the instances with another configuration than that at target, in which, or
// in a backup of which, there are secrets. What cannot be read may have some.
func othersWithSecrets(target string) ([]Instance, error) {
	own, err := os.Stat(target)
	if err != nil {
		return nil, readError(target, err)
	}
	all, err := Instances()
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(i Instance) bool {
		info, err := os.Stat(i.ConfigPath)
		if errors.Is(err, fs.ErrNotExist) || err == nil && os.SameFile(own, info) {
			return true
		}
		d, err := Read(i.ConfigPath)
		if err != nil || d.hasSecrets() {
			return false
		}
		backups, err := everyBackup(i.ConfigPath)
		return err == nil && !slices.ContainsFunc(backups, func(b Backup) bool {
			d, err := b.Read()
			return err != nil || d.hasSecrets()
		})
	}), nil
}

// DeleteFiles deletes files one after the other, for good. It returns those that it deleted, also
// where the next one could not be; one that is gone is no error.
func DeleteFiles(paths []string) (deleted []string, err error) {
	for _, path := range paths {
		err := atomicfile.Remove(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return deleted, hint.Permission(fmt.Errorf("cannot delete %s: %w", path, atomicfile.WithoutPath(err)))
		}
		deleted = append(deleted, path)
		if err := atomicfile.Flushed(filepath.Dir(path), path+" is deleted"); err != nil {
			return deleted, err
		}
	}
	return deleted, nil
}
