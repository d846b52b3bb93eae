package audit

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/brandpulse/brandpulse-connect/internal/audit/kafkalog"
	"github.com/brandpulse/brandpulse-connect/internal/audit/tweetrule"
)

// loggedSide has the numbers of records and tweets in Kafka.
type loggedSide struct {
	records     int64 // records that a read_committed consumer sees
	undecodable int64 // records that are not storable tweets, by the documented rule
	filtered    int64 // records that the pipeline's mapping deletes
	outside     int64 // tweets outside the time that is compared
	before      int64 // records of a batch that begins before the log
	settled     int64 // tweets of dead letters that were replayed or dropped
	committed   int64 // tweets below the committed offsets
	tweets      int64 // tweets below the end of the log
}

// tally counts the tweets of one batch, without a look-up in the ledger for each.
type tally struct {
	audit *Audit
	last  [4]named // the series seen last
	turn  int
	cells []tallied
	index map[cellKey]int // positions in cells
	hints []int           // the last cell of each series
	side  *loggedSide
}

type named struct {
	series
	number uint32
}

// tallied are the tweets of a batch in one window.
type tallied struct {
	start     int64 // start of the window
	series    uint32
	tweets    int64
	committed int64
	points    uint64
}

type cellKey struct {
	start  int64
	series uint32
}

// addLogged adds all tweets of the log to the ledger.
func (a *Audit) addLogged(ctx context.Context, l *ledger, lim *limits) (*loggedSide, error) {
	side := &loggedSide{}
	t := &tally{audit: a, side: side, index: map[cellKey]int{}}
	err := a.readLog(ctx, lim, StageLog, func(b kafkalog.Batch) error {
		if err := t.add(l, b, lim); err != nil {
			return err
		}
		for _, c := range t.cells {
			account, err := l.account(key{a.unit(c.start), c.series})
			if err != nil {
				return err
			}
			account.logged += c.tweets
			account.committed += c.committed
			account.points += c.points
			side.tweets += c.tweets
			side.committed += c.committed
		}
		return nil
	})
	return side, err
}

// readLog reads the log and reports its progress.
func (a *Audit) readLog(ctx context.Context, lim *limits, stage Stage, do func(kafkalog.Batch) error) error {
	progress := Progress{Stage: stage}
	done := map[int32]int64{}
	for partition, bound := range lim.log {
		progress.Total += bound.End - bound.Start
		done[partition] = bound.Start
	}
	err := a.log.Read(ctx, maps.Clone(lim.log), func(b kafkalog.Batch) error {
		progress.Done += b.Last + 1 - done[b.Partition]
		done[b.Partition] = b.Last + 1
		a.Progress(progress)
		return do(b)
	})
	if err != nil && a.removed(ctx, lim) {
		return fmt.Errorf("%w: %w", errMoved, err)
	}
	return err
}

// removed reports whether retention has removed records within the limits.
func (a *Audit) removed(ctx context.Context, lim *limits) bool {
	bounds, err := a.log.Bounds(ctx)
	if err != nil {
		return false
	}
	for partition, bound := range bounds {
		if before, ok := lim.log[partition]; ok && bound.Start > before.Start {
			return true
		}
	}
	return false
}

// add counts the tweets of a batch into cells.
func (t *tally) add(l *ledger, b kafkalog.Batch, lim *limits) error {
	a := t.audit
	t.cells = t.cells[:0]
	clear(t.index)
	for i := range t.hints {
		t.hints[i] = -1
	}
	first, commit := lim.first[b.Partition], lim.committed[b.Partition]
	if a.Cut == CutBatches && b.Base < first {
		t.side.before += int64(len(b.Records))
		return nil
	}
	for i := range b.Records {
		r := &b.Records[i]
		if r.Offset < first {
			t.side.before++
			continue
		}
		t.side.records++
		tweet, err := a.decode(&b, r)
		switch {
		case errors.Is(err, tweetrule.ErrFiltered):
			t.side.filtered++
			continue
		case isNoTweet(err):
			t.side.undecodable++
			continue
		case err != nil:
			return err
		}
		start := tweet.Start
		if start < a.From || start >= a.To {
			t.side.outside++
			continue
		}
		below := r.Offset < commit
		if a.Cut == CutBatches {
			below = b.Last < commit // a batch is stored whole
		}
		replayed, dropped := a.settled.of(b.Partition, r.Offset)
		if replayed || dropped {
			t.side.settled++
		}
		if replayed {
			continue
		}
		below = below && !dropped
		c := t.cell(start, t.number(l, series{tweet.Brand, tweet.Sentiment}))
		c.tweets++
		if below {
			c.committed++
		}
		if a.Cut == CutTweets {
			if slot, ok := a.Law.slot(b.Partition, r.Offset); ok {
				c.points += mix(start+slot, 1)
			}
		}
	}
	if a.Cut == CutBatches {
		if slot, ok := a.Law.slot(b.Partition, b.Base); ok {
			for i := range t.cells {
				c := &t.cells[i]
				c.points = mix(c.start+slot, c.tweets)
			}
		}
	}
	return nil
}

// decode returns the tweet of a record. If isNoTweet is true for its error, the record
// is not a tweet; any other error means that this could not be determined.
func (a *Audit) decode(b *kafkalog.Batch, r *kafkalog.Record) (tweetrule.Tweet, error) {
	a.record.Topic, a.record.Partition = b.Topic, b.Partition
	a.record.Offset, a.record.Timestamp = r.Offset, r.Timestamp
	a.record.Key, a.record.Value = r.Key, r.Value
	a.record.Headers = a.record.Headers[:0]
	for _, h := range r.Headers {
		a.record.Headers = append(a.record.Headers, tweetrule.Header(h))
	}
	t, err := a.rule.DecodeRecord(&a.record)
	if err != nil && !isNoTweet(err) {
		err = fmt.Errorf("decoding the record at offset %d of partition %d: %w", r.Offset, b.Partition, err)
	}
	return t, err
}

// isNoTweet reports whether an error of decode means that the record does not count.
func isNoTweet(err error) bool {
	if err == nil {
		return false
	}
	var verdict tweetrule.NotTweet
	return errors.As(err, &verdict) || errors.Is(err, tweetrule.ErrFiltered)
}

// number returns the number of a series. It looks at the last few first: a brand has
// three, in any order.
func (t *tally) number(l *ledger, s series) uint32 {
	for i := range t.last {
		if t.last[i].series == s {
			return t.last[i].number
		}
	}
	n := l.number(s)
	t.last[t.turn%len(t.last)] = named{s, n}
	t.turn++
	return n
}

func (t *tally) cell(start int64, series uint32) *tallied {
	for int(series) >= len(t.hints) {
		t.hints = append(t.hints, -1)
	}
	if i := t.hints[series]; i >= 0 && t.cells[i].start == start {
		return &t.cells[i]
	}
	at := cellKey{start, series}
	i, ok := t.index[at]
	if !ok {
		i = len(t.cells)
		t.cells = append(t.cells, tallied{start: start, series: series})
		t.index[at] = i
	}
	t.hints[series] = i
	return &t.cells[i]
}
