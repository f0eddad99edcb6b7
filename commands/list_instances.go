package commands

import (
	"errors"

	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
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

What the instances trust and poll:
  octo-tentacle list-servers --all-instances`,
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

	// Of an index file that cannot be understood, instead of the two above, which are empty.
	IndexFile string `json:",omitempty"`
	Error     string `json:",omitempty"`
}

// listInstances prints exactly what the Tentacle CLI prints, because scripts look for it
// (Commands/ListInstancesCommand.cs). A damaged index file does not hide the other instances; the
// Tentacle CLI fails on it.
func listInstances(c *console, format string) error {
	if err := completeFormat(&format); err != nil {
		return err
	}
	instances, damage := allInstances(c)
	broken, err := indexErrors(damage)
	if err != nil {
		return err
	}
	if format == "json" {
		list := make([]listedInstance, 0, len(instances)) // an empty list is [], not null
		for _, instance := range instances {
			list = append(list, listedInstance{InstanceName: instance.Name, ConfigurationFilePath: instance.ConfigPath})
		}
		for _, one := range broken {
			list = append(list, listedInstance{IndexFile: one.Path, Error: one.Error()})
		}
		text, err := c.outputJSON(list)
		c.printf("%s", text)
		return errors.Join(err, damage)
	}
	if len(instances)+len(broken) == 0 {
		c.printf("No instances installed\n")
	}
	for _, instance := range instances {
		c.printf("Instance '%s' uses configuration '%s'.\n", instance.Name, instance.ConfigPath)
	}
	return damage
}

// indexErrors are the damaged index files that an error of tentacleconfig.Instances is about. Any
// other error is returned.
func indexErrors(damage error) (broken []*tentacleconfig.IndexError, err error) {
	for _, one := range joined(damage) {
		index, is := errors.AsType[*tentacleconfig.IndexError](one)
		if !is {
			return nil, damage
		}
		broken = append(broken, index)
	}
	return broken, nil
}
