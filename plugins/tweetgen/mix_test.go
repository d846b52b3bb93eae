package tweetgen

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

// anyShares draws a mix, with the borders (0, 100, all of one) in it.
func anyShares(t *rapid.T) shares {
	cut := rapid.OneOf(
		rapid.Int64Range(0, wholeShare),
		rapid.SampledFrom([]int64{0, 1, wholeShare - 1, wholeShare, 50 * shareUnit, 333 * shareUnit / 10}),
	)
	a, b := cut.Draw(t, "first cut"), cut.Draw(t, "second cut")
	return shares{min(a, b), max(a, b) - min(a, b), wholeShare - max(a, b)}
}

// distance is how far n of a sentiment is from its share of size, in tweets.
func distance(n, size, share int64) float64 {
	return math.Abs(float64(n*wholeShare-size*share) / wholeShare)
}

// The promise of mode fixed, for every mix and every row of batch sizes: in a
// batch, and over all batches so far, less than one tweet from the exact share.
func TestFixedMixKeepsTheLaw(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		mix := fixedMix{shares: anyShares(t)}
		sameSize := rapid.Bool().Draw(t, "same size")
		size := rapid.IntRange(1, 20_000).Draw(t, "size")
		var total counts
		all := 0
		for range rapid.IntRange(1, 300).Draw(t, "batches") {
			if !sameSize {
				size = rapid.IntRange(1, 100).Draw(t, "size")
			}
			got := mix.next(size)
			all += size
			sum := 0
			for s, n := range got {
				sum += n
				total[s] += n
				if d := distance(int64(n), int64(size), mix.shares[s]); d >= 1 {
					t.Fatalf("a batch of %d is %v tweets off in %s: %v of %v", size, d, tweet.Sentiment(s), got, mix.shares)
				}
				if d := distance(int64(total[s]), int64(all), mix.shares[s]); d >= 1 {
					t.Fatalf("after %d tweets the total is %v tweets off in %s: %v of %v", all, d, tweet.Sentiment(s), total, mix.shares)
				}
				if n < 0 {
					t.Fatalf("negative count: %v", got)
				}
			}
			if sum != size {
				t.Fatalf("%v adds up to %d, not %d", got, sum, size)
			}
		}
	})
}

// With whole percents any multiple of 100 tweets is exact, whatever the batches
// are and although the last one is cut short.
func TestFixedMixIsExactAtEveryHundred(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		positive := rapid.Int64Range(0, 100).Draw(t, "positive")
		negative := rapid.Int64Range(0, 100-positive).Draw(t, "negative")
		percents := [tweet.NumSentiments]int64{positive, negative, 100 - positive - negative}
		mix := fixedMix{}
		for s, percent := range percents {
			mix.shares[s] = percent * shareUnit
		}
		hundreds := rapid.IntRange(1, 100).Draw(t, "hundreds")
		batch := rapid.IntRange(1, 700).Draw(t, "batch size")
		var total counts
		for left := 100 * hundreds; left > 0; left -= batch {
			for s, n := range mix.next(min(batch, left)) {
				total[s] += n
			}
		}
		for s, n := range total {
			if want := int(percents[s]) * hundreds; n != want {
				t.Fatalf("%d %s tweets of %d00, want %d", n, tweet.Sentiment(s), hundreds, want)
			}
		}
	})
}

func TestSharesOf(t *testing.T) {
	for name, tc := range map[string]struct {
		percents [tweet.NumSentiments]float64
		says     string
	}{
		"whole percents":        {[3]float64{50, 30, 20}, ""},
		"fractions":             {[3]float64{33.3, 33.3, 33.4}, ""},
		"six decimals":          {[3]float64{33.333333, 33.333333, 33.333334}, ""},
		"all of one":            {[3]float64{0, 0, 100}, ""},
		"too much":              {[3]float64{60, 30, 20}, "sentiment shares add up to 110, not 100"},
		"too little":            {[3]float64{33.3, 33.3, 33.3}, "sentiment shares add up to 99.9, not 100"},
		"below zero":            {[3]float64{-10, 60, 50}, "positive share is -10"},
		"above a hundred":       {[3]float64{50, 101, 0}, "negative share is 101"},
		"not a number":          {[3]float64{50, 30, math.NaN()}, "neutral share is NaN"},
		"more than can be kept": {[3]float64{100. / 3, 100. / 3, 100. / 3}, "at most 6 decimals"},
	} {
		_, err := sharesOf(tc.percents)
		if tc.says == "" && err != nil || tc.says != "" && (err == nil || !strings.Contains(err.Error(), tc.says)) {
			t.Errorf("%s: got %v, want %q", name, err, tc.says)
		}
	}
}

