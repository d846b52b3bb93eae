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

// maxOrphans bounds how many points without a coverage point are looked at.
const maxOrphans = 10_000

// judgeOrphans looks at the points without a coverage point: those of batches
// that are not committed may still get one, and a batch without one is a finding
// already.
func (q *quick) judgeOrphans(orphans []orphan) {
	period := q.audit.Law.period()
	for _, o := range orphans {
		_, exists := q.lim.log[o.partition]
		lies, uncovered := q.batchOf(o.place)
		text := fmt.Sprintf("stored %s at %s, brand %s, %s", tweets(o.Count), time.Unix(0, o.Nanos).UTC().Format("2006-01-02 15:04:05"), shown(o.Brand), shown(o.Sentiment))
		switch {
		case !o.ok:
			q.find(FindingOrphan, -1, -1, -1, "%s: at a time that no offset gives", text)
		case !exists:
			q.find(FindingOrphan, o.partition, -1, -1, "%s: partition %d, which the topic does not have", text, o.partition)
		case uncovered && (q.audit.Cut == CutTweets || lies.start == o.offset):
		case o.first(q.lim.committed[o.partition], period) < q.lim.log[o.partition].End: // under way
		case lies.end > 0:
			q.find(FindingOrphan, o.partition, lies.start, lies.end-1, "%s: partition %d, offset %d, which lies inside of the batch at %d (to %d)", text, o.partition, o.offset, lies.start, lies.end-1)
		case o.before:
			q.removed += o.Count
		default:
			q.find(FindingOrphan, o.partition, o.offset, o.offset, "%s: partition %d, offset %d + k·%d, of which no coverage point says anything", text, o.partition, o.offset, period)
		}
	}
}

// batchOf gives the batch that the offset of a point lies in, if one is known.
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
