package commands_test

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/commands"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"golang.org/x/sys/unix"
)

// Shells at a terminal, in which keys are pressed. A key of ours makes the shell write its command
// line into a pipe, and empties it.

const (
	tab      = "\t"
	left     = "\x02" // the cursor, in all shells
	showLine = "\x18\x10"
)

// completionSetups are the ways to load the scripts: by a line in the shell's own file, and from
// where packages install them.
var completionSetups = []struct {
	name    string
	shell   string
	needs   string            // a file
	command []string          // the interactive shell
	files   map[string]string // in its home; SCRIPT stands for the output of octo-tentacle completion
	broken  string            // a command that makes the program vanish
}{
	{"bash", "bash", "", []string{"bash", "--noprofile", "--rcfile", ".bashrc", "-i"}, map[string]string{
		".bashrc": bashKey + `eval "$(octo-tentacle completion bash)"; alias ot=octo-tentacle; complete -o nospace -F _octo_tentacle ot`,
	}, "PATH=/nowhere"},
	{"bash-completion", "bash-completion", "/usr/share/bash-completion/bash_completion", []string{"bash", "--noprofile", "--rcfile", ".bashrc", "-i"}, map[string]string{
		".bashrc": bashKey + ". /usr/share/bash-completion/bash_completion",
		".local/share/bash-completion/completions/octo-tentacle": "SCRIPT bash",
	}, "PATH=/nowhere"},
	{"zsh", "zsh", "", []string{"zsh", "-d", "-i"}, map[string]string{
		".zshrc": zshKey + `eval "$(octo-tentacle completion zsh)"`,
	}, "PATH=/nowhere"},
	{"zsh-fpath", "zsh", "", []string{"zsh", "-d", "-i"}, map[string]string{
		".zshrc":                   zshKey + "fpath=($HOME/functions $fpath); autoload -Uz compinit && compinit -u -D",
		"functions/_octo-tentacle": "SCRIPT zsh",
	}, "PATH=/nowhere"},
	{"fish", "fish", "", []string{"fish", "-i"}, map[string]string{
		".config/fish/config.fish": fishKey + "octo-tentacle completion fish | source",
	}, "set PATH /nowhere"},
	{"fish-completions", "fish", "", []string{"fish", "-i"}, map[string]string{
		".config/fish/config.fish":                    fishKey,
		".config/fish/completions/octo-tentacle.fish": "SCRIPT fish",
	}, "set PATH /nowhere"},
}

const (
	bashKey = `PS1='> '; unset HISTFILE
bind 'set enable-bracketed-paste off'; bind 'set bell-style none'
bind -x '"\C-x\C-p": printf "%s\n" "$READLINE_LINE" >$SHOWN; READLINE_LINE= READLINE_POINT=0'
`
	zshKey = `PS1='> '; unset zle_bracketed_paste; setopt no_beep no_auto_menu; bindkey -e
alias ot=octo-tentacle; show-line() { print -r -- $BUFFER >$SHOWN; BUFFER= }; zle -N show-line; bindkey '^X^P' show-line
`
	fishKey = `alias ot octo-tentacle; function fish_prompt; echo '> '; end; function fish_greeting; end
function show_line; printf '%s\n' (commandline) >$SHOWN; commandline -r ''; end; bind \cx\cp show_line
`
)