func TestVolatileMixIsAMix(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		mix := volatileMix{
			base:   anyShares(t),
			factor: rapid.Int64Range(0, factorUnit).Draw(t, "factor"),
			seed:   rapid.Uint64().Draw(t, "seed"),
		}
		k := rapid.Int64Range(0, maxBatches-1).Draw(t, "k")
		got := mix.at(k)
		var sum int64
		for s, share := range got {
			if share < 0 || share > wholeShare {
				t.Fatalf("share of %s is %d", tweet.Sentiment(s), share)
			}
			sum += share
		}
		if sum != wholeShare {
			t.Fatalf("%v adds up to %d", got, sum)
		}
		if mix.factor == 0 && got != mix.base {
			t.Fatalf("without volatility: %v, want %v", got, mix.base)
		}
		if again := mix.at(k); again != got {
			t.Fatalf("batch %d is %v and then %v", k, got, again)
		}
		size := rapid.IntRange(1, 10_000).Draw(t, "size")
		total := 0
		for s, n := range got.split(size) {
			total += n
			if d := distance(int64(n), int64(size), got[s]); d >= 1 {
				t.Fatalf("a batch is %v tweets off its own mix", d)
			}
		}
		if total != size {
			t.Fatalf("%d tweets, want %d", total, size)
		}
	})
}

// A factor that does nothing, or the same at any value, would go unnoticed by
// the tests above.
func TestSpreadGrowsWithTheVolatilityFactor(t *testing.T) {
	const batches = 2000
	before := -1.0
	for _, factor := range []float64{0, 0.2, 0.4, 0.6, 0.8, 1} {
		mix := volatileMix{
			base:   shares{50 * shareUnit, 30 * shareUnit, 20 * shareUnit},
			factor: int64(factor * factorUnit), seed: 7,
		}
		var sum, squares float64
		for k := range int64(batches) {
			positive := float64(mix.at(k)[tweet.Positive]) / shareUnit
			sum += positive
			squares += positive * positive
		}
		mean := sum / batches
		spread := math.Sqrt(squares/batches - mean*mean)
		t.Logf("factor %.1f: mean %.1f %%, spread %.1f points", factor, mean, spread)
		// By the formula it is the factor times that of u, sqrt(1/18).
		if want := factor * 100 / math.Sqrt(18); math.Abs(spread-want) > 0.05*want+1e-9 {
			t.Errorf("factor %v: the spread is %v points, want about %v", factor, spread, want)
		}
		if spread <= before {
			t.Errorf("factor %v: the spread is %v points, no more than before", factor, spread)
		}
		before = spread
	}
}

// At 1 any mix is as likely as any other: the chance that a sentiment has more
// than x of the batch is the part of a triangle above a line, (1-x)^2.
func TestFullVolatilityDrawsEvenlyFromAllMixes(t *testing.T) {
	const batches = 20_000
	mix := volatileMix{base: shares{wholeShare, 0, 0}, factor: factorUnit, seed: 3}
	for s := range tweet.NumSentiments {
		for _, x := range []float64{0.1, 0.5, 0.8} {
			above := 0
			for k := range int64(batches) {
				if float64(mix.at(k)[s]) > x*wholeShare {
					above++
				}
			}
			got, want := float64(above)/batches, (1-x)*(1-x)
			if math.Abs(got-want) > 0.015 {
				t.Errorf("%v of the batches have more than %v %s tweets, want %v", got, x, tweet.Sentiment(s), want)
			}
		}
	}
}
