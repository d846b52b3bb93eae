package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/brandpulse/brandpulse-connect/internal/audit/influxread"
	"github.com/brandpulse/brandpulse-connect/internal/audit/kafkalog"
)

func (w *world) quick(t rapid.TB) *QuickReport {
	t.Helper()
	r, err := w.audit(t, nil).Quick(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// If this fails, correct coverage points are reported: with nothing in flight, behind
// the log, with transaction markers in it, or with removed batches.
func TestQuickFindsNothingWrong(t *testing.T) {
	eachCut(t, pointwise, func(t *rapid.T, w *world, all []expected) {
		for partition, batches := range w.batches {
			behind := rapid.IntRange(0, len(batches)-1).Draw(t, "committed")
			switch rapid.IntRange(0, 2).Draw(t, "behind") {
			case 1:
				w.committed[partition] = batches[behind].Base
			case 2:
				w.bounds[partition] = kafkalog.Range{Start: batches[behind].Base, End: w.bounds[partition].End}
			}
		}
		under := func(partition int32, base int64) bool {
			return base >= w.committed[partition] && rapid.Bool().Draw(t, "not stored")
		}
		for _, p := range all {
			if under(p.partition, p.base) {
				delete(w.points, p.Point)
			}
		}
		w.coverage = slices.DeleteFunc(w.coverage, func(s influxread.Span) bool { return under(int32(s.Partition), s.Base) })
		if len(w.coverage) == 0 {
			t.Skip("nothing is covered")
		}
		var filtered int64
		for _, s := range w.coverage {
			filtered += s.Filtered
		}
		var notes int
		switch rapid.IntRange(0, 2).Draw(t, "beside") {
		case 1: // another topic has coverage points at the same timestamps
			for _, s := range slices.Clone(w.coverage) {
				s.Topic, s.Counted, s.Undecodable, s.Filtered, s.Last = "others", 0, 0, 7, s.Last+3
				w.coverage = append(w.coverage, s)
			}
			notes = 1
		case 2: // as stored by an older version
			for _, s := range slices.Clone(w.coverage) {
				if s.Topic != "" {
					s.Topic, s.Undecodable, s.Filtered = "", s.Undecodable+s.Filtered, 0
					w.coverage = append(w.coverage, s)
				}
			}
		}
		if r := w.quick(t); r.Verdict != Equal || r.Count > 0 || r.Filtered != filtered || len(r.Notes) < notes {
			t.Fatalf("%+v", r)
		}
	})
}

// If this fails, two pipelines have replaced each other's points, and a quick audit of
// either says equal.
func TestQuickFindsTopicsThatShareAMeasurement(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, all := newWorld(t, CutBatches)
		if len(all) == 0 {
			t.Skip("no tweet")
		}
		more := rapid.Int64Range(-1, 1).Draw(t, "more")
		for _, s := range slices.Clone(w.coverage) {
			s.Topic = "others"
			w.coverage = append(w.coverage, s)
		}
		// The topic that wrote a point last has counted more, fewer or the same number.
		for _, p := range all {
			delete(w.points, p.Point)
			p.Count += more
			w.points[p.Point] = true
		}
		r := w.quick(t)
		if r.Verdict != Different || r.Findings[0].Kind != map[bool]FindingKind{true: FindingTwin, false: FindingSum}[more == 0] {
			t.Fatalf("%+v", r)
		}
	})
}

// If this fails, a quick audit of one of two topics in a bucket checks the other, or
// its error does not name the topics.
func TestQuickLooksAtOneTopic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, _ := newWorld(t, CutBatches)
		for i := range w.coverage {
			w.coverage[i].Topic = "others"
		}
		_, err := w.audit(t, nil).Quick(context.Background())
		if !errors.Is(err, ErrNothing) || !strings.Contains(err.Error(), "of the topic tweets") || !strings.Contains(err.Error(), "(others)") {
			t.Fatal(err)
		}
	})
}

// If this fails, a batch without a coverage point, a batch with two, or a wrong sum is
// not noticed or is reported at the wrong place.
func TestQuickReportsWrongCoverage(t *testing.T) {
	eachCut(t, pointwise, func(t *rapid.T, w *world, all []expected) {
		i := rapid.IntRange(0, len(w.coverage)-1).Draw(t, "victim")
		victim := w.coverage[i]
		var kind FindingKind
		switch kind = rapid.SampledFrom([]FindingKind{FindingGap, FindingOverlap, FindingSum, FindingInvalid, FindingBeyond, FindingOrphan}).Draw(t, "fault"); kind {
		case FindingGap:
			w.coverage = slices.Delete(w.coverage, i, i+1)
			if len(w.coverage) == 0 {
				t.Skip("nothing is covered")
			}
		case FindingOverlap:
			twin := victim
			twin.Nanos -= 1e9
			w.coverage = append(w.coverage, twin)
		case FindingSum:
			if victim.Counted == 0 {
				t.Skip("there is nothing to count")
			}
			for _, p := range all {
				if p.partition == int32(victim.Partition) && p.base == victim.Base {
					delete(w.points, p.Point)
					break
				}
			}
		case FindingInvalid:
			*rapid.SampledFrom([]*int64{&w.coverage[i].Records, &w.coverage[i].Undecodable, &w.coverage[i].Filtered}).Draw(t, "field") += 1
		case FindingBeyond:
			end := w.bounds[int32(victim.Partition)].End
			w.coverage = append(w.coverage, influxread.Span{Nanos: secondZero*1e9 + end*64 + victim.Partition, Partition: victim.Partition, Base: end, Last: end + 5, Records: 6, Counted: 6})
			victim.Base, victim.Last = end, end+5
		case FindingOrphan:
			end := w.bounds[int32(victim.Partition)].End
			w.points[influxread.Point{Brand: "Tea", Sentiment: "positive", Nanos: secondZero*1e9 + (end+2_000_000)*64 + victim.Partition, Count: 3}] = true
			victim.Base, victim.Last = end+2_000_000, end+2_000_000
		}
		r := w.quick(t)
		if r.Verdict != Different || r.Count != 1 {
			t.Fatalf("%s: %+v", kind, r)
		}
		f := r.Findings[0]
		if f.Kind != kind || int64(f.Partition) != victim.Partition || f.Base != victim.Base || f.Last != victim.Last {
			t.Fatalf("%+v for %s of %+v", f, kind, victim)
		}
		if !strings.Contains(f.Text, fmt.Sprintf("partition %d", f.Partition)) || !strings.Contains(f.Text, fmt.Sprint(f.Base)) {
			t.Fatalf("%q does not name the partition", f.Text)
		}
	})
}
