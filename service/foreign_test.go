package service

import "testing"

func TestAServiceThatRunsNoTentacleIsRecognised(t *testing.T) {
	own := Definition{Program: "/opt/octopus/tentacle/Tentacle", Instance: "web"}.Text("linux")
	for text, want := range map[string]string{
		own: "",
		"[Unit]\nDescription=My precious web shop\n[Service]\nExecStart=/bin/sleep infinity\n": "/bin/sleep infinity",
		"[Service]\nExecStart=\nExecStart=/usr/bin/caddy run \\\n --config /etc/caddy\n":       "/usr/bin/caddy run   --config /etc/caddy",
		"[Unit]\nDescription=Our Tentacle\n[Service]\nExecStart=/srv/start.sh\n":               "",
		"[Service]\nExecStart=/usr/bin/nice -n 5 /opt/octopus/tentacle/Tentacle agent\n":       "",
		"[Service]\nExecStart=\"/opt/My Agent/agent\" run --instance=web\n":                    "",
		"[Service]\nExecStart=/srv/start-tentacle.sh\n":                                        "",
		"[Service]\nExecStart=/opt/octopus/tentacle/up.sh\n":                                   "",
		"[Service]\nExecStart=/bin/sh -c \"cd /srv; exec '/opt/agent/Tentacle' run\"\n":        "",
		"[Service]\nExecStart=/usr/bin/shop --log=/var/log/tentacle/shop.log\n":                "/usr/bin/shop --log=/var/log/tentacle/shop.log",
		"[Unit]\nDescription=nothing that starts\n":                                            "",
	} {
		if got := foreignUnit(text); got != want {
			t.Errorf("%s\nruns %q, not %q", text, got, want)
		}
	}
	for _, c := range []struct {
		description string
		commands    [][]string
		want        string
	}{
		{"nothing that starts", nil, ""},
		{"My precious web shop", [][]string{{"/bin/true"}, {"/bin/sleep", "infinity"}}, "/bin/sleep infinity"},
		{"Our Tentacle", [][]string{{"/srv/start.sh"}}, ""},
		{"web.service", [][]string{{"/bin/true"}, {"/opt/agent/agent", "run", "--instance=web"}, {"/bin/true"}}, ""},
		{"web.service", [][]string{{"/usr/bin/dotnet", "/opt/agent/Tentacle.dll", "agent"}}, ""},
		{"web.service", [][]string{{"/bin/bash", "-c", "umask 27 && /opt/agent/Tentacle run --instance web"}}, ""},
		{"web.service", [][]string{{"/bin/bash", "-c", "umask 27 && exec shop --instance web"}}, "/bin/bash -c umask 27 && exec shop --instance web"},
	} {
		if got := foreignCommand(c.description, c.commands); got != c.want {
			t.Errorf("%s of %q runs %q, not %q", c.commands, c.description, got, c.want)
		}
	}
	for _, c := range []struct{ name, commandLine, want string }{
		{"OctopusDeploy Tentacle: web", `C:\nssm\nssm.exe`, ""},
		{"agent", `"C:\Program Files\Octopus Deploy\Tentacle\Tentacle.exe" run --instance="web"`, ""},
		{"agent", `C:\nssm\nssm.exe`, `C:\nssm\nssm.exe`},
		{"Spooler", `C:\Windows\System32\spoolsv.exe`, `C:\Windows\System32\spoolsv.exe`},
	} {
		if got := foreignService(c.name, c.commandLine); got != c.want {
			t.Errorf("%s with %s runs %q", c.name, c.commandLine, got)
		}
	}
}