// What Tab makes of a line, in a folder with some files and on a machine with some instances.
var completionsByTab = []struct {
	typed string
	want  string            // "" if nothing changes
	in    map[string]string // by shell, where that has a way of its own
}{
	{"octo-tentacle list-serv", "octo-tentacle list-servers ", nil},
	{"octo-tentacle list-", "", nil},
	{"octo-tentacle no-such", "", nil},
	{"./octo-tentacle list-serv", "./octo-tentacle list-servers ", nil},
	{"~/bin/octo-tentacle list-serv", "~/bin/octo-tentacle list-servers ", nil},
	{"no-such-folder/octo-tentacle list-serv", "no-such-folder/octo-tentacle list-servers ", nil},
	{"true; octo-tentacle list-serv", "true; octo-tentacle list-servers ", nil},
	{"A=1 octo-tentacle list-serv", "A=1 octo-tentacle list-servers ", nil},

	// Options, in any case and spelling.
	{"octo-tentacle check --form", "octo-tentacle check --format=", nil},
	{"octo-tentacle check --FORM", "octo-tentacle check --FORMat=", nil},
	{"octo-tentacle check -form", "octo-tentacle check -format=", nil},
	{"octo-tentacle check /form", "octo-tentacle check /format:", nil},
	{"octo-tentacle check --qui", "octo-tentacle check --quiet ", nil},
	{"octo-tentacle check --no-such", "", nil},
	{"octo-tentacle check --form x" + left + left, "octo-tentacle check --format= x", nil},

	// Values, with the characters at which bash splits a word.
	{"octo-tentacle check --format=j", "octo-tentacle check --format=json ", nil},
	{"octo-tentacle check --FORMAT=j", "octo-tentacle check --FORMAT=json ", nil},
	{"octo-tentacle check --format j", "octo-tentacle check --format json ", nil},
	{"octo-tentacle check --format:j", "octo-tentacle check --format:json ", nil},
	{"octo-tentacle check /format:j", "octo-tentacle check /format:json ", nil},
	{"octo-tentacle check '--format=j", "octo-tentacle check '--format=json' ", nil},
	{"octo-tentacle remove-server https://octo1", "octo-tentacle remove-server https://octo1:10943 ", nil},
	{"octo-tentacle remove-server --server-comms-address=https:", "octo-tentacle remove-server --server-comms-address=https://octo", nil},
	{"octo-tentacle remove-server --server-comms-address=https://octo1:10943,https://octo2",
		"octo-tentacle remove-server --server-comms-address=https://octo1:10943,https://octo2:10943 ", nil},

	// Contexts, often USER@CLUSTER, and their namespaces; at @, bash also thinks of hosts.
	{"octo-tentacle check --context=", "octo-tentacle check --context=admin@", nil},
	{"octo-tentacle check --context=admin@e", "octo-tentacle check --context=admin@europe ", nil},
	{"octo-tentacle check --context admin@e", "octo-tentacle check --context admin@europe ", nil},
	{"octo-tentacle check '--context=admin@e", "octo-tentacle check '--context=admin@europe' ", nil},
	{"octo-tentacle check --context=admin@europe,admin@a", "octo-tentacle check --context=admin@europe,admin@asia ", nil},
	{"octo-tentacle check --namespace=octopus-", "octo-tentacle check --namespace=octopus-agent ", nil},
	{"octo-tentacle check --context=admin@asia --namespace ", "octo-tentacle check --context=admin@asia --namespace apps ", nil},

	// Values with blanks and quotes.
	{"octo-tentacle check --instance=My", `octo-tentacle check --instance=My\ Instance `, nil},
	{"octo-tentacle check --instance My", `octo-tentacle check --instance My\ Instance `, nil},
	{`octo-tentacle check --instance=My\ `, `octo-tentacle check --instance=My\ Instance `, nil},
	{`octo-tentacle check '--instance=B`, `octo-tentacle check '--instance=Bob'\''s' `, map[string]string{"fish": `octo-tentacle check '--instance=Bob\'s' `}},
	{`octo-tentacle check --instance="My`, `octo-tentacle check --instance="My Instance" `, map[string]string{"zsh": `octo-tentacle check --instance=My\ Instance `}},

	// Files and folders, and none where words belong.
	{"octo-tentacle check --config=my", `octo-tentacle check --config=my\ file.yaml `, nil},
	{"octo-tentacle check --config my", `octo-tentacle check --config my\ file.yaml `, nil},
	{"octo-tentacle check /config:my", `octo-tentacle check /config:my\ file.yaml `, nil},
	{`octo-tentacle check --config="my`, `octo-tentacle check --config="my file.yaml" `, map[string]string{"zsh": `octo-tentacle check --config=my\ file.yaml `}},
	{`octo-tentacle check --config=it`, `octo-tentacle check --config=it\'s.yaml `, nil},
	{"octo-tentacle check --config=at@h", "octo-tentacle check --config=at@home.yaml ", map[string]string{"bash": `octo-tentacle check --config=at\@home.yaml `}},
	{"octo-tentacle check --config=fold", `octo-tentacle check --config=folder\ one/`, nil},
	{`octo-tentacle check --config=folder\ one/`, `octo-tentacle check --config=folder\ one/inside.yaml `, nil},
	{"octo-tentacle check --config ~/at-h", "octo-tentacle check --config ~/at-home.yaml ", nil},
	{"octo-tentacle check --config=~/at-h", "octo-tentacle check --config=HOME/at-home.yaml ", map[string]string{
		"fish": "octo-tentacle check --config=~/at-h", // it never replaces what was typed
	}}, // elsewhere, the shell would not replace the ~
	{"octo-tentacle configure --app=fold", `octo-tentacle configure --app=folder\ one/`, nil},
	{"octo-tentacle configure --app=my", "", nil},
	{"octo-tentacle check my", "", nil},
	{"octo-tentacle check --quiet my", "", nil},
	{"octo-tentacle check 2>/dev/null --form", "octo-tentacle check 2>/dev/null --format=", nil},
	{"octo-tentacle check >my", `octo-tentacle check >my\ file.yaml `, nil},

	// A program that fails, or says something else, is silent.
	{"failing/octo-tentacle list-serv", "", nil},
	{"talking/octo-tentacle list-serv", "", nil},
}

