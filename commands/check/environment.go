package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/commands/suggest"
	"github.com/octo-tentacle/octo-tentacle/service"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// TrustedServersVariable overrides the list of trusted servers.
const TrustedServersVariable = "TENTACLE_TRUSTED_SERVERS"

// overrides are the variables that override a setting (OctopusTentacle,
// MapsTentacleEnvironmentValuesToConfigItems.cs and MapsEnvironmentValuesToConfigItems.cs), those
// that high availability depends on first.
var overrides = []struct {
	name    string
	setting string // its key
	vital   bool   // the trusted servers or the certificate: editing the file has no effect
	always  bool   // whatever contributeFlag says (HalibutInitializer.cs)
}{
	{name: TrustedServersVariable, setting: tentacleconfig.KeyTrustedServers, vital: true},
	{name: "TENTACLE_CERTIFICATE", setting: tentacleconfig.KeyCertificate, vital: true},
	{name: "TENTACLE_CERTIFICATE_THUMBPRINT", setting: tentacleconfig.KeyThumbprint, vital: true},
	{name: "TENTACLE_POLLING_USE_DEFAULT_PROXY", setting: tentacleconfig.KeyUseDefaultProxy},
	{name: "TENTACLE_POLLING_CUSTOM_PROXY_HOST", setting: tentacleconfig.KeyProxyHost},
	{name: "TENTACLE_POLLING_CUSTOM_PROXY_PORT", setting: tentacleconfig.KeyProxyPort},
	{name: "TENTACLE_POLLING_CUSTOM_PROXY_USER", setting: tentacleconfig.KeyProxyUsername},
	{name: "TENTACLE_POLLING_CUSTOM_PROXY_PASSWORD", setting: tentacleconfig.KeyProxyPassword},
	{name: "TENTACLE_SERVICE_PORT", setting: tentacleconfig.KeyPort},
	{name: "TENTACLE_LISTEN_IP", setting: tentacleconfig.KeyListenIP},
	{name: "TENTACLE_NO_LISTEN", setting: tentacleconfig.KeyNoListen},
	{name: "TENTACLE_APPLICATION_DIRECTORY", setting: tentacleconfig.KeyApplicationDirectory},
	{name: "OCTOPUS_HOME", setting: tentacleconfig.KeyHome},
	{name: "OCTOPUS_USE_DEFAULT_PROXY", setting: "Octopus.Proxy.UseDefaultProxy"},
	{name: "OCTOPUS_PROXY_HOST", setting: "Octopus.Proxy.ProxyHost"},
	{name: "OCTOPUS_PROXY_PORT", setting: "Octopus.Proxy.ProxyPort"},
	{name: "OCTOPUS_PROXY_USER", setting: "Octopus.Proxy.ProxyUsername"},
	{name: "OCTOPUS_PROXY_PASSWORD", setting: "Octopus.Proxy.ProxyPassword"},
	{name: "TentaclePollingConnectionCount", setting: tentacleconfig.KeyPollingConnectionCount, always: true},
}

// contributeFlag makes a current Tentacle read settings from the environment. Without it the
// variables are ignored; older Tentacles always read them (OctopusTentacle,
// ApplicationConfigurationContributionFlag.cs).
const contributeFlag = "OCTOPUS_CONTRIBUTE_ENV_SETTINGS"

// Override is a variable of a service that a Tentacle may use instead of a setting.
type Override struct {
	Variable service.Variable
	Setting  string // the key of the setting
	Vital    bool   // the trusted servers or the certificate
	Ignored  bool   // by current Tentacles; older ones use it
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
			found = append(found, Override{Variable: v, Setting: o.setting, Vital: o.vital, Ignored: !contributes && !o.always})
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
	const notChecked = "it was not checked whether an environment variable overrides the file"
	switch {
	case r.VariablesErr != nil && r.ServiceErr == nil:
		r.skipped(idEnvironment, notChecked, strings.TrimSpace(r.VariablesErr.Error()+nextLine+hints(r.VariablesErr)))
	case r.found(idEnvironment) || r.Service.State == service.Absent || r.Service.State == service.Foreign:
	case r.Service.State == service.Unmanaged:
		r.skipped(idEnvironment, notChecked, watchElsewhere)
	case r.ServiceErr != nil:
		r.skipped(idEnvironment, notChecked, "first find out why the service could not be looked at")
	default:
		r.ok(idEnvironment, "no environment variable of the service overrides the file")
	}
}

func sourceOf(v service.Variable) string {
	switch {
	case v.Source == service.SourceSystem:
		return "for every service on this machine"
	case v.Source == service.SourceContainer:
		return "for the container"
	case v.Source == service.SourceProcess:
		return "in the running Tentacle, although its service does not set it"
	case len(v.Files) > 0:
		return "for the service in " + strings.Join(v.Files, " and ")
	}
	return "in the service's definition"
}

// unset is the command that keeps a variable from the service, and what it does where that is not
// plain. A unit of systemd has several files, perhaps of a package or for other services, too: they
// are left alone.
func (r *report) unset(v service.Variable) (how, fix string) {
	switch {
	case r.windows() && v.Source == service.SourceSystem:
		// Such a service has the variables that services.exe has (Microsoft KB 821761).
		return "; the command is for PowerShell, and a Tentacle that runs as LocalSystem keeps the variable until Windows is restarted", fmt.Sprintf(`[Environment]::SetEnvironmentVariable(%s, $null, 'Machine'); %s`, powerShell(v.Name), r.Tentacle.Restart())
	case r.windows():
		key := powerShell(`HKLM:\SYSTEM\CurrentControlSet\Services\` + r.Tentacle.Service)
		return "; the command is for PowerShell", fmt.Sprintf(`Set-ItemProperty %s Environment ([string[]]@((Get-ItemProperty %[1]s).Environment -notlike %s)); %s`, key, powerShell(v.Name+"=*"), r.Tentacle.Restart())
	case v.Source == service.SourceProcess:
		return "", r.Tentacle.Restart()
	}
	// systemd.exec(5): UnsetEnvironment= is applied last, whatever sets the variable.
	folder := "/etc/systemd/system/" + r.Tentacle.Service + ".service.d"
	quoted := func(path string) string { return suggest.Quote(r.Tentacle.GOOS, path) }
	return nextLine + "the fix makes systemd drop the variable for this service, and does not touch what sets it",
		fmt.Sprintf(`mkdir -p %s && printf '[Service]\nUnsetEnvironment=%s\n' > %s && systemctl daemon-reload && %s`,
			quoted(folder), v.Name, quoted(folder+"/unset-"+v.Name+".conf"), r.Tentacle.Restart())
}

// powerShell is a text as PowerShell reads it. Only it has commands for the registry.
func powerShell(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
