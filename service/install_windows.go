package service

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"
	"unsafe"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/svc/mgr"
)

// CheckInstall reports whether Install can make the service of d here. The error says what is wrong
// with the definition: its account or a dependency does not exist, for example.
func CheckInstall(d Definition) error {
	_, err := prepare(&d)
	return err
}

// A preparation is what Install has to find out first.
type preparation struct {
	exists  bool         // the service exists already
	account *windows.SID // the account that needs the right to log on as a service; nil for none
}

// prepare checks a definition against this machine, and completes it with Over.
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
	if d.Account = canonicalAccount(d.Account, sidOf); d.over == nil {
		*d = d.Over(now, true)
	}
	p := preparation{exists: now.Exists}
	if account := d.scm().account; d.Password != "" || account != now.Account {
		p.account, err = accountToPermit(account, d.Password)
	}
	return p, err
}

// Installed reports what the service control manager has of the service of that name. A service
// that does not exist is not an error.
func Installed(_ context.Context, name string) (Installation, error) {
	s, err := open(name, "query", mayQueryStatus|mayQueryConfig)
	if err != nil {
		return Installation{Status: Status{Name: name}}, err
	}
	if s == nil {
		return Installation{Status: Status{Name: name, State: Absent}}, nil
	}
	defer s.Close()
	status, err := s.query()
	if err != nil {
		return Installation{Status: status}, err
	}
	config, err := s.config()
	if err != nil {
		return Installation{Status: status}, s.failed("query", err)
	}
	scm := config.scm()
	enabled := config.startType != mgr.StartDisabled
	_, known := readCommand(scm.commandLine)
	return Installation{
		Status:     status,
		Exists:     true,
		Text:       scm.text(),
		Enabled:    enabled,
		Current:    enabled,
		Customized: !known,
		Account:    config.account,
		Foreign:    foreignService(name, scm.commandLine),
		scm:        &scm,
	}, nil
}

// scm is the service that a configuration is of. One that is disabled is as it will be when Install
// enables it, as it does with a disabled unit: that is no difference by hand.
func (c configuration) scm() scmService {
	s := scmService{
		displayName: c.displayName, description: c.description, commandLine: c.commandLine,
		dependsOn: c.dependsOn, start: manual, account: c.account,
	}
	switch c.startType {
	case mgr.StartAutomatic, mgr.StartDisabled:
		s.start = automatic
		if c.delayed {
			s.start = delayedStart
		}
	}
	return s
}

// Disable keeps everything from starting the service, until Install makes it start at boot again.
// It does not stop it.
func Disable(_ context.Context, name string) error {
	s, err := open(name, "disable", rightsFor(ActionDisable))
	if err != nil || s == nil {
		return err
	}
	defer s.Close()
	err = windows.ChangeServiceConfig(s.Handle, windows.SERVICE_NO_CHANGE, mgr.StartDisabled, windows.SERVICE_NO_CHANGE,
		nil, nil, nil, nil, nil, nil, nil)
	if err != nil {
		return s.failed("disable", err)
	}
	return nil
}

// Install makes the service of d, or changes an existing one to it, and lets its account log on
// as a service. It neither starts nor stops anything.
func Install(_ context.Context, d Definition) error {
	if err := CheckRights(d.Name, ActionInstall); err != nil {
		return err
	}
	p, err := prepare(&d)
	if err != nil {
		return err
	}
	if p.account != nil {
		if err := addRight(p.account, "SeServiceLogonRight"); err != nil {
			return fmt.Errorf("cannot let %s log on as a service: %w", d.scm().account, err)
		}
	}
	var s *handle
	if p.exists {
		s, err = open(d.Name, "change", rightsFor(ActionReconfigure))
	} else {
		s, err = create(d)
	}
	if err != nil {
		return err
	}
	if s == nil {
		return hint.Errorf("try again", "another program removed the service %s at the same time", d.Name)
	}
	defer s.Close()
	if err := s.configure(d); err != nil {
		if !p.exists {
			_ = s.Delete() // leave no half-made service
		}
		return s.failed("configure", err)
	}
	return nil
}

