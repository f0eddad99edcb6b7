package commands

import (
	_ "embed" // for the scripts
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"
)

// The scripts that shells load. They hand the words up to the cursor to the hidden command
// __complete, and show what it answers.
var (
	//go:embed completion.bash
	completionBash string
	//go:embed completion.zsh
	completionZsh string
	//go:embed completion.fish
	completionFish string
	//go:embed completion.ps1
	completionPowerShell string
)

// completionShells are the shells, in the order in which help lists them.
var completionShells = []string{"bash", "zsh", "fish", "powershell"}

func completionCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:      "completion",
		Category:  "Help",
		Usage:     "print what completes command lines in a shell",
		ArgsUsage: "SHELL",
		Description: `Prints the script for bash, zsh, fish or powershell. Loaded by the shell, it completes
commands, options in any spelling, and values: instances, addresses, files. The
packages for Linux have installed it.

For you, in the file that the shell runs when it starts:
  ~/.bashrc     eval "$(octo-tentacle completion bash)"
  ~/.zshrc      eval "$(octo-tentacle completion zsh)"
  config.fish   octo-tentacle completion fish | source
  $PROFILE      octo-tentacle completion powershell | Out-String |
                Invoke-Expression

For all users, once, as root (bash needs its package bash-completion):
  octo-tentacle completion bash > /etc/bash_completion.d/octo-tentacle
  octo-tentacle completion zsh \
    > /usr/local/share/zsh/site-functions/_octo-tentacle
  octo-tentacle completion fish \
    > /etc/fish/completions/octo-tentacle.fish`,
		Action: func(ctx *cli.Context) error {
			script, err := completionScript(ctx.Args().Slice())
			if err != nil {
				return err
			}
			_, err = io.WriteString(c.out, script)
			return err
		},
	}
}

// completionScript is the script for the one shell that is named.
func completionScript(shells []string) (string, error) {
	if len(shells) != 1 {
		return "", fmt.Errorf("completion needs one shell: %s", oneOf(completionShells))
	}
	switch strings.ToLower(shells[0]) {
	case "bash":
		return completionBash, nil
	case "zsh":
		return completionZsh, nil
	case "fish":
		return completionFish, nil
	case "powershell", "pwsh":
		return completionPowerShell, nil
	}
	return "", fmt.Errorf("there is no completion for %q: use %s", shells[0], oneOf(completionShells))
}
