package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/deadletter"
	"github.com/brandpulse/brandpulse-connect/internal/deadletter/decoded"
)

const (
	flagBytes        = "bytes"
	defaultHexBytes  = 256
	maxShownTextByte = 2000 // of an error or a header
	maxShownValue    = 300  // of a decoded value
)

func dlqShowCommand() *cli.Command {
	return &cli.Command{
		Name:      "show",
		Usage:     "Show one dead letter, decoded as far as it goes",
		ArgsUsage: "[PARTITION:OFFSET]",
		Description: `
Shows a letter: its reason and what to do about it, where its record is, its value
decoded as far as it goes, the byte at which decoding stopped and why, its bytes and
its headers.

The argument is the position of the letter itself, as dlq list prints it. Without
it, the flags select letters by their records, and the latest one is shown.

The encoding is recognized by the first bytes. With --pipeline it is that of the
pipeline, with its schemas and its schema registry.

   brandpulse-connect dlq show 0:1207
   brandpulse-connect dlq show --reason undecodable
   brandpulse-connect dlq show --topic tweets --partition 3 --offset 88123
   brandpulse-connect dlq show 0:1207 --encoding avro --schema post.avsc`[1:],
		Flags: append(append(dlqSource(), asJSON(),
			&cli.StringFlag{Name: flagEncoding, Value: string(decoded.Auto), Usage: "avro, avro_single_object, avro_confluent, json, line (line protocol), record_batch, or auto"},
			&cli.StringSliceFlag{Name: flagSchema, Usage: "`FILE` of an Avro schema that values are written with; may be repeated"},
			&cli.IntFlag{Name: flagBytes, Value: defaultHexBytes, Usage: "`NUMBER` of bytes to show from the beginning of the value, besides those around the byte where decoding stopped"},
		), dlqFilter()...),
		OnUsageError: usageError,
		Action:       runDLQShow,
	}
}

func runDLQShow(c *cli.Context) error {
	arguments, err := interspersed(c)
	if err != nil {
		return err
	}
	filter, err := letterFilter(c)
	if err != nil {
		return err
	}
	var at *deadletter.Position
	switch len(arguments) {
	case 0:
	case 1:
		position, err := deadletter.ParsePosition(arguments[0])
		if err != nil {
			return err
		}
		at = &position
	default:
		return fmt.Errorf("dlq show takes the position of one letter, got %q", arguments)
	}
	if c.Int(flagBytes) < 0 {
		return fmt.Errorf("--%s is %d: it must be 0 or more", flagBytes, c.Int(flagBytes))
	}
	encoding := decoded.Encoding(c.String(flagEncoding))
	if !slices.Contains(decoded.Encodings(), encoding) {
		return fmt.Errorf("--%s is %q: it must be one of %s", flagEncoding, encoding, strings.Trim(fmt.Sprint(decoded.Encodings()), "[]"))
	}
	ctx, stop := interruptible(c)
	defer stop()
	topic, err := openDLQ(ctx, c)
	if err != nil {
		return err
	}
	defer topic.Close()
	letter, selected, err := topic.find(ctx, at, filter)
	if err != nil {
		return err
	}
	options, err := topic.decoding(ctx, c, &letter, encoding)
	if err != nil {
		return err
	}
	view := letterView{
		topic: topic.name, letter: &letter, decoded: decoded.Of(letter.Value, options), selected: selected, bytes: c.Int(flagBytes),
		mark: topic.markOf(ctx, &letter),
	}
	view.suggestEncoding(options)
	if c.Bool(flagJSON) {
		return printJSON(c.App.Writer, view.json())
	}
	return view.print(c.App.Writer)
}

// find returns the letter at a position or, without one, the latest that is selected,
// and how many are.
func (t *dlqTopic) find(ctx context.Context, at *deadletter.Position, filter *deadletter.Filter) (letter deadletter.Letter, selected int64, err error) {
	if at != nil {
		record, found, err := t.One(ctx, *at)
		if err == nil && !found {
			err = fmt.Errorf("the topic %s has no letter at %s: it was removed, or never existed. %s dlq list names letters that exist", t.name, at, binaryName)
		}
		return t.read(record), 1, err
	}
	err = t.letters(ctx, filter, func(l *deadletter.Letter) {
		if selected++; selected == 1 || l.Timestamp >= letter.Timestamp {
			letter = *l
			letter.Record = l.Record.Clone()
		}
	})
	if err == nil && selected == 0 {
		err = fmt.Errorf("the topic %s has no letter that the flags select. %s dlq list counts those that it has", t.name, binaryName)
	}
	return letter, selected, err
}

// decoding returns how to decode a letter.
func (t *dlqTopic) decoding(ctx context.Context, c *cli.Context, l *deadletter.Letter, encoding decoded.Encoding) (decoded.Options, error) {
	o := decoded.Options{Encoding: encoding}
	files := c.StringSlice(flagSchema)
	if t.pipeline != nil {
		if len(files) == 0 {
			files = t.pipeline.schemaFiles
		}
		if schemas := t.pipeline.schemaOf(ctx); schemas != nil {
			o.Registry = func(id uint32) (decoded.Schema, error) {
				schema, err := schemas(id)
				return decoded.Schema(schema), err
			}
		}
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return o, unread(err)
		}
		o.Schemas = append(o.Schemas, decoded.Schema{Text: text})
	}
	if encoding != decoded.Auto {
		return o, nil
	}
	switch {
	case l.Form == deadletter.Ours && l.Reason == contract.ReasonRejected:
		o.Encoding = decoded.Line
	case l.Form == deadletter.Ours && l.Origin.LastOffset != deadletter.Unknown:
		o.Encoding = decoded.RecordBatch
	case l.Form == deadletter.Ours && t.pipeline != nil:
		o.Encoding = decoded.Encoding(t.pipeline.encoding)
	}
	return o, nil
}

