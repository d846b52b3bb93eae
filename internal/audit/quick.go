package audit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/brandpulse/brandpulse-connect/internal/audit/influxread"
)

// maxSpans bounds the number of coverage points in memory, of about 100 bytes each.
const maxSpans = 4_000_000

// maxTopics limits how many other topics a note names.
const maxTopics = 5

// coverageLaw returns the stamp law of coverage points, which have a resolution of a
// second.
func (a *Audit) coverageLaw() Law {
	law := a.Law
	law.Resolution = time.Second
	return law
}

// covered is a coverage point with the counts of the same offsets.
type covered struct {
	influxread.Span
	partition int32
	stored    int64 // tweets in its points, including rejected ones
}

// Quick checks the coverage points only: that they cover each partition up to the
// committed offset without gaps and overlaps, and that the points of each batch have
// the sum that its coverage point states. From Kafka it reads the offsets and, where
// coverage points are missing, the headers of the batches.
func (a *Audit) Quick(ctx context.Context) (*QuickReport, error) {
	switch {
	case a.Cut == CutFolds:
		return nil, errors.New("a quick audit needs coverage points, which only message: record_batch writes. Run it without --quick")
	case a.Kept == 0 && (a.From != minNanos || a.To != maxNanos):
		return nil, errors.New("a quick audit checks whole partitions. Run it without --from and --to, or without --quick")
	}
	lim, err := a.begin(ctx)
	if err != nil {
		return nil, err
	}
	refused, err := a.readLetters(ctx)
	if err != nil {
		return nil, err
	}
	q := &quick{audit: a, lim: lim, spans: map[int32][]*covered{}, topics: map[string]bool{}, twins: map[int64]twin{}, gaps: map[int32][]gap{}, uncovers: map[int32][]gap{}}
	if err := a.store.Coverage(ctx, q.addSpan); err != nil {
		return nil, err
	}
	if q.count == 0 {
		return nil, fmt.Errorf("%w: InfluxDB has no coverage points of the topic %s, and %d of other topics%s. Check the coverage measurement and the bucket", ErrNothing, a.Topic, q.foreign, q.named())
	}
	q.sort()
	orphans, err := q.addPoints(ctx, refused)
	if err != nil {
		return nil, err
	}
	// The end of the log is read after the points. It shows which of them may not
	// have a coverage point yet.
	if err := a.end(ctx, lim); err != nil {
		return nil, err
	}
	for partition := range lim.log {
		q.tile(partition)
	}
	if err := q.readGaps(ctx); err != nil {
		return nil, err
	}
	q.compareCounts()
	q.findTwins()
	q.judgeOrphans(orphans)
	return q.report(), nil
}

type quick struct {
	audit    *Audit
	lim      *limits
	spans    map[int32][]*covered // by base
	count    int
	reserved int // coverage points in memory, including those of other topics
	foreign  int64
	twins    map[int64]twin  // coverage points of other topics, by time
	topics   map[string]bool // other topics, at most maxTopics
	gaps     map[int32][]gap
	uncovers map[int32][]gap // batches without a coverage point
	findings []Finding
	points   int64
	tweets   int64
	removed  int64 // tweets of points of removed offsets without a coverage point
}

type gap struct{ start, end int64 }

// twin is a coverage point of another topic.
type twin struct {
	topic   string
	counted int64
}

func (q *quick) find(kind FindingKind, partition int32, base, last int64, format string, args ...any) {
	q.findings = append(q.findings, Finding{kind, partition, base, last, fmt.Sprintf(format, args...)})
}

func (q *quick) addSpan(s influxread.Span) error {
	a := q.audit
	o, ok, err := a.coverageLaw().origin(s.Nanos, s.Source, a.SourcePrefix)
	switch {
	case errors.Is(err, errForeign), s.Topic != "" && s.Topic != a.Topic:
		return q.addForeign(s)
	case err != nil:
		return err
	case a.Kept > 0 && s.Nanos < a.From:
		return nil // InfluxDB may expire it at any moment
	}
	if err := q.reserve(); err != nil {
		return err
	}
	q.count++
	c := &covered{Span: s, partition: o.partition}
	switch {
	case len(s.Missing) > 0:
		// A coverage point that is being written may have been read in part.
		if at := o.first(q.lim.committed[o.partition], a.coverageLaw().period()); !ok || at > q.lim.log[o.partition].End+growth {
			q.find(FindingInvalid, o.partition, -1, -1, "the coverage point at %s has no %q", time.Unix(0, s.Nanos).UTC().Format(time.RFC3339Nano), s.Missing)
		}
		return nil
	case !ok || s.Partition != int64(o.partition) || s.Base < 0 || s.Base%a.coverageLaw().period() != o.residue:
		q.find(FindingInvalid, int32(s.Partition), s.Base, s.Last, "partition %d, batch at %d (to %d): its coverage point is at %s, the timestamp of another batch", s.Partition, s.Base, s.Last, time.Unix(0, s.Nanos).UTC().Format(time.RFC3339Nano))
		return nil
	case s.Last < s.Base || s.Records < 0 || s.Records > s.Last-s.Base+1 || s.Counted < 0 || s.Undecodable < 0 || s.Filtered < 0 ||
		s.Counted+s.Undecodable+s.Filtered != s.Records && !q.partial(&s, o.partition):
		q.find(FindingInvalid, o.partition, s.Base, s.Last, "partition %d, batch at %d (to %d): its coverage point is inconsistent: %d records, of which %d counted, %d undecodable and %d filtered",
			o.partition, s.Base, s.Last, s.Records, s.Counted, s.Undecodable, s.Filtered)
	}
	q.spans[o.partition] = append(q.spans[o.partition], c)
	return nil
}

