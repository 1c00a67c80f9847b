// Command harken is a Shared Signals receiver that polls transmitters, keeps what they say and acts on it.
//
// This package wires the others together: flags, the configuration file, signals and exit codes live here, and the demo,
// which runs the ordinary daemon between a transmitter and an application of its own.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// version is set by the build (-ldflags "-X main.version=…").
var version = "unreleased"

// commands is the command line.
type commands struct {
	Init        initCommand    `cmd:"" help:"Make the data folder and the master key, and print a one-time code for the first administrator."`
	Serve       serveCommand   `cmd:"" help:"Run the daemon."`
	Demo        demoCommand    `cmd:"" help:"Run everything on this machine, with a transmitter and an application to act on. Needs nothing."`
	CheckConfig configCommand  `cmd:"" help:"Read the configuration file and say everything that is wrong with it."`
	Check       checkCommand   `cmd:"" help:"Prove every index of the data against its records. The daemon must not be running."`
	Version     versionCommand `cmd:"" help:"Print the version and what the front-end bundle holds."`
}

// streams are where commands write; tests replace them.
type streams struct {
	out, err io.Writer
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// From the first signal on, a second one ends the process at once: it is as safe as kill -9.
	context.AfterFunc(ctx, stop)
	code := run(ctx, os.Args[1:], streams{out: os.Stdout, err: os.Stderr})
	stop()
	os.Exit(code)
}

// run executes one command line and returns the exit code.
func run(ctx context.Context, args []string, io streams) int {
	var cmd commands
	exited := -1
	parser, err := kong.New(&cmd, kong.Name("harken"),
		kong.Description("A Shared Signals receiver that needs no inbound port."),
		kong.Writers(io.out, io.err), kong.Exit(func(code int) { exited = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(io))
	if err != nil {
		fmt.Fprintln(io.err, "harken:", err)
		return exitSoftware
	}
	parsed, err := parser.Parse(args)
	if exited >= 0 { // --help printed what was asked for
		return exited
	}
	if err != nil {
		fmt.Fprintf(io.err, "harken: %v\nTry 'harken --help'.\n", err)
		return exitUsage
	}
	if err := parsed.Run(); err != nil {
		fmt.Fprintln(io.err, "harken:", err)
		return exitCode(err)
	}
	return 0
}

// exitCode returns the code that belongs to an error of a command.
func exitCode(err error) int {
	var e *exitError
	if errors.As(err, &e) {
		return e.code
	}
	return exitSoftware
}
