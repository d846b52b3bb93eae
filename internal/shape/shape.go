// Package shape is a schedule of tweets whose rate changes over time: stages with
// rates, ramps and durations. It computes when each tweet is due and how many are due by
// a time, both exactly: the tweets are the integral of the rate, in whole numbers of
// arbitrary size, so nothing drifts however long a run lasts.
package shape

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"time"
)

// Limits of a shape. Rates are rounded to a millionth of a tweet per second.
const (
	MinRate     = 0.001
	MaxRate     = 1e9
	MaxDuration = 7 * 24 * time.Hour // of a stage
	MaxStages   = 1000
)

// Stage is a part of a shape. For Ramp, its rate changes evenly from that of the stage
// before to Rate, and then stays.
type Stage struct {
	Rate     float64 // tweets/s
	Ramp     time.Duration
	Duration time.Duration // of the whole stage, with its ramp
}

// Shape is a checked schedule. It is immutable.
type Shape struct {
	segments []segment
	length   time.Duration // of a round
	total    *big.Int      // tweets of a round, in units
	repeat   bool
}

// segment is a time in which the rate changes evenly, or not at all.
type segment struct {
	start, length time.Duration
	from, to      int64    // rates, in millionths of a tweet per second
	before        *big.Int // tweets of the round before it, in units
}

// A tweet has unitsPerTweet units. In these, a segment of L ns with the rates a and b
// has (a+b)*L: a whole number.
const (
	microsPerTweet = 1_000_000
	unitsPerTweet  = 2 * microsPerTweet * int64(time.Second)
)

// New returns the shape of stages. The first stage ramps from a rate of 0, or from that
// of the last stage if the stages repeat.
func New(stages []Stage, repeat bool) (*Shape, error) {
	if len(stages) == 0 {
		return nil, errors.New("there are no stages")
	}
	if len(stages) > MaxStages {
		return nil, fmt.Errorf("there are %d stages, more than %d", len(stages), MaxStages)
	}
	s := &Shape{total: new(big.Int), repeat: repeat}
	rate := int64(0)
	if last := stages[len(stages)-1]; repeat {
		rate = micros(last.Rate)
	}
	for i, stage := range stages {
		if err := stage.check(); err != nil {
			return nil, fmt.Errorf("stage %d: %w", i+1, err)
		}
		before := rate
		rate = micros(stage.Rate)
		s.add(stage.Ramp, before, rate)
		s.add(stage.Duration-stage.Ramp, rate, rate)
	}
	if s.total.Sign() == 0 {
		return nil, errors.New("all rates are 0: there would be no tweets")
	}
	return s, nil
}

func (s Stage) check() error {
	switch {
	case !(s.Rate == 0 || s.Rate >= MinRate && s.Rate <= MaxRate):
		return fmt.Errorf("the rate is %v: it must be 0, or from %v to %d", s.Rate, MinRate, int64(MaxRate))
	case s.Duration <= 0 || s.Duration > MaxDuration:
		return fmt.Errorf("the duration is %s: it must be above 0s and at most %s", s.Duration, MaxDuration)
	case s.Ramp < 0 || s.Ramp > s.Duration:
		return fmt.Errorf("the ramp is %s: it must be from 0s to the duration of the stage, %s", s.Ramp, s.Duration)
	}
	return nil
}

func micros(rate float64) int64 { return int64(math.Round(rate * microsPerTweet)) }

func (s *Shape) add(length time.Duration, from, to int64) {
	if length == 0 {
		return
	}
	s.segments = append(s.segments, segment{s.length, length, from, to, new(big.Int).Set(s.total)})
	s.length += length
	s.total.Add(s.total, product(from+to, int64(length)))
}

// Scaled returns stages with the rates of these, times scale, and their durations
// divided by speed.
func Scaled(stages []Stage, scale, speed float64) []Stage {
	scaled := make([]Stage, len(stages))
	for i, s := range stages {
		scaled[i] = Stage{s.Rate * scale, divided(s.Ramp, speed), divided(s.Duration, speed)}
	}
	return scaled
}

func divided(d time.Duration, by float64) time.Duration {
	return time.Duration(math.Round(float64(d) / by))
}

// Length returns the duration of a round.
func (s *Shape) Length() time.Duration { return s.length }

// Repeats reports whether rounds follow each other for ever.
func (s *Shape) Repeats() bool { return s.repeat }

// Total returns the number of tweets of a single round, rounded up.
func (s *Shape) Total() int64 { return ceil(s.total, big.NewInt(unitsPerTweet)) }

// Rate returns the rate at t after the start, in tweets per second.
func (s *Shape) Rate(t time.Duration) float64 {
	if t < 0 || !s.repeat && t >= s.length {
		return 0
	}
	seg := s.at(t % s.length)
	part := float64(t%s.length-seg.start) / float64(seg.length)
	return (float64(seg.from) + part*float64(seg.to-seg.from)) / microsPerTweet
}

