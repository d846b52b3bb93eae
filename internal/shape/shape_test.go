package shape

import (
	"math"
	"math/big"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// integral is N(t) by rationals and the trapezoids of the stages, for the first rounds.
func integral(stages []Stage, repeat bool, t time.Duration) *big.Rat {
	rate := func(s Stage) *big.Rat { return big.NewRat(int64(math.Round(s.Rate*1e6)), 1e6) }
	seconds := func(d time.Duration) *big.Rat { return big.NewRat(int64(d), int64(time.Second)) }
	sum, last := new(big.Rat), new(big.Rat)
	if repeat {
		last = rate(stages[len(stages)-1])
	}
	half := big.NewRat(1, 2)
	for {
		for _, s := range stages {
			to := rate(s)
			if in := min(t, s.Ramp); in > 0 {
				end := new(big.Rat).Sub(to, last)
				end.Mul(end, big.NewRat(int64(in), int64(s.Ramp))).Add(end, last)
				end.Add(end, last).Mul(end, half)
				sum.Add(sum, end.Mul(end, seconds(in)))
				t -= in
			}
			if in := min(t, s.Duration-s.Ramp); in > 0 {
				sum.Add(sum, new(big.Rat).Mul(to, seconds(in)))
				t -= in
			}
			last = to
			if t == 0 {
				return sum
			}
		}
		if !repeat {
			return sum
		}
	}
}

func drawStages(t *rapid.T) []Stage {
	rates := rapid.OneOf(rapid.Just(0.0), rapid.Float64Range(MinRate, 1000), rapid.Float64Range(1000, MaxRate))
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Stage {
		d := time.Duration(rapid.OneOf(rapid.Int64Range(1, 1e9), rapid.Int64Range(1e9, int64(MaxDuration))).Draw(t, "duration"))
		ramp := rapid.OneOf(rapid.Just(int64(0)), rapid.Int64Range(0, int64(d)), rapid.Just(int64(d)))
		return Stage{Rate: rates.Draw(t, "rate"), Duration: d, Ramp: time.Duration(ramp.Draw(t, "ramp"))}
	}), 1, 5).Draw(t, "stages")
}

func drawShape(t *rapid.T) (*Shape, []Stage) {
	stages := drawStages(t)
	s, err := New(stages, rapid.Bool().Draw(t, "repeat"))
	if err != nil {
		t.Skip(err)
	}
	return s, stages
}

// If this fails, the number of tweets drifts from the integral of the rate.
func TestTheCountIsTheIntegral(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, stages := drawShape(t)
		at := time.Duration(rapid.Int64Range(0, 3*int64(s.Length())).Draw(t, "at"))
		exact := integral(stages, s.Repeats(), at)
		got := new(big.Rat).SetInt64(s.Count(at))
		if below := new(big.Rat).Sub(got, exact); below.Sign() < 0 || below.Cmp(big.NewRat(1, 1)) >= 0 {
			t.Fatalf("%d tweets are due before %s, the integral is %s", s.Count(at), at, exact.FloatString(9))
		}
		from := time.Duration(rapid.Int64Range(0, int64(at)).Draw(t, "from"))
		part, _ := exact.Sub(exact, integral(stages, s.Repeats(), from)).Float64()
		if got := s.Between(from, at); got != part {
			t.Fatalf("%v tweets from %s to %s, want %v", got, from, at, part)
		}
	})
}

// If this fails, tweets are due at other times than they are counted, or not in order.
func TestDueIsTheInverseOfCount(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, _ := drawShape(t)
		limit := s.Total()
		if s.Repeats() {
			limit = min(limit, math.MaxInt64/4) * 3
		}
		n := rapid.Int64Range(0, limit-1).Draw(t, "n")
		due, ok := s.Due(n)
		if !ok {
			t.Fatalf("tweet %d of %d is never due", n, limit)
		}
		if before, after := s.Count(due), s.Count(due+1); before > n || after <= n {
			t.Fatalf("tweet %d is due at %s, where %d are due before and %d after", n, due, before, after)
		}
		if next, ok := s.Due(n + 1); ok && next < due {
			t.Fatalf("tweet %d is due at %s, before the one before it at %s", n+1, next, due)
		}
	})
}

// If this fails, a shape generates more tweets than it has, or ends without the last.
func TestAShapeThatDoesNotRepeatEnds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, err := New(drawStages(t), false)
		if err != nil {
			t.Skip(err)
		}
		if due, ok := s.Due(s.Total() - 1); !ok || due >= s.Length() {
			t.Fatalf("the last tweet is due at %s, %v, in a shape of %s", due, ok, s.Length())
		}
		if due, ok := s.Due(s.Total()); ok {
			t.Fatalf("one tweet too many is due at %s", due)
		}
		if n := s.Count(s.Length() + time.Hour); n != s.Total() {
			t.Fatalf("%d tweets are due in the end, want %d", n, s.Total())
		}
		if r := s.Rate(s.Length()); r != 0 {
			t.Fatalf("the rate after the end is %v", r)
		}
	})
}

