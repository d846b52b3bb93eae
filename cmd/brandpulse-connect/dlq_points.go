package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/brandpulse/brandpulse-connect/internal/deadletter"
	"github.com/brandpulse/brandpulse-connect/internal/deadletter/line"
	"github.com/brandpulse/brandpulse-connect/internal/deadletter/linewrite"
	"github.com/brandpulse/brandpulse-connect/internal/deadletter/marks"
	"github.com/brandpulse/brandpulse-connect/internal/deadletter/settle"
)

// InfluxDB has no transactions, so a point is replayed in three steps: a mark that says
// which line is to be written, by its hash; the line; and the mark that settles the
// letter, once InfluxDB has answered 204. After a kill in between, the line may be stored
// or not, and the same line may be written again, which changes nothing. Another line
// would be a second point, so a letter with the first mark accepts no other.

// dlqInflux are the flags that name the bucket of rejected points.
func dlqInflux() []cli.Flag {
	const category = "InfluxDB, for rejected points"
	return []cli.Flag{
		&cli.StringFlag{Name: flagInfluxURL, Category: category, DefaultText: "the pipeline's, or INFLUXDB_URL", Usage: "address of InfluxDB"},
		&cli.StringFlag{Name: flagInfluxOrg, Category: category, DefaultText: "the pipeline's, or INFLUXDB_ORG", Usage: "organisation, in 2.x"},
		&cli.StringFlag{Name: flagInfluxBucket, Category: category, DefaultText: "the pipeline's, or INFLUXDB_BUCKET", Usage: "bucket; in 1.x DATABASE or DATABASE/POLICY"},
		&cli.StringFlag{Name: flagInfluxToken, Category: category, DefaultText: "the pipeline's, or INFLUXDB_TOKEN", Usage: "token that may write to the bucket; user:password in 1.x. Prefer the environment variable: other users can see flags"},
	}
}

// openPoints returns a writer to the bucket of the flags, the pipeline or the environment,
// and nil if none of them names one bucket.
func openPoints(c *cli.Context, pipeline *auditSettings) (*linewrite.Writer, error) {
	var o linewrite.Options
	if pipeline != nil {
		i := pipeline.influx
		o = linewrite.Options{
			URL: i.URL, Org: i.Org, Bucket: i.Bucket, Token: i.Token, Username: i.Username, Password: i.Password,
			V1: pipeline.influxVersion == "v1", Headers: i.Headers, TLS: i.TLS, Proxy: i.Proxy,
		}
	}
	for name, setting := range map[string]*string{flagInfluxURL: &o.URL, flagInfluxOrg: &o.Org, flagInfluxBucket: &o.Bucket, flagInfluxToken: &o.Token} {
		switch {
		case c.IsSet(name):
			*setting = c.String(name)
			if name == flagInfluxToken {
				o.Username, o.Password = "", ""
			}
		case pipeline == nil:
			*setting = os.Getenv(strings.ToUpper(strings.ReplaceAll(name, "-", "_")))
		}
	}
	if o.URL == "" || o.Bucket == "" || strings.Contains(o.Bucket, "${!") { // a letter does not say its bucket
		return nil, nil
	}
	writer, err := linewrite.New(o)
	if err != nil {
		return nil, fmt.Errorf("%w. Correct --%s, or url of the pipeline's output influxdb", err, flagInfluxURL)
	}
	return writer, nil
}

// pointItem is a point to write.
type pointItem struct {
	settle.Item
	line  []byte
	fresh bool // no line was to be written for it before
}

// maxLineBytes bounds a request.
const maxLineBytes = 1 << 20

// describe notes in a mark the point of its letter, and the line that may be stored in
// its place.
func (s *settler) describe(m *marks.Mark, key string, l *deadletter.Letter) {
	if !marks.IsPoint(l) {
		return
	}
	if was, err := line.Parse(l.Value); err == nil && l.CutFrom == 0 {
		m.Was = &was
	}
	if before, is := s.unsettled(key); is {
		m.Replays = before.Replays
		if before.Outcome == marks.Intended {
			m.Hash, m.Is = before.Hash, before.Is
		}
	}
}

