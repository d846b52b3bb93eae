package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/brandpulse/brandpulse-connect/config"
	"github.com/brandpulse/brandpulse-connect/internal/configlint"
	"github.com/brandpulse/brandpulse-connect/internal/doctor"
)

const (
	// doctorDeadline bounds a run, so that the command ends within ten seconds when a
	// network swallows packets, with the time that a busy machine needs to start it.
	doctorDeadline = 7 * time.Second
	// connectionsDeadline bounds the components' own tests. They run beside the checks,
	// and in a process that must start first.
	connectionsDeadline = 6 * time.Second
	// checkLimit bounds a check.
	checkLimit = 4 * time.Second
	// doctorPause is the time between two runs with --wait.
	doctorPause = time.Second
)

func doctorCommand() *cli.Command {
	return withFinding(&cli.Command{
		Name:      "doctor",
		Usage:     "Find out why a pipeline does not work, or will not",
		ArgsUsage: "[PIPELINE.yaml]",
		Description: `
Checks a pipeline's configuration, this machine, and the Kafka and InfluxDB that it
uses, in the order in which they depend on each other: the first failure is the one
to fix. It only reads, and takes at most ten seconds. The pipeline may keep running.

Each check is ok, a warning, failed, or skipped if the answer cannot be known, with
what was seen, what to do, and a link to more. Without a PIPELINE.yaml it checks the
shipped exact.yaml. It works for any pipeline of Benthos: components other than those
for Kafka and InfluxDB are checked by their own connection tests.

Exit code 0: no check failed; 1: a check failed; 2: no diagnosis, or wrong usage.

   brandpulse-connect doctor
   brandpulse-connect doctor my.yaml
   brandpulse-connect doctor --wait 60s my.yaml && brandpulse-connect run my.yaml
   brandpulse-connect doctor --offline my.yaml`[1:],
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: flagJSON, Usage: "print the result as JSON"},
			&cli.DurationFlag{Name: "wait", Usage: "repeat failed runs for this long, until no check fails"},
			&cli.BoolFlag{Name: "offline", Usage: "check only what needs no network: opens no socket"},
		},
		Action: runDoctor,
	})
}

func runDoctor(c *cli.Context) error {
	arguments, err := interspersed(c)
	switch {
	case err != nil:
		return err
	case len(arguments) > 1:
		return fmt.Errorf("doctor takes one pipeline, got %q", arguments)
	case c.Duration("wait") < 0:
		return fmt.Errorf("--wait is %s: it must not be negative", c.Duration("wait"))
	}
	file := ""
	if len(arguments) == 1 {
		file = arguments[0]
	}
	ctx, stop := signal.NotifyContext(c.Context, os.Interrupt, syscall.SIGTERM)
	defer stop()
	report, err := diagnose(ctx, file, c.Bool("offline"), c.Duration("wait"))
	switch {
	case ctx.Err() != nil:
		return errors.New("interrupted")
	case err != nil:
		return err
	}
	write := report.WriteText
	if c.Bool(flagJSON) {
		write = report.WriteJSON
	}
	if err := write(os.Stdout); err != nil {
		return fmt.Errorf("printing the result: %w", err)
	}
	if report.Outcome == doctor.StatusFailed {
		return errFinding
	}
	return nil
}

// diagnose returns the report of the first run without failures, or of the last one
// that begins within wait.
func diagnose(ctx context.Context, file string, offline bool, wait time.Duration) (*doctor.Report, error) {
	end := time.Now().Add(wait)
	cause := ""
	for {
		report, err := diagnoseOnce(ctx, file, offline)
		if err != nil || report.Outcome != doctor.StatusFailed || !time.Now().Add(doctorPause).Before(end) {
			return report, err
		}
		if report.Cause != cause {
			cause = report.Cause
			fmt.Fprintf(os.Stderr, "Waiting for %s.\n", cause)
		}
		select {
		case <-time.After(doctorPause):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func diagnoseOnce(ctx context.Context, file string, offline bool) (*doctor.Report, error) {
	name := file
	var text []byte
	var err error
	if file == "" {
		name = "the shipped exact.yaml"
		text, err = config.Files.ReadFile("exact.yaml")
	} else {
		text, err = os.ReadFile(file)
	}
	if err != nil {
		return nil, unread(err)
	}
	linter, err := configlint.New(schema(versionAndDate()), os.LookupEnv)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	p := &patient{name: name, text: text, linter: linter}
	p.examine()
	defer p.close()
	tested := make(chan []tested, 1)
	testing := !offline && p.runnable()
	limited, cancel := context.WithTimeout(ctx, connectionsDeadline)
	defer cancel()
	if testing {
		go func() { tested <- testConnections(limited, text) }()
	}
	watched := make(chan doctor.Finding, 1)
	if !offline {
		go func() { watched <- p.running(limited) }()
	}
	options := doctor.Options{Deadline: doctorDeadline, Limit: checkLimit, Offline: offline, Hide: linter.Hide(text)}
	report := doctor.Run(ctx, p.checks, options)
	if testing {
		report.Add(options, p.connections(<-tested, report))
	}
	if !offline {
		report.Add(options, []doctor.Result{bottleneck(<-watched, report)})
	}
	report.Seconds = time.Since(began).Seconds()
	return report, nil
}
