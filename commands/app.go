package commands

import (
	"slices"

	"github.com/urfave/cli/v2"
)

// commandBuilder builds one command. Only the named command is built: all commands have hundreds of
// options, whose construction would slow down every start of the program.
type commandBuilder struct {
	name    string
	build   func(*console) *cli.Command
	changes bool // it changes something, if only on the server, so it handles interruption
}

// commandBuilders are all commands, in the order in which help lists them.
func commandBuilders() []commandBuilder {
	return []commandBuilder{
		// The whole Tentacle
		{"apply", applyCommand, true},
		// Polling
		{"poll-server", pollServerCommand, true},
		{"list-servers", listServersCommand, false},
		{"list-nodes", listNodesCommand, false},
		{"remove-server", removeServerCommand, true},
		{"sync-servers", syncServersCommand, true},
		{"check", checkCommand, false},
		{"fleet", fleetCommand, true},
		// Registration
		{"register-with", registerWithCommand, true},
		{"register-worker", registerWorkerCommand, true},
		{"register-k8s-target", registerK8sTargetCommand, true},
		{"register-k8s-cluster", registerK8sClusterCommand, true},
		{"register-k8s-worker", registerK8sWorkerCommand, true},
		{"deregister-from", deregisterFromCommand, true},
		{"deregister-worker", deregisterWorkerCommand, true},
		{"migrate-preinstalled-k8s-config", migratePreinstalledCommand, true},
		// Trust and settings
		{"configure", configureCommand, true},
		{"server-comms", serverCommsCommand, true},
		{"update-trust", updateTrustCommand, true},
		{"clear-trusted-servers", clearTrustedServersCommand, true},
		{"set-polling-connection-count", setPollingConnectionCountCommand, true},
		{"polling-proxy", pollingProxyCommand, true},
		{"proxy", proxyCommand, true},
		{"show-configuration", showConfigurationCommand, false},
		// Backups
		{"list-backups", listBackupsCommand, false},
		{"restore-backup", restoreBackupCommand, true},
		{"history", historyCommand, false},
		// Instances and certificates
		{"create-instance", createInstanceCommand, true},
		{"delete-instance", deleteInstanceCommand, true},
		{"list-instances", listInstancesCommand, false},
		{"new-certificate", newCertificateCommand, true},
		{"import-certificate", importCertificateCommand, true},
		{"export-certificate", exportCertificateCommand, true},
		{"show-thumbprint", showThumbprintCommand, false},
		{"generalize", generalizeCommand, true},
		// Service
		{"service", serviceCommand, true},
		{"checkservices", checkServicesCommand, true},
		{"restart-service", restartServiceCommand, true},
		// Help
		{"demo", demoCommand, true},
		{"completion", completionCommand, false},
		{"version", versionCommand, false},
		{"help", helpCommand, false},
	}
}

// newApp builds the program with the command of that name, or with all commands if there is none of
// that name.
func newApp(c *console, only string) *cli.App {
	builders := commandBuilders()
	if at := slices.IndexFunc(builders, func(b commandBuilder) bool { return b.name == only }); at >= 0 {
		builders = builders[at : at+1]
	}
	app := &cli.App{
		Name:                      "octo-tentacle",
		Usage:                     "configure Octopus Tentacles, including polling every node of an HA cluster",
		Writer:                    newScreen(c),
		ErrWriter:                 c.err,
		Flags:                     globalFlags(),
		HideHelp:                  true, // the library's flag, which all commands would share, is not used
		HideVersion:               true,
		DisableSliceFlagSeparator: true, // a role or an environment may contain a comma
		ExitErrHandler:            func(*cli.Context, error) {},
	}
	for _, builder := range builders {
		command := builder.build(c)
		command.HideHelp = true
		command.Flags = append(command.Flags, globalFlags()...)
		// rewriteArguments has checked the arguments; the commands word the remaining errors.
		command.OnUsageError = func(_ *cli.Context, err error, _ bool) error { return err }
		if builder.changes {
			command.Before = func(ctx *cli.Context) error {
				ctx.Context = interruptible(ctx.Context)
				c.interrupted = ctx.Context
				return nil
			}
		}
		app.Commands = append(app.Commands, command)
	}
	return app
}