// letterView is a letter as it is shown.
type letterView struct {
	topic    string
	letter   *deadletter.Letter
	decoded  decoded.Result
	selected int64            // how many letters the flags select
	bytes    int              // of the value to show
	mark     *shownMark       // nil: none
	looks    decoded.Encoding // what the bytes look like, if that is another encoding
}

// suggestEncoding notes another encoding that decodes what the chosen one does not.
func (v *letterView) suggestEncoding(o decoded.Options) {
	if v.decoded.Err == nil {
		return
	}
	o.Encoding = decoded.Auto
	if other := decoded.Of(v.letter.Value, o); other.As != v.decoded.As && other.Err == nil {
		v.looks = other.As
	}
}

func (v *letterView) print(w io.Writer) error {
	out := errorWriter{w: w}
	l := v.letter
	out.printf("Letter %d:%d of %s\n", l.Partition, l.Offset, v.topic)
	if v.selected > 1 {
		out.printf("The latest of %s that the flags select.\n", letterCount(v.selected))
	}
	row := func(name, text string) { out.printf("  %-10s%s\n", name, text) }
	row("written", letterTime(l.Timestamp)+" UTC")
	row("form", string(l.Form))
	row("reason", orUnknown(deadletter.Printable(l.Reason, maxShownTextByte)))
	if l.Error != "" {
		row("error", deadletter.Printable(l.Error, maxShownTextByte))
	}
	row("record", deadletter.Printable(l.Origin.String(), maxShownTextByte))
	if l.Origin.TopicID != [16]byte{} {
		row("", "topic id "+contract.TopicIDText(l.Origin.TopicID))
	}
	original := l.Original()
	if original.Timestamp != deadletter.Unknown {
		row("", "timestamp "+letterTime(original.Timestamp)+" UTC")
	}
	if original.Key != nil {
		row("", "key "+deadletter.Printable(string(original.Key), maxShownTextByte))
	}
	if l.Form == deadletter.Ours {
		for _, h := range original.Headers {
			row("", "header "+headerText(h))
		}
	}
	for _, problem := range l.Problems {
		row("problem", problem)
	}
	if v.mark != nil {
		row("settled", v.mark.text())
	}
	out.printf("\nWhat to do\n%s\n", indented(deadletter.Advice(l), 2))
	v.printDecoded(&out)
	v.printBytes(&out)
	if len(l.Headers) > 0 {
		out.printf("\nHeaders\n")
	}
	for _, h := range l.Headers {
		out.printf("  %s\n", headerText(h))
	}
	return out.err
}

func (v *letterView) printDecoded(out *errorWriter) {
	d := &v.decoded
	out.printf("\nValue as %s\n", d.As)
	wide := 0
	for _, value := range d.Values {
		wide = max(wide, min(len(value.Path), 40))
	}
	for _, value := range d.Values {
		at := ""
		if value.From >= 0 {
			at = fmt.Sprint(value.From)
		}
		out.printf("  %7s  %-*s  %s\n", at, wide, deadletter.Printable(value.Path, maxShownValue), deadletter.Printable(value.Text, maxShownValue))
	}
	if d.More > 0 {
		out.printf("  and %s more\n", thousands(int64(d.More)))
	}
	switch {
	case d.Err != nil && d.Stopped >= 0:
		in := ""
		if d.In != "" {
			in = ", in " + deadletter.Printable(d.In, maxShownValue)
		}
		out.printf("  Decoding stopped at byte %d of %d%s: %s\n", d.Stopped, len(v.letter.Value), in, deadletter.Printable(d.Err.Error(), maxShownTextByte))
	case d.Err != nil:
		out.printf("  Not decoded: %s\n", deadletter.Printable(d.Err.Error(), maxShownTextByte))
	case v.letter.CutFrom == 0:
		out.printf("  Decoded to the last of %d bytes.\n", len(v.letter.Value))
	}
	if v.letter.CutFrom > 0 {
		out.printf("  The letter was cut from %d bytes to %d.\n", v.letter.CutFrom, len(v.letter.Value))
	}
	if v.looks != "" {
		out.printf("  The bytes can be decoded as %s: --%s %s\n", v.looks, flagEncoding, v.looks)
	}
}

func (v *letterView) printBytes(out *errorWriter) {
	out.printf("\nBytes\n")
	if v.letter.Value == nil {
		out.printf("  none: the record has no value\n")
		return
	}
	out.printf("%s", hexView(v.letter.Value, v.bytes, v.decoded.Stopped))
}

func headerText(h deadletter.Header) string {
	text := "null"
	if h.Value != nil {
		text = deadletter.Printable(string(h.Value), maxShownTextByte)
	}
	return deadletter.Printable(h.Name, maxShownTextByte) + ": " + text
}

func orUnknown(text string) string {
	if text == "" {
		return "unknown"
	}
	return text
}

// errorWriter keeps the first error of several writes.
type errorWriter struct {
	w   io.Writer
	err error
}

func (e *errorWriter) printf(format string, values ...any) {
	if e.err == nil {
		_, e.err = fmt.Fprintf(e.w, format, values...)
	}
}
