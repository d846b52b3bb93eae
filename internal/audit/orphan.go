package audit

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/audit/influxread"
)

// orphan is a point without a coverage point.
type orphan struct {
	place
	influxread.Point
}

// maxOrphans bounds how many points without a coverage point are examined.
const maxOrphans = 10_000

// judgeOrphans reports points without a coverage point. It skips points of batches
// that are not committed, which may still get one, and of batches that uncovered has
// reported.
func (q *quick) judgeOrphans(orphans []orphan) {
	period := q.audit.Law.period()
	for _, o := range orphans {
		_, exists := q.lim.log[o.partition]
		batch, uncovered := q.batchOf(o.place)
		text := fmt.Sprintf("stored %s at %s, brand %s, %s", tweets(o.Count), time.Unix(0, o.Nanos).UTC().Format("2006-01-02 15:04:05"), shown(o.Brand), shown(o.Sentiment))
		switch {
		case !o.ok:
			q.find(FindingOrphan, -1, -1, -1, "%s: no offset produces its timestamp", text)
		case !exists:
			q.find(FindingOrphan, o.partition, -1, -1, "%s: partition %d, which the topic does not have", text, o.partition)
		case uncovered && (q.audit.Cut == CutTweets || batch.start == o.offset):
		case o.first(q.lim.committed[o.partition], period) < q.lim.log[o.partition].End: // in flight
		case batch.end > 0:
			q.find(FindingOrphan, o.partition, batch.start, batch.end-1, "%s: partition %d, offset %d, which is inside the batch at %d (to %d)", text, o.partition, o.offset, batch.start, batch.end-1)
		case o.before:
			q.removed += o.Count
		default:
			q.find(FindingOrphan, o.partition, o.offset, o.offset, "%s: partition %d, offset %d + k·%d, which no coverage point covers", text, o.partition, o.offset, period)
		}
	}
}

// batchOf returns the batch that contains the offset of a point, if it is known.
func (q *quick) batchOf(w place) (batch gap, uncovered bool) {
	for _, g := range q.uncovers[w.partition] {
		if w.offset >= g.start && w.offset < g.end {
			return g, true
		}
	}
	list := q.spans[w.partition]
	i, exact := slices.BinarySearchFunc(list, w.offset, func(c *covered, at int64) int { return cmp.Compare(c.Base, at) })
	if !exact {
		i--
	}
	if i >= 0 && i < len(list) && w.offset <= list[i].Last {
		return gap{list[i].Base, list[i].Last + 1}, false
	}
	return gap{}, false
}
