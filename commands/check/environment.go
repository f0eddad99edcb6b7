package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/commands/suggest"
	"github.com/octo-tentacle/octo-tentacle/service"
)

// TrustedServersVariable overrides the list of trusted servers.
const TrustedServersVariable = "TENTACLE_TRUSTED_SERVERS"

// overrides are the variables that override a setting (OctopusTentacle,
// MapsTentacleEnvironmentValuesToConfigItems.cs and MapsEnvironmentValuesToConfigItems.cs), those
// that high availability depends on first.
var overrides = []struct {
	name   string
	vital  bool // the trusted servers or the certificate: editing the file has no effect
	always bool // whatever contributeFlag says (HalibutInitializer.cs)
}{
	{name: TrustedServersVariable, vital: true},
	{name: "TENTACLE_CERTIFICATE", vital: true},
	{name: "TENTACLE_CERTIFICATE_THUMBPRINT", vital: true},
	{name: "TENTACLE_POLLING_USE_DEFAULT_PROXY"},
	{name: "TENTACLE_POLLING_CUSTOM_PROXY_HOST"},
	{name: "TENTACLE_POLLING_CUSTOM_PROXY_PORT"},
	{name: "TENTACLE_POLLING_CUSTOM_PROXY_USER"},
	{name: "TENTACLE_POLLING_CUSTOM_PROXY_PASSWORD"},
	{name: "TENTACLE_SERVICE_PORT"},
	{name: "TENTACLE_LISTEN_IP"},
	{name: "TENTACLE_NO_LISTEN"},
	{name: "TENTACLE_APPLICATION_DIRECTORY"},
	{name: "OCTOPUS_HOME"},
	{name: "TentaclePollingConnectionCount", always: true},
}

// contributeFlag makes a current Tentacle read settings from the environment. Without it the
// variables are ignored; older Tentacles always read them (OctopusTentacle,
// ApplicationConfigurationContributionFlag.cs).
const contributeFlag = "OCTOPUS_CONTRIBUTE_ENV_SETTINGS"

// Override is a variable of a service that a Tentacle may use instead of a setting.
type Override struct {
	Variable service.Variable
	Vital    bool // the trusted servers or the certificate
	Ignored  bool // by current Tentacles; older ones use it
}

// Overrides finds them among the variables of a service.
func Overrides(variables []service.Variable, goos string) (found []Override) {
	value := func(name string) (service.Variable, bool) {
		i := slices.IndexFunc(variables, func(v service.Variable) bool {
			return (v.Name == name || goos == "windows" && strings.EqualFold(v.Name, name)) && strings.TrimSpace(v.Value) != ""
		})
		if i < 0 {
			return service.Variable{}, false
		}
		return variables[i], true
	}
	flag, _ := value(contributeFlag)
	contributes := strings.EqualFold(strings.TrimSpace(flag.Value), "true")
	for _, o := range overrides {
		if v, set := value(o.name); set {
			found = append(found, Override{Variable: v, Vital: o.vital, Ignored: !contributes && !o.always})
		}
	}
	return found
}

// What says where the variable is set.
func (o Override) What() string {
	return fmt.Sprintf("%s is set %s", o.Variable.Name, sourceOf(o.Variable))
}

func (r *report) environment() {
	for _, o := range Overrides(r.Variables, r.Tentacle.GOOS) {
		how, fix := r.unset(o.Variable)
		switch {
		case o.Ignored:
			r.warning(idEnvironment, o.What(), "current Tentacles ignore it unless "+contributeFlag+"=true, but older ones use it instead of the setting in the file"+how, fix)
		case o.Vital:
			r.problem(idEnvironment, o.What(), "it overrides the setting in the file: editing the file has no effect"+how, fix)
		default:
			r.warning(idEnvironment, o.What(), "it overrides the setting in the file"+how, fix)
		}
	}
	if !r.found(idEnvironment) && r.ServiceErr == nil && r.Service.State != service.Absent && r.Service.State != service.Unmanaged {
		r.ok(idEnvironment, "no environment variable of the service overrides the file")
	}
}

func sourceOf(v service.Variable) string {
	switch v.Source {
	case service.SourceFile:
		return "for the service in " + v.File
	case service.SourceSystem:
		return "for every service on this machine"
	case service.SourceProcess:
		return "in the running Tentacle, although its service does not set it"
	}
	return "in the service's definition"
}

// unset is the command that removes a variable, and what to do where there is none: a unit of
// systemd has several files, and a person has to look which of them sets it.
func (r *report) unset(v service.Variable) (how, fix string) {
	switch {
	case r.windows() && v.Source == service.SourceSystem:
		return "", fmt.Sprintf(`[Environment]::SetEnvironmentVariable(%s, $null, 'Machine'); %s`, powerShell(v.Name), r.Tentacle.Restart())
	case r.windows():
		key := powerShell(`HKLM:\SYSTEM\CurrentControlSet\Services\` + r.Tentacle.Service)
		return "", fmt.Sprintf(`Set-ItemProperty %s Environment ([string[]]@((Get-ItemProperty %[1]s).Environment -notlike %s)); %s`, key, powerShell(v.Name+"=*"), r.Tentacle.Restart())
	case v.Source == service.SourceFile: // systemd.exec(5): blanks before a name do not count
		return "", fmt.Sprintf("sed -i '/^[[:space:]]*%s=/d' %s && %s", v.Name, suggest.Quote(r.Tentacle.GOOS, v.File), r.Tentacle.Restart())
	case v.Source == service.SourceProcess:
		return "", r.Tentacle.Restart()
	}
	unit := suggest.Quote(r.Tentacle.GOOS, r.Tentacle.Service+".service")
	return fmt.Sprintf("\nsystemctl cat %s shows the file that sets it: remove the line, then: systemctl daemon-reload && %s", unit, r.Tentacle.Restart()), ""
}

// powerShell is a text as PowerShell reads it. Only it has commands for the registry.
func powerShell(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
