package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/mattn/go-isatty"
	"github.com/urfave/cli/v2"

	"github.com/brandpulse/brandpulse-connect/internal/audit"
	"github.com/brandpulse/brandpulse-connect/internal/memory"
)

// Names of flags.
const (
	flagBrokers       = "brokers"
	flagTopic         = "topic"
	flagGroup         = "group"
	flagDeadTopic     = "dead-topic"
	flagInfluxURL     = "influxdb-url"
	flagInfluxOrg     = "influxdb-org"
	flagInfluxBucket  = "influxdb-bucket"
	flagInfluxToken   = "influxdb-token"
	flagMeasurement   = "measurement"
	flagCoverage      = "coverage-measurement"
	flagMessage       = "message"
	flagEmit          = "emit"
	flagWindow        = "window"
	flagResolution    = "resolution"
	flagMaxPartitions = "max-partitions"
	flagIdentity      = "identity"
	flagEncoding      = "encoding"
	flagSchema        = "schema"
	flagFrom          = "from"
	flagTo            = "to"
	flagToEnd         = "to-end"
	flagQuick         = "quick"
	flagJSON          = "json"
	flagExplain       = "explain"
	flagMaxCounts     = "max-counts"
)

func auditCommand() *cli.Command {
	return withFinding(&cli.Command{
		Name:      "audit",
		Usage:     "Check that InfluxDB holds what Kafka holds",
		ArgsUsage: "[PIPELINE.yaml]",
		Description: `
Reads the topic and the measurement of a pipeline, with code that the pipeline does
not share, and compares the number of tweets per second, brand and sentiment. For
each difference it names the partition and the base offset of the record batch.

The pipeline may keep running: the audit accepts tweets that it has not committed
yet, whether they are stored or not. It only reads.

The settings come from the pipeline's configuration, with environment variables
filled in as for a run, or from the shipped exact.yaml if none is named. Each flag
replaces one setting.

Exit code 0: equal; 1: different; 2: could not be determined, or wrong usage, with
the reason.

   brandpulse-connect audit
   brandpulse-connect audit config/ingest.yaml --from -1h
   brandpulse-connect audit --quick
   brandpulse-connect audit my.yaml --json --to-end`[1:],
		Flags:  auditFlags(),
		Action: runAudit,
	})
}

func auditFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: flagQuick, Usage: "check only the coverage points of record batches: that they cover each partition without gaps and agree with the counts; reads no tweets"},
		&cli.StringFlag{Name: flagFrom, Usage: "compare tweets from this `TIME`: 2026-01-31T12:00:00Z, or -2h for two hours ago"},
		&cli.StringFlag{Name: flagTo, Usage: "compare tweets before this `TIME`"},
		&cli.BoolFlag{Name: flagToEnd, Usage: "require that everything in Kafka is stored, not only committed tweets: for a pipeline that has read to the end"},
		&cli.BoolFlag{Name: flagJSON, Usage: "print the result as JSON"},
		&cli.IntFlag{Name: flagExplain, Value: audit.DefaultMaxExplained, Usage: "number of differences to list and explain"},
		&cli.IntFlag{Name: flagMaxCounts, Value: audit.DefaultMaxCounts, Usage: "number of counts (of a second, brand and sentiment) to hold in memory, about 100 bytes each"},

		&cli.StringFlag{Name: flagBrokers, Category: "Kafka", Usage: "`ADDRESSES` of brokers, separated by commas"},
		&cli.StringFlag{Name: flagTopic, Category: "Kafka", Usage: "topic of the tweets"},
		&cli.StringFlag{Name: flagGroup, Category: "Kafka", Usage: "consumer group of the pipeline"},
		&cli.StringFlag{Name: flagDeadTopic, Category: "Kafka", Usage: "topic of the dead letters, which has the points that InfluxDB rejected"},

		&cli.StringFlag{Name: flagInfluxURL, Category: "InfluxDB", Usage: "address of InfluxDB"},
		&cli.StringFlag{Name: flagInfluxOrg, Category: "InfluxDB", Usage: "organisation, in 2.x"},
		&cli.StringFlag{Name: flagInfluxBucket, Category: "InfluxDB", Usage: "bucket; in 1.x DATABASE or DATABASE/POLICY"},
		&cli.StringFlag{Name: flagInfluxToken, Category: "InfluxDB", Usage: "token that may read the bucket; user:password in 1.x. Prefer the environment variable INFLUXDB_TOKEN: other users can see flags"},

		&cli.StringFlag{Name: flagMeasurement, Category: "Points, as in sentiment_window", Usage: "measurement of the counts"},
		&cli.StringFlag{Name: flagCoverage, Category: "Points, as in sentiment_window", Usage: "measurement of the coverage points"},
		&cli.StringFlag{Name: flagMessage, Category: "Points, as in sentiment_window", Usage: "record or record_batch"},
		&cli.StringFlag{Name: flagEmit, Category: "Points, as in sentiment_window", Usage: "windows or tweets"},
		&cli.DurationFlag{Name: flagWindow, Category: "Points, as in sentiment_window", DefaultText: "the pipeline's", Usage: "length of a window"},
		&cli.DurationFlag{Name: flagResolution, Category: "Points, as in sentiment_window", DefaultText: "the pipeline's", Usage: "resolution, with emit: tweets"},
		&cli.IntFlag{Name: flagMaxPartitions, Category: "Points, as in sentiment_window", DefaultText: "the pipeline's", Usage: "max_partitions"},
		&cli.StringFlag{Name: flagIdentity, Category: "Points, as in sentiment_window", Usage: "timestamp or source"},
		&cli.StringFlag{Name: flagEncoding, Category: "Points, as in sentiment_window", Usage: "avro, avro_single_object, avro_confluent or json"},
		&cli.StringSliceFlag{Name: flagSchema, Category: "Points, as in sentiment_window", Usage: "`FILE` of an Avro schema that tweets are written with; may be repeated"},
	}
}

