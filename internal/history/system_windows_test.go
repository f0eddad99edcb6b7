package history

import (
	"testing"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
)

func TestAMachineWithoutAnEventLogIsNoFailure(t *testing.T) {
	for err, want := range map[error]bool{
		windows.RPC_S_SERVER_UNAVAILABLE: true, windows.RPC_S_UNKNOWN_IF: true, windows.ERROR_LOG_FILE_FULL: false, windows.ERROR_ACCESS_DENIED: false,
	} {
		if got := isAbsent(err); got != want {
			t.Errorf("%v: %v", err, got)
		}
	}
}

// TestTheEventLogKnowsTheSource sees no more than that the event was taken: Wine keeps none, so
// that none can be read back.
func TestTheEventLogKnowsTheSource(t *testing.T) {
	for range 2 { // the second time, the source is there
		if err := ToSystem(change()); err != nil {
			t.Fatal(err)
		}
	}
	key, err := registry.OpenKey(registry.LOCAL_MACHINE, `SYSTEM\CurrentControlSet\Services\EventLog\Application\`+source, registry.QUERY_VALUE)
	if err != nil {
		t.Skipf("only an Administrator may add a source: %v", err)
	}
	defer key.Close()
	if file, _, err := key.GetStringValue("EventMessageFile"); err != nil || file == "" {
		t.Errorf("the messages are in %q, %v", file, err)
	}
}
