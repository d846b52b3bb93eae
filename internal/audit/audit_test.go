package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/brandpulse/brandpulse-connect/internal/audit/influxread"
	"github.com/brandpulse/brandpulse-connect/internal/audit/kafkalog"
)

var (
	allCuts   = []Cut{CutBatches, CutTweets, CutFolds}
	pointwise = []Cut{CutBatches, CutTweets}
)

// If this fails, a pipeline that has done everything right is reported: with nothing in
// flight, or while some of its uncommitted tweets are stored.
func TestInFlightTweetsAreNoDifference(t *testing.T) {
	eachCut(t, allCuts, func(t *rapid.T, w *world, all []expected) {
		w.fallBehind(t, all)
		if len(w.points) == 0 {
			t.Skip("nothing is stored")
		}
		r := w.run(t, nil)
		if r.Verdict != Equal || r.DifferentCounts > 0 || len(r.Differences) > 0 {
			t.Fatalf("%+v", r)
		}
		filtered, undecodable := w.fates()
		if r.Undecodable != undecodable || r.Filtered != filtered {
			t.Fatalf("%d filtered and %d undecodable, of %d and %d", r.Filtered, r.Undecodable, filtered, undecodable)
		}
		if atEnd := w.run(t, func(o *Options) { o.ToEnd = true }); atEnd.Verdict == Equal && len(w.points) < len(all) {
			t.Fatalf("a point is missing, but the audit to the end of the log says %s", atEnd.Verdict)
		}
	})
}

// If this fails, a lost, duplicated or wrong point is not noticed, or is reported at
// the wrong place in Kafka.
func TestWrongPointsAreReportedAtTheirOffset(t *testing.T) {
	eachCut(t, pointwise, func(t *rapid.T, w *world, all []expected) {
		committed := w.fallBehind(t, all)
		if len(committed) == 0 {
			t.Skip("nothing is committed")
		}
		victim := committed[rapid.IntRange(0, len(committed)-1).Draw(t, "victim")]
		bad := victim.Point
		var kind Kind
		switch kind = rapid.SampledFrom([]Kind{KindMissing, KindCount, KindTwice, KindUnexpected}).Draw(t, "fault"); kind {
		case KindMissing:
			delete(w.points, victim.Point)
			if len(w.points) == 0 {
				t.Skip("nothing is stored")
			}
		case KindCount:
			delete(w.points, victim.Point)
			bad.Count += rapid.SampledFrom([]int64{-1, 1, 7}).Draw(t, "wrong by")
			w.points[bad] = true
		case KindTwice:
			bad.Other = "host=a"
			w.points[bad] = true
		case KindUnexpected:
			// A timestamp of another offset, as from a pipeline with random
			// nanoseconds. Tweets in flight in the same second are no fault, but cannot
			// hide this many.
			victim = all[rapid.IntRange(0, len(all)-1).Draw(t, "any")]
			bad = victim.Point
			bad.Count += 1000
			bad.Nanos = floorTo(bad.Nanos, 1e9) + rapid.Int64Range(0, 1e9-1).Draw(t, "nanos")
			if slices.ContainsFunc(all, func(p expected) bool { return p.Nanos == bad.Nanos }) {
				t.Skip("another point has this timestamp")
			}
			w.points[bad] = true
		}
		r := w.run(t, nil)
		if r.Verdict != Different || r.DifferentCounts != 1 || len(r.Differences) != 1 || len(r.Differences[0].Causes) != 1 {
			t.Fatalf("%+v", r)
		}
		d := r.Differences[0]
		if d.Time.UnixNano() != floorTo(victim.Nanos, 1e9) || d.Brand != victim.Brand || d.Sentiment != victim.Sentiment {
			t.Fatalf("%+v is reported, not %+v", d, victim)
		}
		if d.Missing != max(0, d.Committed-d.Stored) || d.Surplus != max(0, d.Stored-d.Logged) || d.Missing+d.Surplus == 0 {
			t.Fatalf("%+v", d)
		}
		c := d.Causes[0]
		if kind == KindUnexpected {
			slot := bad.Nanos - floorTo(bad.Nanos, 1e9)
			if c.Kind != kind || c.Partition != int32(slot%64) || w.bounds[c.Partition].End > 0 && c.FirstOffset != slot/64 {
				t.Fatalf("%+v for %+v", c, bad)
			}
			return
		}
		if c.Kind != kind || c.Partition != victim.partition || c.Base != victim.base || c.Last != victim.last || c.Text == "" {
			t.Fatalf("%+v for %+v", c, victim)
		}
		if name := fmt.Sprintf("partition %d, batch at %d (to %d)", c.Partition, c.Base, c.Last); !strings.Contains(c.Text, name) {
			t.Fatalf("%q does not say %q", c.Text, name)
		}
	})
}

