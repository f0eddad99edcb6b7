package peakmemory

import (
	"unsafe"

	"golang.org/x/sys/windows"
)

// Peak is the most memory that this process had at a time: bytes.
func Peak() (int64, error) {
	var counters struct { // PROCESS_MEMORY_COUNTERS of psapi.h
		size, pageFaults                         uint32
		peakWorkingSet, workingSet               uintptr
		peakPaged, paged, peakNonPaged, nonPaged uintptr
		pageFile, peakPageFile                   uintptr
	}
	counters.size = uint32(unsafe.Sizeof(counters))
	get := windows.NewLazySystemDLL("kernel32.dll").NewProc("K32GetProcessMemoryInfo")
	if ok, _, err := get.Call(uintptr(windows.CurrentProcess()), uintptr(unsafe.Pointer(&counters)), uintptr(counters.size)); ok == 0 {
		return 0, err
	}
	return int64(counters.peakWorkingSet), nil
}
