//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	authentication "k8s.io/api/authentication/v1"
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// runContainer does what a container does until it ends: the agent's starts as its image starts it
// and then waits, one whose command is "sleep N" sleeps, one of a known image runs its program, and
// any other runs until it is stopped. ready is called when it is.
func (p *pod) runContainer(ctx context.Context, c *v1.Container, log io.Writer, ready func()) error {
	env, err := p.environment(ctx, c)
	if err != nil {
		return &exitError{1, err.Error()}
	}
	arguments := slices.Concat(c.Command, c.Args)
	program, known := p.images[c.Image]
	switch {
	case env["OCTOPUS__K8STENTACLE__NAMESPACE"] != "" && len(arguments) == 0:
		if err := p.hinder(ctx, log); err != nil {
			return err
		}
		t := &pretendedTentacle{pod: p, log: log}
		call := t.call
		if known {
			call = func(ctx context.Context, arguments ...string) error {
				if arguments[0] == "agent" {
					return t.call(ctx, arguments...)
				}
				return p.execute(ctx, log, env, program, arguments...)
			}
		}
		if err := startAgent(ctx, env, t.registered, call, log); err != nil {
			return err
		}
	case known:
		return p.execute(ctx, log, env, program, arguments...)
	case len(arguments) == 2 && arguments[0] == "sleep":
		ready()
		seconds, err := strconv.ParseFloat(arguments[1], 64)
		if err != nil {
			return &exitError{1, err.Error()}
		}
		return wait(ctx, time.Duration(seconds*float64(time.Second)))
	}
	ready()
	<-ctx.Done()
	return ctx.Err()
}

// What hinders the agents of a namespace from starting, as annotations of the namespace.
const (
	failsAnnotation = "cluster/start-fails" // the last line of the log
	delayAnnotation = "cluster/start-delay"
)

func (p *pod) hinder(ctx context.Context, log io.Writer) error {
	namespace, err := p.client.CoreV1().Namespaces().Get(ctx, p.spec.Namespace, metav1.GetOptions{})
	if err != nil {
		return err
	}
	if delay, err := time.ParseDuration(namespace.Annotations[delayAnnotation]); err == nil {
		if err := wait(ctx, delay); err != nil {
			return err
		}
	}
	if text := namespace.Annotations[failsAnnotation]; text != "" {
		fmt.Fprintln(log, text)
		return &exitError{1, text}
	}
	return nil
}

// environment is what a container's variables are, those from a Secret or of the pod included.
func (p *pod) environment(ctx context.Context, c *v1.Container) (map[string]string, error) {
	env := map[string]string{}
	for _, e := range c.Env {
		env[e.Name] = e.Value
		switch from := e.ValueFrom; {
		case from == nil:
		case from.SecretKeyRef != nil:
			secret, err := p.client.CoreV1().Secrets(p.spec.Namespace).Get(ctx, from.SecretKeyRef.Name, metav1.GetOptions{})
			if err != nil {
				return nil, err
			}
			env[e.Name] = string(secret.Data[from.SecretKeyRef.Key])
		case from.FieldRef != nil && from.FieldRef.FieldPath == "metadata.namespace":
			env[e.Name] = p.spec.Namespace
		default:
			return nil, fmt.Errorf("the source of variable %s is not known here", e.Name)
		}
	}
	return env, nil
}

// execute runs a program as in a container of this pod: with its variables and, at the usual
// place, its service account.
func (p *pod) execute(ctx context.Context, log io.Writer, env map[string]string, program string, arguments ...string) error {
	folder := filepath.Join(p.folder, "pods", string(p.spec.UID))
	if err := p.mountAccount(ctx, filepath.Join(folder, accountFolder)); err != nil {
		return &exitError{1, err.Error()}
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, self, slices.Concat([]string{insideCommand, folder, p.spec.Name, program}, arguments)...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + folder,
		"TentacleMachineConfigurationHomeDirectory=" + filepath.Join(folder, "index"),
		"KUBERNETES_SERVICE_HOST=127.0.0.1", fmt.Sprintf("KUBERNETES_SERVICE_PORT=%d", p.port),
	}
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+strings.ReplaceAll(value, "{pod}", folder))
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWUTS, Pdeathsig: syscall.SIGKILL}
	if uid, gid := os.Geteuid(), os.Getegid(); uid != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: uid, Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: gid, Size: 1}}
	}
	runtime.LockOSThread() // Pdeathsig is about the thread
	defer runtime.UnlockOSThread()
	err = cmd.Run()
	if exit, is := errors.AsType[*exec.ExitError](err); is {
		return &exitError{exit.ExitCode(), fmt.Sprintf("%s ended with %d", arguments[0], exit.ExitCode())}
	}
	return err
}

// mountAccount writes what the kubelet mounts of a pod's service account.
func (p *pod) mountAccount(ctx context.Context, folder string) error {
	account := p.spec.Spec.ServiceAccountName
	token, err := p.client.CoreV1().ServiceAccounts(p.spec.Namespace).CreateToken(ctx, account, &authentication.TokenRequest{
		Spec: authentication.TokenRequestSpec{BoundObjectRef: &authentication.BoundObjectReference{
			APIVersion: "v1", Kind: "Pod", Name: p.spec.Name, UID: p.spec.UID,
		}},
	}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	authority, err := os.ReadFile(p.authority)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	for name, content := range map[string][]byte{"token": []byte(token.Status.Token), "ca.crt": authority, "namespace": []byte(p.spec.Namespace)} {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

const (
	insideCommand = "inside"          // how this program calls itself, for inside
	accountFolder = "service-account" // in the folder of a pod
)

// inside becomes a program of a container whose files are in a folder. It has namespaces of its
// own: its host is the pod, and an empty /run hides that of this host, such as its systemd.
func inside(folder, host string, command []string) error {
	account := "/run/secrets/kubernetes.io/serviceaccount"
	if err := syscall.Sethostname([]byte(host)); err != nil {
		return fmt.Errorf("host name: %w", err)
	}
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("mount namespace: %w", err)
	}
	if err := syscall.Mount("tmpfs", "/run", "tmpfs", 0, ""); err != nil {
		return fmt.Errorf("mount /run: %w", err)
	}
	if err := os.MkdirAll(account, 0o755); err != nil {
		return err
	}
	if err := syscall.Mount(filepath.Join(folder, accountFolder), account, "", syscall.MS_BIND, ""); err != nil {
		return fmt.Errorf("mount %s: %w", account, err)
	}
	if err := os.Chdir(folder); err != nil {
		return err
	}
	return syscall.Exec(command[0], command, os.Environ())
}
