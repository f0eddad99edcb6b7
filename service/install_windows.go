package service

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"
	"unsafe"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/svc/mgr"
)

// Ready tells whether this process may install and control services, and whether these can be installed here. The error says that it has to be elevated, or what
// is wrong with which definition.
func Ready(definitions ...Definition) error {
	if !windows.GetCurrentProcessToken().IsElevated() {
		return errors.New("only an Administrator may change services: run this in a console that was started as Administrator")
	}
	for _, d := range definitions {
		if _, err := prepare(&d); err != nil {
			return err
		}
	}
	return nil
}

// A preparation is what Install needs to know beforehand.
type preparation struct {
	exists  bool         // the service is there already
	account *windows.SID // the account to let log on as a service; nil for none
}

// prepare checks a definition against this machine, and completes its account: to "" where the service keeps the one that it has.
func prepare(d *Definition) (preparation, error) {
	if err := d.Check("windows"); err != nil {
		return preparation{}, err
	}
	if err := checkDependencies(d.DependsOn); err != nil {
		return preparation{}, err
	}
	now, err := Installed(context.Background(), d.Name)
	if err != nil {
		return preparation{}, err
	}
	d.Account = fullAccount(d.Account)
	keeps := d.Password == "" && strings.EqualFold(d.Account, now.Account)
	account, err := accountSID(*d, keeps)
	if keeps {
		d.Account = ""
	}
	return preparation{exists: now.Exists, account: account}, err
}

// Installed tells what the service control manager has of the service of that name. A service that does not exist is no error.
func Installed(_ context.Context, name string) (Installation, error) {
	s, err := open(name, "look at", windows.SERVICE_QUERY_STATUS|windows.SERVICE_QUERY_CONFIG)
	if err != nil {
		return Installation{Status: Status{Name: name}}, err
	}
	if s == nil {
		return Installation{Status: Status{Name: name, State: Absent}}, nil
	}
	defer s.Close()
	status, err := s.look()
	if err != nil {
		return Installation{Status: status}, err
	}
	config, err := s.Config()
	if err != nil {
		return Installation{Status: status}, s.explain("look at", err)
	}
	return Installation{
		Status:  status,
		Exists:  true,
		Text:    windowsText(config.DisplayName, config.Description, config.BinaryPathName, config.Dependencies, startTypeOf(config), config.ServiceStartName),
		Current: true,
		Account: config.ServiceStartName,
	}, nil
}

func startTypeOf(c mgr.Config) string {
	switch {
	case c.StartType == mgr.StartAutomatic && c.DelayedAutoStart:
		return "automatic, delayed"
	case c.StartType == mgr.StartAutomatic:
		return "automatic"
	case c.StartType == mgr.StartDisabled:
		return "disabled"
	}
	return "manual"
}

// Install makes the service of d, or changes the one that is there to it, and lets its account log on as a service. It neither starts nor stops anything.
func Install(_ context.Context, d Definition) error {
	if err := Ready(); err != nil {
		return err
	}
	p, err := prepare(&d)
	if err != nil {
		return err
	}
	if p.account != nil {
		if err := addRight(p.account, "SeServiceLogonRight"); err != nil {
			return fmt.Errorf("cannot let %s log on as a service: %w", d.Account, err)
		}
	}
	var s *handle
	if p.exists {
		s, err = open(d.Name, "change", windows.SERVICE_ALL_ACCESS)
	} else {
		s, err = create(d)
	}
	if err != nil {
		return err
	}
	if s == nil {
		return fmt.Errorf("the service %s was removed by something else at the same time: try again", d.Name)
	}
	defer s.Close()
	if err := s.configure(d); err != nil {
		if !p.exists {
			_ = s.Delete() // half a service is none
		}
		return s.explain("configure", err)
	}
	return nil
}

// create makes a service with nothing but what it cannot be without. The command line is given whole, since the package mgr would place its quotes otherwise than
// the real Tentacle.
func create(d Definition) (*handle, error) {
	name, err := windows.UTF16PtrFromString(d.Name)
	if err != nil {
		return nil, err
	}
	commandLine, err := windows.UTF16PtrFromString(d.commandLine())
	if err != nil {
		return nil, err
	}
	manager, err := windows.OpenSCManager(nil, nil, windows.SC_MANAGER_CONNECT|windows.SC_MANAGER_CREATE_SERVICE)
	if err != nil {
		return nil, fmt.Errorf("could not reach the service control manager: %w", err)
	}
	defer windows.CloseServiceHandle(manager)
	made, err := windows.CreateService(manager, name, name, windows.SERVICE_ALL_ACCESS, windows.SERVICE_WIN32_OWN_PROCESS,
		mgr.StartAutomatic, mgr.ErrorNormal, commandLine, nil, nil, dependencyBlock(d), nil, nil)
	s := &handle{mgr.Service{Name: d.Name, Handle: made}}
	switch {
	case errors.Is(err, windows.ERROR_SERVICE_MARKED_FOR_DELETE):
		return nil, fmt.Errorf("the service %s was removed, but something still has it open (the Services window, Task Manager): close that and try again", d.Name)
	case err != nil:
		return nil, s.explain("install", err)
	}
	return s, nil
}

// dependencyBlock lists what the service depends on as CreateService reads it: each ends with a zero, and so does the list.
func dependencyBlock(d Definition) *uint16 {
	block := utf16.Encode([]rune(strings.Join(slices.Concat(windowsDependencies, d.DependsOn), "\x00") + "\x00\x00"))
	return unsafe.SliceData(block)
}

// configure sets everything of d, and leaves what a person added to the service (what happens when it fails, say) as it is.
func (s *handle) configure(d Definition) error {
	config, err := s.Config()
	if err != nil {
		return err
	}
	config.DisplayName = d.Name
	config.Description = description
	config.BinaryPathName = d.commandLine()
	config.Dependencies = slices.Concat(windowsDependencies, d.DependsOn)
	config.StartType, config.DelayedAutoStart = mgr.StartAutomatic, false
	config.ServiceStartName, config.Password = d.Account, d.Password
	config.LoadOrderGroup = ""
	return s.UpdateConfig(config)
}

// checkDependencies refuses a service that does not exist: Windows would notice at the next start only.
func checkDependencies(names []string) error {
	for _, name := range names {
		s, err := open(name, "look at", windows.SERVICE_QUERY_STATUS)
		if err != nil {
			return err
		}
		if s == nil {
			return fmt.Errorf("--dependOn %s: there is no service of that name on this machine", name)
		}
		s.Close()
	}
	return nil
}

// Uninstall stops the service, and those that depend on it, waits for that, and removes it. A service that does not exist is no error. progress, which may be nil, is
// told what is being waited for.
func Uninstall(ctx context.Context, name string, progress func(string)) error {
	if err := Ready(); err != nil {
		return err
	}
	if _, err := Stop(ctx, name, progress); err != nil {
		return err
	}
	s, err := open(name, "remove", windows.DELETE)
	if err != nil || s == nil {
		return err
	}
	defer s.Close()
	if err := s.Delete(); err != nil && !errors.Is(err, windows.ERROR_SERVICE_MARKED_FOR_DELETE) {
		return s.explain("remove", err)
	}
	return nil
}
