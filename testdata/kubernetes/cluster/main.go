//go:build linux

// Cluster is a Kubernetes cluster for tests, in one process: etcd, kube-apiserver, the controllers
// of deployments, replica sets, namespaces and service accounts, and a node whose kubelet pretends
// to run containers. It needs no root, no container runtime and no network but loopback.
//
//	cluster [--image IMAGE=PROGRAM]… FOLDER
//
// It prints the path of a kubeconfig when its API is ready, and ends on a signal or when its
// standard input ends: with the test that started it, however that ended. Containers of an IMAGE
// run PROGRAM. The FOLDER has the data and the log.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
)

func main() {
	if len(os.Args) > 4 && os.Args[1] == insideCommand {
		fail(inside(os.Args[2], os.Args[3], os.Args[4:]))
	}
	images := map[string]string{}
	flag.Func("image", "`IMAGE=PROGRAM`: what containers of this image run", func(value string) error {
		image, program, found := strings.Cut(value, "=")
		if !found {
			return errors.New("has no =")
		}
		images[image] = program
		return nil
	})
	flag.Parse()
	if flag.NArg() != 1 {
		fail(errors.New("usage: cluster [--image IMAGE=PROGRAM]… FOLDER"))
	}
	folder, err := filepath.Abs(flag.Arg(0))
	if err != nil {
		fail(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	if err := serve(ctx, folder, images); err != nil {
		fail(err)
	}
}

// serve runs the cluster until ctx ends. Nothing is ended in order then: the data is thrown away.
func serve(ctx context.Context, folder string, images map[string]string) error {
	control, err := startControlPlane(ctx, folder)
	if err != nil {
		return err
	}
	if err := startKubelet(ctx, control, images); err != nil {
		return err
	}
	fmt.Println(control.kubeconfig)
	<-ctx.Done()
	return nil
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "cluster:", err)
	os.Exit(1)
}
