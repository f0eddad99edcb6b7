//go:build linux

// Cluster is a Kubernetes cluster for tests, in one process: etcd, kube-apiserver, the controllers
// of deployments, replica sets, namespaces and service accounts, and a node whose kubelet pretends
// to run containers. It needs no root, no container runtime and no network but loopback.
//
//	cluster [--image IMAGE=PROGRAM]… [--delay TIME] FOLDER
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
	"time"
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
	// That of a kubelet, 10 s, is too long for a start that is to succeed at last.
	delay := flag.Duration("delay", 250*time.Millisecond, "before a container that failed is started again, the first time")
	flag.Parse()
	if flag.NArg() != 1 {
		fail(errors.New("usage: cluster [--image IMAGE=PROGRAM]… [--delay TIME] FOLDER"))
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
	if err := serve(ctx, folder, images, *delay); err != nil {
		fail(err)
	}
}

// serve runs the cluster until ctx ends. Nothing is ended in order then: the data is thrown away.
func serve(ctx context.Context, folder string, images map[string]string, firstDelay time.Duration) error {
	control, err := startControlPlane(ctx, folder)
	if err != nil {
		return err
	}
	if err := startKubelet(ctx, control, images, firstDelay); err != nil {
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
