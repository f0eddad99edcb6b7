package commands

import (
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/urfave/cli/v2"
)

// connectionsFlag is an option of several commands.
func connectionsFlag(destination *string) cli.Flag {
	return &cli.StringFlag{Name: "pollingConnectionCount", Category: theSettings, Destination: destination,
		Usage: "`NUMBER` of connections that a polling Tentacle keeps to each node, 1 or more"}
}

// setAll makes a list of settings the change of a document.
func setAll(settings []tentacleconfig.Setting) func(*tentacleconfig.Document) error {
	return func(document *tentacleconfig.Document) error {
		for _, setting := range settings {
			document.Set(setting.Key, setting.Value)
		}
		return nil
	}
}

// keysOf are the keys of settings.
func keysOf(settings []tentacleconfig.Setting) (keys []string) {
	for _, setting := range settings {
		keys = append(keys, setting.Key)
	}
	return keys
}