// If this fails, a sum that is right by chance hides that a part is lost and another
// part counted twice.
func TestErrorsThatCancelOutInASumAreFound(t *testing.T) {
	eachCut(t, pointwise, func(t *rapid.T, w *world, all []expected) {
		victim := all[rapid.IntRange(0, len(all)-1).Draw(t, "victim")]
		bad := victim.Point
		bad.Nanos = floorTo(bad.Nanos, 1e9) + 999_999_999 - rapid.Int64Range(0, 100).Draw(t, "slot")
		delete(w.points, victim.Point)
		w.points[bad] = true
		r := w.run(t, nil)
		if r.Verdict != Different || len(r.Differences) != 1 || !r.Differences[0].Moved || len(r.Differences[0].Causes) != 2 {
			t.Fatalf("%+v", r)
		}
	})
}

// If this fails, a difference in a pipeline with the stock input is not found, or is
// reported in the wrong partition.
func TestSumsOfFolds(t *testing.T) {
	eachCut(t, []Cut{CutFolds}, func(t *rapid.T, w *world, all []expected) {
		victim := all[rapid.IntRange(0, len(all)-1).Draw(t, "victim")]
		if len(all) == 1 {
			t.Skip("nothing else is stored")
		}
		delete(w.points, victim.Point)
		r := w.run(t, nil)
		if r.Verdict != Different || len(r.Differences) != 1 || r.Missing != victim.Count {
			t.Fatalf("%+v", r)
		}
		c := r.Differences[0].Causes
		if len(c) != 1 || c[0].Kind != KindSum || c[0].Partition != victim.partition || c[0].Should-c[0].Stored != victim.Count {
			t.Fatalf("%+v for %+v", c, victim)
		}
	})
}

// If this fails, a point that InfluxDB rejected is reported as lost, or one that is
// stored and in the dead letters is counted twice.
func TestRefusedPoints(t *testing.T) {
	eachCut(t, allCuts, func(t *rapid.T, w *world, all []expected) {
		for _, p := range all[1:] {
			if rapid.Bool().Draw(t, "refused") {
				w.refused = append(w.refused, p.Point)
				if rapid.Bool().Draw(t, "not stored") {
					delete(w.points, p.Point)
				}
			}
		}
		if r := w.run(t, nil); r.Verdict != Equal {
			t.Fatalf("%+v", r)
		}
	})
}

// If this fails, points of records that retention has removed are reported as too many,
// or the rest is not compared.
func TestLogWhoseStartIsRemoved(t *testing.T) {
	eachCut(t, allCuts, func(t *rapid.T, w *world, all []expected) {
		var removed int64
		for partition, batches := range w.batches {
			first := rapid.IntRange(0, len(batches)-1).Draw(t, "first batch")
			bound := w.bounds[partition]
			bound.Start = batches[first].Base
			if first == 0 {
				bound.Start = 0
			}
			w.bounds[partition] = bound
		}
		left := slices.DeleteFunc(slices.Clone(all), func(p expected) bool {
			gone := p.base < w.bounds[p.partition].Start
			if gone {
				removed += p.Count
			}
			return gone
		})
		if len(left) == 0 {
			t.Skip("no tweet is left")
		}
		r := w.run(t, nil)
		if r.Verdict != Equal || r.Removed != removed {
			t.Fatalf("%+v, %d tweets were removed", r, removed)
		}
		if len(left) < 2 || w.cut == CutFolds {
			return
		}
		victim := left[rapid.IntRange(0, len(left)-1).Draw(t, "victim")]
		delete(w.points, victim.Point)
		if r := w.run(t, nil); r.Verdict != Different || r.Missing != victim.Count {
			t.Fatalf("%+v, and %+v is missing", r, victim)
		}
	})
}

