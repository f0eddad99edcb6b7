package commands

import (
	"cmp"
	"fmt"
	"runtime"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/commands/suggest"
	"github.com/octo-tentacle/octo-tentacle/kubernetes"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"go.yaml.in/yaml/v3"
)

// prepared is what is left to do after --prepare, for Helm or for a repository.
type prepared struct {
	Helm   string `json:"helm"`   // the complete command; "" where no release made the agent, or where its values stay
	Values string `json:"values"` // YAML to commit; "" where the values stay
	Then   string `json:"then"`   // what takes the change into use where the values stay; "" if Helm does

	force  []string // who has set the variables beside Helm
	unsafe bool     // a start of the present pod would undo the preparation
	exact  bool     // the chart is known
}

// officialChart is where the chart of that name comes from (docs/kubernetes/targets/kubernetes-agent
// of OctopusDeploy/docs).
const officialChart = "oci://registry-1.docker.io/octopusdeploy/kubernetes-agent"

func (p *outsidePlace) prepared() *prepared {
	if len(p.plan.stages) == 0 {
		if !p.plan.restart {
			return nil
		}
		return &prepared{Then: p.tentacle.Restart()}
	}
	a := p.agent
	single := a.Environment().One != ""
	var values strings.Builder
	values.WriteString("agent:\n")
	if single {
		values.WriteString("  serverCommsAddress: \"\"\n")
	}
	values.WriteString("  serverCommsAddresses:\n")
	for _, address := range p.plan.addresses {
		item, _ := yaml.Marshal([]string{address}) // a list of one text can always be written
		values.WriteString("    " + string(item))
	}
	left := &prepared{Values: values.String(), unsafe: !tentacleconfig.ContainsAddress(eachStored(p.lists.environment), p.plan.addresses[0])}
	if r := a.Release; r != nil {
		left.exact = r.Chart == "kubernetes-agent"
		if a.AppliedByHelm() {
			left.force = a.SetByOthers()
		}
		left.Helm = helmUpgrade(p.tentacle, r, p.plan.addresses, single, len(left.force) > 0)
	}
	return left
}

// helmUpgrade is the command line that gives an agent other addresses, and changes nothing else: of
// the installed version of the chart, since another one may lack values that are reused.
func helmUpgrade(t suggest.Tentacle, r *kubernetes.Release, addresses []string, single, force bool) string {
	chart := "CHART"
	if r.Chart == "kubernetes-agent" {
		chart = officialChart
	}
	words := []string{"helm", "upgrade", r.Name, chart, "--version=" + r.ChartVersion, "--namespace=" + r.Namespace}
	if t.Agent.Context != "" {
		words = append(words, "--kube-context="+t.Agent.Context)
	}
	if t.Agent.Kubeconfig != "" {
		words = append(words, "--kubeconfig="+t.Agent.Kubeconfig)
	}
	words = append(words, "--reuse-values", "--set=agent.serverCommsAddresses={"+strings.Join(addresses, ",")+"}")
	if single {
		words = append(words, "--set=agent.serverCommsAddress=")
	}
	if force {
		words = append(words, "--force-conflicts")
	}
	for i, word := range words {
		words[i] = suggest.Quote(cmp.Or(t.GOOS, runtime.GOOS), word)
	}
	return strings.Join(words, " ")
}

func (p *prepared) print(c *console, o *outcome) {
	indented := func(text string) {
		for line := range strings.Lines(text) {
			c.printf("  %s\n", strings.TrimSuffix(line, "\n"))
		}
	}
	switch {
	case o.DryRun:
		c.printf("%s\nWhat would be left to do then:\n", dryRunLine)
	case o.Changed:
		c.printf("Prepared: whichever pod starts now finds its first address in %s. What is left to do:\n", o.Configuration)
	default:
		c.printf("Prepared already. What is left to do:\n")
	}
	if p.Then != "" {
		indented(p.Then)
		return
	}
	if p.Helm != "" {
		indented(p.Helm)
		if !p.exact {
			c.printf("CHART is where this chart is installed from.\n")
		}
		if len(p.force) > 0 {
			c.printf("--force-conflicts (Helm 4) takes the addresses back from %s.\n", strings.Join(p.force, ", "))
		}
		c.printf("Or, where a repository has the values, commit these:\n")
	} else {
		c.printf("No Helm release made this agent; as values of the chart it is this:\n")
	}
	indented(p.Values)
	if p.unsafe {
		c.printf("%s\n", fmt.Sprintf("Do it soon: if the agent's pod starts before that, it drops what was prepared. Then %s first.", again))
	}
}
