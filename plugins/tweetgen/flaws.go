package tweetgen

import (
	"math"
	"math/rand/v2"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

// flaw is what is wrong with a tweet. A tweet has at most one flaw.
type flaw uint8

const (
	flawless flaw = iota
	late
	outOfOrder
	duplicated
	broken

	numFlaws
)

var flawNames = [numFlaws]string{"", "late", "out_of_order", "duplicated", "broken"}

func (f flaw) String() string { return flawNames[f] }

// flaws are the shares of tweets with each flaw, and how large those are.
type flaws struct {
	shares          [numFlaws]float64 // from 0 to 1
	lateBy, orderBy time.Duration
}

func (f *flaws) any() bool { return f.shares != [numFlaws]float64{} }

// flawPicker draws flaws from a stream of its own, so that they do not change the tweets.
type flawPicker struct {
	// below[f] is the chance, in 2^-32, of a flaw after flawless and up to f.
	below [numFlaws]uint64
	// A tweet with f is due at least[f] ms after its timestamp, and at most span[f] ms
	// longer.
	least, span [numFlaws]int64
}

func newFlawPicker(f *flaws) *flawPicker {
	if !f.any() {
		return nil
	}
	p := &flawPicker{}
	sum := 0.0
	for i, share := range f.shares {
		sum += share
		p.below[i] = min(1<<32, uint64(math.Round(sum*(1<<32))))
	}
	// Times that do not overlap: a tweet that is late arrives when all that are out of
	// order are over.
	order := f.orderBy.Milliseconds()
	p.least[outOfOrder], p.span[outOfOrder] = 1, order
	p.least[late], p.span[late] = order+1, f.lateBy.Milliseconds()-order
	return p
}

// set draws the flaw of a tweet.
func (p *flawPicker) set(random *rand.PCG, one *drawn) {
	draw := random.Uint64()
	for f := late; f < numFlaws; f++ {
		if draw>>32 < p.below[f] {
			one.flaw, one.extent = f, uint32(draw)
			return
		}
	}
}

// behind returns how many milliseconds the timestamp of a tweet is before it is due.
func (p *flawPicker) behind(one *drawn) int64 {
	return p.least[one.flaw] + int64(uint64(one.extent)*uint64(p.span[one.flaw])>>32)
}

// kept returns how many bytes of a broken tweet are left: at least one, and never all. No
// beginning of a tweet is a tweet in any encoding, so no consumer can decode it.
func kept(one *drawn, size int) int {
	return 1 + int(uint64(one.extent)*uint64(size-1)>>32)
}

// contents are the numbers of tweets of a batch.
type contents struct {
	countable counts        // records that a consumer must count: with copies, without broken tweets
	flaws     [numFlaws]int // tweets
}

func (c *contents) add(one *drawn) {
	c.flaws[one.flaw]++
	switch one.flaw {
	case broken:
	case duplicated:
		c.countable[one.sentiment] += 2
	default:
		c.countable[one.sentiment]++
	}
}

// records returns the number of records of the batch.
func (c *contents) records() int { return c.countable.total() + c.flaws[broken] }

// copies returns how often a tweet is written.
func (d *drawn) copies() int {
	if d.flaw == duplicated {
		return 2
	}
	return 1
}

// withCopies returns a size of n tweets, with the copies that they have on average.
func (g *generator) withCopies(n int) int { return n + int(math.Ceil(float64(n)*g.copied)) }

// tail returns the end of a tweet that is due at millis. tails are those without a flaw.
func (d *drawing) tail(one *drawn, tails *[tweet.NumSentiments][]byte, millis int64) []byte {
	if one.flaw != late && one.flaw != outOfOrder {
		return tails[one.sentiment]
	}
	d.ownTail = d.g.appendTail(d.ownTail[:0], tweet.Sentiment(one.sentiment), millis-d.g.flaws.behind(one))
	return d.ownTail
}
