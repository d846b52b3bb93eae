package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/brandpulse/brandpulse-connect/internal/deadletter"
	"github.com/brandpulse/brandpulse-connect/internal/deadletter/fix"
	"github.com/brandpulse/brandpulse-connect/internal/deadletter/settle"
	"github.com/brandpulse/brandpulse-connect/internal/kafka/topicname"
)

const (
	flagDryRun = "dry-run"
	flagYes    = "yes"
	flagMax    = "max"
	flagRate   = "rate"
	flagWhy    = "why"
	flagAll    = "all"

	flagFix        = "fix"
	flagMaxReplays = "max-replays"
	flagParking    = "parking-topic"
)

func settleFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: flagDryRun, Usage: "only say what would be done"},
		&cli.BoolFlag{Name: flagYes, Usage: "do not ask"},
		&cli.Int64Flag{Name: flagMax, Usage: "at most this `NUMBER` of letters; 0 means all"},
		&cli.Int64Flag{Name: flagRate, Usage: "at most this `NUMBER` of letters per second; 0 means as fast as possible"},
	}
}

func dlqReplayCommand() *cli.Command {
	return &cli.Command{
		Name:  "replay",
		Usage: "Write the records of dead letters to their topic again",
		Description: `
Writes the record of each selected letter to its topic again, with its key, headers
and timestamp, in its partition. Each is written once, however often the command is
run, killed, or started twice: a mark in the topic DEAD_TOPIC_marks is written in the
same transaction. Readers of the topic that must not see a record of a replay that
was killed need isolation level read_committed; the inputs of the shipped pipelines
have it.

--fix changes each record before it is written: a Bloblang mapping, or a file with
one, that sees the value as content, the headers as metadata and the key as @kafka_key.
What it changes in the first letters is shown before anything is written.

The header dlq_replays of a replayed record counts its replays. With --max-replays, a
letter whose record was replayed that often is moved to the topic DEAD_TOPIC_parked.

Points that InfluxDB rejected are written to the bucket of --pipeline, of the flags or
of INFLUXDB_URL, INFLUXDB_BUCKET, INFLUXDB_ORG and INFLUXDB_TOKEN, by the same protocol
as far as InfluxDB allows: after a replay that was killed, the same line is written again.

   brandpulse-connect dlq replay --reason undecodable --dry-run
   brandpulse-connect dlq replay --reason undecodable --since -24h --rate 1000
   brandpulse-connect dlq replay --reason out_of_bounds --fix 'root = this
     root.timestamp = this.timestamp * 1000'
   brandpulse-connect dlq replay --dead-topic orders.DLT --topic orders --yes`[1:],
		Flags: slices.Concat(dlqSource(), settleFlags(), []cli.Flag{
			&cli.StringFlag{Name: flagFix, Usage: "Bloblang `MAPPING`, or a file with one, that changes each record; --dry-run shows how"},
			&cli.Int64Flag{Name: flagMaxReplays, Usage: "park letters of records that were replayed this `NUMBER` of times; 0 means no limit"},
			&cli.StringFlag{Name: flagParking, DefaultText: "DEAD_TOPIC_parked", Usage: "`TOPIC` of parked letters, created if it is missing"},
		}, dlqInflux(), dlqFilter()),
		OnUsageError: usageError,
		Action:       func(c *cli.Context) error { return runSettle(c, replaying) },
	}
}

func dlqDropCommand() *cli.Command {
	return &cli.Command{
		Name:  "drop",
		Usage: "Settle dead letters without replaying them",
		Description: `
Marks each selected letter as dropped, so that it is no longer listed and never
replayed. The letter itself stays in its topic until its retention ends.

   brandpulse-connect dlq drop --reason out_of_bounds --why 'test data'`[1:],
		Flags: slices.Concat(dlqSource(), settleFlags(), []cli.Flag{
			&cli.StringFlag{Name: flagWhy, Usage: "`REASON` to keep with the marks; required"},
		}, dlqFilter()),
		OnUsageError: usageError,
		Action:       func(c *cli.Context) error { return runSettle(c, dropping) },
	}
}

// maxSettledBytes bounds the records of a transaction.
const maxSettledBytes = 16 << 20

// settling is replaying or dropping.
type settling string

const (
	replaying settling = "replay"
	dropping  settling = "drop"
)