// If this fails, retention that moves during an audit leads to a wrong verdict.
func TestRetentionMovesDuringAnAudit(t *testing.T) {
	eachCut(t, pointwise, func(t *rapid.T, w *world, all []expected) {
		w.moves = func() {
			for partition, batches := range w.batches {
				w.bounds[partition] = kafkalog.Range{Start: batches[len(batches)-1].Base, End: w.bounds[partition].End}
			}
		}
		r, err := w.audit(t, nil).Run(context.Background())
		if errors.Is(err, ErrNothing) {
			return // the log is empty
		}
		if err != nil || r.Verdict != Equal {
			t.Fatalf("%+v, %v", r, err)
		}
	})
}

// If this fails, the audit's memory is not bounded, or it reports equal without having
// compared anything.
func TestNoVerdictWithoutEnoughToCompare(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, all := newWorld(t, CutBatches)
		if len(all) < 2 {
			t.Skip()
		}
		var many *TooManyError
		_, err := w.audit(t, func(o *Options) { o.MaxCounts = 1 }).Run(context.Background())
		counts := map[[2]any]bool{}
		for _, p := range all {
			counts[[2]any{floorTo(p.Nanos, 1e9), p.Brand + p.Sentiment}] = true
		}
		if errors.As(err, &many) != (len(counts) > 1) {
			t.Fatalf("%d counts, and %v", len(counts), err)
		}
		var none *NoCommitError
		committed := w.committed
		w.committed = nil
		if _, err := w.audit(t, nil).Run(context.Background()); !errors.As(err, &none) {
			t.Fatal(err)
		}
		w.committed = committed
		if _, err := w.audit(t, func(o *Options) { o.From, o.To = 0, 1e9 }).Run(context.Background()); !errors.Is(err, ErrNothing) {
			t.Fatal(err)
		}
		points := w.points
		w.points = map[influxread.Point]bool{}
		if _, err := w.audit(t, nil).Run(context.Background()); !errors.Is(err, ErrNothing) {
			t.Fatal(err)
		}
		w.points = points
		w.committed[0] = w.bounds[0].End + 1
		if _, err := w.audit(t, nil).Run(context.Background()); err == nil || !strings.Contains(err.Error(), "recreated") {
			t.Fatal(err)
		}
	})
}

// If this fails, windows other than a second are compared at the wrong times.
func TestOtherWindows(t *testing.T) {
	for _, cut := range allCuts {
		for resolution, unit := range map[time.Duration]time.Duration{
			time.Millisecond: time.Second, 250 * time.Millisecond: time.Second, 700 * time.Millisecond: 700 * time.Millisecond, time.Minute: time.Minute,
		} {
			t.Run(fmt.Sprint(cut, resolution), func(t *testing.T) {
				rapid.Check(t, func(t *rapid.T) {
					w, all := newWorldOf(t, cut, resolution)
					if len(all) < 2 {
						t.Skip("too few tweets")
					}
					if r := w.run(t, nil); r.Verdict != Equal {
						t.Fatalf("%+v", r)
					}
					victim := all[rapid.IntRange(0, len(all)-1).Draw(t, "victim")]
					delete(w.points, victim.Point)
					r := w.run(t, nil)
					if len(r.Differences) != 1 || r.Missing != victim.Count || r.Differences[0].Time.UnixNano() != floorTo(victim.Nanos, int64(unit)) {
						t.Fatalf("%+v, and %+v is missing", r, victim)
					}
					c := r.Differences[0].Causes
					if len(c) != 1 || c[0].Partition != victim.partition || cut != CutFolds && c[0].Base != victim.base {
						t.Fatalf("%+v for %+v", c, victim)
					}
				})
			})
		}
	}
}
