package commands

import "golang.org/x/sys/windows"

// outliveLogoffs lets this process, in a script of a service, go on when a user logs off. Windows
// tells all processes of services that somebody does, not who, and ends them unless they say that
// it does not concern them (HandlerRoutine, CTRL_LOGOFF_EVENT). To Go, that is SIGTERM.
func outliveLogoffs() {
	var session uint32
	if err := windows.ProcessIdToSessionId(windows.GetCurrentProcessId(), &session); err != nil {
		return
	}
	handler := windows.NewCallback(func(event uint32) uintptr {
		if isForeignLogoff(event, session) {
			return 1 // handled
		}
		return 0 // on to the next handler, which is Go's
	})
	// It fails where there is no console: then nobody is told.
	_, _, _ = windows.NewLazySystemDLL("kernel32.dll").NewProc("SetConsoleCtrlHandler").Call(handler, 1)
}

// isForeignLogoff says whether a control signal is that of a user whom a process in that session
// does not belong to: session 0 is that of the services, in which nobody works.
func isForeignLogoff(event, session uint32) bool {
	return event == windows.CTRL_LOGOFF_EVENT && session == 0
}