// create makes a service with the minimum that it needs. The command line is passed whole,
// because the package mgr would place its quotes differently from Tentacle.
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
		mgr.StartAutomatic, mgr.ErrorNormal, commandLine, nil, nil, dependencyBlock(d.scm().dependsOn), nil, nil)
	s := &handle{mgr.Service{Name: d.Name, Handle: made}}
	switch {
	case errors.Is(err, windows.ERROR_SERVICE_MARKED_FOR_DELETE):
		return nil, hint.Errorf("close that and try again", "the service %s was removed, but something still has it open (the Services window, Task Manager)", d.Name)
	case err != nil:
		return nil, s.failed("install", err)
	}
	return s, nil
}

// dependencyBlock lists what the service depends on as CreateService reads it: each name ends
// with a zero, and so does the list.
func dependencyBlock(dependsOn []string) *uint16 {
	block := utf16.Encode([]rune(strings.Join(dependsOn, "\x00") + "\x00\x00"))
	return unsafe.SliceData(block)
}

// configure makes the service that of d. What is so already, and what d says nothing about, is not
// written: a group that it is loaded with, recovery actions, variables and rights stay.
func (s *handle) configure(d Definition) error {
	before, err := s.config()
	if err != nil {
		return err
	}
	now, wanted := before.scm(), d.scm()
	var texts [4]*uint16 // no change where nil
	for i, part := range []struct{ now, wanted string }{
		{now.commandLine, wanted.commandLine},
		{now.account, wanted.account},
		{"", d.Password},
		{now.displayName, wanted.displayName},
	} {
		if part.wanted == part.now {
			continue
		}
		if texts[i], err = windows.UTF16PtrFromString(part.wanted); err != nil {
			return err
		}
	}
	if texts[2] != nil && texts[1] == nil { // a password is for an account
		if texts[1], err = windows.UTF16PtrFromString(wanted.account); err != nil {
			return err
		}
	}
	var dependsOn *uint16
	if !slices.Equal(now.dependsOn, wanted.dependsOn) {
		dependsOn = dependencyBlock(wanted.dependsOn)
	}
	startType := uint32(windows.SERVICE_NO_CHANGE)
	if now.start != wanted.start || before.startType == mgr.StartDisabled {
		startType = mgr.StartAutomatic
		if wanted.start == manual {
			startType = mgr.StartManual
		}
	}
	err = windows.ChangeServiceConfig(s.Handle, windows.SERVICE_NO_CHANGE, startType, windows.SERVICE_NO_CHANGE,
		texts[0], nil, nil, dependsOn, texts[1], texts[2], texts[3])
	if err != nil {
		return err
	}
	if delayed := wanted.start == delayedStart; delayed != before.delayed && wanted.start != manual {
		info := windows.SERVICE_DELAYED_AUTO_START_INFO{}
		if delayed {
			info.IsDelayedAutoStartUp = 1
		}
		if err := windows.ChangeServiceConfig2(s.Handle, windows.SERVICE_CONFIG_DELAYED_AUTO_START_INFO, (*byte)(unsafe.Pointer(&info))); err != nil {
			return err
		}
	}
	if now.description == wanted.description {
		return nil
	}
	text, err := windows.UTF16PtrFromString(wanted.description)
	if err != nil {
		return err
	}
	return windows.ChangeServiceConfig2(s.Handle, windows.SERVICE_CONFIG_DESCRIPTION, (*byte)(unsafe.Pointer(&windows.SERVICE_DESCRIPTION{Description: text})))
}

// configuration is what the service control manager has of a service.
type configuration struct {
	displayName, description, commandLine, account string
	dependsOn                                      []string
	startType                                      uint32
	delayed                                        bool
}

