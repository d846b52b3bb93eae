package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/urfave/cli/v2"

	"github.com/brandpulse/brandpulse-connect/internal/deadletter"
	"github.com/brandpulse/brandpulse-connect/internal/deadletter/letterlog"
	"github.com/brandpulse/brandpulse-connect/internal/deadletter/originmap"
	"github.com/brandpulse/brandpulse-connect/internal/kafka/topicname"
)

// Names of flags of dlq. Some are those of audit.
const (
	flagPipeline  = "pipeline"
	flagReason    = "reason"
	flagPartition = "partition"
	flagOffset    = "offset"
	flagSince     = "since"
	flagUntil     = "until"
	flagOrigin    = "origin"
	flagBy        = "by"
)

func dlqCommand() *cli.Command {
	return &cli.Command{
		Name:      "dlq",
		Usage:     "List, show, replay and drop dead letters",
		ArgsUsage: "COMMAND",
		Description: `
Reads a topic of dead letters: records that a pipeline could not process, each with
the reason and the position of the record it was made from. Letters of the shipped
pipelines are understood, and those of Spring for Apache Kafka, Spring Cloud
Stream, Kafka Connect and Kafka Streams; --origin adds others.

It joins no consumer group. Only replay and drop write.

   brandpulse-connect dlq list
   brandpulse-connect dlq show 0:1207
   brandpulse-connect dlq replay --reason undecodable --dry-run
   brandpulse-connect dlq drop --reason out_of_bounds --why 'test data'`[1:],
		Subcommands:  []*cli.Command{dlqListCommand(), dlqShowCommand(), dlqReplayCommand(), dlqDropCommand()},
		OnUsageError: usageError,
		Action:       runSubcommand,
	}
}

// dlqSource are the flags that name a topic of dead letters.
func dlqSource() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: flagDeadTopic, EnvVars: []string{"DEAD_TOPIC"}, Value: "tweets_dead", Usage: "`TOPIC` of the dead letters"},
		&cli.StringFlag{Name: flagBrokers, EnvVars: []string{"KAFKA_BROKERS"}, Value: "127.0.0.1:9092", Usage: "`BROKERS` of Kafka, separated by commas"},
		&cli.StringFlag{Name: flagPipeline, Usage: "`FILE` of a pipeline whose topic of dead letters, brokers, TLS settings and login are used; the other flags replace its settings"},
		&cli.StringFlag{Name: flagOrigin, Usage: "Bloblang `MAPPING`, or a file with one, for letters of other programs: from the value (this) and the headers (@name) it makes an object with topic, partition and offset, and if known topic_id, reason and error"},
	}
}

// asJSON is the flag of the commands that print something to read by programs.
func asJSON() cli.Flag { return &cli.BoolFlag{Name: flagJSON, Usage: "print the result as JSON"} }

// dlqFilter are the flags that select letters.
func dlqFilter() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: flagReason, Category: "Which letters", Usage: "only letters with this `REASON`, or class of an exception; may be repeated"},
		&cli.StringSliceFlag{Name: flagTopic, Category: "Which letters", Usage: "only letters of records of this `TOPIC`; may be repeated"},
		&cli.StringSliceFlag{Name: flagPartition, Category: "Which letters", Usage: "only letters of records of this `PARTITION`; may be repeated"},
		&cli.StringFlag{Name: flagOffset, Category: "Which letters", Usage: "only letters of the record at this `OFFSET`, or from one to another, as 100-199; needs --" + flagPartition},
		&cli.StringFlag{Name: flagSince, Category: "Which letters", Usage: "only letters with a timestamp from this `TIME` on: 2026-01-31T12:00:00Z, or -2h for two hours ago"},
		&cli.StringFlag{Name: flagUntil, Category: "Which letters", Usage: "only letters with a timestamp before this `TIME`"},
	}
}

// dlqTopic is a topic of dead letters, and the way to read its letters.
type dlqTopic struct {
	*letterlog.Log
	name     string
	pipeline *auditSettings // of --pipeline; nil without
	read     func(deadletter.Record) deadletter.Letter
	options  []kgo.Opt
}