// reserve reserves memory for one coverage point.
func (q *quick) reserve() error {
	if q.reserved++; q.reserved > maxSpans {
		return fmt.Errorf("there are more than %d coverage points, the limit of a quick audit. Run it without --quick, with --from and --to", maxSpans)
	}
	return nil
}

// addForeign records a coverage point of another topic. With identity: source, points
// of two topics never share a key.
func (q *quick) addForeign(s influxread.Span) error {
	q.foreign++
	if s.Topic != "" && len(q.topics) < maxTopics {
		q.topics[s.Topic] = true
	}
	if q.audit.Law.Source || s.Counted <= 0 {
		return nil
	}
	q.twins[s.Nanos] = twin{s.Topic, s.Counted}
	return q.reserve()
}

// findTwins reports record batches of another topic with the timestamp of one of this
// topic. If both are counted in one measurement, their points have replaced each other.
// Different numbers show up as wrong sums; equal numbers do not, so they are reported
// here.
func (q *quick) findTwins() {
	for partition, list := range q.spans {
		for _, c := range list {
			if t, ok := q.twins[c.Nanos]; ok && t.counted == c.Counted && c.stored == c.Counted {
				q.find(FindingTwin, partition, c.Base, c.Last, "partition %d, batch at %d (to %d): a batch of the topic %s has the same timestamp and also %s, and InfluxDB has stored only one of them. Give each topic its own measurement and coverage_measurement",
					partition, c.Base, c.Last, shown(t.topic), tweets(c.Counted))
			}
		}
	}
}

// named returns the names of the other topics with coverage points, in parentheses.
func (q *quick) named() string {
	if len(q.topics) == 0 {
		return ""
	}
	return " (" + strings.Join(slices.Sorted(maps.Keys(q.topics)), ", ") + ")"
}

// partial reports whether a coverage point may have been read while it was being
// written, before its field filtered was there.
func (q *quick) partial(s *influxread.Span, partition int32) bool {
	return s.Filtered == 0 && s.Counted+s.Undecodable < s.Records && s.Last >= q.lim.committed[partition]
}

// sort orders the coverage points by offset. A record batch that an older version
// stored without the topic, and this version stored again, has two: the one with the
// topic is kept.
func (q *quick) sort() {
	for partition, list := range q.spans {
		slices.SortFunc(list, func(a, b *covered) int {
			return cmp.Or(cmp.Compare(a.Base, b.Base), cmp.Compare(a.Last, b.Last), cmp.Compare(a.Nanos, b.Nanos), cmp.Compare(b.Topic, a.Topic))
		})
		q.spans[partition] = slices.CompactFunc(list, func(a, b *covered) bool {
			return (a.Topic == "") != (b.Topic == "") && a.Base == b.Base && a.Last == b.Last && a.Nanos == b.Nanos
		})
	}
}

// maxPeriods bounds how many offsets can share the timestamp of a point.
const maxPeriods = 10_000