// config reads the configuration. The package mgr would also ask for things that Wine lacks and
// this program does not need.
func (s *handle) config() (c configuration, err error) {
	buffer, err := withBuffer(func(b *byte, size uint32, needed *uint32) error {
		return windows.QueryServiceConfig(s.Handle, (*windows.QUERY_SERVICE_CONFIG)(unsafe.Pointer(b)), size, needed)
	})
	if err != nil {
		return c, err
	}
	basic := (*windows.QUERY_SERVICE_CONFIG)(unsafe.Pointer(unsafe.SliceData(buffer)))
	c.displayName, c.commandLine = windows.UTF16PtrToString(basic.DisplayName), windows.UTF16PtrToString(basic.BinaryPathName)
	c.account, c.startType = windows.UTF16PtrToString(basic.ServiceStartName), basic.StartType
	c.dependsOn = textsOf(basic.Dependencies)

	if buffer, err = s.config2(windows.SERVICE_CONFIG_DESCRIPTION); err != nil {
		return c, err
	}
	if buffer != nil {
		c.description = windows.UTF16PtrToString((*windows.SERVICE_DESCRIPTION)(unsafe.Pointer(unsafe.SliceData(buffer))).Description)
	}
	if buffer, err = s.config2(windows.SERVICE_CONFIG_DELAYED_AUTO_START_INFO); err != nil {
		return c, err
	}
	if buffer != nil {
		c.delayed = (*windows.SERVICE_DELAYED_AUTO_START_INFO)(unsafe.Pointer(unsafe.SliceData(buffer))).IsDelayedAutoStartUp != 0
	}
	return c, nil
}

// config2 reads another part of the configuration; nil where this Windows does not know it.
func (s *handle) config2(level uint32) ([]byte, error) {
	buffer, err := withBuffer(func(b *byte, size uint32, needed *uint32) error {
		return windows.QueryServiceConfig2(s.Handle, level, b, size, needed)
	})
	if errors.Is(err, windows.ERROR_INVALID_LEVEL) {
		return nil, nil
	}
	return buffer, err
}

// withBuffer calls query with a buffer that is large enough, and returns the buffer.
func withBuffer(query func(b *byte, size uint32, needed *uint32) error) ([]byte, error) {
	for size := uint32(1 << 10); ; {
		buffer := make([]byte, size)
		needed := size
		err := query(unsafe.SliceData(buffer), size, &needed)
		if !errors.Is(err, windows.ERROR_INSUFFICIENT_BUFFER) || needed <= size {
			return buffer, err
		}
		size = needed
	}
}

// textsOf reads a list of texts; each ends with a zero, and so does the list.
func textsOf(p *uint16) (texts []string) {
	for p != nil && *p != 0 {
		text := windows.UTF16PtrToString(p)
		texts = append(texts, text)
		p = (*uint16)(unsafe.Add(unsafe.Pointer(p), 2*(len(utf16.Encode([]rune(text)))+1)))
	}
	return texts
}

// checkDependencies refuses a service that does not exist, which Windows would notice only at the
// next start. The error is a *DependencyError.
func checkDependencies(names []string) error {
	for _, name := range names {
		s, err := open(name, "query", mayQueryStatus)
		if err != nil {
			return err
		}
		if s == nil {
			return &DependencyError{name}
		}
		s.Close()
	}
	return nil
}

// Uninstall stops the service, and those that depend on it, waits for that, and removes it. A
// service that does not exist is not an error. progress, which may be nil, is called with what is
// being waited for.
func Uninstall(ctx context.Context, name string, progress func(string)) error {
	if err := CheckRights(name, ActionUninstall); err != nil {
		return err
	}
	if _, err := Stop(ctx, name, progress); err != nil {
		return err
	}
	s, err := open(name, "remove", mayDelete)
	if err != nil || s == nil {
		return err
	}
	defer s.Close()
	if err := s.Delete(); err != nil && !errors.Is(err, windows.ERROR_SERVICE_MARKED_FOR_DELETE) {
		return s.failed("remove", err)
	}
	return nil
}
