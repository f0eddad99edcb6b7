package service

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/octo-tentacle/octo-tentacle/internal/atomicfile"
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/internal/steps"
)

// unitFolder is where Tentacle puts its units (Startup/LinuxServiceConfigurator.cs).
const unitFolder = "/etc/systemd/system"

// CheckPrivileges reports whether this process may install and control services. The error is
// ErrUnmanaged where no systemd runs, or says that this has to be run as root.
func CheckPrivileges() error {
	if !systemdRuns() {
		return ErrUnmanaged
	}
	if os.Geteuid() != 0 {
		return hint.New("only root may change services", "run this as root (sudo)")
	}
	return nil
}

// CheckRights is CheckPrivileges: whoever is root may do everything to a service. Whether another
// account may restart one, CheckRestartPrivileges reports.
func CheckRights(string, ...Action) error { return CheckPrivileges() }

// CheckInstall reports whether Install can make the service of d here. The error says what is wrong
// with the definition.
func CheckInstall(d Definition) error { return d.Check("linux") }

// Installed reports what systemd has of the unit NAME.service, and what its file says. It asks
// systemd for at most five seconds and needs no root. A host without systemd is an error:
// ErrUnmanaged.
func Installed(ctx context.Context, name string) (Installation, error) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	u, now, err := openAndQuery(ctx, name)
	if u.conn != nil {
		defer u.conn.Close()
	}
	if err == nil && now.State == Unmanaged {
		err = ErrUnmanaged
	}
	if err != nil {
		return Installation{Status: now.Status}, err
	}
	return u.installed(now)
}

func (u unit) installed(now unitStatus) (Installation, error) {
	i := Installation{Status: now.seen(time.Now()), File: filepath.Join(unitFolder, u.file), Enabled: now.enabled}
	info, err := os.Lstat(i.File)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		i.Exists = now.State != Absent // a unit whose file is gone may still run
		if now.fragment != i.File {
			i.UnitPath = now.fragment
		}
		return i, nil
	case err != nil:
		return i, fmt.Errorf("cannot query the unit of service %s: %w", u.name, err)
	}
	i.Exists = true
	if info.Mode()&fs.ModeSymlink != 0 {
		if i.UnitPath, err = os.Readlink(i.File); err != nil {
			return i, fmt.Errorf("cannot query the unit of service %s: %w", u.name, err)
		}
		i.Masked = i.UnitPath == os.DevNull
		return i, nil
	}
	content, err := readUnit(i.File)
	if err != nil {
		return i, fmt.Errorf("cannot read the unit of service %s: %w", u.name, err)
	}
	i.Text, i.written = string(content), info.ModTime()
	i.Customized, i.Foreign = isCustomized(i.Text), foreignUnit(i.Text)
	i.Current = now.enabled && !now.stale
	return i, nil
}

// Install writes the unit of d, replacing an existing one, makes systemd read it, and enables it,
// so that it starts at boot. It neither starts nor stops anything. At any moment the file is
// either the old one or the new one.
func Install(ctx context.Context, d Definition) error {
	if err := CheckPrivileges(); err != nil {
		return err
	}
	if err := CheckInstall(d); err != nil {
		return err
	}
	u, err := open(ctx, d.Name)
	if err != nil {
		return err
	}
	defer u.conn.Close()
	file := filepath.Join(unitFolder, u.file)
	if now, err := readUnit(file); err != nil || string(now) != d.unitText() { // else it would seem to be a new definition
		if err := atomicfile.Replace(file, []byte(d.unitText()), 0o644); err != nil {
			return fmt.Errorf("cannot write the unit of service %s: %w", u.name, err)
		}
		steps.Log(ctx, "write "+file)
	}
	if err := u.enable(ctx); err != nil {
		err = fmt.Errorf("%s was written, but could not be enabled: %w", file, u.failed(ctx, "enable", err))
		// systemctl enable also makes systemd read its units again.
		return &ManagerError{err, "to finish", []string{"systemctl", "enable", u.name}}
	}
	return nil
}

// enable makes the links that the unit's [Install] section asks for, and only those: the old unit
// may have asked for others.
func (u unit) enable(ctx context.Context) error {
	if _, err := u.conn.DisableUnitFilesContext(ctx, []string{u.file}, false); err != nil {
		return err
	}
	if _, _, err := u.conn.EnableUnitFilesContext(ctx, []string{u.file}, false, false); err != nil {
		return err
	}
	return u.conn.ReloadContext(ctx)
}

// Disable keeps the unit NAME.service from being started at boot. It does not stop it.
func Disable(ctx context.Context, name string) error {
	if err := CheckPrivileges(); err != nil {
		return err
	}
	u, err := open(ctx, name)
	if err != nil {
		return err
	}
	defer u.conn.Close()
	for _, untilReboot := range []bool{false, true} {
		if _, err := u.conn.DisableUnitFilesContext(ctx, []string{u.file}, untilReboot); err != nil {
			return u.failed(ctx, "disable", err)
		}
	}
	if err := u.conn.ReloadContext(ctx); err != nil {
		return u.failed(ctx, "disable", err)
	}
	return nil
}

// Uninstall stops the unit NAME.service, waits for that, disables it and removes its file. A unit
// that does not exist is not an error. progress, which may be nil, is called with what is being
// waited for.
func Uninstall(ctx context.Context, name string, progress func(string)) error {
	if err := CheckPrivileges(); err != nil {
		return err
	}
	u, now, err := openAndQuery(ctx, name)
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
			return u.failed(ctx, "disable", err)
		}
		if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("service %s was stopped and disabled, but its unit could not be removed: %w", u.name, err)
		}
	}
	if err := errors.Join(atomicfile.FlushFolder(unitFolder), u.conn.ReloadContext(ctx)); err != nil {
		err = fmt.Errorf("%s was removed, but systemd may not have noticed: %w", file, err)
		return &ManagerError{err, "to finish", []string{"systemctl", "daemon-reload"}}
	}
	// Otherwise a unit that had failed would be listed as failed for ever. For other units this
	// is an error without a meaning: systemd no longer knows them.
	_ = u.conn.ResetFailedUnitContext(ctx, u.file)
	return nil
}