func TestCompletionInTheShells(t *testing.T) {
	t.Parallel()
	commands.TriesEverything(t)
	for _, setup := range completionSetups {
		t.Run(setup.name, func(t *testing.T) {
			t.Parallel()
			s := startShell(t, setup.shell, setup.needs, setup.command, setup.files)
			for _, c := range completionsByTab {
				want := cmp.Or(c.in[setup.shell], c.want, c.typed)
				want = strings.ReplaceAll(want, "HOME", s.home)
				if got := s.lineAfter(t, c.typed+tab); got != want {
					t.Errorf("%s<Tab>\ngot  %s\nwant %s", c.typed, got, want)
				}
			}
			if setup.shell != "bash" { // which completes behind sudo with its package alone
				if got, want := s.lineAfter(t, "sudo octo-tentacle check --format=j"+tab), "sudo octo-tentacle check --format=json "; got != want {
					t.Errorf("got  %s\nwant %s", got, want)
				}
			}

			if setup.shell != "bash-completion" { // where the function is not loaded yet
				if got, want := s.lineAfter(t, "ot list-serv"+tab), "ot list-servers "; got != want {
					t.Errorf("an alias: got  %s\nwant %s", got, want)
				}
			}

			// Several candidates are listed, with what they are.
			s.press(t, "octo-tentacle list-"+tab+tab)
			s.waitFor(t, "list the backups of the configuration")
			s.lineAfter(t, "")

			s.press(t, setup.broken+"\r")
			s.lineAfter(t, "")
			if got := s.lineAfter(t, "octo-tentacle list-serv"+tab); got != "octo-tentacle list-serv" {
				t.Errorf("without the program: %s", got)
			}
			if strings.Contains(s.screen(), "oops") || strings.Contains(s.screen(), "not found") {
				t.Errorf("the shell shows an error:\n%s", s.screen())
			}
		})
	}
}

// shellAtTerminal is an interactive shell.
type shellAtTerminal struct {
	home     string
	terminal *os.File
	shown    *os.File // command lines
	lines    *bufio.Reader

	mu     sync.Mutex
	output strings.Builder
}

