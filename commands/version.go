package commands

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/urfave/cli/v2"
)

// releaseVersion is set when a release is built:
//
//	go build -ldflags "-X github.com/octo-tentacle/octo-tentacle/commands.releaseVersion=1.2.3"
var releaseVersion string

// version is that of the release, else the module's as Go knows it, else that of a development
// build.
func version() string {
	if releaseVersion != "" {
		return releaseVersion
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		if v := strings.TrimPrefix(info.Main.Version, "v"); v != "" && v != "(devel)" {
			return v
		}
	}
	return "0.0.0-dev"
}

func userAgent() string {
	return fmt.Sprintf("octo-tentacle/%s (%s; %s)", version(), runtime.GOOS, runtime.GOARCH)
}

// versionInfo has the fields of the Tentacle CLI's `version --format=json`.
type versionInfo struct {
	InformationalVersion string
	MajorMinorPatch      string
	NuGetVersion         string
	SourceBranchName     string
	IsPrerelease         bool
}

func versionCommand(c *console) *cli.Command {
	var format string
	return &cli.Command{
		Name:     "version",
		Category: "Help",
		Usage:    "show the version of octo-tentacle",
		Description: `  octo-tentacle version
  octo-tentacle version --format=json`,
		Flags: []cli.Flag{formatFlag(&format)},
		Action: func(*cli.Context) error {
			if err := completeFormat(&format); err != nil {
				return err
			}
			v := version()
			if format == "text" {
				c.printf("%s\n", v)
				return nil
			}
			core, _, prerelease := strings.Cut(v, "-")
			core, _, _ = strings.Cut(core, "+")
			return c.printJSON(versionInfo{
				InformationalVersion: v,
				MajorMinorPatch:      core,
				NuGetVersion:         v,
				SourceBranchName:     "",
				IsPrerelease:         prerelease,
			})
		},
	}
}
