package commands

import "github.com/urfave/cli/v2"

// globalFlags are the options of every command. The help of the program explains them.
func globalFlags() []cli.Flag {
	return []cli.Flag{
		helpFlag(),
		&cli.BoolFlag{Name: verboseOption, Hidden: true, Usage: "show each request, port and file, with its time"},
		&cli.StringFlag{Name: logFileOption, Hidden: true, Usage: "append what --verbose shows to a `FILE`"},
	}
}

func helpFlag() cli.Flag {
	return &cli.BoolFlag{Name: "help", Hidden: true, Usage: "show its options and examples, and do nothing"}
}