// startShell starts a shell in a folder with files, on a machine with two instances.
func startShell(t *testing.T, shell, needs string, command []string, files map[string]string) *shellAtTerminal {
	t.Helper()
	path, err := exec.LookPath(command[0])
	if err == nil && needs != "" {
		_, err = os.Stat(needs)
	}
	if err != nil {
		skipUnlessRequired(t, shell, err.Error())
	}
	s := &shellAtTerminal{home: t.TempDir()}
	program, err := exec.LookPath("octo-tentacle")
	if err != nil {
		t.Fatal(err)
	}
	in := func(name string) string { return filepath.Join(s.home, filepath.FromSlash(name)) }
	write := func(name, content string) {
		t.Helper()
		if err := errors.Join(os.MkdirAll(filepath.Dir(in(name)), 0o755), os.WriteFile(in(name), []byte(content), 0o755)); err != nil {
			t.Fatal(err)
		}
	}
	for name, content := range files {
		if of, is := strings.CutPrefix(content, "SCRIPT "); is {
			script, err := exec.Command(program, "completion", of).Output()
			if err != nil {
				t.Fatal(err)
			}
			content = string(script)
		}
		write(name, content+"\n")
	}
	for _, name := range []string{"at-home.yaml", "work/my file.yaml", "work/it's.yaml", "work/folder one/inside.yaml"} {
		write(name, "")
	}
	write("work/at@home.yaml", "")
	write(".kube/config", `{apiVersion: v1, kind: Config, contexts: [
{name: admin@europe, context: {cluster: europe, namespace: octopus-agent}},
{name: admin@asia, context: {cluster: asia, namespace: apps}}]}`)
	write("bin/sudo", "#!/bin/sh\nexec \"$@\"\n")
	write("work/failing/octo-tentacle", "#!/bin/sh\necho :words; echo list-servers; echo oops >&2; exit 3\n")
	write("work/talking/octo-tentacle", "#!/bin/sh\necho list-servers; echo oops >&2\n")
	var polled []tentacleconfig.TrustedServer
	for _, address := range []string{"https://octo1:10943", "https://octo2:10943"} {
		polled = append(polled, tentacleconfig.TrustedServer{Thumbprint: strings.Repeat("AB", 20), Style: tentacleconfig.StylePolling,
			Address: address, SubscriptionID: sceneSubscription})
	}
	s.shown = s.pipe(t, in("shown"))
	s.lines = bufio.NewReader(s.shown)
	if err := errors.Join(os.Symlink(program, in("work/octo-tentacle")), os.Symlink(program, in("bin/octo-tentacle")), writeMachineID(s.home),
		makeTentacle(in("instances"), "Tentacle", in("Tentacle.config"), polled),
		makeTentacle(in("instances"), "Bob's", in("his/Tentacle.config"), polled),
		makeTentacle(in("instances"), "My Instance", in("mine/Tentacle.config"), polled)); err != nil {
		t.Fatal(err)
	}

	cmd := exec.Command(path, command[1:]...)
	cmd.Args[0] = command[0]
	for i, argument := range cmd.Args {
		if argument == ".bashrc" {
			cmd.Args[i] = in(argument)
		}
	}
	cmd.Dir = in("work")
	cmd.Env = []string{"PATH=" + in("bin") + ":" + os.Getenv("PATH"), "HOME=" + s.home, "TERM=vt100", "LC_ALL=C.UTF-8", "INPUTRC=/dev/null", "SHOWN=" + in("shown"),
		"TentacleMachineConfigurationHomeDirectory=" + in("instances"), scriptMachine + "=" + s.home}
	s.start(t, cmd)
	s.waitUntilReady(t)
	return s
}

// pipe makes a pipe with a name. It is opened for both, so that it never ends.
func (s *shellAtTerminal) pipe(t *testing.T, name string) *os.File {
	t.Helper()
	if err := unix.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(name, os.O_RDWR|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return file
}

// start starts a program at a terminal of its own.
func (s *shellAtTerminal) start(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	fd := int(terminal.Fd())
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err = errors.Join(err, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0),
		unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 40, Col: 160})); err != nil {
		t.Fatal(err)
	}
	program, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = program, program, program
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	program.Close()
	s.terminal = terminal
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = io.Copy(s, terminal) // ends when the shell does
	}()
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
		terminal.Close()
		<-ended
	})
}

// Write takes what the terminal shows.
func (s *shellAtTerminal) Write(shown []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.output.Write(shown)
}

func (s *shellAtTerminal) screen() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.output.String()
}

func (s *shellAtTerminal) press(t *testing.T, keys string) {
	t.Helper()
	if _, err := s.terminal.WriteString(keys); err != nil {
		t.Fatal(err)
	}
}

// lineAfter is the command line after these keys. It is empty then.
func (s *shellAtTerminal) lineAfter(t *testing.T, keys string) string {
	t.Helper()
	s.press(t, keys+showLine)
	line, err := s.line(time.Minute)
	if err != nil {
		t.Fatalf("%q: %v; the terminal shows\n%s", keys, err, s.screen())
	}
	return line
}

func (s *shellAtTerminal) line(within time.Duration) (string, error) {
	if err := s.shown.SetReadDeadline(time.Now().Add(within)); err != nil {
		return "", err
	}
	line, err := s.lines.ReadString('\n')
	return strings.TrimSuffix(line, "\n"), err
}

// waitUntilReady waits until the shell reads keys: one that starts may forget what was typed
// before.
func (s *shellAtTerminal) waitUntilReady(t *testing.T) {
	t.Helper()
	for try := range 60 {
		asked := fmt.Sprintf("ready%d", try)
		s.press(t, asked+showLine)
		for {
			line, err := s.line(time.Second)
			if strings.HasSuffix(line, asked) {
				return
			}
			if err != nil {
				break
			}
		}
	}
	t.Fatalf("the shell does not start; the terminal shows\n%s", s.screen())
}

func (s *shellAtTerminal) waitFor(t *testing.T, text string) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !strings.Contains(s.screen(), text); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the terminal does not show %q:\n%s", text, s.screen())
		}
	}
}
