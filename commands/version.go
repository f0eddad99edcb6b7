package commands

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/urfave/cli/v2"
)

// What a release is, and of which commit, is set when it is built (.goreleaser.yaml):
//
//	go build -ldflags "-X github.com/octo-tentacle/octo-tentacle/commands.releaseVersion=1.2.3"
var (
	releaseVersion string
	releaseCommit  string
	releaseDate    string
)

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

// builtCommit is the commit that the program was built from, and its time in UTC: of a release,
// else what Go found in the repository that it built in. Go knows neither of a module that it has
// downloaded: both are empty then.
func builtCommit() (commit, date string) {
	if releaseCommit != "" {
		return releaseCommit, releaseDate
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		return commitOf(info.Settings)
	}
	return "", ""
}

// commitOf is the commit among the settings of a build.
func commitOf(settings []debug.BuildSetting) (commit, date string) {
	for _, setting := range settings {
		switch setting.Key {
		case "vcs.revision":
			commit = setting.Value
		case "vcs.time":
			date = setting.Value
		}
	}
	return commit, date
}

func userAgent() string {
	return fmt.Sprintf("octo-tentacle/%s (%s; %s)", version(), runtime.GOOS, runtime.GOARCH)
}

// versionInfo has the fields of the Tentacle CLI's `version --format=json`, and then those that it
// lacks.
type versionInfo struct {
	InformationalVersion string
	MajorMinorPatch      string
	NuGetVersion         string
	SourceBranchName     string
	IsPrerelease         bool
	Commit               string
	CommitDate           string
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
			commit, date := builtCommit()
			return c.printJSON(versionInfo{
				InformationalVersion: v,
				MajorMinorPatch:      core,
				NuGetVersion:         v,
				SourceBranchName:     "",
				IsPrerelease:         prerelease,
				Commit:               commit,
				CommitDate:           date,
			})
		},
	}
}
