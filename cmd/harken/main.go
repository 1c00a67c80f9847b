// Command harken is a Shared Signals receiver that polls transmitters, keeps what they say and acts on it.
package main

import (
	"fmt"
	"os"
)

// version is set by the build (-ldflags "-X main.version=…").
var version = "unreleased"

func main() {
	fmt.Fprintln(os.Stderr, "harken", version)
	os.Exit(2)
}
