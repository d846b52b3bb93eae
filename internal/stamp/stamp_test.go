package stamp

import (
	"errors"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func mustNew(t interface{ Fatal(...any) }, r time.Duration, p int) Law {
	l, err := New(r, p)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// Golden values. A change of the law moves every stored point, and a replay after the
// upgrade would count every tweet twice.
func TestLawIsTheOneThatIsStored(t *testing.T) {
	second := mustNew(t, time.Second, 64)
	milli := mustNew(t, time.Millisecond, 64)
	source, err := NewSource(time.Second)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name      string
		law       Law
		millis    int64
		offset    int64
		partition int32
		want      int64
	}{
		{"first record", second, 1_700_000_000_123, 0, 0, 1_700_000_000_000_000_000},
		{"partition is the low part", second, 1_700_000_000_123, 0, 7, 1_700_000_000_000_000_007},
		{"offset is the high part", second, 1_700_000_000_123, 3, 7, 1_700_000_000_000_000_199},
		{"offsets wrap after S", second, 1_700_000_000_999, 15_625_000, 1, 1_700_000_000_000_000_001},
		{"last slot of the second", second, 1_700_000_000_999, 15_624_999, 63, 1_700_000_000_999_999_999},
		{"resolution of a millisecond", milli, 1_700_000_000_123, 2, 1, 1_700_000_000_123_000_129},
		{"before 1970 floors downwards", second, -1, 0, 0, -1_000_000_000},
		{"source has all of R for offsets", source, 1_700_000_000_123, 999_999_999, 500, 1_700_000_000_999_999_999},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := c.law.At(c.millis, c.offset, c.partition)
			if err != nil || got != c.want {
				t.Fatalf("At(%d, %d, %d) = %d, %v; want %d", c.millis, c.offset, c.partition, got, err, c.want)
			}
		})
	}
}

// If this fails, two positions that are less than S offsets apart share a nanosecond of
// one R, and InfluxDB replaces one point by the other.
func TestNoTwoPositionsShareANanosecond(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		resolution := rapid.SampledFrom([]time.Duration{time.Millisecond, time.Second, time.Minute}).Draw(t, "resolution")
		parts := rapid.IntRange(1, 1000).Draw(t, "max_partitions")
		law := mustNew(t, resolution, parts)
		s := law.Slots()
		base := rapid.Int64Range(0, math.MaxInt64-s).Draw(t, "base")
		millis := rapid.Int64Range(MinNanos/nanosPerMilli+86_400_000, MaxNanos/nanosPerMilli-86_400_000).Draw(t, "millis")

		type position struct {
			offset    int64
			partition int32
		}
		draw := func(name string) position {
			return position{
				base + rapid.Int64Range(0, s-1).Draw(t, name+" offset"),
				int32(rapid.IntRange(0, parts-1).Draw(t, name+" partition")),
			}
		}
		a, b := draw("a"), draw("b")
		ta, errA := law.At(millis, a.offset, a.partition)
		tb, errB := law.At(millis, b.offset, b.partition)
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		if (ta == tb) != (a == b) {
			t.Fatalf("%+v and %+v are stamped %d and %d", a, b, ta, tb)
		}
	})
}

// Positions that are S apart do share a nanosecond: a larger S in Slots would be a
// false promise.
func TestPositionsShareANanosecondAfterSlots(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		law := mustNew(t, time.Duration(rapid.Int64Range(1, 86_400_000).Draw(t, "resolution ms"))*time.Millisecond, rapid.IntRange(1, 1000).Draw(t, "max_partitions"))
		offset := rapid.Int64Range(0, math.MaxInt64-law.Slots()).Draw(t, "offset")
		a, errA := law.Slot(offset, 0)
		b, errB := law.Slot(offset+law.Slots(), 0)
		if errA != nil || errB != nil || a != b {
			t.Fatalf("offsets %d and %d have the slots %d and %d, errors %v and %v", offset, offset+law.Slots(), a, b, errA, errB)
		}
	})
}

// If this fails, a query by second does not find the tweet in its own second.
func TestStampStaysInItsWindow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		resolution := time.Duration(rapid.Int64Range(1, 86_400_000).Draw(t, "resolution ms")) * time.Millisecond
		law := mustNew(t, resolution, rapid.IntRange(1, 64).Draw(t, "max_partitions"))
		millis := rapid.Int64().Draw(t, "millis")
		got, err := law.At(millis, rapid.Int64Range(0, math.MaxInt64).Draw(t, "offset"), 0)
		if errors.Is(err, ErrTimeRange) {
			lo, hi := MinNanos/nanosPerMilli+86_400_000, MaxNanos/nanosPerMilli-86_400_000
			if millis > lo && millis < hi {
				t.Fatalf("millis %d is rejected although it is a day within the bounds", millis)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if got < MinNanos || got > MaxNanos {
			t.Fatalf("stamp %d cannot be stored", got)
		}
		floor, _ := law.Floor(millis)
		if got < floor || got-floor >= int64(resolution) || millis*nanosPerMilli < floor || millis*nanosPerMilli-floor >= int64(resolution) {
			t.Fatalf("stamp %d of event %d ms leaves the window that starts at %d", got, millis, floor)
		}
	})
}

// If this fails, a time that InfluxDB cannot store prevents a coverage point from being
// written. It gets the nearest R, in which every slot can be stored.
func TestFloorNearestCanAlwaysBeStored(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		resolution := time.Duration(rapid.Int64Range(1, 86_400_000).Draw(t, "resolution ms")) * time.Millisecond
		law := mustNew(t, resolution, 1)
		millis := rapid.Int64().Draw(t, "millis")
		got := law.FloorNearest(millis)
		if again, err := law.Floor(got / nanosPerMilli); err != nil || again != got {
			t.Fatalf("FloorNearest(%d) is %d, whose own floor is %d, %v", millis, got, again, err)
		}
		if got < MinNanos || got > MaxNanos-int64(resolution) {
			t.Fatalf("a slot of %d cannot be stored", got)
		}
		if want, err := law.Floor(millis); err == nil && got != want {
			t.Fatalf("FloorNearest(%d) is %d, Floor %d", millis, got, want)
		}
		if millis < 0 && got > 0 || millis >= int64(resolution) && got < 0 {
			t.Fatalf("FloorNearest(%d) is %d, at the other end of time", millis, got)
		}
	})
}

// If this fails, a position without a slot wraps around onto other points instead of
// being an error.
func TestNothingWrapsSilently(t *testing.T) {
	law := mustNew(t, time.Second, 64)
	for name, position := range map[string]struct {
		offset    int64
		partition int32
	}{"partition 64 of 64": {0, 64}, "negative partition": {0, -1}, "negative offset": {-1, 0}} {
		if got, err := law.At(0, position.offset, position.partition); err == nil {
			t.Errorf("%s is stamped %d", name, got)
		}
	}
	for name, args := range map[string]struct {
		r time.Duration
		p int
	}{
		"no partitions":             {time.Second, 0},
		"more partitions than R":    {time.Millisecond, 1_000_001},
		"no resolution":             {0, 64},
		"below a millisecond":       {time.Microsecond, 64},
		"not whole milliseconds":    {1500 * time.Microsecond, 64},
		"more than a day":           {25 * time.Hour, 64},
		"negative":                  {-time.Second, 64},
		"negative number of places": {time.Second, -1},
	} {
		if _, err := New(args.r, args.p); err == nil {
			t.Errorf("%s: New(%s, %d) is accepted", name, args.r, args.p)
		}
	}
	if _, err := NewSource(time.Microsecond); err == nil {
		t.Error("NewSource accepts a microsecond")
	}
}
