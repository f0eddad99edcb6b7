package commands

import (
	"bytes"
	"encoding/json"

	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/urfave/cli/v2"
)

func listInstancesCommand(c *console) *cli.Command {
	var format string
	return &cli.Command{
		Name:     "list-instances",
		Category: "Instances and certificates",
		Usage:    "list the Tentacle instances of this machine",
		Description: `  octo-tentacle list-instances
  octo-tentacle list-instances --format=json

What the instances trust and poll: octo-tentacle list-servers --all-instances`,
		Flags: []cli.Flag{formatFlag(&format)},
		Action: func(*cli.Context) error {
			return listInstances(c, format)
		},
	}
}

// listedInstance has the fields of the real Tentacle's JSON.
type listedInstance struct {
	InstanceName          string
	ConfigurationFilePath string
}

// listInstances prints what the real Tentacle prints, to the letter: scripts
// look for it (Commands/ListInstancesCommand.cs).
func listInstances(c *console, format string) error {
	if err := checkFormat(&format); err != nil {
		return err
	}
	instances, err := tentacleconfig.Instances()
	if err != nil {
		return err
	}
	if format == "json" {
		list := make([]listedInstance, 0, len(instances)) // an empty list is [], not null
		for _, instance := range instances {
			list = append(list, listedInstance{instance.Name, instance.ConfigPath})
		}
		text, err := bareJSON(list, "  ")
		c.printf("%s", text)
		return err
	}
	if len(instances) == 0 {
		c.printf("No instances installed\n")
	}
	for _, instance := range instances {
		c.printf("Instance '%s' uses configuration '%s'.\n", instance.Name, instance.ConfigPath)
	}
	return nil
}

// bareJSON is JSON without a line end, as some of the real Tentacle's commands
// write it.
func bareJSON(value any, indent string) (string, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", indent)
	err := encoder.Encode(value)
	return string(bytes.TrimSuffix(text.Bytes(), []byte("\n"))), err
}
