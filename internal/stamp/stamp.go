// Package stamp is the stamp law: which nanosecond a point gets in InfluxDB.
//
// InfluxDB replaces a point that has the same measurement, tags and timestamp,
// and a batch of 8,000 tweets shares one millisecond. A counter or a random
// nudge would make the points unique, and double them whenever Kafka is read
// again. So the nanosecond is a pure function of where the tweet lies in Kafka:
//
//	time = event time floored to R  +  slot
//	slot = (offset mod S) * P + partition,  S = R / P
//
// R is the resolution (the window, for windows), P the number of partitions
// that have room. The offset is the tweet's own, or that of the first record of
// what was counted together. Two positions in one R share a slot only if they are
// in one partition and their offsets differ by a multiple of S: 15,625,000 for one
// second and 64 partitions. So none do as long as the offsets of one partition in
// one R span fewer than S.
package stamp

import (
	"encoding/base32"
	"errors"
	"fmt"
	"time"
)

// Bounds of a timestamp in InfluxDB, in nanoseconds since the Unix epoch
// (models.MinNanoTime and MaxNanoTime of InfluxDB 1.8 and 2.7: the two lowest
// and the highest value of an int64 are sentinels there).
const (
	MinNanos = -1<<63 + 2
	MaxNanos = 1<<63 - 2
)

// MaxResolution bounds R, so that a window never spans more than a day.
const MaxResolution = 24 * time.Hour

const nanosPerMilli = int64(time.Millisecond)

// ErrTimeRange says that InfluxDB has no timestamp for an event time.
var ErrTimeRange = errors.New("timestamp lies outside of what InfluxDB can store (years 1677 to 2262)")

// Law is the stamp law for one R and P. The zero value is not usable.
type Law struct {
	resolution int64 // R in ns
	partitions int64 // P
	slots      int64 // S
	source     bool  // the partition is in the series, so all of R is for offsets
}

// New gives the law that keeps topics with up to maxPartitions partitions
// apart within a resolution, which must be whole milliseconds.
func New(resolution time.Duration, maxPartitions int) (Law, error) {
	if err := checkResolution(resolution); err != nil {
		return Law{}, err
	}
	if maxPartitions < 1 || int64(maxPartitions) > int64(resolution) {
		return Law{}, fmt.Errorf("%d partitions do not fit in a resolution of %s: from 1 to %d do",
			maxPartitions, resolution, int64(resolution))
	}
	p := int64(maxPartitions)
	return Law{resolution: int64(resolution), partitions: p, slots: int64(resolution) / p}, nil
}

// NewSource gives the variant for points that carry topic and partition in a
// tag: slot = offset mod R, with no bound on the partition.
func NewSource(resolution time.Duration) (Law, error) {
	if err := checkResolution(resolution); err != nil {
		return Law{}, err
	}
	return Law{resolution: int64(resolution), slots: int64(resolution), source: true}, nil
}

func checkResolution(r time.Duration) error {
	if r < time.Millisecond || r > MaxResolution || r%time.Millisecond != 0 {
		return fmt.Errorf("%s is no resolution: it must be whole milliseconds, from 1ms to %s", r, MaxResolution)
	}
	return nil
}

// Resolution is R.
func (l Law) Resolution() time.Duration { return time.Duration(l.resolution) }

// Slots is S: positions of one partition and one R whose offsets differ by less
// have slots of their own.
func (l Law) Slots() int64 { return l.slots }

// Slot is the nanosecond within R of a position in Kafka. It is an error, and
// never a silent wrap, if the partition has no room or the position is negative.
func (l Law) Slot(offset int64, partition int32) (int64, error) {
	if offset < 0 {
		return 0, fmt.Errorf("offset %d is negative", offset)
	}
	turn := offset % l.slots
	if l.source {
		return turn, nil
	}
	if partition < 0 || int64(partition) >= l.partitions {
		return 0, fmt.Errorf("partition %d has no room: max_partitions is %d, raise it (on an empty bucket, as it moves every point)",
			partition, l.partitions)
	}
	return turn*l.partitions + int64(partition), nil
}

// Floor is the start of the R that an event lies in, in nanoseconds since the
// Unix epoch. It fails with ErrTimeRange where any slot of that R would leave
// what InfluxDB can store.
func (l Law) Floor(unixMillis int64) (int64, error) {
	if unixMillis < MinNanos/nanosPerMilli || unixMillis > MaxNanos/nanosPerMilli {
		return 0, ErrTimeRange
	}
	event := unixMillis * nanosPerMilli
	within := event % l.resolution
	if within < 0 { // before 1970, % rounds towards zero
		within += l.resolution
	}
	if event < MinNanos+within || event-within > MaxNanos-l.resolution {
		return 0, ErrTimeRange
	}
	return event - within, nil
}

// FloorNearest is Floor for a time that may be anything and must not matter: it
// gives the first or the last R that InfluxDB can store where Floor fails.
func (l Law) FloorNearest(unixMillis int64) int64 {
	start, err := l.Floor(unixMillis)
	switch {
	case err == nil:
		return start
	case unixMillis < 0:
		return MinNanos - MinNanos%l.resolution // % rounds towards zero, so this rounds up
	}
	last := MaxNanos - l.resolution
	return last - last%l.resolution
}

// At is the timestamp of the point of one position: Floor plus Slot.
func (l Law) At(unixMillis, offset int64, partition int32) (int64, error) {
	slot, err := l.Slot(offset, partition)
	if err != nil {
		return 0, err
	}
	floor, err := l.Floor(unixMillis)
	if err != nil {
		return 0, err
	}
	return floor + slot, nil
}

// TopicTag is the part of a tag that tells a topic, with NewSource: six characters
// of its id, which are 30 bits.
func TopicTag(id [16]byte) string { return base32.StdEncoding.EncodeToString(id[:])[:6] }
