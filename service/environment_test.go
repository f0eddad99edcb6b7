package service

import (
	"slices"
	"testing"
)

func TestADetachedRestartGetsNoSecretsOfTheScript(t *testing.T) {
	environment := []string{"=C:=C:\\x", "SystemRoot=C:\\Windows", "OCTOPUS_API_KEY=API-1", "Octopus_Access_Token=x", "https_proxy=http://u:p@h", "MY_PASSWORD=p", "AWS_SECRET_ACCESS_KEY=s", "GITHUB_PAT=x", "DB_PWD=x", "BASIC_AUTH=x", "ConnectionString=Server=db;Password=x", "PROGRAM_PASS=x", "ProgramData=C:\\ProgramData"}
	if got, want := withoutSecrets(environment), []string{"=C:=C:\\x", "SystemRoot=C:\\Windows", "ProgramData=C:\\ProgramData"}; !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}
