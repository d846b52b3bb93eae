package influxdb

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/lineproto"
)

// sighting is a kind of time that is hardly meant. What is written does not depend
// on it, since that would depend on the clock: a replay must decide alike.
type sighting int

// InfluxDB takes nanoseconds, and stores a time in another unit in January 1970.
const (
	sightSeconds      sighting = iota // as seconds it would be within years of now
	sightMilliseconds                 // as milliseconds
	sightMicroseconds                 // as microseconds
	sightEpoch                        // in the first weeks of 1970 all the same: 0, or cut to 32 bits
	sightFuture                       // more than a year ahead: multiplied once too often, or wrapped around
	sightingCount
)

func (s sighting) String() string {
	return [...]string{"seconds", "milliseconds", "microseconds", "epoch", "future"}[s]
}

func sightingNames() (names []string) {
	for s := range sightingCount {
		names = append(names, s.String())
	}
	return names
}

// unit is how many nanoseconds one of what the time looks like has; 0: no unit.
func (s sighting) unit() int64 {
	return [...]int64{int64(time.Second), int64(time.Millisecond), int64(time.Microsecond), 0, 0}[s]
}

// sightings are those in one batch, relative to when it came.
type sightings struct {
	now    int64
	future int64
	text   [20]byte // future, as digits
	seen   [sightingCount]struct {
		points  int64
		ns      int64 // of the first
		message int   // of the first
	}
}

// beyond is how far ahead of now a time may be.
const beyond = int64(365 * 24 * time.Hour)

func (s *sightings) begin() {
	*s = sightings{now: time.Now().UnixNano()}
	s.future = min(s.now, math.MaxInt64-beyond) + beyond
	strconv.AppendInt(s.text[:0], s.future, 10)
}

// early is the end of what is hardly meant after 1970: a time of now in
// microseconds, and half as much again.
func (s *sightings) early() int64 { return s.now / 1000 * 3 / 2 }

// see looks at the time of a point of message i.
func (s *sightings) see(ns int64, i int) {
	if ns > s.early() && ns < s.future || ns < 0 {
		return
	}
	kind := sightEpoch
	switch {
	case ns >= s.future:
		kind = sightFuture
	case s.near(ns, sightSeconds):
		kind = sightSeconds
	case s.near(ns, sightMilliseconds):
		kind = sightMilliseconds
	case s.near(ns, sightMicroseconds):
		kind = sightMicroseconds
	}
	seen := &s.seen[kind]
	if seen.points++; seen.points == 1 {
		seen.ns, seen.message = ns, i
	}
}

// near reports whether ns would be within half of the time since 1970 of now, if
// it were in another unit.
func (s *sightings) near(ns int64, kind sighting) bool {
	now := s.now / kind.unit()
	return ns >= now/2 && ns <= now*3/2
}

// seeText is see for the digits of a line. Those of nearly all have one length and
// are below others by their order as text.
func (s *sightings) seeText(digits []byte, i int) {
	const usual = 19 // from 2001 on
	if len(digits) == usual && digits[0] >= '1' && string(digits) < string(s.text[:usual]) {
		return
	}
	if ns, ok := lineproto.Time(digits); ok {
		s.see(ns, i)
	}
}

// sighted counts the times of a batch that are hardly meant, and logs the first of
// each kind in the life of the output.
func (o *output) sighted(batch service.MessageBatch, s *sightings) {
	for kind := range sightingCount {
		seen := s.seen[kind]
		if seen.points == 0 {
			continue
		}
		o.metrics.unlikely.Incr(seen.points, kind.String())
		if o.warned[kind].Swap(true) {
			continue
		}
		fields := []any{logReason, kind.String()}
		for _, name := range []string{"topic", "partition", "offset"} {
			if value, found := batch[seen.message].MetaGetMut("kafka_" + name); found {
				fields = append(fields, name, value)
			}
		}
		o.log.With(fields...).Warnf("Writing a point with the time %d, which is %s; %s. It is written as it is; more of them are counted by influxdb_unlikely_times, and not logged", seen.ns, dateOf(seen.ns), advice(kind, seen.ns))
	}
}

func advice(kind sighting, ns int64) string {
	switch kind {
	case sightFuture:
		return "that is more than a year ahead: InfluxDB takes nanoseconds since 1970, so has a time been multiplied that was in nanoseconds already, or beyond 64 bits?"
	case sightEpoch:
		return "InfluxDB takes nanoseconds since 1970: is the time missing, or cut to 32 bits?"
	}
	unit := kind.unit()
	return fmt.Sprintf("in %s it would be %s: InfluxDB takes nanoseconds, so multiply it by %d, in the mapping `timestamp`, or in a mapping before this output where messages are line protocol", kind, dateOf(ns*unit), unit)
}

func dateOf(ns int64) string { return time.Unix(0, ns).UTC().Format(time.RFC3339) }
