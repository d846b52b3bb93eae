package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/cheggaaa/pb/v3/termutil"
	"github.com/mattn/go-colorable"
	"github.com/mattn/go-isatty"
	"github.com/urfave/cli/v2"

	"github.com/brandpulse/brandpulse-connect/internal/demo"
)

func demoCommand() *cli.Command {
	return &cli.Command{
		Name:  "demo",
		Usage: "Run all of it here: generator, Kafka, pipelines, InfluxDB",
		Description: `
Starts an embedded Kafka and a real InfluxDB on free local ports, and runs the
shipped generate.yaml and exact.yaml between them. Progress is shown here and on
a dashboard. At the end it compares the contents of Kafka and InfluxDB: exit code
0 if they are equal, 1 if not, or if the demo fails. It needs only Go, with which
the first run builds InfluxDB 1.8: one to two minutes on two cores, once its
modules are downloaded.

Ctrl-C stops the generator; the tweets in Kafka are still stored and compared. A
second Ctrl-C ends the demo at once. Its files are in the temporary folder
(TMPDIR) and are removed at the end. If the demo fails, it keeps the logs.

   brandpulse-connect demo --count 5000000 --rate 0
   brandpulse-connect demo --count 0 --mode volatile  # watch the dashboard
   brandpulse-connect demo --crash                    # kill the ingest 3 times
   brandpulse-connect demo --spike                    # the ingest falls behind
   brandpulse-connect demo --keep                     # keep its servers running
   brandpulse-connect demo --kafka localhost:9092 --influxdb-url http://localhost:8086`[1:],
		Flags: []cli.Flag{
			&cli.Int64Flag{Name: "count", Value: 1_000_000, Usage: "tweets to generate; 0 means until Ctrl-C"},
			&cli.Float64Flag{Name: "rate", Value: 50_000, Usage: "tweets per second; 0 means as fast as possible"},
			&cli.StringFlag{Name: "mode", Value: "fixed", Usage: "sentiment mix: fixed (50/30/20) or volatile"},
			&cli.Int64Flag{Name: "seed", Usage: "the same seed gives the same tweets, except for timestamps; 0 picks one at random"},
			&cli.BoolFlag{Name: "crash", Usage: "kill the ingest (SIGKILL) three times during the run"},
			&cli.BoolFlag{Name: "stock", Usage: "read with ingest.yaml, which has Benthos's own Kafka input, instead of exact.yaml"},
			&cli.BoolFlag{Name: "spike", Usage: "replay spike.yaml against an ingest that is limited to 20,000 tweets/s: its lag grows and drains, and a second instance is started"},
			&cli.Float64Flag{Name: "speed", Value: 10, Usage: "how much faster --spike is than the 14 minutes of spike.yaml, from 1 to 40; the rates stay"},
			&cli.StringFlag{Name: "picture", Usage: "`FILE.svg` for a picture of --spike: the rates of edge and inside, the lag, the memory"},
			&cli.BoolFlag{Name: "keep", Usage: "afterwards keep Kafka, InfluxDB, the ingest and the dashboard running until Ctrl-C, on the usual ports (9092, 8086) if these are free"},
			&cli.BoolFlag{Name: "dashboard", Value: true, Usage: "serve the dashboard, on its usual port or, if that is taken, a free one, and store a sample of texts for it"},
			&cli.StringFlag{Name: "kafka", Usage: "`BROKERS` of your own Kafka, separated by commas; the demo creates its topics there"},
			&cli.StringFlag{Name: "influxdb-url", Usage: "`URL` of your own InfluxDB, 1.8 or 2.x; the demo creates a bucket there"},
			&cli.StringFlag{Name: "influxdb-org", Value: "brandpulse", Usage: "organisation in your own InfluxDB 2.x"},
			&cli.StringFlag{Name: "influxdb-token", EnvVars: []string{"INFLUXDB_TOKEN"}, Usage: "token for your own InfluxDB that may create buckets; user:password for 1.8"},
		},
		OnUsageError: usageError,
		Action:       runDemo,
	}
}

func runDemo(c *cli.Context) error {
	if value := c.Args().First(); value == "true" || value == "false" {
		return fmt.Errorf("demo takes no arguments, got %q. The value of a switch needs an equals sign, as in --dashboard=%s", c.Args().Slice(), value)
	}
	if c.Args().Present() {
		return fmt.Errorf("demo takes no arguments, got %q", c.Args().Slice())
	}
	for _, flag := range []string{"count", "rate"} {
		if c.Bool("spike") && c.IsSet(flag) {
			return fmt.Errorf("--%s has no effect on --spike, which has the rates of spike.yaml: leave it out", flag)
		}
	}
	if c.IsSet("speed") && !c.Bool("spike") {
		return errors.New("--speed is that of --spike: add --spike, or leave it out")
	}
	binary, err := os.Executable()
	if err != nil {
		return fmt.Errorf("locating this program: %w", err)
	}
	ctx, cancel := context.WithCancel(c.Context)
	defer cancel()
	equal, err := demo.Run(ctx, interrupts(cancel), demo.Options{
		Count:        c.Int64("count"),
		Rate:         c.Float64("rate"),
		Mode:         c.String("mode"),
		Seed:         c.Int64("seed"),
		Crash:        c.Bool("crash"),
		Stock:        c.Bool("stock"),
		Keep:         c.Bool("keep"),
		Spike:        c.Bool("spike"),
		Speed:        c.Float64("speed"),
		Picture:      c.String("picture"),
		Dashboard:    c.Bool("dashboard"),
		KafkaBrokers: c.String("kafka"),
		Influx: demo.InfluxOptions{
			URL:   c.String("influxdb-url"),
			Org:   c.String("influxdb-org"),
			Token: c.String("influxdb-token"),
		},
		Binary:   binary,
		Name:     os.Args[0],
		Terminal: isatty.IsTerminal(os.Stdout.Fd()) || isatty.IsCygwinTerminal(os.Stdout.Fd()),
		Width:    terminalWidth,
		Out:      untilClosed(colorable.NewColorableStdout(), cancel),
	})
	switch {
	case errors.Is(err, demo.ErrInterrupted):
		return cli.Exit("", 1)
	case err != nil:
		return err
	case !equal:
		return cli.Exit("InfluxDB does not hold what Kafka holds", 1)
	}
	return nil
}

// terminalWidth returns the width of the terminal, 80 if there is none.
func terminalWidth() int {
	if width, err := termutil.TerminalWidth(); err == nil && width > 0 {
		return width
	}
	return 80
}

// interrupts returns a channel that is closed on the first signal, and cancels on the
// second. Closing the terminal counts as both.
func interrupts(cancel context.CancelFunc) <-chan struct{} {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	stop := make(chan struct{})
	go func() {
		first := <-signals
		close(stop)
		if first != syscall.SIGHUP {
			<-signals
		}
		cancel()
	}()
	return stop
}

// untilClosed returns a writer that cancels when out fails, for instance when
// `| head` has read enough. SIGPIPE would end the process at once, and leave its files
// behind.
func untilClosed(out io.Writer, cancel context.CancelFunc) io.Writer {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) // never read: Write returns the error
	return writerFunc(func(p []byte) (int, error) {
		n, err := out.Write(p)
		if err != nil {
			cancel()
		}
		return n, err
	})
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
