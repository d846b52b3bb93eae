// Package stamp is the stamp law: it determines the nanosecond of a point in InfluxDB.
//
// InfluxDB replaces a point that has the same measurement, tags and timestamp, and a
// batch of 8,000 tweets shares one millisecond. A counter or a random offset would make
// the points unique, but duplicate them whenever Kafka is replayed. So the nanosecond
// is a pure function of the tweet's position in Kafka:
//
//	time = event time floored to R  +  slot
//	slot = (offset mod S) * P + partition,  S = R / P
//
// R is the resolution (the window, for windows), P the largest number of partitions.
// The offset is the tweet's own, or that of the first record of a batch that is counted
// together. Two positions in one R share a slot only if they are in one partition and
// their offsets differ by a multiple of S: 15,625,000 for one second and 64 partitions.
// So none do as long as the offsets of one partition in one R span fewer than S.
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

// ErrTimeRange means that InfluxDB has no timestamp for an event time.
var ErrTimeRange = errors.New("timestamp is outside the years 1677 to 2262, which InfluxDB can store")

// Law is the stamp law for one R and P. The zero value is not usable.
type Law struct {
	resolution int64 // R in ns
	partitions int64 // P
	slots      int64 // S
	source     bool  // the partition is in the series, so all of R is for offsets
}

// New returns the law for topics with up to maxPartitions partitions and a resolution,
// which must be whole milliseconds.
func New(resolution time.Duration, maxPartitions int) (Law, error) {
	if err := checkResolution(resolution); err != nil {
		return Law{}, err
	}
	if maxPartitions < 1 || int64(maxPartitions) > int64(resolution) {
		return Law{}, fmt.Errorf("%d partitions do not fit in a resolution of %s: it must be from 1 to %d",
			maxPartitions, resolution, int64(resolution))
	}
	p := int64(maxPartitions)
	return Law{resolution: int64(resolution), partitions: p, slots: int64(resolution) / p}, nil
}

// NewSource returns the variant for points with a tag that contains topic and
// partition: slot = offset mod R, for any partition.
func NewSource(resolution time.Duration) (Law, error) {
	if err := checkResolution(resolution); err != nil {
		return Law{}, err
	}
	return Law{resolution: int64(resolution), slots: int64(resolution), source: true}, nil
}

func checkResolution(r time.Duration) error {
	if r < time.Millisecond || r > MaxResolution || r%time.Millisecond != 0 {
		return fmt.Errorf("the resolution is %s: it must be whole milliseconds, from 1ms to %s", r, MaxResolution)
	}
	return nil
}

// Resolution returns R.
func (l Law) Resolution() time.Duration { return time.Duration(l.resolution) }

// Slots returns S: positions in one partition and one R have different slots if their
// offsets differ by less.
func (l Law) Slots() int64 { return l.slots }

// Slot returns the nanosecond within R of a position in Kafka. A partition beyond the
// limit or a negative position is an error and never wraps around.
func (l Law) Slot(offset int64, partition int32) (int64, error) {
	if offset < 0 {
		return 0, fmt.Errorf("offset %d is negative", offset)
	}
	turn := offset % l.slots
	if l.source {
		return turn, nil
	}
	if partition < 0 || int64(partition) >= l.partitions {
		return 0, fmt.Errorf("partition %d is beyond max_partitions, %d. Raise it, on an empty bucket, since that changes the timestamp of every point",
			partition, l.partitions)
	}
	return turn*l.partitions + int64(partition), nil
}

// Floor returns the start of the R that contains an event, in nanoseconds since the
// Unix epoch. It returns ErrTimeRange if InfluxDB cannot store every slot of that R.
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

// FloorNearest is Floor for a time that may be arbitrary and must not cause an error:
// where Floor fails, it returns the first or the last R that InfluxDB can store.
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

// At returns the timestamp of the point of one position: Floor plus Slot.
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

// TopicTag returns the part of a tag that identifies a topic, with NewSource: six
// characters of its id, which are 30 bits.
func TopicTag(id [16]byte) string { return base32.StdEncoding.EncodeToString(id[:])[:6] }
