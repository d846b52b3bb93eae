package influxdb

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/lineproto"
)

// timeKind is a kind of timestamp that is probably wrong. Such points are counted and
// logged, but written unchanged: a replay must write the same points, so the result must
// not depend on the clock.
type timeKind int

// InfluxDB expects nanoseconds. A timestamp in another unit is in January 1970.
const (
	timeSeconds      timeKind = iota // in seconds, it would be near now
	timeMilliseconds                 // in milliseconds, it would be near now
	timeMicroseconds                 // in microseconds, it would be near now
	timeEpoch                        // in the first weeks of 1970 for another reason: 0, or truncated to 32 bits
	timeFuture                       // more than a year ahead: multiplied too often, or overflowed
	timeKinds
)

func (k timeKind) String() string {
	return [...]string{"seconds", "milliseconds", "microseconds", "epoch", "future"}[k]
}

func timeKindNames() (names []string) {
	for k := range timeKinds {
		names = append(names, k.String())
	}
	return names
}

// unit returns the unit in nanoseconds, 0 for a kind without one.
func (k timeKind) unit() int64 {
	return [...]int64{int64(time.Second), int64(time.Millisecond), int64(time.Microsecond), 0, 0}[k]
}

// unlikelyTimes counts the unlikely timestamps of one batch.
type unlikelyTimes struct {
	now    int64
	future int64    // the earliest that is unlikely
	digits [20]byte // of future
	seen   [timeKinds]struct {
		points  int64
		ns      int64 // of the first
		message int   // of the first
	}
}

// maxAhead is how far ahead of now a timestamp is not unlikely.
const maxAhead = int64(365 * 24 * time.Hour)

func (s *unlikelyTimes) begin() {
	*s = unlikelyTimes{now: time.Now().UnixNano()}
	s.future = min(s.now, math.MaxInt64-maxAhead) + maxAhead
	strconv.AppendInt(s.digits[:0], s.future, 10)
}

// early returns the latest timestamp that is unlikely for being too early: with a
// margin, now in microseconds.
func (s *unlikelyTimes) early() int64 { return s.now / 1000 * 3 / 2 }

// check counts the timestamp of a point of message i if it is unlikely.
func (s *unlikelyTimes) check(ns int64, i int) {
	if ns > s.early() && ns < s.future || ns < 0 {
		return
	}
	kind := timeEpoch
	switch {
	case ns >= s.future:
		kind = timeFuture
	case s.near(ns, timeSeconds):
		kind = timeSeconds
	case s.near(ns, timeMilliseconds):
		kind = timeMilliseconds
	case s.near(ns, timeMicroseconds):
		kind = timeMicroseconds
	}
	seen := &s.seen[kind]
	if seen.points++; seen.points == 1 {
		seen.ns, seen.message = ns, i
	}
}

// near reports whether ns, read in the unit of kind, is between half and one and a
// half of the time from 1970 to now.
func (s *unlikelyTimes) near(ns int64, kind timeKind) bool {
	now := s.now / kind.unit()
	return ns >= now/2 && ns <= now*3/2
}

// checkDigits is check for the digits of a line. Nearly all timestamps have 19 digits
// and can be compared as text.
func (s *unlikelyTimes) checkDigits(digits []byte, i int) {
	const usual = 19 // digits, from 2001 on
	if len(digits) == usual && digits[0] >= '1' && string(digits) < string(s.digits[:usual]) {
		return
	}
	if ns, ok := lineproto.Time(digits); ok {
		s.check(ns, i)
	}
}

// reportTimes updates the metric for the unlikely timestamps of a batch, and logs
// the first of each kind since the output was created.
func (o *output) reportTimes(batch service.MessageBatch, s *unlikelyTimes) {
	for kind := range timeKinds {
		seen := s.seen[kind]
		if seen.points == 0 {
			continue
		}
		o.metrics.unlikely.Incr(seen.points, kind.String())
		// sentiment_window logs such times itself, in milliseconds; advice about
		// nanoseconds would contradict it.
		if byWindow(batch[seen.message]) || o.warned[kind].Swap(true) {
			continue
		}
		fields := append([]any{logReason, kind.String()}, placeOf(batch[seen.message])...)
		o.log.With(fields...).Warnf("A point has the timestamp %d, which is %s: %s. It is written unchanged. influxdb_unlikely_times counts further ones, which are not logged", seen.ns, dateOf(seen.ns), advice(kind, seen.ns))
	}
}

// byWindow reports whether the points of a message come from sentiment_window.
func byWindow(m *service.Message) bool {
	for _, name := range [...]string{contract.Tweets, contract.Points} {
		if _, found := m.MetaGetMut(name); !found {
			return false
		}
	}
	return true
}

func advice(kind timeKind, ns int64) string {
	switch kind {
	case timeFuture:
		return "more than a year in the future. InfluxDB expects nanoseconds since 1970; a timestamp that already was in nanoseconds may have been multiplied, or the product exceeded 64 bits"
	case timeEpoch:
		return "InfluxDB expects nanoseconds since 1970; the timestamp may be missing, or truncated to 32 bits"
	}
	unit := kind.unit()
	return fmt.Sprintf("in %s it would be %s. InfluxDB expects nanoseconds: multiply by %d in the mapping `timestamp` or, for line protocol, in a mapping before this output", kind, dateOf(ns*unit), unit)
}

func dateOf(ns int64) string { return time.Unix(0, ns).UTC().Format(time.RFC3339) }
