package tentacleconfig

import (
	"os"
	"strings"
)

// ThisBoot identifies the present boot of this machine: random(4).
func ThisBoot() string {
	id, _ := os.ReadFile("/proc/sys/kernel/random/boot_id") // without it, no boot is another one
	return strings.TrimSpace(string(id))
}
