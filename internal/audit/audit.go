// Package audit compares the contents of InfluxDB with those of Kafka. It shares no
// code with the pipeline that it checks: its reader of the log, its decoder of
// tweets, its reader of InfluxDB and its stamp law are written a second time, in
// this folder.
//
// It compares numbers of tweets per second, brand and sentiment. While a pipeline
// runs, InfluxDB lags behind Kafka: it must hold all tweets below the committed
// offsets, and none that are not in the log. So the order of reading matters: first
// the committed offsets, then InfluxDB, then the end of the log.
//
//	tweets below the commits ≤ InfluxDB and rejected points ≤ tweets below the end
//
// If nothing is in flight, both bounds are the same.
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

// Cut is the unit that a point is made from.
type Cut string

// Cuts.
const (
	// CutBatches: one point per window, brand and sentiment of a record batch,
	// stamped with its base offset.
	CutBatches Cut = "record batches"
	// CutTweets: one point per tweet, stamped with its own offset.
	CutTweets Cut = "tweets"
	// CutFolds: one point per window, brand and sentiment of a batch of the stock
	// input, stamped with its first offset. The boundaries of these batches are
	// not recorded anywhere.
	CutFolds Cut = "batches of the input"
)

// Log reads Kafka. It is implemented by *kafkalog.Log.
type Log interface {
	Bounds(ctx context.Context) (map[int32]kafkalog.Range, error)
	Committed(ctx context.Context, group string) (map[int32]int64, error)
	Read(ctx context.Context, ranges map[int32]kafkalog.Range, do func(kafkalog.Batch) error) error
	Headers(ctx context.Context, ranges map[int32]kafkalog.Range, do func(kafkalog.Batch) error) error
}

// Store reads InfluxDB. It is implemented by *influxread.Reader.
type Store interface {
	Points(ctx context.Context, from, to int64, do func(influxread.Point) error) error
	Coverage(ctx context.Context, do func(influxread.Span) error) error
}

// Refused returns the points in the dead letters that InfluxDB rejected.
type Refused func(ctx context.Context) ([]influxread.Point, error)

// Options are the settings of a comparison.
type Options struct {
	Topic string
	Group string // the group whose committed offsets count; not used with ToEnd
	ToEnd bool   // everything up to the end of the log must be stored

	Cut          Cut
	Law          Law
	SourcePrefix string // the beginning of the tag src for this topic, with Law.Source

	// From and To bound the windows that are compared, in nanoseconds since the
	// Unix epoch, To exclusive.
	From, To int64

	// Unsteady names the functions of the pipeline's mapping whose results can differ
	// from those that the pipeline got.
	Unsteady []string

	// Kept is the retention of the bucket, which removes points before From. 0 means
	// that it keeps everything.
	Kept time.Duration

	// MaxCounts bounds the number of counts (of a second, brand and sentiment) in
	// memory.
	MaxCounts int
	// MaxExplained bounds the number of differences that are listed and explained.
	MaxExplained int

	// Settlements reads which dead letters were replayed or dropped; nil: none were.
	Settlements Settlements

	Progress func(Progress)
}

// Progress is the progress of an audit.
type Progress struct {
	Stage Stage
	Done  int64
	Total int64 // 0 if unknown
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
	settled *settled
	Options
}

// New returns an audit. refused may be nil if there is no readable topic with the
// rejected points. rule may be nil for a quick audit, which reads no tweets.
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
		return nil, fmt.Errorf("the time to compare ends at %s, which is not after its start, %s. Check --from and --to", instant(o.To), instant(o.From))
	}
	return &Audit{log: log, store: store, refused: refused, rule: rule, Options: o}, nil
}

func instant(nanos int64) string { return time.Unix(0, nanos).UTC().Format(time.RFC3339Nano) }

// limits are the offsets that a comparison covers.
type limits struct {
	log       map[int32]kafkalog.Range // offsets that can be read
	committed map[int32]int64          // offsets below must be stored
	first     map[int32]int64          // offsets below cannot be compared
	until     map[int32]int64          // see earliest
}

// errMoved means that retention has moved the start of the log during the audit.
var errMoved = errors.New("retention has removed records while they were read")

// retries is how often an audit is attempted while retention moves the log's start.
const retries = 3

// Run compares everything, and explains the differences.
func (a *Audit) Run(ctx context.Context) (*Report, error) {
	for attempt := 1; ; attempt++ {
		report, err := a.run(ctx)
		if err == nil || !errors.Is(err, errMoved) || ctx.Err() != nil {
			return report, err
		}
		if attempt == retries {
			return nil, fmt.Errorf("%w, in each of %d attempts: the topic's retention is too short to read all of it", err, attempt)
		}
	}
}

func (a *Audit) run(ctx context.Context) (*Report, error) {
	begin, err := a.begin(ctx)
	if err != nil {
		return nil, err
	}
	refused, err := a.readLetters(ctx)
	if err != nil {
		return nil, err
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

// nothing returns an error with the reason why there is nothing to compare.
func (a *Audit) nothing(logged int64) error {
	if logged == 0 {
		return fmt.Errorf("%w: the topic %s has no tweets of that time", ErrNothing, a.Topic)
	}
	return fmt.Errorf("%w: the topic %s has %s, but InfluxDB has no points of them. Check the bucket and the measurement", ErrNothing, a.Topic, tweets(logged))
}

// NoCommitError means that a group has no committed offsets for a topic.
type NoCommitError struct{ Group, Topic string }

func (e *NoCommitError) Error() string {
	return fmt.Sprintf("group %s has no committed offsets for topic %s", e.Group, e.Topic)
}

// begin reads the committed offsets and the start of the log.
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

// end reads the end of the log. It is called after InfluxDB was read, so no stored
// tweet can be beyond that end.
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
			return fmt.Errorf("partition %d of %s ends at offset %d, but group %s has committed offset %d: the topic was recreated since, or the group reads open transactions", partition, a.Topic, bound.End, a.Group, at)
		}
		l.log[partition] = bound
	}
	return nil
}
