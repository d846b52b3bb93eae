package sentimentwindow

import (
	"fmt"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/loglimit"
)

// Timestamps that are in seconds, that were cut to 32 bits or never set are a few
// weeks from 1970. They are counted, as history may be, and mentioned.
const (
	earlyFrom = -1 << 31 // ms since the Unix epoch: 1969-12-07
	earlyTo   = 1 << 32  // 1970-02-19
	year2001  = 978_307_200_000

	// earlyPeriod is how often at most the warning comes.
	earlyPeriod = 10 * time.Minute
	// secondsAround is how far from now a timestamp in seconds is taken to be. What
	// is left of milliseconds in 32 bits may be any number of seconds.
	secondsAround = 5 * 365 * 24 * time.Hour
)

// early reports whether a timestamp is where those lie.
func early(millis int64) bool { return millis >= earlyFrom && millis < earlyTo }

// unlikely says what an early timestamp may be, at a time in milliseconds.
func unlikely(millis, now int64) string {
	inSeconds := millis * 1000
	switch {
	case millis == 0:
		return "0, as if it was never set"
	case inSeconds > now-secondsAround.Milliseconds() && inSeconds < now+secondsAround.Milliseconds():
		return "in seconds it would be " + time.UnixMilli(inSeconds).UTC().Format(time.RFC3339)
	}
	return "as if milliseconds had been cut to 32 bits"
}

// earlyTweets are those of one batch.
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

// earlyNotes warns of them, at most once in a period.
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
	n.log.Warnf("Tweets counted in the first weeks of 1970: %d. One has the timestamp %d%s: %s. %s, in milliseconds. `%s` sends such tweets to the dead letters",
		count, e.millis, where, unlikely(e.millis, now.UnixMilli()), n.field, fieldBounds)
}

// earlyField says what to change, by where timestamps come from.
func earlyField(c *config) string {
	switch {
	case c.mapping != nil:
		return "Set `root.timestamp` of `mapping`, for example by `* 1000` or .ts_parse()"
	case c.encoding == encodingJSON:
		return "Let producers set the member `timestamp`, or set `mapping`"
	}
	return "Let producers set the field `timestamp`, or name its unit in their schema"
}
