// Package machinefiles says where Tentacle on Linux and macOS finds the keys of this machine. Tests
// use their own files, so that they neither depend on the machine nor leave a key on it.
package machinefiles

// Where the keys are; read by the package tentacleconfig.
var (
	ID  = "/etc/machine-id"
	Key = "/etc/octopus/machinekey"
)

// Use sets ID and Key for a test, and returns what sets them back. It is not safe for concurrent
// use.
func Use(id, key string) (restore func()) {
	oldID, oldKey := ID, Key
	ID, Key = id, key
	return func() { ID, Key = oldID, oldKey }
}
