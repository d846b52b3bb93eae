// Package audit compares what InfluxDB holds with what Kafka holds, by a path of
// its own: it shares no code with the pipeline that it judges. Its reader of the
// log, its decoder of tweets, its reader of InfluxDB and the law of timestamps
// are written a second time, in this folder.
//
// What is compared are numbers of tweets by second, brand and sentiment. While a
// pipeline runs, InfluxDB is behind: it must hold all tweets below the committed
// offsets, and none that are not in the log. So the order of reading matters: the
// committed offsets first, then InfluxDB, then where the log ends.
//
//	tweets below the commits ≤ InfluxDB and refused points ≤ tweets below the end
//
// Where nothing is under way both bounds are the same.
package audit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/audit/influxread"
	"github.com/brandpulse/brandpulse-connect/internal/audit/kafkalog"
	"github.com/brandpulse/brandpulse-connect/internal/audit/tweetrule"
)

const (
	minNanos = influxread.MinNanos
	maxNanos = influxread.MaxNanos
)

// Cut is what a point is made of.
type Cut string

// Cuts.
const (
	// CutBatches is a point for each window, brand and sentiment of a RecordBatch,
	// stamped by its base offset.
	CutBatches Cut = "record batches"
	// CutTweets is a point a tweet, stamped by its own offset.
	CutTweets Cut = "tweets"
	// CutFolds is a point for each window, brand and sentiment of whatever a stock
	// input has read in one piece, stamped by its first offset. Which pieces these
	// were is written nowhere.
	CutFolds Cut = "batches of the input"
)

// Log is what is read of Kafka; *kafkalog.Log is one.
type Log interface {
	Bounds(ctx context.Context) (map[int32]kafkalog.Range, error)
	Committed(ctx context.Context, group string) (map[int32]int64, error)
	Read(ctx context.Context, ranges map[int32]kafkalog.Range, do func(kafkalog.Batch) error) error
	Headers(ctx context.Context, ranges map[int32]kafkalog.Range, do func(kafkalog.Batch) error) error
}

// Store is what is read of InfluxDB; *influxread.Reader is one.
type Store interface {
	Points(ctx context.Context, from, to int64, do func(influxread.Point) error) error
	Coverage(ctx context.Context, do func(influxread.Span) error) error
}

// Refused gives the points in the dead letters that InfluxDB refused.
type Refused func(ctx context.Context) ([]influxread.Point, error)

// Options say what to compare.
type Options struct {
	Topic string
	Group string // whose committed offsets count; with ToEnd none is asked for
	ToEnd bool   // all up to the end of the log must be stored

	Cut          Cut
	Law          Law
	SourcePrefix string // what the tag src begins with for this topic, with Law.Source

	// From and To bound the windows that are compared, in nanoseconds since the
	// Unix epoch, To exclusive.
	From, To int64

	// Unsteady names the functions of the pipeline's mapping whose results may differ
	// from those that the pipeline got.
	Unsteady []string

	// Kept says that InfluxDB removes what is older than From by itself.
	Kept time.Duration

	// MaxCounts bounds how many counts are held, of one second, brand and sentiment
	// each.
	MaxCounts int
	// MaxExplained bounds how many differences are explained, and listed.
	MaxExplained int

	Progress func(Progress)
}

// Progress is how far the audit is.
type Progress struct {
	Stage Stage
	Done  int64
	Total int64 // 0 where nobody knows
}

// Stage is a part of the audit.
type Stage string

// Stages, in their order.
const (
	StageStore   Stage = "reading InfluxDB"
	StageLog     Stage = "reading Kafka"
	StageExplain Stage = "explaining the differences"
)

// Defaults of Options.
const (
	DefaultMaxCounts    = 2_000_000
	DefaultMaxExplained = 50
)

// Audit compares one topic with one measurement.
type Audit struct {
	log     Log
	store   Store
	refused Refused
	rule    *tweetrule.Decoder
	record  tweetrule.Record // being decoded
	Options
}

// New prepares an audit. refused may be nil, where points that InfluxDB refuses
// go nowhere that can be read; so may rule for a quick audit, which reads no tweets.
func New(log Log, store Store, refused Refused, rule *tweetrule.Decoder, o Options) (*Audit, error) {
	if o.MaxCounts == 0 {
		o.MaxCounts = DefaultMaxCounts
	}
	if o.MaxExplained == 0 {
		o.MaxExplained = DefaultMaxExplained
	}
	if o.From == 0 && o.To == 0 {
		o.From, o.To = minNanos, maxNanos
	}
	if o.Progress == nil {
		o.Progress = func(Progress) {}
	}
	if refused == nil {
		refused = func(context.Context) ([]influxread.Point, error) { return nil, nil }
	}
	if err := o.Law.check(); err != nil {
		return nil, err
	}
	if o.From >= o.To {
		return nil, errors.New("the time to end at is not after the time to begin at")
	}
	return &Audit{log: log, store: store, refused: refused, rule: rule, Options: o}, nil
}