func openDLQ(ctx context.Context, c *cli.Context) (*dlqTopic, error) {
	t := &dlqTopic{name: c.String(flagDeadTopic), read: deadletter.Read}
	if text := c.String(flagOrigin); text != "" {
		mapping, err := originMapping(text)
		if err != nil {
			return nil, err
		}
		t.read = mapping.Read
	}
	s := &auditSettings{}
	if file := c.String(flagPipeline); file != "" {
		yaml, err := os.ReadFile(file)
		if err != nil {
			return nil, unread(err)
		}
		if s, err = auditPipeline(yaml); err != nil {
			return nil, fmt.Errorf("reading %s: %w", file, err)
		}
		t.pipeline = s
		if !c.IsSet(flagDeadTopic) && s.dead != "" {
			t.name = s.dead
		}
	}
	if !topicname.Valid(t.name) {
		return nil, fmt.Errorf("%q is not the name of a topic, which has %s. Name the topic of the dead letters with --%s", t.name, topicname.Allowed, flagDeadTopic)
	}
	if len(s.brokers) == 0 || c.IsSet(flagBrokers) {
		s.brokers = []string{c.String(flagBrokers)}
	}
	options, err := s.kafkaOptions()
	if err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	t.options = append(options, kgo.ClientID("brandpulse-dlq"))
	t.Log, err = letterlog.Open(limited, t.options, t.name)
	if errors.Is(err, kerr.UnknownTopicOrPartition) {
		return nil, fmt.Errorf("the topic %s does not exist in Kafka at %s. Check its name (--%s) and that this is the right Kafka (--%s)",
			t.name, strings.Join(s.brokers, ","), flagDeadTopic, flagBrokers)
	}
	if err != nil {
		return nil, kafkaProblem(strings.Join(s.brokers, ","), err)
	}
	return t, nil
}

// originMapping parses the mapping of --origin, or the file of that name.
func originMapping(text string) (*originmap.Mapping, error) {
	text, where, _ := mappingText(flagOrigin, text)
	mapping, err := originmap.New(text)
	if err != nil {
		return nil, fmt.Errorf("parsing the mapping of %s: %w", where, err)
	}
	return mapping, nil
}

// mappingText returns the mapping of a flag, which is the text or in the file of that
// name, and where it is. noFile is why there is no such file.
func mappingText(flag, text string) (mapping, where string, noFile error) {
	file, err := os.ReadFile(text)
	if err != nil {
		return text, "--" + flag, err
	}
	return string(file), text, nil
}

// letters passes the selected letters to do. Their bytes are valid until it returns.
func (t *dlqTopic) letters(ctx context.Context, filter *deadletter.Filter, do func(*deadletter.Letter)) error {
	return t.Each(ctx, func(r deadletter.Record) error {
		if l := t.read(r); filter.Selects(&l) {
			do(&l)
		}
		return nil
	})
}

// letterFilter returns the filter of the flags.
func letterFilter(c *cli.Context) (*deadletter.Filter, error) {
	f := &deadletter.Filter{Reasons: c.StringSlice(flagReason), Topics: c.StringSlice(flagTopic)}
	for _, text := range c.StringSlice(flagPartition) {
		n, err := strconv.ParseInt(text, 10, 32)
		if err != nil || n < 0 {
			return nil, fmt.Errorf("--%s is %q: it must be a number from 0 to %d", flagPartition, text, math.MaxInt32)
		}
		f.Partitions = append(f.Partitions, int32(n))
	}
	if c.IsSet(flagOffset) {
		if len(f.Partitions) == 0 {
			return nil, fmt.Errorf("--%s needs --%s: each partition has offsets of its own", flagOffset, flagPartition)
		}
		offsets, err := offsetRange(c.String(flagOffset))
		if err != nil {
			return nil, err
		}
		f.Offsets = &offsets
	}
	now := time.Now()
	for name, into := range map[string]**int64{flagSince: &f.Since, flagUntil: &f.Before} {
		if !c.IsSet(name) {
			continue
		}
		nanos, err := auditTime(c.String(name), now)
		if err != nil {
			return nil, fmt.Errorf("--%s: %w", name, err)
		}
		millis := nanos / int64(time.Millisecond)
		*into = &millis
	}
	return f, nil
}

func offsetRange(text string) (offsets [2]int64, err error) {
	left, right, isRange := strings.Cut(text, "-")
	if !isRange {
		right = left
	}
	for i, part := range []string{left, right} {
		if offsets[i], err = strconv.ParseInt(part, 10, 64); err != nil || offsets[i] < 0 {
			return offsets, fmt.Errorf("--%s is %q: it must be an offset, or the first and the last as in 100-199", flagOffset, text)
		}
	}
	if offsets[0] > offsets[1] {
		return offsets, fmt.Errorf("--%s is %q: it ends before it begins", flagOffset, text)
	}
	return offsets, nil
}

// interruptible returns a context that ends with Ctrl-C.
func interruptible(c *cli.Context) (context.Context, context.CancelFunc) {
	return signal.NotifyContext(c.Context, os.Interrupt, syscall.SIGTERM)
}

// letterTime prints a timestamp of a letter.
func letterTime(millis int64) string {
	if millis < 0 {
		return "no timestamp"
	}
	return time.UnixMilli(millis).UTC().Format("2006-01-02 15:04:05")
}
