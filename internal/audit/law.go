package audit

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Law is how the time of a point follows from where its tweets lie in Kafka, as
// the documents of sentiment_window have it, written here once more:
//
//	time = event time floored to Resolution + slot
//	slot = (offset mod S) * Partitions + partition,  S = Resolution / Partitions
//
// and with Source, where a tag names topic and partition: slot = offset mod
// Resolution.
type Law struct {
	Resolution time.Duration // the window, or the resolution of single tweets
	Partitions int64         // how many the topic may have; not used with Source
	Source     bool
}

func (l Law) check() error {
	switch {
	case l.Resolution < time.Millisecond || l.Resolution > 24*time.Hour || l.Resolution%time.Millisecond != 0:
		return fmt.Errorf("%s is no window: it must be whole milliseconds, at most 24h", l.Resolution)
	case !l.Source && (l.Partitions < 1 || l.Partitions > int64(l.Resolution)):
		return fmt.Errorf("%d partitions do not fit in %s", l.Partitions, l.Resolution)
	}
	return nil
}

// period is S: offsets that differ by it share a slot.
func (l Law) period() int64 {
	if l.Source {
		return int64(l.Resolution)
	}
	return int64(l.Resolution) / l.Partitions
}

// slot of an offset; ok is false where the partition has none.
func (l Law) slot(partition int32, offset int64) (slot int64, ok bool) {
	if l.Source {
		return offset % l.period(), true
	}
	if int64(partition) >= l.Partitions {
		return 0, false
	}
	return offset%l.period()*l.Partitions + int64(partition), true
}

// floor rounds down, before 1970 too.
func (l Law) floor(nanos int64) int64 { return floorTo(nanos, int64(l.Resolution)) }

func floorTo(nanos, step int64) int64 {
	within := nanos % step
	if within < 0 {
		within += step
	}
	return nanos - within
}

// origin is what the time of a point says of the offset it was made from: it is
// residue + k * period, in a partition.
type origin struct {
	partition int32
	residue   int64
}

var errForeign = errors.New("a point of another topic")

// origin reads the time and source of a point. ok is false where no offset gives
// that time; errForeign means a point of another topic. prefix is what the tag
// src begins with for this topic.
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
		return origin{}, false, nil // what is left where the partitions do not divide R
	}
	return origin{int32(slot % l.Partitions), slot / l.Partitions}, true, nil
}

// first is the lowest offset from start on that has the residue.
func (o origin) first(start, period int64) int64 {
	ahead := (o.residue - start) % period
	if ahead < 0 {
		ahead += period
	}
	return start + ahead
}

// mix makes a number of a point such that the sums over two sets of points are
// equal only if the sets are, as far as 64 bits can tell (the finalizer of
// MurmurHash3, twice).
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
