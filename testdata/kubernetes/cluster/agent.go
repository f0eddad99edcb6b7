//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"strings"
)

// startAgent does what the start of the agent's container does with the program "tentacle", which
// call runs (OctopusTentacle, docker/kubernetes-agent-tentacle/scripts/configure-and-run.sh). As
// there, a call that fails ends the start.
func startAgent(ctx context.Context, env map[string]string, registered func(context.Context) (bool, error), call func(context.Context, ...string) error, log io.Writer) error {
	is, err := registered(ctx)
	if err != nil {
		return &exitError{1, err.Error()}
	}
	calls := installation(env)
	if is {
		fmt.Fprintln(log, "The agent is registered.")
		calls = append(trust(env), pollingProxy(env))
	}
	for _, arguments := range append(calls, []string{"agent", "--instance", instance, "--noninteractive"}) {
		if err := call(ctx, arguments...); err != nil {
			return err
		}
	}
	return nil
}

const instance = "Tentacle"

// installation is the start of an agent that is not registered yet.
func installation(env map[string]string) [][]string {
	home := "{pod}" + env["TentacleHome"]
	calls := [][]string{
		{"migrate-preinstalled-k8s-config", "--source-config-map-name", "tentacle-config-pre", "--source-secret-name", "tentacle-secret-pre",
			"--destination-config-map-name", "tentacle-config", "--destination-secret-name", "tentacle-secret"},
		{"create-instance", "--instance", instance, "--config", home + "/tentacle.config", "--home", home},
		{"configure", "--instance", instance, "--app", "{pod}" + env["TentacleApplications"]},
		{"configure", "--instance", instance, "--noListen", "True"},
		{"new-certificate", "--instance", instance, "--if-blank"},
		pollingProxy(env),
		registration(env),
	}
	return append(calls, trust(env)...)
}

func registration(env map[string]string) []string {
	call := []string{"register-k8s-target"}
	if env["WorkerEnabled"] == "true" {
		call = []string{"register-k8s-worker"}
		call = append(call, each("--workerpool", env["WorkerPools"])...)
	} else {
		call = append(call, each("--environment", env["TargetEnvironment"])...)
		call = append(call, each("--role", env["TargetRole"])...)
		if namespace := env["DefaultNamespace"]; namespace != "" {
			call = append(call, "--default-namespace", namespace)
		}
	}
	call = append(call, "--instance", instance, "--server", env["ServerUrl"], "--space", env["Space"], "--policy", env["MachinePolicy"])
	if name := env["AgentName"]; name != "" {
		call = append(call, "--name", name)
	}
	first, _ := addresses(env)
	call = append(call, "--comms-style", "TentacleActive", "--server-comms-address", first)
	if subscription := env["ServerSubscriptionId"]; subscription != "" {
		call = append(call, "--server-subscription-id", subscription)
	}
	return append(call, "--apiKey", env["ServerApiKey"])
}

// trust makes the list of what is polled again from the variables.
func trust(env map[string]string) [][]string {
	first, rest := addresses(env)
	calls := [][]string{{"clear-trusted-servers", "--instance", instance, "--keep", first}}
	for _, address := range rest {
		calls = append(calls, []string{"poll-server", "--reuse-server-thumbprint", "--instance", instance,
			"--server", env["ServerUrl"], "--apiKey", env["ServerApiKey"], "--server-comms-address", address})
	}
	return calls
}

// addresses are the one that is kept and those that are added to it.
func addresses(env map[string]string) (first string, rest []string) {
	if list := env["ServerCommsAddresses"]; list != "" {
		rest = strings.Split(list, ",")
	}
	if first = env["ServerCommsAddress"]; first == "" && len(rest) > 0 {
		first, rest = rest[0], rest[1:]
	}
	return first, rest
}

func pollingProxy(env map[string]string) []string {
	call := []string{"polling-proxy", "--instance", instance}
	if env["TentaclePollingProxyHost"] == "" {
		return append(call, "--proxyEnable", "false")
	}
	return append(call, "--proxyEnable", "true", "--proxyHost", env["TentaclePollingProxyHost"], "--proxyPort", env["TentaclePollingProxyPort"],
		"--proxyUsername", env["TentaclePollingProxyUsername"], "--proxyPassword", env["TentaclePollingProxyPassword"])
}

// each is an option once for each part of a list with commas.
func each(option, list string) (arguments []string) {
	for value := range strings.SplitSeq(list, ",") {
		if value != "" {
			arguments = append(arguments, option, value)
		}
	}
	return arguments
}
