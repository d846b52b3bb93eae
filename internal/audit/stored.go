package audit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/audit/influxread"
	"github.com/brandpulse/brandpulse-connect/internal/audit/kafkalog"
)

// storedSide has the numbers of points and tweets in InfluxDB.
type storedSide struct {
	points, tweets int64
	// before counts tweets from before the start of the log, foreign the points of
	// other topics. Neither is compared.
	before, foreign int64
	oldest          int64 // ns, of the points of this topic
	newest          int64
	// refused are the points in the dead letters that are not stored.
	refused       []influxread.Point
	refusedTweets int64
	// replayed counts tweets in points that dlq has written in place of rejected ones.
	replayed int64
	// folds has the first offset in the log, per partition, at which a batch of the
	// stock input begins. For CutFolds.
	folds map[int32]int64
}

// disorder is how much later in the log a tweet may be than tweets with later times.
// It matters only if Kafka has removed more than S offsets of a partition: then a
// point can belong to a removed batch or to one that has the same slot.
const disorder = time.Hour

// growth is how many offsets the log may have grown beyond the known end, since points
// are read before the end is. A point of a higher offset would be assigned to a
// removed offset.
const growth = 1_000_000

// place is the position in Kafka of the tweets of a point.
type place struct {
	origin
	ok        bool  // some offset produces the timestamp of the point
	offset    int64 // the lowest such offset in the log, if in
	in        bool  // such an offset is in the log
	before    bool  // such an offset was in the log but is removed
	uncertain bool  // in and before, and the timestamp can belong to either
}

// where returns the place of a point. Its only error is errForeign.
func (a *Audit) where(p influxread.Point, l *limits) (w place, err error) {
	o, ok, err := a.Law.origin(p.Nanos, p.Source, a.SourcePrefix)
	if err != nil || !ok {
		return place{}, err
	}
	bound, exists := l.log[o.partition]
	if !exists {
		return place{origin: o, ok: true, offset: -1}, nil
	}
	w.origin, w.ok = o, true
	w.offset = o.first(l.first[o.partition], a.Law.period())
	w.in = w.offset < bound.End+growth
	w.before = o.residue < l.first[o.partition]
	w.uncertain = w.in && w.before && p.Nanos < l.until[o.partition]
	return w, nil
}

// addStored adds all points of InfluxDB, and those that it rejected, to the ledger.
func (a *Audit) addStored(ctx context.Context, l *ledger, lim *limits, refused []influxread.Point) (*storedSide, error) {
	var err error
	if lim.until, err = a.earliest(ctx, lim); err != nil {
		return nil, err
	}
	side := &storedSide{oldest: maxNanos, newest: minNanos, folds: map[int32]int64{}}
	waiting := map[influxread.Point]bool{}
	for _, p := range refused {
		if p.Nanos >= a.From && p.Nanos < a.To {
			waiting[p] = true
		}
	}
	enter := func(p influxread.Point) error {
		w, err := a.where(p, lim)
		switch {
		case errors.Is(err, errForeign):
			side.foreign++
			return nil
		case err != nil:
			return err
		case !w.in && w.before:
			side.before += p.Count
			return nil
		}
		account, err := l.account(key{a.unit(p.Nanos), l.number(series{p.Brand, p.Sentiment})})
		if err != nil {
			return err
		}
		account.stored += p.Count
		account.points -= mix(p.Nanos, p.Count)
		if at, ok := side.folds[w.partition]; w.in && (!ok || w.offset < at) {
			side.folds[w.partition] = w.offset
		}
		if w.uncertain {
			account.uncertain += p.Count
		}
		side.oldest, side.newest = min(side.oldest, p.Nanos), max(side.newest, p.Nanos)
		return nil
	}
	found := map[influxread.Point]bool{}
	err = a.store.Points(ctx, a.From, a.To, func(p influxread.Point) error {
		if side.points++; side.points%4096 == 0 {
			a.Progress(Progress{Stage: StageStore, Done: side.points})
		}
		side.tweets += p.Count
		delete(waiting, p)
		if _, is := a.settled.written[p]; is {
			found[p] = true
			side.replayed += p.Count
			return nil
		}
		return enter(p)
	})
	if err != nil {
		return nil, err
	}
	a.Progress(Progress{Stage: StageStore, Done: side.points})
	for p := range waiting {
		side.refused = append(side.refused, p)
		side.refusedTweets += p.Count
		if err := enter(p); err != nil {
			return nil, err
		}
	}
	a.skipCutFold(lim, side.folds)
	return side, a.expectWritten(l, found)
}

// expectWritten adds the points that dlq has written and InfluxDB does not have, as if
// Kafka had their tweets.
func (a *Audit) expectWritten(l *ledger, found map[influxread.Point]bool) error {
	for p, must := range a.settled.written {
		if !must || found[p] || p.Nanos < a.From || p.Nanos >= a.To {
			continue
		}
		account, err := l.account(key{a.unit(p.Nanos), l.number(series{p.Brand, p.Sentiment})})
		if err != nil {
			return err
		}
		account.committed += p.Count
		account.logged += p.Count
	}
	return nil
}

// maxFold bounds how many offsets at the start of the log may belong to a batch of the
// stock input that began before it.
const maxFold = 100_000

// skipCutFold leaves out the rest of a batch that began before the log's start, with
// CutFolds: its tweets are in a point of a removed offset.
func (a *Audit) skipCutFold(lim *limits, folds map[int32]int64) {
	if a.Cut != CutFolds {
		return
	}
	for partition, first := range folds {
		if start := lim.log[partition].Start; start > 0 && first <= start+maxFold {
			lim.first[partition] = first
		}
	}
}

// unit returns the start of the second that a point or tweet is counted in, or of the
// window if that is longer than a second or does not divide it.
func (a *Audit) unit(nanos int64) int64 { return floorTo(nanos, int64(a.Unit())) }

// Unit returns the length of time of a count.
func (a *Audit) Unit() time.Duration {
	if time.Second%a.Law.Resolution == 0 {
		return time.Second
	}
	return a.Law.Resolution
}

// earliest returns, for each partition where a removed offset can share its slot with
// one in the log, the time until which a point can belong to the removed offset. It
// takes it from the times of the first tweets in the log.
func (a *Audit) earliest(ctx context.Context, l *limits) (map[int32]int64, error) {
	ranges, until := map[int32]kafkalog.Range{}, map[int32]int64{}
	for partition, bound := range l.log {
		if bound.Start > 0 && bound.End > bound.Start && bound.End+growth > a.Law.period() {
			ranges[partition] = kafkalog.Range{Start: bound.Start, End: min(bound.End, bound.Start+10_000)}
			until[partition] = maxNanos // if there are no tweets
		}
	}
	if len(ranges) == 0 {
		return until, nil
	}
	seen := map[int32]bool{}
	err := a.log.Read(ctx, ranges, func(b kafkalog.Batch) error {
		for _, r := range b.Records {
			tweet, err := a.decode(&b, &r)
			if isNoTweet(err) {
				continue
			}
			if err != nil {
				return err
			}
			nanos := tweet.Millis * int64(time.Millisecond)
			if !seen[b.Partition] || nanos > until[b.Partition] {
				seen[b.Partition], until[b.Partition] = true, nanos
			}
		}
		return nil
	})
	for partition := range seen {
		until[partition] = min(until[partition], maxNanos-int64(disorder)) + int64(disorder)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the times of the first tweets: %w", err)
	}
	return until, nil
}