// If this fails, each round of a repeated shape is a little longer or shorter than the
// one before.
func TestRoundsDoNotDrift(t *testing.T) {
	// A round has a third of a tweet too many for whole numbers.
	s, err := New([]Stage{{Rate: 1, Duration: time.Second / 3 * 4}}, true)
	if err != nil {
		t.Fatal(err)
	}
	const rounds = 3_000_000_000
	length := time.Duration(rounds) * s.Length() // 126 years
	want := int64(math.Ceil(float64(rounds) * s.Length().Seconds()))
	if got := s.Count(length); got != want {
		t.Errorf("%d tweets in %s, want %d", got, length, want)
	}
}

func TestRatesAndTimes(t *testing.T) {
	s, err := New([]Stage{
		{Rate: 100, Ramp: 10 * time.Second, Duration: 20 * time.Second}, // 500 + 1,000
		{Rate: 0, Duration: 5 * time.Second},                            // a pause
		{Rate: 50, Ramp: 2 * time.Second, Duration: 4 * time.Second},    // 50 + 100
	}, false)
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range map[time.Duration]struct {
		rate  float64
		count int64
	}{
		0:                {0, 0},
		5 * time.Second:  {50, 125},
		10 * time.Second: {100, 500},
		15 * time.Second: {100, 1000},
		22 * time.Second: {0, 1500},
		26 * time.Second: {25, 1513}, // 12.5 in the second half of the ramp's time
		28 * time.Second: {50, 1600},
		29 * time.Second: {0, 1650},
	} {
		if rate, count := s.Rate(at), s.Count(at); rate != want.rate || count != want.count {
			t.Errorf("at %s the rate is %v and %d are due, want %v and %d", at, rate, count, want.rate, want.count)
		}
	}
	// The first tweet after the pause is due when the pause ends.
	if due, ok := s.Due(1500); due != 25*time.Second || !ok {
		t.Errorf("the first tweet after the pause is due at %s, %v", due, ok)
	}
	if due, ok := s.Due(1000); due != 15*time.Second || !ok {
		t.Errorf("tweet 1,000 is due at %s, %v", due, ok)
	}
}

func TestRefusedShapes(t *testing.T) {
	good := Stage{Rate: 10, Duration: time.Second}
	for says, stages := range map[string][]Stage{
		"there are no stages": nil,
		"all rates are 0":     {{Duration: time.Second}},
		"stage 2: the duration is 0s: it must be above 0s":            {good, {Rate: 10}},
		"stage 2: the duration is 168h0m0.000000001s":                 {good, {Rate: 10, Duration: MaxDuration + 1}},
		"stage 1: the rate is -1":                                     {{Rate: -1, Duration: time.Second}},
		"stage 1: the rate is NaN":                                    {{Rate: math.NaN(), Duration: time.Second}},
		"stage 1: the rate is 2e+09: it must be 0, or from 0.001 to ": {{Rate: 2e9, Duration: time.Second}},
		"stage 1: the ramp is 2s: it must be from 0s to the duration": {{Rate: 1, Ramp: 2 * time.Second, Duration: time.Second}},
		"stage 1: the ramp is -1s":                                    {{Rate: 1, Ramp: -time.Second, Duration: time.Second}},
		"there are 1001 stages":                                       make([]Stage, MaxStages+1),
	} {
		if _, err := New(stages, false); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q is the error, want %q", err, says)
		}
	}
}

// If this fails, a named shape is not what its description says.
func TestNamedShapes(t *testing.T) {
	lengths := map[string]time.Duration{
		"super_bowl": 270 * time.Minute, "election_night": 6 * time.Hour, "flash_mob": 10 * time.Minute,
		"half_hourly": 30 * time.Minute, "daily": 24 * time.Hour,
	}
	for _, n := range All() {
		s, err := New(n.Stages, n.Repeat)
		if err != nil {
			t.Errorf("%s: %v", n.Name, err)
			continue
		}
		if s.Length() != lengths[n.Name] {
			t.Errorf("%s takes %s, want %s", n.Name, s.Length(), lengths[n.Name])
		}
		if found, ok := ByName(n.Name); !ok || found.Name != n.Name {
			t.Errorf("%s is not found by its name", n.Name)
		}
	}
	if len(Names()) != len(lengths) {
		t.Errorf("%q are the names", Names())
	}
	if _, ok := ByName("world_cup"); ok {
		t.Error("a shape that does not exist is found")
	}
}

// If this fails, speed or scale change more than the times and the rates.
func TestScaled(t *testing.T) {
	flash, _ := ByName("flash_mob")
	whole, err := New(flash.Stages, false)
	if err != nil {
		t.Fatal(err)
	}
	small, err := New(Scaled(flash.Stages, 0.1, 60), false)
	if err != nil {
		t.Fatal(err)
	}
	if small.Length() != 10*time.Second {
		t.Errorf("ten minutes 60 times as fast take %s", small.Length())
	}
	if got, want := small.Total(), whole.Total()/600; got < want || got > want+1 {
		t.Errorf("%d tweets, want %d", got, want)
	}
}

func BenchmarkDue(b *testing.B) {
	bowl, _ := ByName("super_bowl")
	s, err := New(bowl.Stages, false)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	n := int64(0)
	for b.Loop() {
		n = (n + 7919) % s.Total()
		if _, ok := s.Due(n); !ok {
			b.Fatal(n)
		}
	}
}