// addPoints adds the counts of all points to their coverage points, and returns the
// points without one.
func (q *quick) addPoints(ctx context.Context, refused []influxread.Point) (orphans []orphan, err error) {
	a := q.audit
	for _, bound := range q.lim.log {
		if bound.End/a.Law.period() > maxPeriods {
			return nil, fmt.Errorf("with a resolution of %s, a quick audit cannot assign points to batches. Run it without --quick", a.Law.Resolution)
		}
	}
	waiting := map[influxread.Point]bool{}
	for _, p := range refused {
		waiting[p] = true
	}
	add := func(p influxread.Point) error {
		w, err := a.where(p, q.lim)
		if errors.Is(err, errForeign) {
			return nil
		}
		if err != nil {
			return err
		}
		if c := q.spanOf(w, p.Nanos); c != nil {
			c.stored += p.Count
			return nil
		}
		if a.Kept > 0 && p.Nanos < a.From+int64(disorder) {
			return nil // its coverage point may have expired
		}
		if len(orphans) < maxOrphans {
			orphans = append(orphans, orphan{w, p})
		}
		return nil
	}
	err = a.store.Points(ctx, minNanos, maxNanos, func(p influxread.Point) error {
		if q.points++; q.points%4096 == 0 {
			a.Progress(Progress{Stage: StageStore, Done: q.points})
		}
		q.tweets += p.Count
		delete(waiting, p)
		if _, is := a.settled.written[p]; is {
			return nil // not of a record batch, but of a letter
		}
		return add(p)
	})
	for p := range waiting {
		if err == nil {
			err = add(p)
		}
	}
	return orphans, err
}

// spanOf returns the coverage point of a point. If offsets that share a slot have
// several, it returns the nearest in time.
func (q *quick) spanOf(w place, nanos int64) (best *covered) {
	if !w.ok {
		return nil
	}
	list := q.spans[w.partition]
	period := q.audit.Law.period()
	for at := w.residue; at < q.lim.log[w.partition].End+growth; at += period {
		i, exact := slices.BinarySearchFunc(list, at, func(c *covered, at int64) int { return cmp.Compare(c.Base, at) })
		if !exact {
			if i--; i < 0 || q.audit.Cut == CutBatches || list[i].Last < at {
				continue
			}
		}
		if best == nil || distance(list[i].Nanos, nanos) < distance(best.Nanos, nanos) {
			best = list[i]
		}
	}
	return best
}

func distance(a, b int64) uint64 {
	if a < b {
		a, b = b, a
	}
	return uint64(a) - uint64(b)
}

// tile checks that the coverage points of a partition have no overlaps, and collects
// the gaps between them.
func (q *quick) tile(partition int32) {
	bound, commit := q.lim.log[partition], q.lim.committed[partition]
	list := q.spans[partition]
	next := bound.Start
	if q.audit.Kept > 0 && len(list) > 0 {
		next = max(next, list[0].Base) // earlier coverage points have expired
	}
	var last *covered
	for _, c := range list {
		if last != nil && c.Base <= last.Last {
			if c.Base == last.Base && c.Last == last.Last {
				q.find(FindingOverlap, partition, c.Base, c.Last, "partition %d, batch at %d (to %d): it has two coverage points", partition, c.Base, c.Last)
			} else {
				q.find(FindingOverlap, partition, c.Base, c.Last, "partition %d: the coverage points of the batches at %d (to %d) and at %d (to %d) overlap", partition, last.Base, last.Last, c.Base, c.Last)
			}
		}
		if c.Last >= bound.End {
			q.find(FindingBeyond, partition, c.Base, c.Last, "partition %d: the coverage point of the batch at %d (to %d) is beyond the end of the log, offset %d", partition, c.Base, c.Last, bound.End)
		}
		if end := min(c.Base, commit); next < end {
			q.gaps[partition] = append(q.gaps[partition], gap{next, end})
		}
		if last == nil || c.Last > last.Last {
			last = c
		}
		next = max(next, c.Last+1)
	}
	if next < commit {
		q.gaps[partition] = append(q.gaps[partition], gap{next, commit})
	}
}

// compareCounts compares each coverage point with the points of its batch.
func (q *quick) compareCounts() {
	for partition, list := range q.spans {
		for len(list) > 0 {
			// Several coverage points at one base are reported by tile. The counts
			// may have been added to any of them.
			same := 1
			for same < len(list) && list[same].Base == list[0].Base {
				same++
			}
			q.compareCount(partition, list[:same])
			list = list[same:]
		}
	}
}

func (q *quick) compareCount(partition int32, same []*covered) {
	c, stored := same[0], int64(0)
	for _, one := range same {
		stored += one.stored
	}
	switch {
	case slices.ContainsFunc(same, func(one *covered) bool { return one.Counted == stored }):
	case c.Last >= q.lim.committed[partition]: // its points may not be stored yet
	case q.audit.Kept > 0 && c.Nanos < q.audit.From+int64(disorder) && stored < c.Counted: // some may have expired
	default:
		q.find(FindingSum, partition, c.Base, c.Last, "partition %d, batch at %d (to %d): its points have %s, its coverage point %s",
			partition, c.Base, c.Last, tweets(stored), humanize.Comma(c.Counted))
	}
}