// Count returns how many tweets are due before t after the start: those n for which
// Due(n) < t.
func (s *Shape) Count(t time.Duration) int64 {
	return ceil(s.integral(t))
}

// Between returns the integral of the rate from one time to another, in tweets.
func (s *Shape) Between(from, to time.Duration) float64 {
	before := new(big.Rat).SetFrac(s.integral(from))
	tweets, _ := before.Sub(new(big.Rat).SetFrac(s.integral(to)), before).Float64()
	return tweets
}

// integral returns the integral of the rate up to t, as a fraction of tweets.
func (s *Shape) integral(t time.Duration) (units, perTweet *big.Int) {
	perTweet = big.NewInt(unitsPerTweet)
	if t <= 0 {
		return new(big.Int), perTweet
	}
	if !s.repeat && t >= s.length {
		return new(big.Int).Set(s.total), perTweet
	}
	round, t := int64(t/s.length), t%s.length
	seg := s.at(t)
	units = new(big.Int).Mul(big.NewInt(round), s.total)
	units.Add(units, seg.before)
	length := big.NewInt(int64(seg.length))
	units.Mul(units, length)
	units.Add(units, seg.scaledUnits(int64(t-seg.start)))
	return units, perTweet.Mul(perTweet, length)
}

// Due returns when tweet n, from 0, is due after the start, rounded down to a
// nanosecond: the moment at which the integral of the rate begins to exceed n. ok is
// false if the shape has no such tweet.
func (s *Shape) Due(n int64) (due time.Duration, ok bool) {
	units := product(n, unitsPerTweet)
	round, left := new(big.Int).QuoRem(units, s.total, new(big.Int))
	if n < 0 || !s.repeat && round.Sign() > 0 {
		return 0, false
	}
	seg := &s.segments[0]
	for i := range s.segments {
		// A pause has no tweets: its end is the start of the next one.
		if s.segments[i].before.Cmp(left) <= 0 {
			seg = &s.segments[i]
		}
	}
	at := round.Mul(round, big.NewInt(int64(s.length)))
	at.Add(at, big.NewInt(int64(seg.start)+seg.reach(left.Sub(left, seg.before))))
	return time.Duration(at.Int64()), at.IsInt64()
}

// at returns the segment at t of a round.
func (s *Shape) at(t time.Duration) *segment {
	for i := range s.segments {
		if seg := &s.segments[i]; t < seg.start+seg.length {
			return seg
		}
	}
	return &s.segments[len(s.segments)-1]
}

// scaledUnits returns the units of the segment's first t ns, times its length L:
//
//	(b-a)*t² + 2*a*L*t
func (seg *segment) scaledUnits(t int64) *big.Int {
	square := product(t, t)
	square.Mul(square, big.NewInt(seg.to-seg.from))
	even := product(2*seg.from, int64(seg.length))
	return square.Add(square, even.Mul(even, big.NewInt(t)))
}

// reach returns the last t for which the segment's first t ns have no more than the
// units x: the root of scaledUnits(t) = x*L, rounded down.
func (seg *segment) reach(x *big.Int) int64 {
	slope := seg.to - seg.from
	if slope == 0 {
		return x.Quo(x, big.NewInt(2*seg.from)).Int64()
	}
	// t = (sqrt(a²L² + (b-a)xL) - aL) / (b-a)
	even := product(seg.from, int64(seg.length))
	root := new(big.Int).Mul(even, even)
	x.Mul(x, big.NewInt(seg.length.Nanoseconds()))
	root.Add(root, x.Mul(x, big.NewInt(slope)))
	exact := new(big.Int).Set(root)
	root.Sqrt(root)
	if slope > 0 {
		root.Sub(root, even)
		return root.Quo(root, big.NewInt(slope)).Int64()
	}
	// The difference is from the other side, so the root is rounded up.
	if new(big.Int).Mul(root, root).Cmp(exact) < 0 {
		root.Add(root, big.NewInt(1))
	}
	even.Sub(even, root)
	return even.Quo(even, big.NewInt(-slope)).Int64()
}

func product(a, b int64) *big.Int { return new(big.Int).Mul(big.NewInt(a), big.NewInt(b)) }

// ceil returns a/b, rounded up, for numbers that are not negative.
func ceil(a, b *big.Int) int64 {
	quotient, rest := new(big.Int).QuoRem(a, b, new(big.Int))
	if rest.Sign() > 0 {
		quotient.Add(quotient, big.NewInt(1))
	}
	if !quotient.IsInt64() {
		return math.MaxInt64
	}
	return quotient.Int64()
}
