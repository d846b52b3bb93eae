package sentimentwindow

import (
	"fmt"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/loglimit"
)

// Timestamps in seconds, truncated to 32 bits, or never set, are within a few weeks of
// 1970. They are counted, since they may be genuine, and logged.
const (
	earlyFrom = -1 << 31 // ms since the Unix epoch: 1969-12-07
	earlyTo   = 1 << 32  // 1970-02-19
	year2001  = 978_307_200_000

	// earlyPeriod is the minimum time between two warnings.
	earlyPeriod = 10 * time.Minute
	// secondsAround is how far from now a timestamp is still assumed to be in seconds.
	// Milliseconds truncated to 32 bits may look like any number of seconds.
	secondsAround = 5 * 365 * 24 * time.Hour
)

// early reports whether a timestamp is in that range.
func early(millis int64) bool { return millis >= earlyFrom && millis < earlyTo }

// unlikely returns the probable cause of an early timestamp. now is in milliseconds.
func unlikely(millis, now int64) string {
	inSeconds := millis * 1000
	switch {
	case millis == 0:
		return "it was probably never set"
	case inSeconds > now-secondsAround.Milliseconds() && inSeconds < now+secondsAround.Milliseconds():
		return "in seconds it would be " + time.UnixMilli(inSeconds).UTC().Format(time.RFC3339)
	}
	return "it is probably milliseconds truncated to 32 bits"
}

// earlyTweets are the tweets of one batch with early timestamps.
type earlyTweets struct {
	count  int64
	millis int64 // of one of them
	group  *group
}

func (e *earlyTweets) add(g *group, millis, count int64) {
	if e.count == 0 {
		e.group, e.millis = g, millis
	}
	e.count += count
}

// earlyNotes logs a warning about them, at most once per period.
type earlyNotes struct {
	log   *service.Logger
	field string // what to change
	lines loglimit.Limiter
}

func (n *earlyNotes) note(e *earlyTweets, now time.Time) {
	if e.count == 0 || now.UnixMilli() < year2001 {
		return
	}
	count, due := n.lines.DueOf(e.count, now)
	if !due {
		return
	}
	where := ""
	if g := e.group; g.inKafka {
		where = fmt.Sprintf(" (topic %s, partition %d, from offset %d)", g.first.Topic, g.first.Partition, g.first.Offset)
	}
	n.log.Warnf("Tweets with timestamps in the first weeks of 1970 were counted: %d. One has the timestamp %d%s: %s. %s, in milliseconds. `%s` makes such tweets dead letters",
		count, e.millis, where, unlikely(e.millis, now.UnixMilli()), n.field, fieldBounds)
}

// earlyField returns what to change, depending on the source of the timestamps.
func earlyField(c *config) string {
	switch {
	case c.mapping != nil:
		return "Set `root.timestamp` in `mapping`, for example with `* 1000` or .ts_parse()"
	case c.encoding == encodingJSON:
		return "Let producers set the member `timestamp`, or set `mapping`"
	}
	return "Let producers set the field `timestamp`, or name its unit in their schema"
}
