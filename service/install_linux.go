package service

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// unitFolder is where the real Tentacle puts its units (Startup/LinuxServiceConfigurator.cs).
const unitFolder = "/etc/systemd/system"

// Ready tells whether this process can install and control services here, and whether these can be installed. The error says that no systemd runs, that it has to be
// root, or what is wrong with which definition.
func Ready(definitions ...Definition) error {
	if _, err := os.Lstat("/run/systemd/system"); errors.Is(err, fs.ErrNotExist) {
		return ErrUnmanaged
	}
	if os.Geteuid() != 0 {
		return errors.New("only root may change services: run this as root (sudo)")
	}
	for _, d := range definitions {
		if err := d.Check("linux"); err != nil {
			return err
		}
	}
	return nil
}

// Installed tells what systemd has of the unit NAME.service, and what its file says. It needs no root. A machine without systemd is an error.
func Installed(ctx context.Context, name string) (Installation, error) {
	u, now, err := openAndLook(ctx, name)
	if u.conn == nil {
		return Installation{Status: now.Status}, errors.Join(err, unmanaged(now.Status))
	}
	defer u.conn.Close()
	if err != nil {
		return Installation{Status: now.Status}, err
	}
	return u.installed(now)
}

func unmanaged(s Status) error {
	if s.State == Unmanaged {
		return ErrUnmanaged
	}
	return nil
}

func (u unit) installed(now moment) (Installation, error) {
	i := Installation{Status: now.Status, File: filepath.Join(unitFolder, u.file)}
	info, err := os.Lstat(i.File)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		i.Exists = now.State != Absent // a unit whose file is gone may still run
		if now.fragment != i.File {
			i.Elsewhere = now.fragment
		}
		return i, nil
	case err != nil:
		return i, fmt.Errorf("cannot look at the unit of service %s: %w", u.name, err)
	}
	i.Exists = true
	if info.Mode()&fs.ModeSymlink != 0 {
		if i.Elsewhere, err = os.Readlink(i.File); err != nil {
			return i, fmt.Errorf("cannot look at the unit of service %s: %w", u.name, err)
		}
		i.Masked = i.Elsewhere == os.DevNull
		return i, nil
	}
	content, err := os.ReadFile(i.File)
	if err != nil {
		return i, fmt.Errorf("cannot read the unit of service %s: %w", u.name, err)
	}
	i.Text = string(content)
	i.Personal = isPersonal(i.Text)
	i.Current = now.enabled && !now.stale
	return i, nil
}

// Install writes the unit of d, in the place of one that is there, has systemd read it, and enables it, so that it starts with the machine. It neither starts nor stops
// anything. The file is the old one or the new one at any moment.
func Install(ctx context.Context, d Definition) error {
	if err := Ready(d); err != nil {
		return err
	}
	u, err := open(ctx, d.Name)
	if err != nil {
		return err
	}
	defer u.conn.Close()
	file := filepath.Join(unitFolder, u.file)
	if err := writeUnit(file, d.unitText()); err != nil {
		return fmt.Errorf("cannot write the unit of service %s: %w", u.name, err)
	}
	if err := u.enable(ctx); err != nil {
		return fmt.Errorf("%s is written, but not enabled: %w\nto finish: systemctl daemon-reload && systemctl enable %s", file, u.explain(ctx, "enable", err), u.quoted())
	}
	return nil
}

// enable makes the links that the unit's [Install] section asks for, and only those: it may have asked for others before.
func (u unit) enable(ctx context.Context) error {
	if _, err := u.conn.DisableUnitFilesContext(ctx, []string{u.file}, false); err != nil {
		return err
	}
	if _, _, err := u.conn.EnableUnitFilesContext(ctx, []string{u.file}, false, false); err != nil {
		return err
	}
	return u.conn.ReloadContext(ctx)
}

// Uninstall stops the unit NAME.service, waits for that, disables it and removes its file. A unit that does not exist is no error. progress, which may be nil, is
// told what is being waited for.
func Uninstall(ctx context.Context, name string, progress func(string)) error {
	if err := Ready(); err != nil {
		return err
	}
	u, now, err := openAndLook(ctx, name)
	if u.conn == nil {
		return err
	}
	defer u.conn.Close()
	if err != nil {
		return err
	}
	if now.State.Runs() || now.State == Stopping {
		if _, err := u.stop(ctx, now, progress); err != nil {
			return err
		}
	}
	file := filepath.Join(unitFolder, u.file)
	if _, err := os.Lstat(file); err == nil {
		if _, err := u.conn.DisableUnitFilesContext(ctx, []string{u.file}, false); err != nil {
			return u.explain(ctx, "disable", err)
		}
		if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("service %s is stopped and disabled, but its unit cannot be removed: %w", u.name, err)
		}
	}
	if err := errors.Join(flushFolder(unitFolder), u.conn.ReloadContext(ctx)); err != nil {
		return fmt.Errorf("%s is removed, but systemd may not have noticed: %w\nto finish: systemctl daemon-reload", file, err)
	}
	// A unit that had failed would be listed as such for ever; one that had not is unknown by now.
	_ = u.conn.ResetFailedUnitContext(ctx, u.file)
	return nil
}

// writeUnit puts a file in its place at once: a crash leaves the old one or the new one.
func writeUnit(file, text string) (err error) {
	temp, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+".*.octo-tentacle.tmp") // an ending that systemd does not look at
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(temp.Name())
		}
	}()
	_, err = temp.WriteString(text)
	if err == nil {
		err = temp.Chmod(0o644)
	}
	if err == nil {
		err = temp.Sync()
	}
	if err = errors.Join(err, temp.Close()); err != nil {
		return err
	}
	if err = os.Rename(temp.Name(), file); err != nil {
		return err
	}
	return flushFolder(filepath.Dir(file))
}

func flushFolder(folder string) error {
	f, err := os.Open(folder)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
