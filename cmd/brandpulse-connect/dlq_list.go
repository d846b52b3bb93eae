package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/brandpulse/brandpulse-connect/internal/deadletter"
	"github.com/brandpulse/brandpulse-connect/internal/deadletter/marks"
	"github.com/brandpulse/brandpulse-connect/internal/deadletter/settle"
)

func dlqListCommand() *cli.Command {
	return &cli.Command{
		Name:  "list",
		Usage: "Count dead letters by reason, topic, partition or time",
		Description: `
Counts the letters of a topic that were neither replayed nor dropped, with the time of
the first and of the last of each group, and the position of that last letter, which
dlq show accepts.

Topic, partition and offset are those of the record that became a dead letter.
Times are those of the letters, in UTC.

   brandpulse-connect dlq list
   brandpulse-connect dlq list --by reason,partition --since -24h
   brandpulse-connect dlq list --by hour,reason --topic tweets --json
   brandpulse-connect dlq list --dead-topic orders.DLT --brokers kafka-1:9092
   brandpulse-connect dlq list --origin 'root.topic = @from'`[1:],
		Flags: append(append(dlqSource(), asJSON(),
			&cli.StringFlag{Name: flagBy, Value: "reason,topic", Usage: "`PROPERTIES` to group letters by, separated by commas: reason, topic, partition, form (who wrote it), and minute, hour or day"},
			&cli.BoolFlag{Name: flagAll, Usage: "list letters that were replayed or dropped too"},
		), dlqFilter()...),
		OnUsageError: usageError,
		Action:       runDLQList,
	}
}

// listedGroup is a group of letters as JSON.
type listedGroup struct {
	Reason    *string `json:"reason,omitempty"`
	Topic     *string `json:"topic,omitempty"`
	Partition *int32  `json:"partition,omitempty"` // -1: not known
	Form      string  `json:"form,omitempty"`
	Time      string  `json:"time,omitempty"` // start of the minute, hour or day
	Letters   int64   `json:"letters"`
	First     string  `json:"first"`
	Last      string  `json:"last"`
	Example   string  `json:"example"` // PARTITION:OFFSET of the last letter
}

// listing is the result of dlq list as JSON.
type listing struct {
	Topic   string        `json:"topic"`
	Letters int64         `json:"letters"`
	Groups  []listedGroup `json:"groups"`
	// Ungrouped is the number of letters that are in no group, because there are too many.
	Ungrouped int64 `json:"ungrouped,omitempty"`
	// Settled is the number of selected letters that are not listed: replayed or dropped.
	Settled int64 `json:"settled"`
}

func runDLQList(c *cli.Context) error {
	if c.Args().Present() {
		return fmt.Errorf("dlq list takes no arguments, got %q. The topic is named with --%s", c.Args().Slice(), flagDeadTopic)
	}
	filter, err := letterFilter(c)
	if err != nil {
		return err
	}
	var by []deadletter.Grouping
	for _, name := range commaSeparated(c.String(flagBy)) {
		by = append(by, deadletter.Grouping(name))
	}
	summary, err := deadletter.NewSummary(by)
	if err != nil {
		return fmt.Errorf("--%s: %w", flagBy, err)
	}
	ctx, stop := interruptible(c)
	defer stop()
	topic, err := openDLQ(ctx, c)
	if err != nil {
		return err
	}
	defer topic.Close()
	settled, err := topic.unsettled(ctx, c, filter, summary.Add)
	if err != nil {
		return err
	}
	if c.Bool(flagJSON) {
		list := listingOf(topic.name, by, summary)
		list.Settled = settled
		return printJSON(c.App.Writer, list)
	}
	if err := printListing(c.App.Writer, topic.name, by, summary); err != nil || settled == 0 {
		return err
	}
	_, err = fmt.Fprintf(c.App.Writer, "%s replayed or dropped: --%s lists them too.\n", letterCount(settled), flagAll)
	return err
}

// unsettled passes the selected letters to do that are neither replayed nor dropped, or
// with --all every selected one, and returns the number of the others.
func (t *dlqTopic) unsettled(ctx context.Context, c *cli.Context, filter *deadletter.Filter, do func(*deadletter.Letter)) (settled int64, err error) {
	done := marks.NewSet()
	if !c.Bool(flagAll) {
		if done, err = settle.Settled(ctx, t.options, t.name); err != nil {
			return 0, err
		}
	}
	err = t.letters(ctx, filter, func(l *deadletter.Letter) {
		if done.Len() > 0 && done.Has(marks.Key(l, t.ID())) {
			settled++
			return
		}
		do(l)
	})
	return settled, err
}

func printJSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(v)
}

func listingOf(topic string, by []deadletter.Grouping, s *deadletter.Summary) listing {
	list := listing{Topic: topic, Letters: s.Letters, Groups: []listedGroup{}, Ungrouped: s.Others}
	for _, g := range s.Groups() {
		listed := listedGroup{Letters: g.Letters, First: rfc3339(g.First), Last: rfc3339(g.Last), Example: g.Example.String()}
		for _, property := range by {
			switch property {
			case deadletter.ByReason:
				listed.Reason = &g.Reason
			case deadletter.ByTopic:
				listed.Topic = &g.Topic
			case deadletter.ByPartition:
				listed.Partition = &g.Partition
			case deadletter.ByForm:
				listed.Form = string(g.Form)
			default:
				listed.Time = rfc3339(g.Start)
			}
		}
		list.Groups = append(list.Groups, listed)
	}
	return list
}

func rfc3339(millis int64) string {
	return time.UnixMilli(millis).UTC().Format("2006-01-02T15:04:05.000Z07:00")
}

func printListing(w io.Writer, topic string, by []deadletter.Grouping, s *deadletter.Summary) error {
	if s.Letters == 0 {
		_, err := fmt.Fprintf(w, "No letters in %s, or none that the flags select.\n", topic)
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	header := []string{}
	for _, property := range by {
		header = append(header, string(property))
	}
	fmt.Fprintln(table, strings.Join(append(header, "letters", "first (UTC)", "last (UTC)", "last letter"), "\t"))
	for _, g := range s.Groups() {
		cells := []string{}
		for _, property := range by {
			cells = append(cells, cell(property, &g))
		}
		cells = append(cells, thousands(g.Letters), letterTime(g.First), letterTime(g.Last), g.Example.String())
		fmt.Fprintln(table, strings.Join(cells, "\t"))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if s.Others > 0 {
		fmt.Fprintf(w, "%s more letters are in groups beyond the first %s. Group by fewer properties, or select fewer letters.\n",
			thousands(s.Others), thousands(deadletter.MaxGroups))
	}
	_, err := fmt.Fprintf(w, "%s in all. To see one: %s dlq show PARTITION:OFFSET\n", letterCount(s.Letters), binaryName)
	return err
}

func cell(property deadletter.Grouping, g *deadletter.Group) string {
	text := ""
	switch property {
	case deadletter.ByReason:
		text = deadletter.Printable(g.Reason, 70)
	case deadletter.ByTopic:
		text = deadletter.Printable(g.Topic, 70)
	case deadletter.ByPartition:
		if g.Partition != deadletter.Unknown {
			text = fmt.Sprint(g.Partition)
		}
	case deadletter.ByForm:
		text = string(g.Form)
	default:
		text = letterTime(g.Start)
	}
	if text == "" {
		return "unknown"
	}
	return text
}

func letterCount(n int64) string {
	if n == 1 {
		return "1 letter"
	}
	return thousands(n) + " letters"
}

// thousands prints a number with commas.
func thousands(n int64) string {
	text := fmt.Sprint(n)
	for at := len(text) - 3; at > 0; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}
