package commands

import (
	"github.com/urfave/cli/v2"
)

func listInstancesCommand(c *console) *cli.Command {
	var format string
	return &cli.Command{
		Name:     "list-instances",
		Category: "Instances and certificates",
		Usage:    "list the Tentacle instances on this machine",
		Description: `  octo-tentacle list-instances
  octo-tentacle list-instances --format=json

To see what the instances trust and poll: octo-tentacle list-servers --all-instances`,
		Flags: []cli.Flag{formatFlag(&format)},
		Action: func(*cli.Context) error {
			return listInstances(c, format)
		},
	}
}

// listedInstance has the fields of the Tentacle CLI's JSON.
type listedInstance struct {
	InstanceName          string
	ConfigurationFilePath string
}

// listInstances prints exactly what the Tentacle CLI prints, because scripts look for it
// (Commands/ListInstancesCommand.cs).
func listInstances(c *console, format string) error {
	if err := completeFormat(&format); err != nil {
		return err
	}
	instances, err := allInstances(c)
	if err != nil {
		return err
	}
	if format == "json" {
		list := make([]listedInstance, 0, len(instances)) // an empty list is [], not null
		for _, instance := range instances {
			list = append(list, listedInstance{instance.Name, instance.ConfigPath})
		}
		text, err := c.printableJSON(list, "  ")
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
