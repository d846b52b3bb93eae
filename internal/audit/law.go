package audit

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Law is the stamp law: how the timestamp of a point follows from the position of its
// tweets in Kafka. It repeats the documentation of sentiment_window:
//
//	time = event time floored to Resolution + slot
//	slot = (offset mod S) * Partitions + partition,  S = Resolution / Partitions
//
// and with Source, where a tag names topic and partition: slot = offset mod
// Resolution.
type Law struct {
	Resolution time.Duration // the window, or the resolution of single tweets
	Partitions int64         // most partitions of the topic; not used with Source
	Source     bool
}

func (l Law) check() error {
	switch {
	case l.Resolution < time.Millisecond || l.Resolution > 24*time.Hour || l.Resolution%time.Millisecond != 0:
		return fmt.Errorf("window or resolution is %s: it must be whole milliseconds, at most 24h", l.Resolution)
	case !l.Source && (l.Partitions < 1 || l.Partitions > int64(l.Resolution)):
		return fmt.Errorf("max_partitions is %d: it must be from 1 to the nanoseconds of the window, %s", l.Partitions, l.Resolution)
	}
	return nil
}

// period returns S: offsets that differ by S share a slot.
func (l Law) period() int64 {
	if l.Source {
		return int64(l.Resolution)
	}
	return int64(l.Resolution) / l.Partitions
}

// slot returns the slot of an offset. ok is false if the partition has none.
func (l Law) slot(partition int32, offset int64) (slot int64, ok bool) {
	if l.Source {
		return offset % l.period(), true
	}
	if int64(partition) >= l.Partitions {
		return 0, false
	}
	return offset%l.period()*l.Partitions + int64(partition), true
}

// floor rounds down to Resolution, also before 1970.
func (l Law) floor(nanos int64) int64 { return floorTo(nanos, int64(l.Resolution)) }

func floorTo(nanos, step int64) int64 {
	within := nanos % step
	if within < 0 {
		within += step
	}
	return nanos - within
}

// origin is the position that the timestamp of a point contains: an offset of
// residue + k * period in a partition.
type origin struct {
	partition int32
	residue   int64
}

var errForeign = errors.New("a point of another topic")

// origin reads the timestamp and the tag src of a point. ok is false if no offset
// produces that timestamp; errForeign means a point of another topic. prefix is the
// beginning of the tag src for this topic.
func (l Law) origin(nanos int64, source, prefix string) (o origin, ok bool, err error) {
	slot := nanos - l.floor(nanos)
	if l.Source {
		number, mine := strings.CutPrefix(source, prefix)
		if !mine {
			return origin{}, false, errForeign
		}
		var partition int32
		for _, c := range []byte(number) {
			if c < '0' || c > '9' || partition > 1<<24 {
				return origin{}, false, nil
			}
			partition = partition*10 + int32(c-'0')
		}
		return origin{partition, slot}, number != "", nil
	}
	if slot >= l.period()*l.Partitions {
		return origin{}, false, nil // a remainder, if the partitions do not divide R
	}
	return origin{int32(slot % l.Partitions), slot / l.Partitions}, true, nil
}

// first returns the lowest offset with the residue that is start or above.
func (o origin) first(start, period int64) int64 {
	ahead := (o.residue - start) % period
	if ahead < 0 {
		ahead += period
	}
	return start + ahead
}

// mix hashes a point, so that two sets of points have equal sums of hashes only if
// the sets are equal, up to collisions in 64 bits. It is the finalizer of MurmurHash3,
// applied twice.
func mix(nanos, count int64) uint64 {
	h := uint64(nanos)
	for _, n := range []uint64{0x9e3779b97f4a7c15, uint64(count)} {
		h ^= n
		h ^= h >> 33
		h *= 0xff51afd7ed558ccd
		h ^= h >> 33
		h *= 0xc4ceb9fe1a85ec53
		h ^= h >> 33
	}
	return h
}