func runAudit(c *cli.Context) error {
	pipeline, err := auditArguments(c)
	if err != nil {
		return err
	}
	// The program's soft limit is meant for pipelines: an audit that holds more would
	// spend its time collecting garbage. Without that limit, its percentage would let the
	// heap grow to five times its live size.
	memory.Set(math.MaxInt64, 100)
	ctx, stop := signal.NotifyContext(c.Context, os.Interrupt, syscall.SIGTERM)
	defer stop()
	report, err := auditOnce(ctx, c, pipeline)
	switch {
	case ctx.Err() != nil:
		return errors.New("interrupted")
	case err != nil:
		return fmt.Errorf("could not be determined: %w", err)
	}
	if err := printReport(os.Stdout, report, c.Bool(flagJSON)); err != nil {
		return fmt.Errorf("printing the result: %w", err)
	}
	if report.Outcome() != audit.Equal {
		return errFinding
	}
	return nil
}

// auditArguments returns the pipeline's file, empty if none is named. The parser
// treats everything after it as arguments, so flags among them are set here.
func auditArguments(c *cli.Context) (pipeline string, err error) {
	rest := c.Args().Slice()
	for len(rest) > 0 {
		if !strings.HasPrefix(rest[0], "-") {
			if pipeline != "" {
				return "", fmt.Errorf("audit takes one pipeline, got %q and %q", pipeline, rest[0])
			}
			pipeline, rest = rest[0], rest[1:]
			continue
		}
		set := flag.NewFlagSet("audit", flag.ContinueOnError)
		set.SetOutput(io.Discard)
		for _, f := range auditFlags() {
			if err := f.Apply(set); err != nil {
				return "", err
			}
		}
		if err := set.Parse(rest); err != nil {
			return "", usageError(c, err, false)
		}
		var errs []error
		set.Visit(func(f *flag.Flag) { errs = append(errs, c.Set(f.Name, f.Value.String())) })
		if err := errors.Join(errs...); err != nil {
			return "", err
		}
		rest = set.Args()
	}
	return pipeline, nil
}

// result is the report of a full or a quick audit.
type result interface {
	Outcome() audit.Verdict
	WriteText(io.Writer) error
}

func auditOnce(ctx context.Context, c *cli.Context, pipeline string) (result, error) {
	s, err := auditSettingsFrom(c, pipeline)
	if err != nil {
		return nil, err
	}
	from, to, err := auditTimes(c)
	if err != nil {
		return nil, err
	}
	sides, err := s.open(ctx, c.Bool(flagQuick))
	if err != nil {
		return nil, err
	}
	defer sides.close()
	options, err := s.options(ctx, sides, from, to)
	if err != nil {
		return nil, err
	}
	options.ToEnd = c.Bool(flagToEnd)
	options.MaxCounts, options.MaxExplained = c.Int(flagMaxCounts), c.Int(flagExplain)
	progress := newAuditProgress(isatty.IsTerminal(os.Stderr.Fd()) || isatty.IsCygwinTerminal(os.Stderr.Fd()))
	defer progress.end()
	options.Progress = progress.show

	a, err := audit.New(sides.log, sides.store, s.refused(), sides.rule, options)
	if err != nil {
		return nil, err
	}
	if c.Bool(flagQuick) {
		report, err := a.Quick(ctx)
		if err != nil {
			return nil, s.explained(ctx, err)
		}
		report.Kafka, report.InfluxDB, report.Measurement = s.where(options.ToEnd)
		return report, nil
	}
	report, err := a.Run(ctx)
	if err != nil {
		return nil, s.explained(ctx, err)
	}
	report.Kafka, report.InfluxDB, report.Measurement = s.where(options.ToEnd)
	return report, nil
}
