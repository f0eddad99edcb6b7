package commands

import (
	"runtime/debug"
	"testing"
)

func TestAProgramKnowsTheCommitThatGoBuiltItFrom(t *testing.T) {
	t.Parallel()
	repository := []debug.BuildSetting{
		{Key: "-trimpath", Value: "true"},
		{Key: "vcs", Value: "git"},
		{Key: "vcs.revision", Value: "aac4e986f3fcdaa401a6bb055f6a523c51d3c44a"},
		{Key: "vcs.time", Value: "2026-11-27T01:24:54Z"},
		{Key: "vcs.modified", Value: "true"},
	}
	if commit, date := commitOf(repository); commit != "aac4e986f3fcdaa401a6bb055f6a523c51d3c44a" || date != "2026-11-27T01:24:54Z" {
		t.Errorf("in a repository: %q of %q", commit, date)
	}
	if commit, date := commitOf(repository[:1]); commit != "" || date != "" {
		t.Errorf("of a module: %q of %q", commit, date)
	}
}
