package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/mattn/go-colorable"
	"github.com/mattn/go-isatty"
	"github.com/urfave/cli/v2"

	"github.com/brandpulse/brandpulse-connect/internal/demo"
)

func demoCommand() *cli.Command {
	return &cli.Command{
		Name:  "demo",
		Usage: "Run the whole path on this machine: generator, Kafka, windows, InfluxDB",
		Description: `
Starts an embedded Kafka and a real InfluxDB on free local ports, runs the
shipped generate.yaml and ingest.yaml between them, shows what is generated and
what is stored, here and on a dashboard, and compares the two at the end: exit
code 0 if they are equal, 1 if not. It needs nothing but Go, which builds InfluxDB the first time.

Ctrl-C stops the generator, and the rest is stored; Ctrl-C again ends at once. Its
files are in the folder for temporary files (TMPDIR) and are removed at the end. If
the demo fails, the logs are kept.

   brandpulse-connect demo --count 5000000 --rate 0
   brandpulse-connect demo --count 0 --mode volatile    # to look at the dashboard
   brandpulse-connect demo --exact
   brandpulse-connect demo --kafka localhost:9092 --influxdb-url http://localhost:8086 --influxdb-org me`[1:],
		Flags: []cli.Flag{
			&cli.Int64Flag{Name: "count", Value: 1_000_000, Usage: "tweets to generate; 0 goes on until Ctrl-C"},
			&cli.Float64Flag{Name: "rate", Value: 50_000, Usage: "tweets a second; 0 is as fast as it goes"},
			&cli.StringFlag{Name: "mode", Value: "fixed", Usage: "sentiment mix: fixed (50/30/20) or volatile"},
			&cli.Int64Flag{Name: "seed", Usage: "the same seed gives the same tweets, timestamps apart; 0 draws one"},
			&cli.BoolFlag{Name: "exact", Usage: "read with exact.yaml, by whole RecordBatches, and kill the ingest three times on the way"},
			&cli.BoolFlag{Name: "keep", Usage: "leave Kafka and InfluxDB running at the end, until Ctrl-C"},
			&cli.BoolFlag{Name: "dashboard", Value: true, Usage: "serve the dashboard as long as the demo runs, at its usual port or, if that is taken, a free one; --dashboard=false leaves it out"},
			&cli.StringFlag{Name: "kafka", Usage: "`BROKERS` of your own Kafka, separated by commas; the demo creates its topics there"},
			&cli.StringFlag{Name: "influxdb-url", Usage: "`URL` of your own InfluxDB, 1.8 or 2.x; the demo creates a bucket there"},
			&cli.StringFlag{Name: "influxdb-org", Value: "brandpulse", Usage: "organisation in your own InfluxDB 2.x"},
			&cli.StringFlag{Name: "influxdb-token", EnvVars: []string{"INFLUXDB_TOKEN"}, Usage: "token for your own InfluxDB that may create buckets; user:password for 1.8"},
		},
		Action: runDemo,
	}
}

func runDemo(c *cli.Context) error {
	if c.Args().Present() {
		return fmt.Errorf("demo takes no arguments, and got %q", c.Args().Slice())
	}
	binary, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program: %w", err)
	}
	ctx, cancel := context.WithCancel(c.Context)
	defer cancel()
	equal, err := demo.Run(ctx, interrupts(cancel), demo.Options{
		Count:        c.Int64("count"),
		Rate:         c.Float64("rate"),
		Mode:         c.String("mode"),
		Seed:         c.Int64("seed"),
		Exact:        c.Bool("exact"),
		Keep:         c.Bool("keep"),
		Dashboard:    c.Bool("dashboard"),
		KafkaBrokers: c.String("kafka"),
		Influx: demo.InfluxOptions{
			URL:   c.String("influxdb-url"),
			Org:   c.String("influxdb-org"),
			Token: c.String("influxdb-token"),
		},
		Binary:   binary,
		Terminal: isatty.IsTerminal(os.Stdout.Fd()) || isatty.IsCygwinTerminal(os.Stdout.Fd()),
		Out:      colorable.NewColorableStdout(),
	})
	if err != nil {
		return err
	}
	if !equal {
		return cli.Exit("InfluxDB does not hold what Kafka holds", 1)
	}
	return nil
}

// interrupts closes the channel on the first signal and cancels on the second. Closing
// the terminal counts as both.
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
