package audit

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/brandpulse/brandpulse-connect/internal/audit/kafkalog"
	"github.com/brandpulse/brandpulse-connect/internal/audit/tweetrule"
)

// loggedSide is what Kafka says.
type loggedSide struct {
	records     int64 // that a reader of committed data sees
	undecodable int64 // no tweets that can be stored, by the written rule
	filtered    int64 // deleted by the pipeline's mapping
	outside     int64 // of the time that is compared
	before      int64 // tweets of a piece that begins before the log
	committed   int64 // tweets below the committed offsets
	tweets      int64 // and below the end
}

// tally counts the tweets of one batch, without a look into the ledger for each.
type tally struct {
	audit *Audit
	last  [4]named // series that came last
	turn  int
	cells []tallied
	index map[cellKey]int // positions in cells
	hints []int           // the cell that each series was counted in last
	side  *loggedSide
}

type named struct {
	series
	number uint32
}

// tallied are the tweets of a batch in one window.
type tallied struct {
	start     int64 // of the window of the law
	series    uint32
	tweets    int64
	committed int64
	points    uint64
}

type cellKey struct {
	start  int64
	series uint32
}

// addLogged enters all tweets of the log.
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

// readLog reads what is compared, and tells how far it is.
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

// removed tells whether retention has reached what is compared.
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

// decode returns the tweet that a record counts as. An error for which isNoTweet is
// true is a verdict; any other error means that there is none.
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

// number of a series. The last few are looked at first: there are three to a
// brand, in any order.
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
