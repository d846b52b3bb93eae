package sentimentwindow

import (
	"fmt"
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/loglimit"
	"github.com/brandpulse/brandpulse-connect/internal/stamp"
)

const (
	// spanWindows is how many windows of a partition are watched. Of those with the same
	// index in the table, the newest: with windows of 1s, the last four minutes. A table
	// has 8 KiB.
	spanWindows = 256
	// maxSpanTables bounds the partitions that are watched. If there are more, watching
	// restarts.
	maxSpanTables = 2048
	// spanPeriod is the minimum time for which the metric shows a span, so that no scrape
	// misses it, and the minimum time between two log lines.
	spanPeriod = time.Minute
	// nearSlots is the share of S from which a span is logged.
	nearSlots = 0.5
)

// spans watches how many offsets the tweets of one window span in a partition. From S
// on, two points can have the same series and timestamp, and InfluxDB would replace one
// with the other without an error.
type spans struct {
	conf  *config
	laws  laws
	log   *service.Logger
	ratio *service.MetricGauge

	near, over loglimit.Limiter // lines of spans near S, and over it

	mu          sync.Mutex
	tables      map[spanTable]*[spanWindows]span
	shown       float64 // value of the metric
	now, before float64 // the largest share of S in this period and in the previous one
	turned      time.Time
}

// spanTable identifies a set of slots.
type spanTable struct {
	topic     string
	partition int32
	coverage  bool // coverage points have a different R
}

// span is the offsets of one window in a partition.
type span struct {
	start     int64 // of the window, ns since the Unix epoch
	low, high int64
	used      bool
}

func newSpans(c *config, l laws, log *service.Logger, ratio *service.MetricGauge) *spans {
	return &spans{conf: c, laws: l, log: log, ratio: ratio, tables: map[spanTable]*[spanWindows]span{}}
}

// add records that points of the window that contains a time, in nanoseconds since the
// Unix epoch, have the offsets from low to high.
func (s *spans) add(of spanTable, at, low, high int64) {
	law := s.laws.points
	if of.coverage {
		law = s.laws.coverage
	}
	r := int64(law.Resolution())
	start := at - (at%r+r)%r
	s.mu.Lock()
	defer s.mu.Unlock()
	table := s.tables[of]
	if table == nil {
		if len(s.tables) >= maxSpanTables {
			clear(s.tables)
		}
		table = new([spanWindows]span)
		s.tables[of] = table
	}
	w := &table[uint64(start/r)%spanWindows]
	if !w.used || w.start != start {
		*w = span{start: start, low: low, high: high, used: true}
	}
	w.low, w.high = min(w.low, low), max(w.high, high)
	share := float64(w.high-w.low) / float64(law.Slots())
	if share > s.now || time.Since(s.turned) >= spanPeriod {
		s.show(share, time.Now())
	}
	if share >= nearSlots {
		s.warn(of, law, w, share, time.Now())
	}
}

// show sets the metric to the largest share of this period and the previous one.
func (s *spans) show(share float64, now time.Time) {
	switch age := now.Sub(s.turned); {
	case age >= 2*spanPeriod:
		s.before, s.now, s.turned = 0, 0, now
	case age >= spanPeriod:
		s.before, s.now, s.turned = s.now, 0, now
	}
	s.now = max(s.now, share)
	if largest := max(s.now, s.before); largest != s.shown {
		s.shown = largest
		s.ratio.SetFloat64(largest)
	}
}

func (s *spans) warn(of spanTable, law stamp.Law, w *span, share float64, now time.Time) {
	lines, over := &s.near, share >= 1
	if over {
		lines = &s.over
	}
	if !lines.Due("", now) {
		return
	}
	field, r := s.conf.resolutionField()
	points := fmt.Sprintf("the %s at %s (%s)", field, time.Unix(0, w.start).UTC().Format(time.RFC3339Nano), r)
	same, way := "points of one brand and sentiment", "If the event times are right, lengthen "+field
	if of.coverage {
		points = fmt.Sprintf("the second of coverage points at %s", time.Unix(0, w.start).UTC().Format(time.RFC3339))
		same, way = "coverage points", "Check the timestamps of the records"
	}
	if s.conf.identity == contract.IdentityTimestamp {
		way += fmt.Sprintf(", or lower %s to the number of partitions of the topic. Either moves every point, so use an empty bucket", fieldMaxPartitions)
	}
	log := s.log.With(logTopic, of.topic, logPartition, of.partition, logOffset, w.high)
	where := fmt.Sprintf("In partition %d of %s, %s has offsets %d to %d", of.partition, of.topic, points, w.low, w.high)
	if over {
		log.Errorf("%s: %s whose offsets are a multiple of %d apart have replaced each other. %s", where, same, law.Slots(), way)
	} else {
		log.Warnf("%s: %.0f %% of the %d from which %s can replace each other. %s", where, 100*share, law.Slots(), same, way)
	}
}
