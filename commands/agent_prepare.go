package commands

import (
	"strings"

	"github.com/octo-tentacle/octo-tentacle/commands/suggest"
	"github.com/octo-tentacle/octo-tentacle/kubernetes"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"go.yaml.in/yaml/v3"
)

// officialChart is where the chart of that name comes from
// (docs/kubernetes/targets/kubernetes-agent of OctopusDeploy/docs).
const officialChart = "oci://registry-1.docker.io/octopusdeploy/kubernetes-agent"

// prepared is what is left to do when the ConfigMap is prepared: what rollOut would do, as steps of
// others. Each list that follows another one has its first address, and the other way round: so the
// pods of two steps that follow each other keep the agent's identity, whichever of them starts, and
// however often, and so does a rollback of a step.
func (p *outsidePlace) prepared() *prepared {
	if len(p.plan.stages) == 0 {
		if !p.plan.restart {
			return nil
		}
		return &prepared{Then: p.tentacle.Restart(), Further: []preparedStep{}}
	}
	a := p.agent
	single := a.Environment().One != ""
	left := &prepared{
		Further: []preparedStep{}, rollout: p.tentacle.Kubectl("rollout", "status", "deployment/"+a.Deployment.Meta.Name),
		owner: a.Owner, unsafe: !tentacleconfig.ContainsAddress(eachStored(p.lists.environment), stored(p.plan.stages[0][0])),
	}
	upgrades := a.Release != nil && a.Owner == "" // an owner would undo what helm does
	if upgrades {
		left.exact = a.Release.Chart == "kubernetes-agent"
		if a.AppliedByHelm() {
			left.force = a.SetByOthers()
		}
	}
	for i, list := range p.plan.stages {
		step := preparedStep{Values: valuesOf(list, single)}
		if upgrades {
			var options []string
			if single {
				options = append(options, "--set=agent.serverCommsAddress=")
			}
			if i == 0 && len(left.force) > 0 {
				options = append(options, "--force-conflicts")
			}
			if len(p.plan.stages) > 1 {
				options = append(options, "--wait")
			}
			step.Helm = helmUpgrade(p.tentacle, a.Release, list, options)
		}
		if i == 0 {
			left.preparedStep = step
		} else {
			left.Further = append(left.Further, step)
		}
	}
	return left
}

// valuesOf are the values of the chart with which an agent polls these addresses, in YAML.
func valuesOf(addresses []string, single bool) string {
	var values strings.Builder
	values.WriteString("agent:\n")
	if single {
		values.WriteString("  serverCommsAddress: \"\"\n")
	}
	values.WriteString("  serverCommsAddresses:\n")
	for _, address := range addresses {
		item, _ := yaml.Marshal([]string{address}) // a list of one text can always be written
		values.WriteString("    " + string(item))
	}
	return values.String()
}

// helmUpgrade is the command line that gives an agent other addresses, and changes nothing else: of
// the installed version of the chart, since another one may lack values that are reused.
func helmUpgrade(t suggest.Tentacle, r *kubernetes.Release, addresses, options []string) string {
	chart := "CHART"
	if r.Chart == "kubernetes-agent" {
		chart = officialChart
	}
	options = append([]string{"--reuse-values", "--set=agent.serverCommsAddresses={" + strings.Join(addresses, ",") + "}"}, options...)
	return t.Helm(r.Namespace, []string{"upgrade", r.Name, chart, "--version=" + r.ChartVersion}, options...)
}