func runSettle(c *cli.Context, what settling) error {
	if c.Args().Present() {
		return fmt.Errorf("dlq %s takes no arguments, got %q. Letters are selected by flags", what, c.Args().Slice())
	}
	if what == dropping && c.String(flagWhy) == "" {
		return fmt.Errorf("dlq drop needs the reason, which is kept with the marks: --%s 'test data'", flagWhy)
	}
	for _, name := range []string{flagMax, flagRate, flagMaxReplays} {
		if c.Int64(name) < 0 {
			return fmt.Errorf("--%s is %d: it must be 1 or more, or 0 for no limit", name, c.Int64(name))
		}
	}
	filter, err := letterFilter(c)
	if err != nil {
		return err
	}
	fixing, err := fixMapping(c.String(flagFix))
	if err != nil {
		return err
	}
	ctx, stop := interruptible(c)
	defer stop()
	topic, err := openDLQ(ctx, c)
	if err != nil {
		return err
	}
	defer topic.Close()
	s := &settler{
		topic: topic, what: what, filter: filter, max: c.Int64(flagMax), rate: c.Int64(flagRate), why: c.String(flagWhy),
		fix: fixing, maxReplays: c.Int64(flagMaxReplays), parking: c.String(flagParking),
	}
	defer s.close()
	if what == replaying {
		if s.points, err = openPoints(c, topic.pipeline); err != nil {
			return err
		}
	}
	if s.parking == "" {
		s.parking = topic.name + "_parked"
	}
	if s.maxReplays > 0 && (!topicname.Valid(s.parking) || s.parking == topic.name) {
		return fmt.Errorf("parked letters cannot be in the topic %q: it must be another than %s, and have %s. Name one with --%s", s.parking, topic.name, topicname.Allowed, flagParking)
	}
	done, err := settle.Settled(ctx, topic.options, topic.name)
	if err != nil {
		return err
	}
	plan, err := s.plan(ctx, done)
	if err != nil {
		return err
	}
	fmt.Fprint(c.App.Writer, plan.text(s))
	if plan.letters == 0 || c.Bool(flagDryRun) {
		return nil
	}
	if !c.Bool(flagYes) {
		if err := confirmed(ctx, c.App.Reader, c.App.Writer, fmt.Sprintf("%s %s", what, letterCount(plan.letters))); err != nil {
			return err
		}
	}
	if s.settler, err = settle.Open(ctx, topic.options, topic.name); err != nil {
		return err
	}
	settled, err := s.run(ctx)
	fmt.Fprintf(c.App.Writer, "%s settled.\n", letterCount(settled))
	if s.refused > 0 {
		fmt.Fprintf(c.App.Writer, "%s not settled: InfluxDB rejects the point again.\n  %s\n", letterCount(s.refused), deadletter.Printable(s.refusal, maxShownTextByte))
	}
	return err
}

// fixMapping parses the mapping of --fix, or the file of that name.
func fixMapping(text string) (*fix.Mapping, error) {
	if text == "" {
		return nil, nil
	}
	text, where, noFile := mappingText(flagFix, text)
	if noFile != nil && loneName.MatchString(text) && !strings.HasPrefix(text, "this") {
		return nil, fmt.Errorf("--%s: %w. If it is a field of the value, begin it with this", flagFix, unread(noFile))
	}
	mapping, err := fix.New(text)
	if err != nil {
		return nil, fmt.Errorf("parsing the mapping of %s: %w", where, err)
	}
	return mapping, nil
}

// loneName matches names of files that are also mappings: to Bloblang, fix.blobl is a
// field, which no value has. If a mistyped name were not refused, each record would be
// replaced with null.
var loneName = regexp.MustCompile(`^[A-Za-z0-9_./\\-]+$`)

// confirmed asks whether to do something, and returns an error unless the answer is yes.
func confirmed(ctx context.Context, in io.Reader, out io.Writer, what string) error {
	fmt.Fprintf(out, "Type yes to %s: ", what)
	answers := make(chan string, 1)
	go func() { // a read from a terminal does not end with Ctrl-C, which the caller has caught
		answer, _ := bufio.NewReader(in).ReadString('\n')
		answers <- answer
	}()
	select {
	case answer := <-answers:
		if strings.TrimSpace(answer) == "yes" {
			return nil
		}
		return fmt.Errorf("nothing was done: the answer is not yes. --%s does not ask", flagYes)
	case <-ctx.Done():
		return errors.New("nothing was done: interrupted")
	}
}
