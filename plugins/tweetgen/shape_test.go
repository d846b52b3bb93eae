package tweetgen

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/brandpulse/brandpulse-connect/internal/shape"
)

func drawShape(t *rapid.T) *shape.Shape {
	stages := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) shape.Stage {
		s := shape.Stage{
			Rate:     rapid.OneOf(rapid.Just(0.0), rapid.Float64Range(1, 100), rapid.Float64Range(100, 1e6)).Draw(t, "rate"),
			Duration: time.Duration(rapid.Int64Range(int64(time.Millisecond), int64(5*time.Second)).Draw(t, "duration")),
		}
		s.Ramp = time.Duration(rapid.Int64Range(0, int64(s.Duration)).Draw(t, "ramp"))
		return s
	}), 1, 4).Draw(t, "stages")
	s, err := shape.New(stages, rapid.Bool().Draw(t, "repeat"))
	if err != nil {
		t.Skip(err)
	}
	return s
}

// If this fails, tweets of a shape are not due when the integral of its rate says, or more
// than a tenth of a second of them is delivered at once.
func TestTheScheduleOfAShapeIsAbsolute(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newClock()
		start := c.at
		s := drawShape(t)
		p := &pacer{now: c.now, mix: allOfOne, shape: s, batchSize: rapid.IntRange(1, 50_000).Draw(t, "batch size")}
		total := int64(1) << 62
		if !s.Repeats() {
			total = s.Total()
			p.count = total
		}
		tweets := int64(0)
		for range rapid.IntRange(1, 200).Draw(t, "parts") {
			next, due, missed, ok := p.next()
			if !ok {
				if tweets != total {
					t.Fatalf("the shape ends after %d of %d tweets", tweets, total)
				}
				return
			}
			want, _ := s.Due(tweets)
			if got := due.Sub(start); got != want || missed != 0 {
				t.Fatalf("tweet %d is due after %v, want %v; missed %d", tweets, got, want, missed)
			}
			size := int64(next.size())
			if most := s.Count(want+time.Second/partsPerSecond) - tweets; size < 1 || size > max(1, most) {
				t.Fatalf("%d tweets at once, and %d are due within a tenth of a second", size, most)
			}
			if tweets += size; tweets > total {
				t.Fatalf("%d tweets in a shape of %d", tweets, total)
			}
			if late := rapid.Int64Range(0, int64(maxCatchUp)-1).Draw(t, "late"); c.at.Before(due.Add(time.Duration(late))) {
				c.at = due.Add(time.Duration(late))
			}
		}
	})
}

// If this fails, a shape catches up with an hour of tweets after an outage, or the delayed
// tweets are not those that were due in that time.
func TestAShapeCatchesUpWithASecond(t *testing.T) {
	s, err := shape.New([]shape.Stage{{Rate: 1000, Duration: 10 * time.Second}, {Rate: 3000, Ramp: 2 * time.Second, Duration: 10 * time.Second}}, false)
	if err != nil {
		t.Fatal(err)
	}
	c := newClock()
	start := c.at
	p := &pacer{now: c.now, mix: allOfOne, shape: s, batchSize: 100, count: s.Total()}
	p.mustNext(t) // 100 tweets, so the next one is due after 0.1 s
	c.pass(14*time.Second + 100*time.Millisecond)
	_, due, missed := p.mustNext(t)
	// 9.9 s of 1,000, the ramp with 4,000, 1.1 s of 3,000: all that were due up to a
	// second ago.
	if want := int64(9900 + 4000 + 3300); due.Sub(start) != 13100*time.Millisecond || missed != want {
		t.Errorf("due after %s, missed %d, want %d", due.Sub(start), missed, want)
	}
	// Moves of a fraction of a tweet add up.
	for range 200 {
		c.at = p.due().Add(maxCatchUp + 100*time.Microsecond)
		_, _, m := p.mustNext(t)
		missed += m
	}
	if rest := missed - (9900 + 4000 + 3300); rest < 20 || rest > 60 {
		t.Errorf("%d tweets are missed in 200 moves of 100 µs at 1,000 to 3,000 tweets/s", rest)
	}
}

// If this fails, a shape with a name does not end, or has other tweets than its integral.
func TestAShapeEndsTheInput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := started(t, "shape: { name: flash_mob, scale: 0.01, speed: 10 }\nbatch_size: 500")
		start := time.Now()
		total := 0
		for _, msgs := range readAll(t, in, 0) {
			total += len(msgs)
		}
		// By hand: 3*60*70 + 0.5*(70+500) + 59*500 + 120*0.5*(500+70) + 240*70, a tenth of it.
		if want := (12_600 + 285 + 29_500 + 34_200 + 16_800) / 10; total < want || total > want+1 {
			t.Errorf("%d tweets, want %d", total, want)
		}
		if took := time.Since(start); took < 59*time.Second || took > time.Minute {
			t.Errorf("ten minutes at 10 times the speed took %s", took)
		}
	})
}

// If this fails, count or duration do not end a shape that repeats, or repeat: false does
// not end one that would.
func TestWhatEndsAShape(t *testing.T) {
	for yaml, want := range map[string]int{
		"shape: { stages: [ { rate: 100, duration: 1s } ], repeat: true }\ncount: 1234":                             1234,
		"shape: { stages: [ { rate: 100, duration: 1s } ], repeat: true }\nduration: 2500ms":                        250,
		"shape: { stages: [ { rate: 100, duration: 1s }, { rate: 0, duration: 1s } ], repeat: true }\nduration: 4s": 200,
		"shape: { name: daily, repeat: false, speed: 8640, scale: 0.01 }\nduration: 1h":                             711,
		"shape: { stages: [ { rate: 100, duration: 1s } ] }\ncount: 50":                                             50,
	} {
		synctest.Test(t, func(t *testing.T) {
			total := 0
			for _, msgs := range readAll(t, started(t, "batch_size: 10\n"+yaml), 0) {
				total += len(msgs)
			}
			if total != want {
				t.Errorf("%s: %d tweets, want %d", yaml, total, want)
			}
		})
	}
}

// If this fails, an error about a shape has values that its reader has not written.
func TestAScaledShapeIsExplained(t *testing.T) {
	_, err := parse(t, "shape: { name: flash_mob, scale: 1000000, speed: 2 }")
	if err == nil || !strings.Contains(err.Error(), "times the scale of 1e+06 and divided by the speed of 2") {
		t.Errorf("the error is %v", err)
	}
}