// limits are the offsets that a comparison is about.
type limits struct {
	log       map[int32]kafkalog.Range // what was there to read
	committed map[int32]int64          // all below must be stored
	first     map[int32]int64          // what is below cannot be compared
	until     map[int32]int64          // see earliest
}

// errMoved says that retention has moved the start of the log meanwhile.
var errMoved = errors.New("retention has removed records while they were read")

// retries is how often an audit begins anew when retention gets in between.
const retries = 3

// Run compares all, and explains what differs.
func (a *Audit) Run(ctx context.Context) (*Report, error) {
	for attempt := 1; ; attempt++ {
		report, err := a.run(ctx)
		if err == nil || !errors.Is(err, errMoved) || ctx.Err() != nil {
			return report, err
		}
		if attempt == retries {
			return nil, fmt.Errorf("%w, %d times: its retention is too short to read the topic whole", err, attempt)
		}
	}
}

func (a *Audit) run(ctx context.Context) (*Report, error) {
	begin, err := a.begin(ctx)
	if err != nil {
		return nil, err
	}
	refused, err := a.refused(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the dead letters: %w", err)
	}
	l := newLedger(a.MaxCounts)
	stored, err := a.addStored(ctx, l, begin, refused)
	if err != nil {
		return nil, err
	}
	if err := a.end(ctx, begin); err != nil {
		return nil, err
	}
	logged, err := a.addLogged(ctx, l, begin)
	if err != nil {
		return nil, err
	}
	if len(l.accounts) == 0 || stored.points == stored.foreign && len(stored.refused) == 0 {
		return nil, a.nothing(logged.tweets)
	}
	report := a.report(l, begin, stored, logged)
	if len(report.Differences) == 0 {
		return report, nil
	}
	return report, a.explain(ctx, report, begin, stored.refused)
}

// nothing says why there is nothing to compare.
func (a *Audit) nothing(logged int64) error {
	if logged == 0 {
		return fmt.Errorf("%w: the topic %s holds no tweet of that time", ErrNothing, a.Topic)
	}
	return fmt.Errorf("%w: the topic %s holds %s, and InfluxDB no point of them: check the bucket and the measurement", ErrNothing, a.Topic, tweets(logged))
}

// NoCommitError says that a group has committed nothing of a topic.
type NoCommitError struct{ Group, Topic string }

func (e *NoCommitError) Error() string {
	return fmt.Sprintf("the group %s has committed nothing of the topic %s", e.Group, e.Topic)
}

// begin asks for the committed offsets, and where the log begins.
func (a *Audit) begin(ctx context.Context) (*limits, error) {
	bounds, err := a.log.Bounds(ctx)
	if err != nil {
		return nil, err
	}
	l := &limits{log: bounds, committed: map[int32]int64{}, first: map[int32]int64{}}
	for partition, bound := range bounds {
		l.first[partition] = bound.Start
	}
	if a.ToEnd {
		for partition, bound := range bounds {
			l.committed[partition] = bound.End
		}
		return l, nil
	}
	committed, err := a.log.Committed(ctx, a.Group)
	if err != nil {
		return nil, err
	}
	if len(committed) == 0 {
		return nil, &NoCommitError{a.Group, a.Topic}
	}
	for partition, bound := range bounds {
		l.committed[partition] = bound.Start
		if at, ok := committed[partition]; ok {
			l.committed[partition] = max(at, bound.Start)
		}
	}
	return l, nil
}

// end asks where the log ends, after InfluxDB was read: nothing that is stored
// can be from beyond.
func (a *Audit) end(ctx context.Context, l *limits) error {
	bounds, err := a.log.Bounds(ctx)
	if err != nil {
		return err
	}
	for partition, bound := range bounds {
		before, ok := l.log[partition]
		switch at := l.committed[partition]; {
		case !ok: // a new partition
			l.committed[partition], l.first[partition] = bound.Start, bound.Start
		case bound.Start > before.Start:
			return errMoved
		case at > bound.End:
			return fmt.Errorf("partition %d of %s ends at offset %d, and the group %s has committed %d: the topic was made anew since, or the group reads transactions that are still open", partition, a.Topic, bound.End, a.Group, at)
		}
		l.log[partition] = bound
	}
	return nil
}
