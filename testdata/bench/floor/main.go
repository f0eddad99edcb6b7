// Floor shows how fast octo-tentacle can start at best. It links the libraries that
// octo-tentacle is built on and prints their names, which the bench shows in its rows. Add a
// library here when octo-tentacle imports another: that moves the floor.
package main

import (
	"fmt"
	"os"

	"github.com/beevik/etree"
	"github.com/fatih/color"
	"github.com/go-resty/resty/v2"
	"github.com/urfave/cli/v2"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

func main() {
	fmt.Println("cli+etree+resty+color+client-go")
	// Never, but the linker does not know that. It would leave out most of the libraries.
	if len(os.Args) > 1 {
		use(os.Args)
	}
}

func use(arguments []string) {
	document := etree.NewDocument()
	_ = document.ReadFromFile(arguments[1])
	_ = document.WriteToFile(arguments[1])
	_, _ = resty.New().R().Get(arguments[1])
	_ = (&cli.App{}).Run(arguments)
	color.Red(arguments[1])
	kubernetes, _ := clientcmd.BuildConfigFromFlags("", arguments[1])
	_, _ = rest.HTTPClientFor(kubernetes)
}
