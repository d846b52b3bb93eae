package tweetgen

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// handClock is set by hand: the pacer itself never waits.
type handClock struct{ at time.Time }

func (c *handClock) now() time.Time       { return c.at }
func (c *handClock) pass(d time.Duration) { c.at = c.at.Add(d) }
func newClock() *handClock                { return &handClock{time.UnixMilli(1767225600000)} }
func allOfOne(_ int64, size int) counts   { return counts{size} }
func (p *pacer) mustNext(t fataler) (plan, time.Time, int64) {
	t.Helper()
	next, due, missed, ok := p.next()
	if !ok {
		t.Fatalf("the pacer has come to its end")
	}
	return next, due, missed
}

type fataler interface {
	Helper()
	Fatalf(string, ...any)
}

// Whoever takes batches whenever, as long as less than a second late, tweet n
// is due n/rate seconds after the start: nothing adds up.
func TestScheduleIsAbsolute(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newClock()
		start := c.at
		p := &pacer{
			now: c.now, mix: allOfOne,
			rate:      rapid.Float64Range(1, 1e6).Draw(t, "rate"),
			batchSize: rapid.IntRange(1, 100).Draw(t, "batch size"),
		}
		tweets := 0
		for range rapid.IntRange(1, 200).Draw(t, "parts") {
			next, due, missed := p.mustNext(t)
			want := time.Duration(float64(tweets) / p.rate * float64(time.Second))
			if got := due.Sub(start); got-want > 1 || want-got > 1 {
				t.Fatalf("tweet %d is due after %v, want %v", tweets, got, want)
			}
			if k, from := tweets/p.batchSize, tweets%p.batchSize; missed != 0 || next.k != int64(k) || next.from != from {
				t.Fatalf("tweet %d: missed %d, tweet %d of batch %d", tweets, missed, next.from, next.k)
			}
			if size := next.size(); size < 1 || float64(size) > max(1, p.rate/10) || next.to > p.batchSize {
				t.Fatalf("%d tweets at once at a rate of %v, to tweet %d of a batch of %d", size, p.rate, next.to, p.batchSize)
			}
			tweets += next.size()
			if late := rapid.Int64Range(0, int64(maxCatchUp)-1).Draw(t, "late"); c.at.Before(due.Add(time.Duration(late))) {
				c.at = due.Add(time.Duration(late))
			}
		}
	})
}

// After a stop of 10 s the generator makes up for one second, and counts the
// other nine.
func TestCatchUpIsBoundedAndTheRestIsMissed(t *testing.T) {
	c := newClock()
	p := &pacer{now: c.now, mix: allOfOne, rate: 1000, batchSize: 100}
	p.mustNext(t)
	c.pass(10 * time.Second)
	var missed int64
	atOnce := 0
	for {
		_, due, m := p.mustNext(t)
		missed += m
		if due.After(c.at) {
			break
		}
		atOnce++
	}
	// The schedule stood at 100 tweets, 0.1 s; late was 9.9 s.
	if missed != 8900 {
		t.Errorf("missed %d tweets, want 8900", missed)
	}
	if atOnce != 11 { // one second and the batch due now
		t.Errorf("%d batches at once, want 11", atOnce)
	}
}

// Missed tweets move the pace and never the count.
func TestCountIsReachedWhateverIsMissed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newClock()
		p := &pacer{
			now: c.now, mix: allOfOne,
			rate:      rapid.OneOf(rapid.Just(0.), rapid.Float64Range(minRate, maxRate)).Draw(t, "rate"),
			batchSize: rapid.IntRange(1, 500).Draw(t, "batch size"),
			count:     rapid.Int64Range(1, 5000).Draw(t, "count"),
		}
		var tweets, missed int64
		for {
			next, _, m, ok := p.next()
			if m < 0 {
				t.Fatalf("missed %d", m)
			}
			missed += m
			if !ok {
				break
			}
			if whole := next.counts.total(); whole != p.batchSize && next.k != (p.count-1)/int64(p.batchSize) {
				t.Fatalf("batch %d of %d tweets is not the last", next.k, whole)
			}
			tweets += int64(next.size())
			c.pass(time.Duration(rapid.Int64Range(0, int64(5*time.Second)).Draw(t, "pause")))
		}
		if tweets != p.count {
			t.Fatalf("%d tweets, want %d", tweets, p.count)
		}
		if want := int64(p.moved.Seconds() * p.rate); missed != want {
			t.Fatalf("missed %d, the schedule was moved by %d", missed, want)
		}
	})
}

func TestDurationEndsTheSchedule(t *testing.T) {
	c := newClock()
	p := &pacer{now: c.now, mix: allOfOne, rate: 1000, batchSize: 100, duration: time.Second}
	// Ten batches are due before a second has passed, whenever they are taken.
	for range 10 {
		p.mustNext(t)
	}
	if _, _, _, ok := p.next(); ok {
		t.Error("an eleventh batch is due within the second")
	}
	if wait := p.untilEnd(time.Hour); wait != time.Second {
		t.Errorf("a worker waits %v, and the end is in a second", wait)
	}
	flatOut := &pacer{now: c.now, mix: allOfOne, batchSize: 100, duration: time.Second}
	flatOut.mustNext(t)
	c.pass(999 * time.Millisecond)
	flatOut.mustNext(t)
	c.pass(time.Millisecond)
	if _, _, _, ok := flatOut.next(); ok {
		t.Error("a batch after the end")
	}
}

// What would break: a batch of 8,000 at 1,000 tweets/s leaves every eight seconds,
// and every graph of the stream is a sawtooth.
func TestBatchesLeaveInPartsAtALowRate(t *testing.T) {
	for _, c := range []struct {
		rate      float64
		batchSize int
		want      []int
	}{
		{0, 8000, []int{8000, 8000}},
		{1e6, 8000, []int{8000, 8000}},
		{80_000, 8000, []int{8000, 8000}},
		{79_999, 8000, []int{4000, 4000, 4000}},
		{50_000, 8000, []int{4000, 4000, 4000}},
		{1000, 250, []int{84, 83, 83, 84}},
		{25, 5, []int{2, 2, 1, 2}},
		{10, 8000, []int{1, 1}},
		{0.01, 2, []int{1, 1, 1}},
	} {
		p := &pacer{now: newClock().now, mix: allOfOne, rate: c.rate, batchSize: c.batchSize}
		var got []int
		for range c.want {
			next, _, _ := p.mustNext(t)
			got = append(got, next.size())
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("at a rate of %v, batches of %d leave in parts of %v, want %v", c.rate, c.batchSize, got, c.want)
		}
	}
}
