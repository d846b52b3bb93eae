package main

import (
	"bufio"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/urfave/cli/v2"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/deadletter"
	"github.com/brandpulse/brandpulse-connect/internal/deadletter/letterlog"
	"github.com/brandpulse/brandpulse-connect/internal/deadletter/marks"
	"github.com/brandpulse/brandpulse-connect/internal/deadletter/settle"
)

const (
	flagDryRun = "dry-run"
	flagYes    = "yes"
	flagMax    = "max"
	flagRate   = "rate"
	flagWhy    = "why"
	flagAll    = "all"
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

Points that InfluxDB rejected and whole record batches are not replayed.

   brandpulse-connect dlq replay --reason undecodable --dry-run
   brandpulse-connect dlq replay --reason undecodable --since -24h --rate 1000
   brandpulse-connect dlq replay --dead-topic orders.DLT --topic orders --yes`[1:],
		Flags:        slices.Concat(dlqSource(), settleFlags(), dlqFilter()),
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
	for _, name := range []string{flagMax, flagRate} {
		if c.Int64(name) < 0 {
			return fmt.Errorf("--%s is %d: it must be 1 or more, or 0 for no limit", name, c.Int64(name))
		}
	}
	filter, err := letterFilter(c)
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
	s := &settler{topic: topic, what: what, filter: filter, max: c.Int64(flagMax), rate: c.Int64(flagRate), why: c.String(flagWhy)}
	defer s.close()
	done, err := settle.Settled(ctx, topic.options, topic.name)
	if err != nil {
		return err
	}
	plan, err := s.plan(ctx, done)
	if err != nil {
		return err
	}
	fmt.Fprint(c.App.Writer, plan.text(what, topic.name))
	if plan.letters == 0 || c.Bool(flagDryRun) {
		return nil
	}
	if !c.Bool(flagYes) {
		fmt.Fprintf(c.App.Writer, "Type yes to %s %s: ", what, letterCount(plan.letters))
		answer, _ := bufio.NewReader(c.App.Reader).ReadString('\n')
		if strings.TrimSpace(answer) != "yes" {
			return fmt.Errorf("nothing was done: the answer is not yes. --%s does not ask", flagYes)
		}
	}
	if s.settler, err = settle.Open(ctx, topic.options, topic.name); err != nil {
		return err
	}
	settled, err := s.run(ctx)
	fmt.Fprintf(c.App.Writer, "%s settled.\n", letterCount(settled))
	return err
}

// settler settles the selected letters of a topic.
type settler struct {
	topic     *dlqTopic
	what      settling
	filter    *deadletter.Filter
	max, rate int64
	why       string

	settler *settle.Settler
	origins map[string]*letterlog.Log // topics from which whole records are read; nil: unreadable
	batch   []settle.Item
	pending map[string]bool // keys in batch
	bytes   int             // of the records in batch
	settled int64
	begun   time.Time
}

// plan is what would be settled.
type plan struct {
	letters int64
	topics  map[string]int64
	not     map[string]int64 // letters that are not replayed, by why
	done    int64
}

func (s *settler) plan(ctx context.Context, done *marks.Set) (*plan, error) {
	p := &plan{topics: map[string]int64{}, not: map[string]int64{}}
	seen := marks.NewSet()
	err := s.topic.Each(ctx, func(r deadletter.Record) error {
		l := s.topic.read(r)
		if !s.filter.Selects(&l) {
			return nil
		}
		key := marks.Key(&l, s.topic.ID())
		switch {
		case done.Has(key):
			p.done++
			return nil
		case seen.Has(key), s.max > 0 && p.letters >= s.max:
			return nil
		}
		if s.what == replaying {
			if _, why, err := s.record(ctx, &l); err != nil || why != "" {
				if p.not[why]++; err != nil {
					return err
				}
				return nil
			}
		}
		p.letters++
		p.topics[l.Origin.Topic]++
		return seen.Add(key)
	})
	return p, err
}

func (p *plan) text(what settling, topic string) string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s of %s to %s", letterCount(p.letters), topic, what)
	if what == replaying && p.letters > 0 {
		fmt.Fprintf(&out, ", to %s", deadletter.Printable(strings.Join(slices.Sorted(maps.Keys(p.topics)), ", "), 300))
	}
	out.WriteString(".\n")
	if p.done > 0 {
		fmt.Fprintf(&out, "%s already settled.\n", letterCount(p.done))
	}
	for _, why := range slices.Sorted(maps.Keys(p.not)) {
		fmt.Fprintf(&out, "%s not replayed: %s.\n", letterCount(p.not[why]), why)
	}
	return out.String()
}

func (s *settler) run(ctx context.Context) (settled int64, err error) {
	s.pending, s.begun = map[string]bool{}, time.Now()
	err = s.topic.Each(ctx, func(r deadletter.Record) error {
		l := s.topic.read(r)
		if !s.filter.Selects(&l) || s.max > 0 && s.settled+int64(len(s.batch)) >= s.max {
			return nil
		}
		item := settle.Item{Key: marks.Key(&l, s.topic.ID()), Mark: marks.Mark{Outcome: marks.Dropped, Letter: deadletter.Position{Partition: l.Partition, Offset: l.Offset}.String(), Why: s.why, At: time.Now().UnixMilli()}}
		if s.settler.Has(item.Key) || s.pending[item.Key] {
			return nil
		}
		if s.what == replaying {
			record, why, err := s.record(ctx, &l)
			if err != nil || why != "" {
				return err
			}
			item.Record, item.Mark.Outcome = record, marks.Replayed
			s.bytes += len(record.Key) + len(record.Value)
		}
		s.batch, s.pending[item.Key] = append(s.batch, item), true
		if len(s.batch) >= s.batchSize() || s.bytes >= maxSettledBytes {
			return s.flush(ctx)
		}
		return nil
	})
	if err == nil {
		err = s.flush(ctx)
	}
	return s.settled, err
}

// batchSize is the number of letters of a transaction: with a rate, four a second.
func (s *settler) batchSize() int {
	if s.rate > 0 {
		return int(min(max(s.rate/4, 1), settle.MaxLetters))
	}
	return settle.MaxLetters
}

// flush settles the batch. It waits for the rate before the transaction, so that none is
// open meanwhile.
func (s *settler) flush(ctx context.Context) error {
	if len(s.batch) == 0 {
		return nil
	}
	if s.rate > 0 {
		due := s.begun.Add(time.Duration(float64(s.settled) / float64(s.rate) * float64(time.Second)))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Until(due)):
		}
	}
	if err := s.settler.Settle(ctx, s.batch); err != nil {
		return err
	}
	s.settled += int64(len(s.batch))
	s.batch, s.bytes = s.batch[:0], 0
	clear(s.pending)
	return nil
}

// record returns the record of a letter, or why it cannot be written again.
func (s *settler) record(ctx context.Context, l *deadletter.Letter) (record *kgo.Record, why string, err error) {
	switch {
	case l.Form == deadletter.Ours && l.Reason == contract.ReasonRejected:
		return nil, "a point that InfluxDB rejected", nil
	case l.Origin.LastOffset != deadletter.Unknown:
		return nil, "a whole record batch", nil
	case l.Origin.Topic == "":
		return nil, "the topic of its record is not known", nil
	}
	original, value := l.Original(), l.Value
	if l.CutFrom > 0 || !original.KeyKnown || !original.HeadersKnown {
		whole, found, err := s.whole(ctx, l.Origin)
		if err != nil {
			return nil, "", err
		}
		if !found {
			return nil, "it was cut or does not say its key and headers, and its record is no longer retained", nil
		}
		value, original = whole.Value, deadletter.Original{Timestamp: whole.Timestamp, Key: whole.Key, Headers: whole.Headers}
	}
	copied := deadletter.Record{Key: original.Key, Value: value, Headers: original.Headers}.Clone()
	record = &kgo.Record{Topic: l.Origin.Topic, Partition: l.Origin.Partition, Key: copied.Key, Value: copied.Value}
	if l.Origin.Partition == deadletter.Unknown {
		record.Partition = math.MaxInt32 // none has it: the key decides
	}
	if original.Timestamp >= 0 {
		record.Timestamp = time.UnixMilli(original.Timestamp)
	}
	for _, h := range copied.Headers {
		record.Headers = append(record.Headers, kgo.RecordHeader{Key: h.Name, Value: h.Value})
	}
	return record, "", nil
}

// whole reads the record of a letter from its own topic, if that still is the topic with
// its id and retains it.
func (s *settler) whole(ctx context.Context, o deadletter.Origin) (deadletter.Record, bool, error) {
	if !o.Known() || o.TopicID == [16]byte{} {
		return deadletter.Record{}, false, nil
	}
	log, opened := s.origins[o.Topic]
	if !opened {
		var err error
		if log, err = letterlog.Open(ctx, s.topic.options, o.Topic); err != nil {
			log = nil // it does not exist, or must not be read
		}
		if s.origins == nil {
			s.origins = map[string]*letterlog.Log{}
		}
		s.origins[o.Topic] = log
	}
	if log == nil || log.ID() != o.TopicID {
		return deadletter.Record{}, false, nil
	}
	return log.One(ctx, deadletter.Position{Partition: o.Partition, Offset: o.Offset})
}

func (s *settler) close() {
	for _, log := range s.origins {
		if log != nil {
			log.Close()
		}
	}
	if s.settler != nil {
		s.settler.Close()
	}
}