// pointOf returns the line of a rejected point.
func (s *settler) pointOf(l *deadletter.Letter) (remedy, error) {
	if s.points == nil {
		return remedy{why: whyNoInflux}, nil
	}
	if l.CutFrom > 0 {
		return remedy{why: whyCutPoint}, nil
	}
	before, attempted := s.unsettled(marks.Key(l, s.topic.ID()))
	// A line that may be stored stays with this topic's marks, which say so.
	if s.maxReplays > 0 && before.Replays >= s.maxReplays && before.Outcome != marks.Intended {
		return remedy{parked: true}, nil
	}
	record := deadletter.Record{Value: l.Value}
	r := s.fixed(remedy{records: []deadletter.Record{record.Clone()}})
	if r.why != "" {
		return r, nil
	}
	is, err := line.Parse(r.records[0].Value)
	if err != nil {
		return notReplayed(whyNoLine, err), nil
	}
	r.line = &is
	if attempted && before.Outcome == marks.Intended && before.Hash != line.Hash(r.records[0].Value) {
		return r, fmt.Errorf("letter %d:%d: another line was written for it by an earlier replay that did not end, and may be stored. Run it again with the --%s of that replay, or settle this letter with dlq drop",
			l.Partition, l.Offset, flagFix)
	}
	return r, nil
}

// takeLine adds a point to those that are written next.
func (s *settler) takeLine(ctx context.Context, item settle.Item, r *remedy) error {
	text := r.records[0].Value
	p := pointItem{Item: item, line: text, fresh: item.Mark.Hash == ""}
	p.Mark.Outcome, p.Mark.Hash, p.Mark.Is = marks.Intended, line.Hash(text), r.line
	s.lines, s.pending[item.Key] = append(s.lines, p), true
	s.lineBytes += len(text)
	if len(s.lines) >= s.batchSize() || s.lineBytes >= maxLineBytes {
		return s.flushLines(ctx)
	}
	return nil
}

// flushLines replays the points.
func (s *settler) flushLines(ctx context.Context) error {
	if len(s.lines) == 0 {
		return nil
	}
	if err := s.pace(ctx); err != nil {
		return err
	}
	var intents, results []settle.Item
	var lines [][]byte
	for i := range s.lines {
		lines = append(lines, s.lines[i].line)
		if s.lines[i].fresh {
			intents = append(intents, s.lines[i].Item)
		}
	}
	if len(intents) > 0 {
		if err := s.settler.Settle(ctx, intents); err != nil {
			return err
		}
	}
	refused, err := s.points.Write(ctx, lines)
	if err != nil {
		return err
	}
	for i := range s.lines {
		refusal, is := refused[i]
		results = append(results, s.lines[i].result(refusal, is))
	}
	if err := s.settler.Settle(ctx, results); err != nil {
		return err
	}
	s.settled += int64(len(s.lines) - len(refused))
	s.refused += int64(len(refused))
	for i := range s.lines {
		if s.refusal == "" {
			s.refusal = refused[i].Why
		}
		// The keys stay among those pending: a second letter of a point that was rejected
		// must not write it again in this run.
		if _, is := refused[i]; !is {
			delete(s.pending, s.lines[i].Key)
		}
	}
	s.lines, s.lineBytes = s.lines[:0], 0
	return nil
}

// result returns the mark of a point that was written, or rejected. A line that is
// rejected now may be stored by an earlier request, of this replay or of one that was
// killed: then its mark keeps the hash.
func (p *pointItem) result(refusal linewrite.Refusal, refused bool) settle.Item {
	item := p.Item
	switch {
	case !refused:
		item.Mark.Outcome = marks.Replayed
		return item
	case p.fresh && !refusal.Doubtful:
		item.Mark.Outcome, item.Mark.Hash, item.Mark.Is = marks.Refused, "", nil
	}
	item.Mark.Replays++
	item.Mark.Why = refusal.Why
	return item
}
