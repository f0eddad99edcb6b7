package commands

import (
	"os"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/kubernetes"
)

// givenAddresses are the addresses that the variables of this container have.
func givenAddresses() []string {
	names := []string{os.Getenv(kubernetes.VariableAddress)}
	return nonEmpty(append(names, strings.Split(os.Getenv(kubernetes.VariableAddresses), ",")...))
}
