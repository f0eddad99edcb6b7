// Hello is what octo-tentacle's start-up is compared with: the least a Go program does.
package main

import "fmt"

func main() { fmt.Println("hello, world") }
