package tweetgen

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"

	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

// Shares are integers, in millionths of a percent: the same seed must give the same
// tweets on every machine, and processors differ in how they fuse operations on
// floats.
const (
	shareUnit  = 1_000_000 // one percent
	wholeShare = 100 * shareUnit
)

// shares is a mix of sentiments; its parts add up to wholeShare.
type shares [tweet.NumSentiments]int64

// counts is how many tweets of each sentiment a batch has.
type counts [tweet.NumSentiments]int

// sharesOf converts percents.
func sharesOf(percents [tweet.NumSentiments]float64) (mix shares, err error) {
	var sum int64
	for s, percent := range percents {
		if math.IsNaN(percent) || percent < 0 || percent > 100 {
			return mix, fmt.Errorf("the %s share is %v: it must be from 0 to 100", tweet.Sentiment(s), percent)
		}
		mix[s] = int64(math.Round(percent * shareUnit))
		if math.Abs(percent*shareUnit-float64(mix[s])) > 0.01 {
			return mix, fmt.Errorf("the %s share is %v: it can have at most 6 decimals", tweet.Sentiment(s), percent)
		}
		sum += mix[s]
	}
	if sum != wholeShare {
		return mix, fmt.Errorf("sentiment shares add up to %s, not 100",
			strconv.FormatFloat(float64(sum)/shareUnit, 'f', -1, 64))
	}
	return mix, nil
}

// fixedMix splits consecutive batches by the same shares. In each batch the count of
// a sentiment is its exact part, rounded down or up. Over all batches so far it is
// less than one tweet away from the exact part, so it is exact wherever the exact part
// is an integer.
//
// Proof that both hold forever: a batch gives each sentiment its part rounded down.
// The n tweets left, where n is the sum of the remainders r, go to the n sentiments
// with the largest r+o, at most one each, where o is owed from earlier batches. Assume
// |o| < 1 for all sentiments and that their sum is 0, as at the start. A sentiment with
// r+o >= 1 must get a tweet and one with r+o <= 0 must not, or |o| would reach 1. Of
// three numbers above -1 and below 2 that add up to n, at most n are 1 or more and at
// most 3-n are 0 or less. So the n largest include all that must get a tweet and none
// that must not, for any sizes of batches.
type fixedMix struct {
	shares shares
	owed   [tweet.NumSentiments]int64 // in 1/wholeShare tweets
}

// next returns the counts of the next batch, of size tweets.
func (m *fixedMix) next(size int) counts {
	var got counts
	var remainder [tweet.NumSentiments]int64
	left := size
	for s, share := range m.shares {
		exact := int64(size) * share
		got[s] = int(exact / wholeShare)
		remainder[s] = exact % wholeShare
		left -= got[s]
	}
	for ; left > 0; left-- {
		most := -1
		for s := range remainder {
			if remainder[s] > 0 && (most < 0 || remainder[s]+m.owed[s] > remainder[most]+m.owed[most]) {
				most = s
			}
		}
		got[most]++
		// Rounded up, so it gets no second tweet.
		m.owed[most] += remainder[most] - wholeShare
		remainder[most] = 0
	}
	for s := range remainder {
		m.owed[s] += remainder[s]
	}
	return got
}

// factorUnit is a volatility factor of 1.
const factorUnit = 1_000_000

// volatileMix gives each batch a mix of its own:
//
//	mix = (1 - factor) * base + factor * u
//
// with u drawn uniformly from all mixes (the simplex: the three parts into which two
// random points divide a line).
type volatileMix struct {
	base   shares
	factor int64 // in 1/factorUnit
	seed   uint64
}

// at returns the mix of batch k.
func (m *volatileMix) at(k int64) (mix shares) {
	var random rand.PCG
	random.Seed(m.seed^mixStream, uint64(k))
	cut := func() int64 { return int64(randomBelow(&random, wholeShare+1)) }
	a, b := cut(), cut()
	u := shares{min(a, b), max(a, b) - min(a, b), wholeShare - max(a, b)}
	left := int64(wholeShare)
	for s := range mix {
		// Rounded down; the last gets the remainder. All stay within 0 to
		// wholeShare.
		mix[s] = ((factorUnit-m.factor)*m.base[s] + m.factor*u[s]) / factorUnit
		left -= mix[s]
	}
	mix[len(mix)-1] += left
	return mix
}

// split returns the counts of a single batch, by largest remainder.
func (mix shares) split(size int) counts {
	single := fixedMix{shares: mix}
	return single.next(size)
}
